"""What becomes of the Outbox by itself: on the worker's clock, and, where no worker lives, by the next page."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection
from datetime import datetime, timedelta

import structlog
from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils import timezone

from apps.mail.mailbox.errors import MailError
from apps.mail.models import OutboxMessage
from apps.mail.services import delivery, letters, outbox, servers
from apps.mail.services.outbox import TooLate
from apps.mail.services.stores import backend_of
from portal import delegations
from portal.delegations import Over
from portal.mail_servers import Backend
from portal.prepared import Prepared

log = structlog.get_logger(__name__)
State = OutboxMessage.State
GRACE = timedelta(seconds=3)  # for the worker, before a request does its work
ABSENCE = timedelta(minutes=1)  # without a sign of the worker, who looks after what waits for a server
RESCUE = timedelta(days=1)  # before its delegation expires, a message goes back to Drafts
KEPT = timedelta(days=7)  # for which a form that was sent is known
MOST_CRASHES = 10
_SINCE = Coalesce("planned", "created")  # ``OutboxMessage.since``
_ANSWERS: dict[str, Callable[[Backend], bool]] = {State.WAITING: servers.smtp_answers, State.SENT: servers.imap_answers}
_Server = tuple[str, Backend | None]  # what a message in this state waits for; None where there is no such server


def sweep(*, now: datetime | None = None) -> None:
    """Everything that is due, for everybody.

    What waits for a server goes as soon as it answers: before these are tried, it is asked once for all of them. When
    it does not answer, then or later, nothing else asks it in this sweep but what would be given up.
    """
    now = now or timezone.now()
    take_over(now=now)
    rows = OutboxMessage.objects.due(now).order_by("due")
    found = list(rows.select_related("user"))
    can_wait = {row.pk for row in found if now - row.since <= delivery.GIVE_UP}
    asked = {_server(row, row.state) for row in found if row.server_away and row.pk in can_wait}
    silent = {server for server in asked if not _answers(server)}
    _leave(silent, found, now)
    for row in found:
        if row.pk in can_wait and _server(row, row.state) in silent:
            continue
        failed = _deliver(row.pk, now)
        if failed is not None and (server := _server(row, failed)) not in silent:
            silent.add(server)
            _leave({server}, found, now)


def _server(row: OutboxMessage, state: str) -> _Server:
    try:
        return state, backend_of(row.user)
    except MailError:
        return state, None


def _answers(server: _Server) -> bool:
    state, backend = server
    return backend is not None and _ANSWERS[state](backend)


def _leave(silent: Collection[_Server], found: Collection[OutboxMessage], now: datetime) -> None:
    """What waits for a silent server stays due, which tells pages that a worker looks after it."""
    due = OutboxMessage.objects.due(now).annotate(waits_since=_SINCE).filter(waits_since__gte=now - delivery.GIVE_UP)
    for server in silent:
        people = {row.user_id for row in found if _server(row, server[0]) == server}
        due.filter(state=server[0], user__in=people).update(due=now, server_away=True)


def _deliver(pk: int, now: datetime) -> str | None:
    """The state in which it waits for a server that did not answer: another one than before, where the message has gone
    out and its copy has not."""
    try:
        row = delivery.deliver(pk, now=now)
    except Exception:  # one message that nobody foresaw must not hold up the others; its lease will run out
        log.error("outbox_sender_fell", message=pk, exc_info=True)
        return None
    return row.state if row is not None and row.server_away and row.state in OutboxMessage.WAITS else None


def tidy(*, now: datetime | None = None) -> None:
    """What is over is forgotten. What can be read for one more day only goes back to Drafts, where its writer finds
    it."""
    now = now or timezone.now()
    OutboxMessage.objects.filter(state=State.DONE, finished__lt=now - KEPT).delete()
    letters.sweep(set(OutboxMessage.objects.exclude(file="").values_list("file", flat=True)))
    outbox.orphans().delete()
    ends = OutboxMessage.objects.select_related("delegation", "user").filter(delegation__expires__lte=now + RESCUE)
    for row in ends.filter(state__in=outbox.CAN_STOP):
        try:
            outbox.call_back(row)
        except (TooLate, MailError) as error:
            log.warning("outbox_not_rescued", message=row.pk, error=error.__class__.__name__)


_UNDER_WAY = Prepared(
    lambda user: OutboxMessage.objects.filter(user=user).exclude(state__in=OutboxMessage.ENDS).values_list("pk")
)


def catch_up(user_id: int) -> None:
    """What a worker should have done by now. For requests: most of the time it is one query that finds nothing."""
    if not _UNDER_WAY.rows(user_id):
        return
    now = timezone.now()
    take_over(now=now, user_id=user_id)
    due = OutboxMessage.objects.filter(user=user_id).due(now - GRACE).exclude(server_away=True, due__gt=now - ABSENCE)
    for pk in due.order_by("due").values_list("pk", flat=True)[:3]:
        outbox.deliver_here(pk)


# --- after a crash ----------------------------------------------------------------------------------------------------


def take_over(*, now: datetime, user_id: int | None = None) -> int:
    """What crashed senders left goes back to where it can be told to be; returns how many there were."""
    count = 0
    rows = OutboxMessage.objects.abandoned(now)
    for row in rows.select_related("delegation", "user") if user_id is None else rows.filter(user=user_id):
        found, box = letters.marked(row.file)
        if row.state == State.COPYING or found == letters.TAKEN:
            state = State.SENT
        elif row.state == State.HANDING or found:
            state = State.UNKNOWN
        else:  # whatever makes every sender of it crash is not met for ever
            state = State.WAITING if row.tries < MOST_CRASHES else State.FAILED
        same = OutboxMessage.objects.filter(
            pk=row.pk, attempt=row.attempt, state=row.state, lease_until=row.lease_until
        )
        if not same.update(state=state, due=now, lease_until=None, tries=F("tries") + 1, sealed=box or row.sealed):
            continue
        count += 1
        log.warning("outbox_taken_over", message=row.pk, state=str(state))
        if state == State.UNKNOWN:
            _look_again(row.pk)
    return count


def _look_again(pk: int) -> None:
    row = OutboxMessage.objects.select_related("delegation", "user").get(pk=pk)
    with contextlib.suppress(Over):
        opened = delegations.unseal(row.delegation)
        delivery.look_for(row, opened, letters.Letter.opened(opened, row.sealed, row.writing_id))
