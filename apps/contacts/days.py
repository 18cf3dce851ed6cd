"""Days that come every year: birthdays and anniversaries as cards write them (RFC 6350 sections 4.3.1, 4.3.4, 6.2.5
and 6.2.6; with hyphens RFC 2426 section 3.1.5). Knows no Django and no database."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from apps.contacts.card import Card

_DATE = re.compile(r"(?:(\d{4})-?|--)(\d{2})-?(\d{2})(?:[T ].*)?", re.ASCII)
_LEAP = 2000  # a year with all days that there are


@dataclass(frozen=True, slots=True)
class Day:
    month: int
    day: int
    year: int | None = None  # in which it was for the first time

    @property
    def number(self) -> int:
        """314 for 14 March: what is kept in tables, and in the order of the year."""
        return self.month * 100 + self.day

    def years(self, on: date) -> int | None:
        """How many years it is then; None where nobody can tell, or it cannot be."""
        since = on.year - self.year if self.year else 0
        return since if 0 < since < 150 else None


def read(text: str, params: Mapping[str, tuple[str, ...]] | None = None) -> Day | None:
    """None for what names no day of a year: a year or a month alone, a time, a text, another calendar."""
    params = params or {}
    found = _DATE.fullmatch(text.strip())
    if found is None or {value.lower() for value in params.get("CALSCALE", ())} - {"gregorian"}:
        return None
    year = int(found[1] or 0)
    if str(year) in params.get("X-APPLE-OMIT-YEAR", ()):
        year = 0
    month, day = int(found[2]), int(found[3])
    try:
        date(year or _LEAP, month, day)
    except ValueError:
        return None
    return Day(month, day, year or None)


def of(card: Card, name: str) -> Day | None:
    """The first that can be read of this property, BDAY or ANNIVERSARY."""
    return next((day for value in card.all(name) if (day := read(value.text, value.params))), None)


def number_of(card: Card, name: str) -> int | None:
    day = of(card, name)
    return day.number if day else None


def coming(today: date, days: int) -> Iterator[tuple[int, date]]:
    """(number, when) of what comes from today on within so many days. Who was born on 29 February has their day on
    the 28th in years without one."""
    for ahead in range(days + 1):
        on = today + timedelta(days=ahead)
        yield on.month * 100 + on.day, on
        if (on.month, on.day) == (2, 28) and (on + timedelta(days=1)).day == 1:
            yield 229, on
