"""Accounts for people before they sign in for the first time: from a CSV file, or from the directory."""

from __future__ import annotations

import csv
import enum
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError

from apps.auth.models import User
from portal.accounts import canonical_login, external_user

COLUMNS = ("login", "email", "name", "groups")


class Unreadable(ValueError):
    """Nothing of the file can be taken. The text says why."""


class Outcome(enum.StrEnum):
    NEW = "new"
    CHANGED = "changed"
    SAME = "as it was"


@dataclass(frozen=True, slots=True)
class Person:
    where: str  # "line 7"
    login: str
    email: str = ""
    name: str = ""
    groups: tuple[str, ...] = ()


def read_csv(text: str) -> Iterator[Person]:
    """A head line with ``login`` and any of the other columns, in any order; commas or semicolons between them. Several
    groups stand in one field, with a vertical bar between. Raises ``Unreadable``."""
    head = text.partition("\n")[0]
    rows = csv.DictReader(io.StringIO(text), delimiter=";" if head.count(";") > head.count(",") else ",", strict=True)
    columns = [name.strip().lower() for name in rows.fieldnames or ()]
    if "login" not in columns or not set(columns) <= set(COLUMNS):
        raise Unreadable("the first line has to name the columns: login, and any of email, name, groups")
    rows.fieldnames = columns
    try:
        for row in rows:
            if None in row:
                raise Unreadable(f"line {rows.line_num} has more fields than there are columns")
            values = {name: (value or "").strip() for name, value in row.items()}
            groups = tuple(filter(None, (name.strip() for name in values.pop("groups", "").split("|"))))
            yield Person(f"line {rows.line_num}", **values, groups=groups)
    except csv.Error as error:
        raise Unreadable(f"line {rows.line_num}: {error}") from None


def take(person: Person, *, source: str, server: str, more_groups: Iterable[str] = ()) -> Outcome:
    """Their account, without a password. What is there already is filled up and never overwritten, and nobody is taken
    out of a group. Raises ``ValueError`` with the reason."""
    login = canonical_login(person.login)
    wanted = User(source=source, server=server, login=login, email=person.email, display_name=person.name)
    names = {*person.groups, *more_groups}
    try:
        wanted.clean_fields(exclude=["password"])
        for name in names:
            Group(name=name).clean_fields()
    except ValidationError as error:
        raise ValueError(" ".join(error.messages)) from None
    before = User.objects.identified(source=source, server=server, login=login)
    user = external_user(source=source, server=server, login=login, email=person.email, name=person.name)
    missing = names - set(user.groups.values_list("name", flat=True))
    user.groups.add(*(Group.objects.get_or_create(name=name)[0] for name in missing))
    if before is None:
        return Outcome.NEW
    filled = (before.email, before.display_name) != (user.email, user.display_name)
    return Outcome.CHANGED if missing or filled else Outcome.SAME
