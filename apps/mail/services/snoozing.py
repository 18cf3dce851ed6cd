"""Snooze: a message stays away from its list until a moment, which it carries itself, in keywords.

``$snoozed`` says that it does, and ``$snooze0``, ``$snooze1`` ... are the bits of the moment: quarters of an hour since
2026-01-01 00:00 UTC (docs/decisions/0015-snooze.md). So any session and any program can read it from the server,
nothing has to run at the time, and a mailbox never has more than two dozen keywords of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from apps.mail.mailbox.errors import BadArgument, NoKeywords, NoSuchMessage
from apps.mail.mailbox.store import MailStore
from apps.mail.services import times
from apps.mail.services.steps import Step, Taken

SNOOZED = "$snoozed"
UNREAD = "$snoozeunread"  # it comes back as unread
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
BITS = 20  # 30 years
LONGEST = timedelta(days=2 * 366)  # ahead, as far as forms go
MORNING = time(8)

_BIT = re.compile(r"\$snooze(\d{1,2})", re.ASCII)
_TEXT = re.compile(r"(\d{1,7})(u?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Snooze:
    """Until when, and whether it comes back as unread. Written ``28123`` or ``28123u``, in quarters of an hour."""

    number: int
    unread: bool = False

    @classmethod
    def until(cls, moment: datetime, *, unread: bool = False) -> Snooze:
        """At this moment (aware) or up to a quarter of an hour later. Raises ``BadArgument`` for what has no number."""
        number = -((EPOCH - moment) // QUARTER)
        if not 0 <= number < 2**BITS:
            raise BadArgument("no moment of a snooze")
        return cls(number, unread)

    @classmethod
    def parse(cls, text: str) -> Snooze:
        """The reading of ``str``; raises ``BadArgument``."""
        found = _TEXT.fullmatch(text)
        if not found or int(found[1]) >= 2**BITS:
            raise BadArgument("no moment of a snooze")
        return cls(int(found[1]), bool(found[2]))

    @classmethod
    def of(cls, keywords: Iterable[str]) -> Snooze | None:
        """Of a message with these keywords (in lower case); None where it is not snoozed."""
        known = set(keywords)
        if SNOOZED not in known:
            return None
        bits = {int(bit[1]) for keyword in known if (bit := _BIT.fullmatch(keyword))}
        return cls(sum(2**bit for bit in bits if bit < BITS), UNREAD in known)

    def __str__(self) -> str:
        return f"{self.number}{'u' if self.unread else ''}"

    @property
    def moment(self) -> datetime:
        return EPOCH + self.number * QUARTER

    @property
    def keywords(self) -> tuple[str, ...]:
        bits = (f"$snooze{bit}" for bit in range(BITS) if self.number >> bit & 1)
        return (SNOOZED, *bits, *([UNREAD] if self.unread else []))


# to snooze, and back


def take(store: MailStore, step: Step) -> Taken:
    """``step``: "snooze" until its target, or "unsnooze". What was so already is not changed; of each that was, the way
    back leads to what it was. Raises ``NoKeywords`` and ``NoSuchMessage``."""
    wanted = Snooze.parse(step.target) if step.do == "snooze" else None
    rows = store.summaries(step.mailbox, step.uids, uidvalidity=step.uidvalidity)
    if not rows:
        raise NoSuchMessage
    if wanted and not all(map(store.opened(step.mailbox).takes, wanted.keywords)):
        raise NoKeywords
    before: dict[Snooze | None, list[int]] = {}
    for row in rows:
        before.setdefault(Snooze.of(row.keywords), []).append(row.uid)
    ways: list[Step] = []
    for was, uids in before.items():
        if was == wanted:
            continue
        if was:  # first: in between it is back, and never away until a moment that nobody has chosen
            store.set_flags(step.mailbox, uids, uidvalidity=step.uidvalidity, remove=was.keywords)
        if wanted:
            store.set_flags(step.mailbox, uids, uidvalidity=step.uidvalidity, add=wanted.keywords)
        do, target = ("snooze", str(was)) if was else ("unsnooze", "")
        ways.append(
            Step(do=do, mailbox=step.mailbox, uidvalidity=step.uidvalidity, uids=tuple(sorted(uids)), target=target)
        )
    return Taken(count=len(rows), changed=sum(len(way.uids) for way in ways), ways=tuple(ways))


# moments that are offered


@dataclass(frozen=True, slots=True)
class Preset:
    label: str
    when: str  # as people read it
    value: str  # ``str`` of the ``Snooze``


def presets(now: datetime | None = None) -> list[Preset]:
    """Later today (while there is one), tomorrow and next week, in the reader's time zone."""
    now = timezone.localtime(now)
    tomorrow = now.date() + timedelta(days=1)
    monday = tomorrow + timedelta(days=7 - tomorrow.weekday())
    later = (now + timedelta(hours=4)).replace(minute=0, second=0, microsecond=0)
    offered = [
        (_("Later today"), later),
        (_("Tomorrow"), datetime.combine(tomorrow, MORNING, tzinfo=now.tzinfo)),
        (_("Next week"), datetime.combine(monday, MORNING, tzinfo=now.tzinfo)),
    ]
    if later.date() == tomorrow:
        del offered[0]
    return [Preset(label, times.full_time(moment), str(Snooze.until(moment))) for label, moment in offered]


def typed(text: str, now: datetime | None = None) -> Snooze | None:
    """What a ``datetime-local`` field says; None where that is no moment to come, or one too far away."""
    now = timezone.localtime(now)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    moment = moment.replace(tzinfo=now.tzinfo) if moment.tzinfo is None else moment
    return Snooze.until(moment) if now < moment < now + LONGEST else None
