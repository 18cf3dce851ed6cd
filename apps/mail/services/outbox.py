"""The Outbox: what is on its way out, what its writer may still do about it, and what became of it.

A message gets in here once, whatever is pressed how often: its row is unique by person and form. Until ``due`` it can
be taken back; then ``delivery`` sends it. With no time to undo it is sent at once, and what the server refuses goes
back to the form.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog
from django.db import IntegrityError, models, transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.mail import submission
from apps.mail.mailbox.errors import MailError
from apps.mail.mailbox.names import account_of, qualified
from apps.mail.mailbox.routed import standing
from apps.mail.mailbox.store import MailStore
from apps.mail.mime import build, drafts
from apps.mail.models import OutboxMessage
from apps.mail.services import delivery, letters, other_accounts, planned, quotas, sending, servers
from apps.mail.services.letters import Letter
from apps.mail.services.refs import MessageRef
from apps.mail.services.sending import Writing
from apps.mail.services.stores import backend_of, secret_of
from apps.mail.submission_errors import TokensOver
from portal import credentials, delegations
from portal.delegations import Opened, Over
from portal.http import PortalRequest
from portal.models import Delegation
from portal.prepared import Prepared
from portal.secret import Secret

log = structlog.get_logger(__name__)
State = OutboxMessage.State
KIND = "mail.outbox"
CAN_STOP = (State.WAITING, State.FAILED)


class OutcomeUnknown(Exception):
    """The message was handed over, and nobody knows whether the server has taken it."""


class NotSent(Exception):
    """Nothing has gone out. ``refused``: why, by address; ``text``: what else there is to say, for people."""

    def __init__(self, text: str = "", *, refused: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.refused = dict(refused or {})


class TooLate(Exception):
    """The message is not in a state in which this can be done (any more)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    content: str = ""  # ``Writing.content`` of what was sent before
    again: bool = False  # this very message had been sent before; nothing was done now
    problem: str = ""  # it is sent, but something after that failed
    waits: OutboxMessage | None = None  # it is in the Outbox, and not sent yet


_OF_FORM = Prepared(lambda user, form: OutboxMessage.objects.filter(user=user, writing_id=form), values=2)


def known(request: PortalRequest, writing_id: str) -> Sent | None:
    """What became of the form when it was sent before; None when it may be sent."""
    row = next(iter(_OF_FORM.objects(request.user.pk, writing_id)), None)
    if row is None or row.state in (State.FAILED, State.UNKNOWN):
        return None
    return Sent(again=True, content=row.content, waits=None if row.state in OutboxMessage.TAKEN else row)


# --- in ---------------------------------------------------------------------------------------------------------------


def send(request: PortalRequest, store: MailStore, writing: Writing, *, delay: int, again: bool = False) -> Sent:
    """Put the message in, to be sent at the time it is planned for, or in ``delay`` seconds; with 0 it is sent now.

    Then raises ``NotSent`` when nothing has gone out, ``OutcomeUnknown`` when that cannot be told (``again`` sends it
    all the same, under the same Message-ID), ``portal.credentials.Locked``. Always: ``build.Refused``, and ``NotSent``
    for addresses that the server cannot take.
    """
    if not (writing.account or backend_of(request.user).outgoing):
        raise NotSent(_("No server for sending is set up on this site."))
    octets = writing.octets or build.message(writing.message)
    if writing.draft is not None and account_of(writing.draft.mailbox) != writing.account:
        writing = replace(writing, draft=sending.save_draft(store, writing))  # where its account's own work finds it
    if not writing.account and (refused := sending.untakeable(writing.message, request.user)):
        raise NotSent(refused=refused)
    if too_many := quotas.exceeded(request.user, len(writing.message.recipients)):
        raise NotSent(too_many)
    try:
        with contextlib.nullcontext() if delay or writing.planned else servers.way_out():
            return _enter(request, store, writing, octets, delay=delay, again=again)
    except servers.Busy as error:
        text = _("Nothing was sent: many messages are waiting for the server for sending. Try again in a moment.")
        raise NotSent(text) from error


