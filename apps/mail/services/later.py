"""Times that are chosen while writing: when a message goes out, and until when it should be answered. In the writer's
time zone, which is the one of the request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from portal.contracts import Text

MOST = timedelta(days=365)
MORNING, AFTERNOON, EVENING = time(8), time(13), time(18)
#: Days until an answer is missed, as the form offers them.
WAITS: tuple[tuple[str, Text], ...] = (
    ("1", gettext_lazy("in 1 day")),
    ("2", gettext_lazy("in 2 days")),
    ("3", gettext_lazy("in 3 days")),
    ("7", gettext_lazy("in a week")),
    ("14", gettext_lazy("in two weeks")),
)


class BadTime(Exception):
    """``text``: why, for people."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


@dataclass(frozen=True, slots=True)
class Preset:
    label: str
    when: datetime
    icon: str

    @property
    def value(self) -> str:
        return self.when.isoformat(timespec="minutes")

    @property
    def text(self) -> str:
        return said(self.when)


def presets(now: datetime | None = None) -> Iterator[Preset]:
    """Times that most people mean."""
    here = timezone.localtime(now)
    tomorrow = here.date() + timedelta(days=1)
    if here.time() < time(EVENING.hour - 1):
        yield Preset(_("This evening"), _at(here, EVENING, 0), "moon")
    yield Preset(_("Tomorrow morning"), _at(here, MORNING, 1), "sun")
    yield Preset(_("Tomorrow afternoon"), _at(here, AFTERNOON, 1), "sun")
    monday = (7 - tomorrow.weekday()) % 7 + 1  # days from today
    if monday > 1:
        yield Preset(date_format(_at(here, MORNING, monday), "l"), _at(here, MORNING, monday), "calendar")


def _at(here: datetime, clock: time, days: int) -> datetime:
    """In wall clock time: summer time may begin between."""
    return datetime.combine(here.date() + timedelta(days=days), clock, tzinfo=timezone.get_current_timezone())


def chosen(text: str, *, now: datetime | None = None) -> datetime:
    """The time a form names: ``2026-11-30T08:00``, with an offset or, as somebody has typed it, without. Raises
    ``BadTime``."""
    now = now or timezone.now()
    try:
        found = parse_datetime(text.strip())
    except ValueError:
        found = None
    if found is None:
        raise BadTime(_("Choose a day and a time for sending."))
    when = found if timezone.is_aware(found) else found.replace(tzinfo=timezone.get_current_timezone())
    if when <= now:
        raise BadTime(_("The time for sending, %(time)s, is over. Choose a later one.") % {"time": said(when)})
    if when > now + MOST:
        raise BadTime(_("A message can wait for a year at most. Choose an earlier time."))
    return when


def said(when: datetime) -> str:
    """Day and time as people read it. With the year, where it is another one."""
    here, now = timezone.localtime(when), timezone.localtime()
    # Translators: weekday, day, month and time of a message that is sent later. See Django's date filter.
    short = pgettext("day and time", "D j M, H:i")
    if here.year == now.year:
        return date_format(here, short)
    # Translators: the same with the year. See Django's date filter.
    return date_format(here, pgettext("day and time of another year", "D j M Y, H:i"))


def typed(when: datetime | None) -> str:
    """As ``<input type=datetime-local>`` has it, where the writer is."""
    return timezone.localtime(when).replace(tzinfo=None).isoformat(timespec="minutes") if when else ""


# --- until when an answer is expected ---------------------------------------------------------------------------------


def deadline(days: str, day: str, *, now: datetime | None = None) -> str:
    """What the form says, as it is kept with the message: ``+3`` for days after it was sent, or the moment in which a
    day that was chosen begins for people; "" for no reminder. Raises ``BadTime``."""
    if days in dict(WAITS):
        return f"+{days}"
    if days != "on":
        return ""
    try:
        date = parse_date(day.strip())
    except ValueError:
        date = None
    if date is None:
        raise BadTime(_("Choose the day on which to be reminded."))
    now = now or timezone.now()
    when = datetime.combine(date, MORNING, tzinfo=timezone.get_current_timezone())
    if when <= now:
        raise BadTime(_("The day on which to be reminded is over. Choose a later one."))
    if when > now + MOST:
        raise BadTime(_("You can be reminded within a year. Choose an earlier day."))
    return when.isoformat(timespec="minutes")


def due(kept: str, *, sent: datetime) -> datetime | None:
    """The moment that ``deadline`` has meant for a message that was sent then."""
    if kept.startswith("+") and kept[1:].isdigit():
        return sent + timedelta(days=int(kept[1:]))
    try:
        return parse_datetime(kept) if kept else None
    except ValueError:
        return None


def as_chosen(kept: str) -> dict[str, str]:
    """The form's fields again."""
    if kept.startswith("+"):
        return {"remind": kept[1:], "remind_on": ""}
    when = due(kept, sent=timezone.now())
    return {"remind": "on", "remind_on": timezone.localtime(when).date().isoformat()} if when else {}
