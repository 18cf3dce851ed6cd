"""Messages of the Outbox that wait for the time their writer has chosen: another time, and another password."""

from __future__ import annotations

import contextlib
import re
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import format_datetime

import structlog
from django.utils import timezone

from apps.mail.models import OutboxMessage
from apps.mail.services import letters
from apps.mail.services.letters import Letter
from portal import delegations
from portal.delegations import Opened, Over
from portal.secret import Secret

log = structlog.get_logger(__name__)
State = OutboxMessage.State
MARGIN = timedelta(days=4)  # in which it is tried again, and put back into Drafts, where it cannot be sent at its time
_DATE = re.compile(rb"^Date: [^\r\n]*", re.M)


def lifetime(when: datetime | None, now: datetime) -> timedelta:
    """Of the delegation that it waits under; at its other end the message is sent, whatever was left of it."""
    return delegations.LIFETIME if when is None else when - now + MARGIN


def dated(octets: bytes, when: datetime) -> bytes:
    """The message with another Date (RFC 5322 section 3.6.1): the one it goes out at."""
    header, end, body = octets.partition(b"\r\n\r\n")
    date = f"Date: {format_datetime(timezone.localtime(when))}".encode()
    return _DATE.sub(lambda _found: date, header, count=1) + end + body


def dated_file(row: OutboxMessage, letter: Letter, opened: Opened, when: datetime) -> str:
    """The name of a file that holds the message with this Date, where it has said another one."""
    if row.keeps_its_time and not letter.is_redirect:
        with contextlib.suppress(Over):
            return letters.lay_down(dated(letters.take_up(row.file, opened), when), opened)
    return row.file


def change(row: OutboxMessage, when: datetime, *, password: Secret) -> bool:
    """Another time; False where it is too late for that. With the password that the session has now."""
    if row.delegation is None or not row.keeps_its_time:
        return False
    try:
        opened = delegations.renew(row.delegation, secret=password)
        letter = Letter.opened(opened, row.sealed, row.writing_id)
        delegations.extend(row.delegation, until=when + MARGIN)
    except Over:
        return False
    before = row.file
    file = dated_file(row, letter, opened, when)
    sealed = replace(letter, trouble="").sealed(opened, row.writing_id)
    mine = OutboxMessage.objects.filter(pk=row.pk, state=State.WAITING, attempt=row.attempt)
    changed = mine.update(due=when, planned=when, file=file, sealed=sealed, told=False, attempt=row.attempt + 1)
    if file != before:
        letters.throw_away(before if changed else file)
    return bool(changed)


def renew_all(user_id: int, password: Secret) -> int:
    """Somebody has signed in: what still waits for its time goes out with the password that was right just now.
    Returns for how many it is another one."""
    count = 0
    rows = OutboxMessage.objects.filter(user=user_id, state=State.WAITING, planned__gt=timezone.now(), other_account=0)
    for row in rows.select_related("delegation"):
        with contextlib.suppress(Over):
            if row.delegation is not None and delegations.unseal(row.delegation).secret != password:
                delegations.renew(row.delegation, secret=password)
                count += 1
    if count:
        log.info("planned_messages_renewed", count=count)
    return count
