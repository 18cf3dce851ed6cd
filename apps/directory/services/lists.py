"""Groups of the directories as recipients: found by their names, and everybody in them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass

from apps.directory.lookup import person, words
from apps.directory.lookup.client import Client
from apps.directory.lookup.person import Person
from apps.directory.services import people
from portal.ldap import filters, names
from portal.ldap.session import Entry, Session
from portal.ldap.sources import Source

DEEPEST = 8  # groups in groups
MOST = 2000  # people of one group
MOST_GROUPS = 200  # in one group
BY_LOGIN = "memberUid"  # of posixGroup (RFC 2307)
ATTRIBUTES = ("cn", "mail", BY_LOGIN)


@dataclass(frozen=True, slots=True)
class Group:
    key: str  # "staff.g…", for whoever writes to it
    name: str
    mail: str  # its own address, "" where it has none
    members: int  # entries that stand in it: people, and groups of people


class TooMany(LookupError):
    """More people than can be written to by a group."""


def found(client: Client, prefix: str, *, most: int, seconds: float) -> list[Group]:
    """Groups whose names begin with the words, in order. Raises ``Unavailable``."""
    source = client.source
    typed = words.typed(prefix)
    if not source.group_filter or not typed:
        return []
    beginnings = (filters.either([filters.begins("cn", word), filters.contains("cn", f"-{word}")]) for word in typed)
    which = filters.both([source.group_filter, *beginnings])

    def ask(session: Session) -> list[Group]:
        asked = [*ATTRIBUTES, *source.preset.members]
        entries = session.search(source.group_base, which, asked, most=most, seconds=1)
        return sorted((_group(source, entry) for entry in entries), key=lambda group: group.name.casefold())

    return client.ask(ask, seconds=seconds)


def _group(source: Source, entry: Entry) -> Group:
    count = sum(len(entry.values.get(name.lower(), ())) for name in (*source.preset.members, BY_LOGIN))
    key = base64.urlsafe_b64encode(entry.dn.encode()).decode().rstrip("=")
    return Group(f"{source.name}.g{key}", entry.text("cn").strip() or names.first(entry.dn), entry.text("mail"), count)


def name_of(source: Source, key: str) -> str:
    """The name of the entry. Raises ``LookupError``."""
    name, _dot, rest = key.partition(".")
    try:
        dn = base64.urlsafe_b64decode(rest[1:] + "=" * (-len(rest[1:]) % 4)).decode()
    except (binascii.Error, ValueError):
        raise LookupError(key) from None
    if name != source.name or rest[:1] != "g" or names.below(dn, source.group_base) is None:
        raise LookupError(key)
    return dn


def members(client: Client, key: str, *, seconds: float) -> list[Person]:
    """Everybody in the group and in the groups in it, each once, those without an address too. Raises ``LookupError``
    where there is no such group, ``TooMany``, and ``Unavailable``."""
    dn = name_of(client.source, key)

    def ask(session: Session) -> list[Person] | None:
        walk = _Walk(client.source, session)
        group = walk.group(dn)
        return list({each.key: each for each in walk.people(group)}.values()) if group else None

    answer = client.ask(ask, seconds=seconds)
    if answer is None:
        raise LookupError(key)
    return people.in_order(answer)


class _Walk:
    """Through the members of a group; a circle ends where it closes."""

    def __init__(self, source: Source, session: Session) -> None:
        self.source, self.session = source, session
        self.members = (*source.preset.members, BY_LOGIN)
        self.asked = person.attributes(source, person.LISTED)
        self.groups: set[str] = set()
        self.seen = 0

    def group(self, dn: str) -> Entry | None:
        """Its members; None for what the site does not call a group."""
        return self.session.read(dn, self.members, self.source.group_filter)

    def people(self, group: Entry, depth: int = 0) -> Iterator[Person]:
        self.groups.add(names.folded(group.dn))
        yield from self._by_login(group.texts(BY_LOGIN))
        for member in [text for name in self.source.preset.members for text in group.texts(name)]:
            yield from self._one(member, depth)

    def _one(self, dn: str, depth: int) -> Iterator[Person]:
        self.seen += 1
        if self.seen > MOST:
            raise TooMany(dn)
        if names.below(dn, self.source.base) is not None:
            entry = self.session.read(dn, self.asked, self.source.person_filter)
            if entry is not None:
                yield person.from_entry(self.source, entry)
                return
        inner = names.below(dn, self.source.group_base) is not None and names.folded(dn) not in self.groups
        if inner and depth < DEEPEST and len(self.groups) < MOST_GROUPS and (group := self.group(dn)) is not None:
            yield from self.people(group, depth + 1)

    def _by_login(self, logins: list[str]) -> Iterator[Person]:
        for start in range(0, min(len(logins), MOST), 50):
            some = logins[start : start + 50]
            which = filters.either(
                filters.equals(name, login) for login in some for name in self.source.attributes.get("login", ())
            )
            asked = person.attributes(self.source, person.LISTED)
            for entry in self.session.search(self.source.base, filters.both([self.source.person_filter, which]), asked):
                yield person.from_entry(self.source, entry)
