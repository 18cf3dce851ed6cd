"""Birthdays and anniversaries that are near, of all contacts that somebody may see.

``Contact.birthday`` and ``Contact.anniversary`` are in an index, so that 100,000 contacts cost what the few of these
days cost. They only say where to look: what is shown stands in the part of the document that may be seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from apps.contacts import days
from apps.contacts.models import Contact
from apps.contacts.services import access

COLUMNS = {"birthday": "BDAY", "anniversary": "ANNIVERSARY"}
AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Occasion:
    contact: Contact
    name: str  # of the property
    on: date
    years: int | None  # how many it is then, where that is known


def coming(user_id: int, *, today: date, ahead: int, most: int) -> list[Occasion]:
    """The next ones within so many days from ``today`` on, at most ``most``; those of one day by name."""
    when = dict(days.coming(today, ahead))
    found: list[Occasion] = []
    near = _near(user_id, when)
    for start in range(0, len(near), AT_ONCE):
        some = near[start : start + AT_ONCE]
        seen = access.contacts(user_id).kept().filter(pk__in={pk for _on, _name, pk, _column in some})
        people = {contact.pk: contact for contact in seen}
        for on, _by, pk, column in some:
            if pk in people and (occasion := _occasion(user_id, people[pk], column, on)) is not None:
                found.append(occasion)
                if len(found) == most:
                    return found
    return found


def _near(user_id: int, when: dict[int, date]) -> list[tuple[date, str, int, str]]:
    """(when, sort key, contact, column) of what the index knows, in order: more than may be shown."""
    all_theirs = Contact.objects.filter(owner_id__in=access.owners(user_id), deleted=None)

    def of(column: str) -> Iterator[tuple[date, str, int, str]]:
        rows = all_theirs.filter(**{f"{column}__in": list(when)}).values_list(column, "by_given", "pk")
        return ((when[number], by, pk, column) for number, by, pk in rows)

    return sorted(row for column in COLUMNS for row in of(column))


def _occasion(user_id: int, contact: Contact, column: str, on: date) -> Occasion | None:
    """None where this person may not see the day."""
    day = days.of(access.document(user_id, contact), COLUMNS[column])
    return Occasion(contact, COLUMNS[column], on, day.years(on)) if day else None
