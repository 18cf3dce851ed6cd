"""What sends a message of the Outbox: for the worker, or for a request that finds one overdue.

Whoever takes a message gets a lease and a number (``attempt``); only the holder of the last number may change the row,
and asks once more right before the closing dot of DATA goes out. Up to there nobody has the message and anybody may
begin anew; from there on it is never sent again by itself. What is done after the server has taken it (the copy in
Sent, the mark on the original, the draft) can be done twice without harm: a copy is looked for before a second one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from apps.mail import submission
from apps.mail.mailbox.errors import AccountLocked, MailError, ProviderAway, ServerUnreachable, SignInRefused
from apps.mail.mailbox.store import MailStore
from apps.mail.models import OutboxMessage, remember
from apps.mail.services import folders, forwarded, identities, letters, other_accounts, reminders, sending
from apps.mail.services.letters import Letter
from apps.mail.services.refs import MessageRef
from apps.mail.services.stores import backend_of, mail_login, open_account, open_delegated, shown
from apps.mail.submission_errors import TokensAway, TokensOver
from portal import correspondence, credentials, delegations
from portal.delegations import Opened, Over
from portal.mail_servers import Backend
from portal.net import ServerUrl
from portal.secret import Shown

log = structlog.get_logger(__name__)
State = OutboxMessage.State
LEASE = timedelta(minutes=2)  # up to the closing dot
LAST_LEASE = timedelta(minutes=10)  # for the server's answer, and for the copy
PAUSES = (0, 1, 2, 5, 10, 30, 60)  # minutes between tries; the last one again and again
GIVE_UP = timedelta(days=2)
MOST_LOOKS = 2  # copies that are not found again: beyond that the server is taken to have changed their Message-ID


class LostLease(Exception):
    """Somebody else has the message by now: hands off."""


def deliver(pk: int, *, now: datetime | None = None) -> OutboxMessage | None:
    """Do what is due for one message; the row afterwards, or None when there was nothing to do."""
    row = _claim(pk, now or timezone.now())
    if row is None:
        return None
    try:
        opened = delegations.unseal(row.delegation)
        letter = Letter.opened(opened, row.sealed, row.writing_id)
        octets = letters.take_up(row.file, opened)
    except Over:
        log.error("outbox_unreadable", message=row.pk)
        _change(row, state=State.FAILED)
        return row
    try:
        if row.state == State.SENDING and not _send(row, letter, opened, octets):
            return row
        file_away(row, opened, octets)
    except LostLease:
        log.warning("outbox_lease_lost", message=row.pk)
    return row


def _claim(pk: int, now: datetime) -> OutboxMessage | None:
    """``now`` tells what is due. It may be long ago, and so the lease counts from the moment."""
    due, begin = OutboxMessage.objects.due(now).filter(pk=pk), timezone.now()
    lease = {"attempt": F("attempt") + 1, "lease_until": begin + LEASE}
    if not (
        due.filter(state=State.WAITING).update(state=State.SENDING, **lease)
        or due.filter(state=State.SENT).update(state=State.COPYING, **{**lease, "lease_until": begin + LAST_LEASE})
    ):
        return None
    return OutboxMessage.objects.select_related("delegation", "user").get(pk=pk)


def _change(row: OutboxMessage, **values: object) -> None:
    """Change the row if it is still ours. Raises ``LostLease``."""
    if not OutboxMessage.objects.filter(pk=row.pk, attempt=row.attempt, state=row.state).update(**values):
        raise LostLease
    for name, value in values.items():
        setattr(row, name, value)


# --- sending ----------------------------------------------------------------------------------------------------------


def _send(row: OutboxMessage, letter: Letter, opened: Opened, octets: bytes) -> bool:
    """True when the server has taken the message. What else happened stands in the row. Raises ``LostLease``."""
    if not row.user.is_active:
        _fail(row, letter, opened, "account")
        return False
    found, box = letters.marked(row.file)
    if found:  # the database has lost a moment
        taken = found == letters.TAKEN
        state = State.COPYING if taken else State.UNKNOWN
        _change(row, state=state, lease_until=timezone.now() + LAST_LEASE, sealed=box or row.sealed)
        return taken
    try:
        result = transmit(row, letter, opened, octets, delayed_may_wait=True)
    except submission.OutcomeUnknown:
        unknown(row, opened, letter)
        return False
    except submission.SubmissionError as error:
        log.warning(
            "not_sent", error=error.__class__.__name__, server_text=sending.without_addresses(error.server_text)
        )
        letters.unmark(row.file)
        said = replace(letter, server_text=error.server_text if error.code else "")
        if error.permanent:
            _fail(row, said, opened, trouble_of(error))
        else:
            _later(row, said, opened, trouble_of(error))
        return False
    if result.accepted:
        return True
    refused = {who: [why.code, why.text, why.permanent] for who, why in result.refused.items()}
    _later_or_fail(row, replace(letter, refused=refused), opened)
    return False


def transmit(
    row: OutboxMessage, letter: Letter, opened: Opened, octets: bytes, *, delayed_may_wait: bool
) -> submission.SendResult:
    """One transaction with the submission server. With somebody accepted, the row is COPYING afterwards. Raises
    ``submission.SubmissionError``, ``LostLease``."""

    def hand_over(result: submission.SendResult) -> None:
        box = _after(letter, result).sealed(opened, row.writing_id)
        _change(row, state=State.HANDING, lease_until=timezone.now() + LAST_LEASE, sealed=box)
        letters.mark_handed(row.file, box)

    result = submit(row, letter, opened, octets, delayed_may_wait=delayed_may_wait, before_end=hand_over)
    if result.accepted:
        letters.mark_taken(row.file)
        _taken(row)
        log.info("message_sent", recipients=len(result.accepted))
    return result


def _after(letter: Letter, result: submission.SendResult) -> Letter:
    refused = {who: [why.code, why.text, why.permanent] for who, why in result.refused.items()}
    return replace(
        letter,
        accepted=[*letter.accepted, *result.accepted],
        handed=list(result.accepted),
        recipients=[who for who in letter.recipients if who in refused],
        refused=refused,
    )


@sensitive_variables()
def submit(
    row: OutboxMessage, letter: Letter, opened: Opened, octets: bytes, *, delayed_may_wait: bool, before_end: object
) -> submission.SendResult:
    way = _way(row, letter, opened)
    return submission.send(
        way.server,
        login=way.login,
        password=way.password,
        sender=letter.sender,
        recipients=letter.recipients,
        message=octets,
        ca_file=way.ca_file,
        and_system=way.and_system,
        addresses=way.addresses,
        allow_plain=settings.ALLOW_PLAINTEXT,
        reports=row.writing_id if letter.reports else "",
        all_or_nothing=True,
        delayed_may_wait=delayed_may_wait,
        before_end=before_end,  # type: ignore[arg-type]
    )


@dataclass(frozen=True, slots=True)
class Way:
    """To a server for sending."""

    server: ServerUrl
    login: str
    password: Shown = field(repr=False)
    ca_file: str | None
    and_system: bool = False
    addresses: Sequence[str] = ()


@sensitive_variables()
def _way(row: OutboxMessage, letter: Letter, opened: Opened) -> Way:
    """Raises as ``_sign_in``."""
    if not letter.other:
        try:
            backend = backend_of(row.user)
        except MailError as error:
            raise submission.ServerUnreachable(str(error)) from error
        return Way(backend.way_out, *_sign_in(row, opened, backend), backend.outgoing_ca_file or None)
    account = other_accounts.of_note(row.user_id, letter.other)
    try:
        server, addresses = other_accounts.way_out(account)
    except OSError as error:
        raise submission.ServerUnreachable("the site does not permit this server, or knows no address of it") from error
    password = opened.secret if isinstance(opened.secret, str) else ""
    ca_file = other_accounts.ca_file_of(server)
    return Way(server, account.sending_login, password, ca_file, not other_accounts.is_own(server), addresses)


@sensitive_variables()
def _sign_in(row: OutboxMessage, opened: Opened, backend: Backend) -> tuple[str, Shown]:
    """Raises ``submission.SignInRefused``, ``submission.ServerUnreachable`` where there is no token to be had."""
    if backend.outgoing_auth == "none":
        return "", ""
    if backend.outgoing_auth == "fixed":
        return backend.outgoing_login, backend.outgoing_password
    try:
        return mail_login(row.user), shown(opened.secret)
    except credentials.Locked as error:
        raise TokensOver("the tokens are over, and nobody is here to sign in") from error
    except ProviderAway as error:
        raise TokensAway("the provider does not answer") from error


def _taken(row: OutboxMessage) -> None:
    """The server has it. A row that was given up as UNKNOWN meanwhile is known again."""
    until = timezone.now() + LAST_LEASE
    mine = OutboxMessage.objects.filter(pk=row.pk, attempt=row.attempt, state__in=(State.HANDING, State.UNKNOWN))
    if not mine.update(state=State.COPYING, lease_until=until, server_away=False):
        raise LostLease
    row.state, row.lease_until, row.server_away = State.COPYING, until, False


def _fail(row: OutboxMessage, letter: Letter, opened: Opened, trouble: str) -> None:
    sealed = replace(letter, trouble=trouble).sealed(opened, row.writing_id)
    _change(row, state=State.FAILED, sealed=sealed, lease_until=None)


def _later(row: OutboxMessage, letter: Letter, opened: Opened, trouble: str) -> None:
    """Try again, and not for ever."""
    if timezone.now() - row.since > GIVE_UP:
        _fail(row, letter, opened, trouble)
        return
    sealed = replace(letter, trouble=trouble).sealed(opened, row.writing_id)
    _wait(row, state=State.WAITING, sealed=sealed, server_away=trouble == "away")


def _wait(row: OutboxMessage, *, server_away: bool, **values: object) -> None:
    """Until a pause is over, and until the server answers, where it did not. Pauses grow as long as the trouble stays
    the same; the first one is none where the server is away, because then it is asked before each try."""
    tries = row.tries if server_away == row.server_away else 0
    due = timezone.now() + pause(tries + (not server_away))
    _change(row, due=due, tries=tries + 1, server_away=server_away, lease_until=None, **values)


def _later_or_fail(row: OutboxMessage, letter: Letter, opened: Opened) -> None:
    if any(permanent for _code, _text, permanent in letter.refused.values()):
        _fail(row, letter, opened, "refused")
    else:
        _later(row, letter, opened, "delayed")


def pause(tries: int) -> timedelta:
    return timedelta(minutes=PAUSES[min(tries, len(PAUSES) - 1)])


def unknown(row: OutboxMessage, opened: Opened, letter: Letter) -> None:
    """The connection ended behind the closing dot. Raises ``LostLease``."""
    _change(row, state=State.UNKNOWN, lease_until=None)
    log.warning("outcome_unknown", message=row.pk)
    if look_for(row, opened, letter):
        row.state = State.SENT


def look_for(row: OutboxMessage, opened: Opened, letter: Letter) -> bool:
    """Whether Sent has the message: some servers put it there themselves. Then it is known to be sent."""
    try:
        with store_of(row, opened, letter) as store:
            sent = identities.sent_mailbox(store, letter.sent_mailbox)
            found = store.find_message_id(sent, letter.message_id, header=letter.id_header)
    except MailError:
        return False
    if found:
        OutboxMessage.objects.filter(pk=row.pk, state=State.UNKNOWN).update(
            state=State.SENT, due=timezone.now(), tries=1
        )
    return bool(found)


def trouble_of(error: submission.SubmissionError) -> str:
    """A key of ``outbox_page.TROUBLE``."""
    kinds: tuple[tuple[type[submission.SubmissionError], str], ...] = (
        (submission.MessageTooLarge, "size"),
        (TokensOver, "tokens"),
        (TokensAway, "provider"),
        (submission.SignInRefused, "password"),
        (submission.SenderRefused, "sender"),
        (submission.TlsFailed, "tls"),
        (submission.ServerUnreachable, "busy" if error.code else "away"),
    )
    known = next((word for kind, word in kinds if isinstance(error, kind)), None)
    return known or ("message" if error.permanent else "later")


# --- after the server has taken it ------------------------------------------------------------------------------------


def file_away(row: OutboxMessage, opened: Opened, octets: bytes, *, store: MailStore | None = None) -> bool:
    """Copy, mark, tidy up; then nothing is left of it. False when no copy could be stored: that is tried again later.
    ``store``: where a connection is at hand. Raises ``LostLease``."""
    letter = Letter.opened(opened, row.sealed, row.writing_id)
    if letter.kind != "receipt":  # by which nobody becomes known who was not
        remember(row.user_id, letter.addresses)
        correspondence.tell(user_id=row.user_id, addresses=letter.addresses, subject=letter.subject)
    search = row.tries > 0 or row.attempt > 1
    try:
        with store_of(row, opened, letter) if store is None else contextlib.nullcontext(store) as mail:
            letter = _copy(row, mail, letter, octets, search=search)
    except MailError as error:
        log.warning("copy_not_stored", error=error.__class__.__name__, detail=str(error))
        if not letter.recipients:
            _copy_later(row, error)
            return False
    if letter.recipients:
        letters.unmark(row.file)
        _later_or_fail(row, letter, opened)
    else:
        finish(row)
    return letter.copied


def _copy_later(row: OutboxMessage, error: MailError) -> None:
    """A password that is not the right one any more is not tried again: that would lock the account in the end."""
    _wait(row, state=State.SENT, server_away=isinstance(error, ServerUnreachable) and not error.permanent)
    if isinstance(error, (SignInRefused, AccountLocked)):
        _change(row, due=timezone.now() + delegations.LIFETIME)


def _copy(row: OutboxMessage, store: MailStore, letter: Letter, octets: bytes, *, search: bool) -> Letter:
    """The very message into Sent, with the Bcc line, so that the sender knows whom it went to; then the original and
    the draft. Once, however often it is tried. What comes after the copy raises nothing."""
    if letter.copied:
        return letter
    sent = identities.sent_mailbox(store, letter.sent_mailbox)
    if not (search and store.find_message_id(sent, letter.message_id, header=letter.id_header)):
        _validity, uid = folders.append(store, sent, letter.bcc.encode() + octets, flags=["\\Seen"])
        if uid is None and row.tries < MOST_LOOKS:
            raise MailError("the server said that it stored the copy, and it is not there")
    reminders.expect(row.user_id, replace(letter, sent_mailbox=sent) if letter.other else letter, sent=timezone.now())
    sending.mark_source(store, letter.kind, MessageRef.parse(letter.source))
    forwarded.mark(store, forwarded.parse(letter.also))
    if (draft := MessageRef.parse(letter.draft)) is not None:
        sending.discard(store, draft, writing_id=row.writing_id)
    return replace(letter, copied=True)


def finish(row: OutboxMessage) -> None:
    """Nothing more to do: the secret and the message go, the id stays for a while."""
    delegation, file = row.delegation, row.file
    with transaction.atomic():
        _change(row, state=State.DONE, sealed=b"", file="", lease_until=None, finished=timezone.now(), delegation=None)
        if delegation is not None:
            delegations.end(delegation)
    letters.throw_away(file)


def store_of(row: OutboxMessage, opened: Opened, letter: Letter) -> AbstractContextManager[MailStore]:
    """Raises ``MailError``: ``SignInRefused`` where the tokens are over."""
    if not letter.other:
        return open_delegated(row.user, opened.secret)
    password = opened.secret if isinstance(opened.secret, str) else ""
    return open_account(other_accounts.account_with(other_accounts.of_note(row.user_id, letter.other), password))
