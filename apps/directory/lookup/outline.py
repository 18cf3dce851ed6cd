"""Who is where in a directory, kept for a while: counts of units and places, everybody in order, who reports to whom.

A directory counts nothing by itself; this reads a few attributes of everybody, page by page, away from all requests.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from sys import intern

from apps.directory.lookup import words
from apps.directory.lookup.person import Person, from_entry
from portal.ldap import filters, names
from portal.ldap.session import Session
from portal.ldap.sources import Source

FIELDS = (
    "key",
    "login",
    "name",
    "given",
    "family",
    "title",
    "department",
    "building",
    "place",
    "languages",
    "manager",
)
MOST = 200_000  # people
UNITS = "(|(objectClass=organizationalUnit)(objectClass=organization))"
Path = tuple[str, ...]
Counts = tuple[Counter[str], Counter[str], Counter[str]]


@dataclass(frozen=True, slots=True)
class Line:
    """As much of a person as is kept of everybody."""

    key: str
    dn: str  # folded
    name: str
    folded: str  # names and login, as they are compared
    order: str  # what lists are sorted by
    login: str
    title: str
    unit: Path
    building: str
    place: str
    languages: tuple[str, ...]
    spoken: frozenset[str]  # first parts of these: "fr" of fr-CH
    manager: str  # folded, "" for nobody


@dataclass(frozen=True, slots=True)
class Outline:
    people: tuple[Line, ...]  # in order
    read: float  # of time.time
    seconds: float  # that it took
    flat: bool  # units are departments, and no entries
    by_key: dict[str, Line] = field(repr=False)
    by_dn: dict[str, Line] = field(repr=False)
    team: dict[str, tuple[Line, ...]] = field(repr=False)  # by the name of the manager
    counts: dict[Path, int] = field(repr=False)  # people in a unit and below it
    below: dict[Path, tuple[Path, ...]] = field(repr=False)  # units in a unit, in order
    bases: dict[Path, str] = field(repr=False)  # names of units that are entries
    photos: frozenset[str] = frozenset()  # keys of those who have one
    top: Path = ()  # the lowest unit that everybody is in

    counted: dict[Path, Counts] = field(default_factory=dict, repr=False)  # what ``facets`` has counted

    def facets(self, unit: Path) -> Counts:
        if unit not in self.counted:
            self.counted[unit] = count(self.of(unit))
        return self.counted[unit]

    def of(self, unit: Path) -> Iterable[Line]:
        if not unit:
            return self.people
        size = len(unit)
        return (line for line in self.people if line.unit[:size] == unit)

    def heads(self, unit: Path) -> list[Line]:
        """Those of a unit whose manager is not in it, and who have people; the one with most people first."""
        inside = list(self.of(unit))
        here = {line.dn for line in inside}
        found = [line for line in inside if line.manager not in here and line.dn in self.team]
        return sorted(found, key=lambda line: (-len(self.team[line.dn]), line.order))

    def named(self, query: list[str]) -> list[Line]:
        """People whose names hold all of the words, however they are accented."""
        return [line for line in self.people if all(word in line.folded for word in query)] if query else []


def count(lines: Iterable[Line]) -> Counts:
    """Buildings, places and languages."""
    kinds = Counter((line.building, line.place, line.spoken) for line in lines)  # few, of however many people
    buildings, places, languages = Counter[str](), Counter[str](), Counter[str]()
    for (building, place, spoken), n in kinds.items():
        buildings[building] += n
        places[place] += n
        for tag in spoken:
            languages[tag] += n
    del buildings[""], places[""]
    return buildings, places, languages


@lru_cache(maxsize=1000)
def _spoken(languages: tuple[str, ...]) -> frozenset[str]:
    return frozenset(tag.partition("-")[0] for tag in languages)


def read(session: Session, source: Source) -> Outline:
    """Raises ``Unavailable``."""
    started = time.monotonic()
    asked = [attribute for name in FIELDS for attribute in source.attributes.get(name, ())]
    bases = {
        tuple(value for _kind, value in reversed(between)): entry.dn
        for entry in session.search(source.base, UNITS)
        if (between := names.below(entry.dn, source.base))
    }
    entries = session.search(source.base, source.person_filter, asked, most=MOST)
    found = [from_entry(source, entry) for entry in entries]
    pictured = filters.either(filters.present(name) for name in source.attributes.get("photo", ()))
    which = filters.both([source.person_filter, pictured])
    faces = frozenset(entry.dn for entry in session.search(source.base, which, most=MOST))
    return build(found, bases, faces, time.monotonic() - started)


def build(found: list[Person], bases: dict[Path, str], faces: frozenset[str], seconds: float) -> Outline:
    """``faces``: names of the entries that have a photo."""
    flat = len({person.unit for person in found}) < 2
    people = sorted((_line(person, flat=flat) for person in found), key=lambda line: (line.order, line.key))
    counts: Counter[Path] = Counter()
    team: dict[str, list[Line]] = {}
    for line in people:
        counts.update(line.unit[:depth] for depth in range(len(line.unit) + 1))
        if line.manager and line.manager != line.dn:
            team.setdefault(line.manager, []).append(line)
    below: dict[Path, list[Path]] = {}
    for unit in sorted(filter(None, counts), key=lambda unit: [words.fold(name) for name in unit]):
        below.setdefault(unit[:-1], []).append(unit)
    top: Path = ()
    while len(below.get(top, ())) == 1 and counts[below[top][0]] == counts[top]:
        top = below[top][0]
    return Outline(
        people=tuple(people),
        read=time.time(),
        seconds=seconds,
        flat=flat,
        by_key={line.key: line for line in people},
        by_dn={line.dn: line for line in people},
        team={manager: tuple(lines) for manager, lines in team.items()},
        counts=dict(counts),
        below={unit: tuple(units) for unit, units in below.items()},
        bases={} if flat else bases,
        photos=frozenset(person.key for person in found if person.dn in faces),
        top=top,
    )


def unit_of(person: Person, *, flat: bool) -> Path:
    """Where all entries lie in one place, the department says where people are: ``Research / Glaciology``."""
    if not flat:
        return person.unit
    return tuple(name for part in person.department.split("/") if (name := part.strip()))


def _line(person: Person, *, flat: bool) -> Line:
    family = person.family or person.name.split()[-1]
    return Line(
        key=person.key,
        dn=names.folded(person.dn),
        name=person.name,
        folded=words.fold(f"{person.name} {person.given} {person.family} {person.login}"),
        order=words.fold(f"{family} {person.given or person.name}"),
        login=person.login,
        title=intern(person.title),
        unit=tuple(map(intern, unit_of(person, flat=flat))),
        building=intern(person.building),
        place=intern(person.place),
        languages=tuple(map(intern, person.languages)),
        spoken=_spoken(person.languages),
        manager=intern(names.folded(person.manager)) if person.manager else "",
    )