def _enter(
    request: PortalRequest, store: MailStore, writing: Writing, octets: bytes, *, delay: int, again: bool
) -> Sent:
    letter = sending.letter_of(writing, other_accounts.noted(request.user.pk, writing.account))
    put = _put_in(request, writing, letter, octets, delay=delay)
    if put is None:
        _make_room(request, writing.id, again=again)
        put = _put_in(request, writing, letter, octets, delay=delay)
    if put is None:  # another click was first
        if (before := known(request, writing.id)) is not None:
            return before
        raise NotSent(_("Nothing was sent. Try again in a moment."))
    row, opened = put
    if writing.source is not None and account_of(writing.source.mailbox) != writing.account:
        sending.mark_source(store, writing.kind, writing.source)  # what sends the message cannot reach it
    if writing.planned or delay:
        if not writing.planned:
            wake_worker(row, delay)
        return Sent(waits=row)
    return _send_now(request, store, row, letter, opened, octets)


def _make_room(request: PortalRequest, writing_id: str, *, again: bool) -> None:
    """What was not sent gives way to the form as it is now."""
    for row in _OF_FORM.objects(request.user.pk, writing_id):
        if row.state == State.UNKNOWN and not again:
            raise OutcomeUnknown
        if row.state in (State.UNKNOWN, State.FAILED):
            remove(row)
    orphans().delete()


def _put_in(
    request: PortalRequest, writing: Writing, letter: Letter, octets: bytes, *, delay: int
) -> tuple[OutboxMessage, Opened] | None:
    """None when the form is in already."""
    user, now = request.user, timezone.now()
    delegation, opened = delegations.grant(
        user_id=user.pk,
        kind=KIND,
        task=f"{user.pk}.{writing.id}",
        account=str(letter.other.get("email") or user.email or user.login),
        secret=secret_of(request, qualified(writing.account, "")),
        lifetime=planned.lifetime(writing.planned, now),
    )
    file = letters.lay_down(octets, opened)
    row = OutboxMessage(
        user=user,
        writing_id=writing.id,
        content=writing.content,
        file=file,
        sealed=letter.sealed(opened, writing.id),
        due=writing.planned or now + timedelta(seconds=delay),
        planned=writing.planned,
        other_account=writing.account,
        recipients=len(letter.recipients),
        told=not (delay or writing.planned),
        created=now,
    )
    if not (delay or writing.planned):  # it is ours from the beginning: no worker takes it out of our hands
        row.state, row.attempt, row.lease_until = State.SENDING, 1, now + delivery.LEASE
    try:
        with transaction.atomic():
            delegation.save(force_insert=True)
            row.delegation = delegation
            row.save(force_insert=True)
    except IntegrityError:
        letters.throw_away(file)
        return None
    except BaseException:
        letters.throw_away(file)
        raise
    return row, opened


def orphans() -> models.QuerySet[Delegation]:
    """Secrets whose message is gone, by whatever way."""
    tasks = OutboxMessage.objects.filter(delegation__isnull=False).values("delegation")
    return Delegation.objects.filter(kind=KIND).exclude(pk__in=tasks)


def wake_worker(row: OutboxMessage, seconds: float) -> None:
    """Tell a worker when to look. Nobody depends on its hearing that: the sweep and the pages look too."""
    from kombu.exceptions import OperationalError

    from apps.mail.tasks import send_message

    try:
        send_message.apply_async((row.pk,), countdown=seconds + 0.1, expires=seconds + 600, retry=False)
    except (OperationalError, OSError) as error:
        log.warning("broker_away", error=error.__class__.__name__)


