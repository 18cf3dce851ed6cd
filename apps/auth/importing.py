"""Accounts for people before they sign in for the first time: from a CSV file, or from the directory."""

from __future__ import annotations

import csv
import enum
import io
from collections.abc import Iterator
from dataclasses import dataclass, field

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


@dataclass(frozen=True, slots=True)
class Importer:
    """Puts people on one server into the database; into ``more_groups`` beside their own."""

    source: str
    server: str
    more_groups: tuple[str, ...] = ()
    _groups: dict[str, Group] = field(default_factory=dict)

    def take(self, person: Person) -> Outcome:
        """Their account, without a password. What is there already is filled up and never overwritten, and nobody is
        taken out of a group. Raises ``ValueError`` with the reason."""
        identity = {"source": self.source, "server": self.server, "login": canonical_login(person.login)}
        wanted = User(**identity, email=person.email, display_name=person.name)
        names = {*person.groups, *self.more_groups}
        try:
            wanted.clean_fields(exclude=["password"])
            groups = [self._group(name) for name in names]
        except ValidationError as error:
            raise ValueError(" ".join(error.messages)) from None
        before = User.objects.identified(**identity)
        user = external_user(**identity, email=person.email, name=person.name)
        missing = set(groups) - (set(user.groups.all()) if before else set())
        if missing:
            user.groups.add(*missing)
        if before is None:
            return Outcome.NEW
        filled = (before.email, before.display_name) != (user.email, user.display_name)
        return Outcome.CHANGED if missing or filled else Outcome.SAME

    def _group(self, name: str) -> Group:
        if name not in self._groups:
            Group(name=name).clean_fields()
            self._groups[name] = Group.objects.get_or_create(name=name)[0]
        return self._groups[name]
