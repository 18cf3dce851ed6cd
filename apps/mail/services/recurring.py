"""How often something repeats (RFC 5545 section 3.3.10), in words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from babel.lists import format_list
from django.utils import timezone
from django.utils.dates import MONTHS, WEEKDAYS
from django.utils.formats import date_format
from django.utils.translation import get_language, ngettext, to_locale
from django.utils.translation import gettext as _
from django.utils.translation import pgettext as pgettext_now
from django.utils.translation import pgettext_lazy as pgettext

_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_ORDINALS = {
    1: pgettext("which weekday of the month", "first"),
    2: pgettext("which weekday of the month", "second"),
    3: pgettext("which weekday of the month", "third"),
    4: pgettext("which weekday of the month", "fourth"),
    5: pgettext("which weekday of the month", "fifth"),
    -1: pgettext("which weekday of the month", "last"),
    -2: pgettext("which weekday of the month", "last but one"),
}
#: What can be said in words. A rule with anything else is shown as it stands.
_SAYABLE = frozenset({"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY", "BYMONTH", "WKST", "BYSETPOS"})


def words(rule: Mapping[str, Sequence[Any]]) -> str:
    """ "Every 2 weeks on Monday, 10 times"; "" for a rule that has no words here."""
    if not rule or not set(rule) <= _SAYABLE:
        return ""
    try:
        text = _how_often(rule)
    except (ValueError, LookupError, TypeError):
        return ""
    return text and text + _how_long(rule)


def _how_often(rule: Mapping[str, Sequence[Any]]) -> str:
    frequency = str(rule["FREQ"][0]).upper()
    every = int(rule.get("INTERVAL", (1,))[0])
    days, on = [str(each).upper() for each in rule.get("BYDAY", ())], rule.get("BYMONTHDAY", ())
    months = [int(str(each)) for each in rule.get("BYMONTH", ())]
    positions = [int(each) for each in rule.get("BYSETPOS", ())]
    if frequency == "DAILY" and not (days or on or months or positions):
        return ngettext("Every day", "Every %(n)d days", every) % {"n": every}
    if frequency in ("DAILY", "WEEKLY") and not (on or months or positions):
        if frequency == "DAILY" and every != 1:
            return ""
        text = ngettext("Every week", "Every %(n)d weeks", every) % {"n": every}
        return _("%(often)s on %(days)s") % {"often": text, "days": _weekdays(days)} if days else text
    if frequency == "MONTHLY" and not months:
        text = ngettext("Every month", "Every %(n)d months", every) % {"n": every}
        if not (days or on or positions):
            return text
        return _("%(often)s on %(days)s") % {"often": text, "days": _of_month(days, on, positions)}
    if frequency == "YEARLY" and len(months) < 2:
        text = ngettext("Every year", "Every %(n)d years", every) % {"n": every}
        if not (months or days or on or positions):
            return text
        month = str(MONTHS[months[0]])
        if not (days or on):
            return _("%(often)s in %(month)s") % {"often": text, "month": month}
        values = {"often": text, "days": _of_month(days, on, positions), "month": month}
        return _("%(often)s on %(days)s of %(month)s") % values
    return ""


def _weekdays(days: Sequence[str]) -> str:
    return _joined([str(WEEKDAYS[_DAYS.index(day)]) for day in days])


def _of_month(days: Sequence[str], on: Sequence[object], positions: Sequence[int]) -> str:
    """ "day 15", "the second Tuesday", "the last day"."""
    if on and not days and not positions:
        return _joined([_month_day(int(str(day))) for day in on])
    if len(positions) == 1 and len(days) == 1 and not on:
        days = [f"{positions[0]}{days[0]}"]
    elif positions or on:
        raise ValueError
    named = []
    for day in days:
        match = re.fullmatch(r"([+-]?\d)([A-Z]{2})", day)
        if match is None:
            raise ValueError
        which = {"which": _ORDINALS[int(match[1])], "day": WEEKDAYS[_DAYS.index(match[2])]}
        named.append(_("the %(which)s %(day)s") % which)
    return _joined(named)


def _month_day(day: int) -> str:
    if day == -1:
        return _("the last day")
    if day < 1:
        raise ValueError
    return _("day %(n)d") % {"n": day}


def _how_long(rule: Mapping[str, Sequence[Any]]) -> str:
    if count := rule.get("COUNT"):
        times = int(count[0])
        return ngettext(", %(n)d time", ", %(n)d times", times) % {"n": times}
    if until := rule.get("UNTIL"):
        last = getattr(until[0], "dt", until[0])
        if isinstance(last, datetime) and last.tzinfo is not None:
            last = timezone.localtime(last)
        if isinstance(last, date):
            return _(", until %(day)s") % {"day": date_format(last, pgettext_now("day of an event", "l, j F Y"))}
    return ""


def _joined(words: Sequence[str]) -> str:
    return format_list(list(words), locale=to_locale(get_language() or "en"))