def _send_now(
    request: PortalRequest, store: MailStore, row: OutboxMessage, letter: Letter, opened: Opened, octets: bytes
) -> Sent:
    try:
        result = delivery.transmit(row, letter, opened, octets, delayed_may_wait=False)
    except submission.OutcomeUnknown as error:
        delivery.unknown(row, opened, letter)
        if row.state == State.UNKNOWN:
            raise OutcomeUnknown from error
        return Sent()
    except submission.SubmissionError as error:
        remove(row)
        log.warning(
            "not_sent", error=error.__class__.__name__, server_text=sending.without_addresses(error.server_text)
        )
        if not row.other_account and _may_ask_for_password(request, error):
            raise credentials.Locked(refused=True) from error
        raise NotSent(sending.explain(error)) from error
    except delivery.LostLease:
        return Sent(waits=row)
    if not result.accepted:
        remove(row)
        raise NotSent(
            _("Nothing was sent, because the server refused an address."),
            refused={address: sending.refusal_text(refusal) for address, refusal in result.refused.items()},
        )
    stored = delivery.file_away(row, opened, octets, store=standing(store, row.other_account))
    return Sent(problem="" if stored else _("The message was sent, but no copy of it could be stored in Sent."))


def _may_ask_for_password(request: PortalRequest, error: submission.SubmissionError) -> bool:
    """The password may have changed since the mailbox was opened. Asked once: a server for sending that refuses the
    right one would have people type it for ever."""
    refused = isinstance(error, TokensOver) or (isinstance(error, submission.SignInRefused) and error.code > 0)
    asked = {credentials.FIELD, credentials.RETURN_FIELD} & request.POST.keys()
    return refused and backend_of(request.user).outgoing_auth == "user" and not asked


# --- out again --------------------------------------------------------------------------------------------------------


def take_back(store: MailStore, row: OutboxMessage) -> MessageRef | None:
    """Stop it and put it into Drafts, exactly as it was; of what nobody writes on (redirected, a receipt) nothing is
    left, and the answer is None. Raises ``TooLate``; ``MailError`` when there is no way to Drafts just now: then it is
    stopped all the same, and stays here. Either it is sent or taken back, never both."""
    opened = _opened(row)
    letter = Letter.opened(opened, row.sealed, row.writing_id)
    if row.state not in CAN_STOP or letter.accepted:
        raise TooLate
    when = {"later": row.planned.isoformat(timespec="minutes")} if row.planned and row.keeps_its_time else {}
    stopped = letter if letter.trouble else replace(letter, trouble="stopped")
    _step(row, state=State.FAILED, sealed=stopped.sealed(opened, row.writing_id))
    if not letter.can_be_written_on:
        remove(row)
        return None
    notes = letter.bcc + letter.notes + build.further_notes(when) + _notes_of_refusals(letter)
    octets = notes.encode() + letters.take_up(row.file, opened)
    here = standing(store, row.other_account)
    ref = sending.store_draft(here, octets, writing_id=row.writing_id, instead_of=MessageRef.parse(letter.draft))
    remove(row)
    return ref


def call_back(row: OutboxMessage) -> None:
    """The same without its writer's session."""
    opened = _opened(row)
    with delivery.store_of(row, opened, Letter.opened(opened, row.sealed, row.writing_id)) as store:
        take_back(store, row)


def _notes_of_refusals(letter: Letter) -> str:
    """Whoever goes on writing sees which addresses the server did not take, and why."""
    return build.further_notes({f"{drafts.REFUSED}{who}": sending.why_of(why) for who, why in letter.refused.items()})


def discard(row: OutboxMessage) -> None:
    """For ever. A message that was sent loses only the copy that could not be stored. Raises ``TooLate``."""
    if row.state in OutboxMessage.AT_WORK:
        raise TooLate
    if row.state == State.SENT:
        delivery.finish(row)
        return
    _step(row, state=State.FAILED)
    remove(row)


