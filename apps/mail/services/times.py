"""Days and times as lists and messages show them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import lru_cache

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language, ngettext, pgettext
from django.utils.translation import gettext as _


def day(moment: datetime, now: datetime) -> date:
    """The day it was where ``now`` is."""
    return moment.astimezone(now.tzinfo).date()


def heading(day: date, today: date, language: str | None = None) -> str:
    """Whoever asks for many tells the language that is spoken just now."""
    return _heading(language or get_language(), day, today)


@lru_cache(maxsize=2000)
def _heading(language: str | None, day: date, today: date) -> str:
    if day == today:
        return _("Today")
    if day == today - timedelta(days=1):
        return _("Yesterday")
    monday = today - timedelta(days=today.weekday())
    if monday <= day < today:
        return _("Earlier this week")
    if monday - timedelta(days=7) <= day < monday:
        return _("Last week")
    return date_format(day, "YEAR_MONTH_FORMAT")


def short_time(moment: datetime, now: datetime, language: str | None = None) -> str:
    """The clock today, the weekday for the week before, then the day, then the date; where ``now`` is."""
    local = moment.astimezone(now.tzinfo)
    return _short(language or get_language(), local.date(), now.date(), local.hour * 60 + local.minute)


@lru_cache(maxsize=20_000)
def _short(language: str | None, day: date, today: date, minute: int) -> str:
    """Formatting is the dearest part of a row, and pages show the same times again and again."""
    local = datetime(day.year, day.month, day.day, minute // 60, minute % 60)
    age = (today - day).days
    if age == 0:
        # Translators: a time of day in the list of messages, see Django's date filter for the letters.
        return date_format(local, pgettext("time of day", "H:i"))
    if 0 < age < 7:
        # Translators: the weekday in the list of messages, see Django's date filter: "D" is short, "l" the whole name.
        return date_format(local, pgettext("weekday", "D"))
    if day.year == today.year:
        # Translators: a day of this year in the list of messages, see Django's date filter for the letters.
        return date_format(local, pgettext("day of this year", "j M"))
    return date_format(local, "SHORT_DATE_FORMAT")


def near_time(moment: datetime, now: datetime) -> str:
    """For what is less than twelve hours old, the clock and how long ago that was; else day, date and clock."""
    local = timezone.localtime(moment)
    minutes = int((now - local).total_seconds() // 60)
    if not 0 <= minutes < 12 * 60:
        return full_time(moment)
    clock = date_format(local, pgettext("time of day", "H:i"))
    days = (now.date() - local.date()).days
    # Translators: when a message came, in its head: "Today 14:09", or "Yesterday 23:40" in the small hours.
    when = (_("Today %(time)s") if days == 0 else _("Yesterday %(time)s")) % {"time": clock}
    return _("%(when)s (%(ago)s)") % {"when": when, "ago": _ago(minutes)}


def _ago(minutes: int) -> str:
    if minutes == 0:
        return _("just now")
    if minutes < 60:
        return ngettext("%(count)d min ago", "%(count)d min ago", minutes) % {"count": minutes}
    hours = minutes // 60
    return ngettext("%(count)d h ago", "%(count)d h ago", hours) % {"count": hours}


def full_time(moment: datetime) -> str:
    """Day, date and clock, as in the head of an open message."""
    local = timezone.localtime(moment)
    # Translators: date and time of a message, see Django's date filter for the letters.
    return date_format(local, pgettext("full date and time", "D j M Y, H:i"))
