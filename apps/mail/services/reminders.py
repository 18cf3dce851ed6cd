"""Messages that should have been answered by a day. Nothing of them is kept but their Message-ID and the day; whether
there is an answer is asked of the mail server when the day has come, while its owner is here."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.core.cache import cache
from django.db.models import Min
from django.utils import timezone

from apps.mail.mailbox.errors import MailError
from apps.mail.mailbox.names import account_of
from apps.mail.mailbox.routed import at
from apps.mail.mailbox.store import Mailbox, MailStore, MessageDetail
from apps.mail.mime import headers
from apps.mail.models import Reminder
from apps.mail.services import identities, later
from apps.mail.services.letters import Letter
from apps.mail.services.refs import MessageRef

log = structlog.get_logger(__name__)
AGAIN = timedelta(minutes=5)  # after which an answer is looked for again
REMEMBERED = 600  # seconds for which the first moment is: a worker of another process may note an earlier one
_NEVER = float("inf")
SECONDS = 3.0  # for which it is looked for in one request
MOST_SHOWN = 5
NOT_THERE = frozenset({"drafts", "junk", "sent"})  # where no answer of somebody else is
_FIRST = {"inbox": 0, "archive": 1, "": 2, "trash": 3}


def expect(user_id: int, letter: Letter, *, sent: datetime) -> None:
    """A message was sent; its writer may want to know that nobody answers. Twice is once."""
    when = later.due(letter.remind, sent=sent)
    if when is None or not letter.message_id or len(letter.message_id) > 500:
        return
    values = {"message_id": letter.message_id, "mailbox": letter.sent_mailbox, "sent": sent, "due": when}
    Reminder.objects.get_or_create(user_id=user_id, key=key_of(letter.message_id), defaults=values)
    changed(user_id)


def key_of(message_id: str) -> str:
    return hashlib.sha256(message_id.encode()).hexdigest()


def are_due(user_id: int) -> bool:
    """For pages, which ask it each time: the first moment is remembered, as far as one process knows of it."""
    first = cache.get(_first_key(user_id))
    if first is None:
        due = Reminder.objects.filter(user=user_id).aggregate(first=Min("due"))["first"]
        first = due.timestamp() if due else _NEVER
        cache.set(_first_key(user_id), first, REMEMBERED)
    return bool(first <= time.time())


def _first_key(user_id: int) -> str:
    return f"mail.first_reminder.{user_id}"


def changed(user_id: int) -> None:
    cache.delete(_first_key(user_id))


@dataclass(frozen=True, slots=True)
class Missed:
    """A message whose day has come, or, on the page of all of them, will come."""

    pk: int
    sent: datetime
    due: datetime
    subject: str = ""
    to: tuple[str, ...] = ()
    ref: MessageRef | None = None  # None where the message itself is not to be found any more

    @property
    def is_due(self) -> bool:
        return self.due <= timezone.now()


def missed(store: MailStore, user_id: int, own: Sequence[str], *, now: datetime | None = None) -> list[Missed]:
    """Whose day has come, without an answer. ``own``: addresses of the writer, who answers nobody's question by writing
    once more. Raises ``MailError``."""
    now = now or timezone.now()
    rows = Reminder.objects.filter(user=user_id, due__lte=now)[:MOST_SHOWN]
    return [found for row in list(rows) if (found := _shown(store, row, own, now)) is not None]


def every(store: MailStore, user_id: int, own: Sequence[str]) -> list[Missed]:
    """All that are expected, those whose day has come first. Raises ``MailError``."""
    now = timezone.now()
    rows = list(Reminder.objects.filter(user=user_id)[:100])
    return [found for row in rows if (found := _shown(store, row, own, now)) is not None]


def _shown(store: MailStore, row: Reminder, own: Sequence[str], now: datetime) -> Missed | None:
    """None where there is an answer: then nothing is left to be reminded of. An account that does not answer holds up
    none of the others."""
    if not account_of(row.mailbox):
        return _looked(store, row, own, now)
    try:
        return _looked(at(store, row.mailbox), row, own, now)
    except MailError:
        return Missed(row.pk, row.sent, row.due)


def _looked(store: MailStore, row: Reminder, own: Sequence[str], now: datetime) -> Missed | None:
    if row.looked is None or now - row.looked > AGAIN:
        if _is_answered(store, row.message_id, own):
            row.delete()
            changed(row.user_id)
            return None
        Reminder.objects.filter(pk=row.pk).update(looked=now)
    ref, detail = _original(store, row)
    if detail is None:
        return Missed(row.pk, row.sent, row.due)
    envelope = detail.summary.envelope
    people = tuple(each.label for each in (*envelope.to, *envelope.cc))
    return Missed(row.pk, row.sent, row.due, envelope.subject, people, ref)


def _original(store: MailStore, row: Reminder) -> tuple[MessageRef | None, MessageDetail | None]:
    mailbox = identities.sent_mailbox(store, row.mailbox)
    uids = store.find_message_id(mailbox, row.message_id)
    if not uids:
        return None, None
    uidvalidity = store.status(mailbox).uidvalidity
    return MessageRef(mailbox, uidvalidity, uids[-1]), store.message(mailbox, uids[-1], uidvalidity=uidvalidity)


def _is_answered(store: MailStore, message_id: str, own: Sequence[str]) -> bool:
    end = time.monotonic() + SECONDS
    for mailbox in _places(store.mailboxes(status=False)):
        if time.monotonic() > end:
            break
        try:
            if any(_is_answer(detail, own) for detail in _mentions(store, mailbox.name, message_id)):
                return True
        except MailError as error:  # one folder that cannot be opened says nothing about the others
            log.info("answer_not_looked_for", error=error.__class__.__name__)
    return False


def _places(mailboxes: Sequence[Mailbox]) -> list[Mailbox]:
    """Where an answer may lie, the likeliest first."""
    found = [each for each in mailboxes if each.selectable and each.role not in NOT_THERE]
    return sorted(found, key=lambda each: _FIRST.get(each.role, 2))


def _mentions(store: MailStore, mailbox: str, message_id: str) -> Iterator[MessageDetail]:
    """Messages that say they belong to this one (RFC 5322 section 3.6.4)."""
    uids = {
        uid
        for header in ("In-Reply-To", "References")
        for uid in store.find_message_id(mailbox, message_id, header=header)
    }
    if uids:
        uidvalidity = store.status(mailbox).uidvalidity
        for uid in sorted(uids):
            yield store.message(mailbox, uid, uidvalidity=uidvalidity)


def _is_answer(detail: MessageDetail, own: Sequence[str]) -> bool:
    """By a person, and another one: neither a machine (RFC 3834), nor a report, nor the writer again."""
    fields = headers.parse(detail.header)
    automatic = fields.text("Auto-Submitted").strip().lower() not in {"", "no"}
    if automatic or headers.parameters(fields.text("Content-Type"))[0] == "multipart/report":
        return False
    return not any(each.email.casefold() in own for each in detail.summary.envelope.from_)


# --- what its owner says ----------------------------------------------------------------------------------------------


def dismiss(user_id: int, pk: int) -> bool:
    gone = bool(Reminder.objects.filter(user=user_id, pk=pk).delete()[0])
    changed(user_id)
    return gone


def postpone(user_id: int, pk: int, *, days: int) -> datetime | None:
    """Remind again after so many days; the new moment, or None where there is no such reminder."""
    due = timezone.now() + timedelta(days=days)
    done = Reminder.objects.filter(user=user_id, pk=pk).update(due=due, looked=None)
    changed(user_id)
    return due if done else None