def try_again(row: OutboxMessage, *, password: Secret) -> None:
    """Now, with the password that the session has. Of a message whose fate nobody knows, its writer decides so.
    Raises ``TooLate``."""
    if row.delegation is None or row.state not in (*OutboxMessage.WAITS, State.FAILED, State.UNKNOWN):
        raise TooLate
    letter = Letter.opened(_opened(row), row.sealed, row.writing_id)
    now, copy_only = timezone.now(), row.state == State.SENT
    if row.state == State.UNKNOWN:
        accepted = [who for who in letter.accepted if who not in letter.handed]
        letter = replace(letter, accepted=accepted, recipients=[*letter.handed, *letter.recipients], handed=[])
    opened = delegations.renew(row.delegation, secret=password)
    other = other_accounts.noted(row.user_id, row.other_account) or letter.other
    letter = replace(letter, trouble="", server_text="", refused={}, other=other)
    before = row.file
    file = planned.dated_file(row, letter, opened, now)
    _step(
        row,
        state=State.SENT if copy_only else State.WAITING,
        due=now,
        planned=None,
        file=file,
        created=now,
        tries=1 if copy_only else 0,
        server_away=False,
        told=False,
        sealed=letter.sealed(opened, row.writing_id),
    )
    if file != before:
        letters.throw_away(before)
    if not copy_only:
        letters.unmark(file)
    deliver_here(row.pk)


def was_sent(row: OutboxMessage, *, password: Secret) -> None:
    """Its writer has seen that it arrived. Raises ``TooLate``."""
    if row.delegation is None or row.state != State.UNKNOWN:
        raise TooLate
    delegations.renew(row.delegation, secret=password)
    _step(row, state=State.SENT, due=timezone.now(), tries=1, server_away=False)
    deliver_here(row.pk)


def deliver_here(pk: int) -> None:
    """In a request, where there is a place for it; else it stays due, and a worker or a later page takes it."""
    with contextlib.suppress(servers.Busy), servers.way_out():
        delivery.deliver(pk)


def remove(row: OutboxMessage) -> None:
    """Nothing of it is left: the row, the secret, the octets."""
    with transaction.atomic():
        OutboxMessage.objects.filter(pk=row.pk).delete()
        if row.delegation is not None:
            delegations.end(row.delegation)
    letters.throw_away(row.file)


def _step(row: OutboxMessage, **values: object) -> None:
    """To another state, if it is still in this one. Raises ``TooLate``."""
    mine = OutboxMessage.objects.filter(pk=row.pk, state=row.state, attempt=row.attempt)
    if not mine.update(attempt=row.attempt + 1, lease_until=None, **values):
        raise TooLate
    row.attempt += 1
    row.state = values["state"]  # type: ignore[assignment]


def _opened(row: OutboxMessage) -> Opened:
    """Raises ``TooLate``."""
    try:
        return delegations.unseal(row.delegation)
    except Over as error:
        raise TooLate from error


def revoke(request: HttpRequest, task: str) -> None:
    """For the page of delegations: the message goes back to Drafts. Raises ``portal.delegations.CannotRevoke``."""
    row = find(request.user.pk or 0, writing_id=task.partition(".")[2])
    if row is None:
        return
    try:
        if row.state == State.SENT:
            delivery.finish(row)
            return
        call_back(row)
    except TooLate as error:
        raise delegations.CannotRevoke(
            _("Look in the Outbox first: this message is being sent, or has been.")
        ) from error
    except MailError as error:
        text = _("The message is stopped, but could not be put back into Drafts: the mail server is away.")
        raise delegations.CannotRevoke(text) from error


# --- looking after it -------------------------------------------------------------------------------------------------


def find(user_id: int, *, pk: int | None = None, writing_id: str = "") -> OutboxMessage | None:
    rows = OutboxMessage.objects.kept().select_related("delegation", "user").filter(user=user_id)
    return (rows.filter(writing_id=writing_id) if pk is None else rows.filter(pk=pk)).first()
