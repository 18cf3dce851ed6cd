"""People of all directories: found, read, and shown with a note where one of them does not answer.

No call here takes longer than its ``seconds``, whatever a directory does: each is asked in a thread of its own
(``portal.fanout``), one that does not answer is left alone for a while (``lookup.client``), and what it said before
stands in for it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

import structlog
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.directory.lookup import outline, person, words
from apps.directory.lookup.client import Client, NobodyAsks, Who
from apps.directory.lookup.kept import Kept
from apps.directory.lookup.outline import Outline, Path
from apps.directory.lookup.person import Person
from apps.directory.services import directories, outlines
from portal import fanout
from portal.ldap import filters, names
from portal.ldap.connection import Unavailable
from portal.ldap.session import BELOW, Session
from portal.ldap.sources import Source

log = structlog.get_logger(__name__)
T = TypeVar("T")
PAGE = 2.0  # seconds that a page may wait for directories
MOST = 200  # people of one directory in one answer

_answers: Kept[tuple[Person, ...]] = Kept(fresh=60.0, old=3600.0, most=300)
#: By client too: where settings change, so does it.
_people: Kept[Person] = Kept(fresh=120.0, old=3600.0, most=2000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is looked for. ``unit``: names below the base of the directory, the outermost first."""

    query: str = ""
    directory: str = ""  # "" for all of them
    unit: Path = ()
    buildings: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()  # first parts of tags: "fr" finds fr-CH
    most: int = MOST

    def fits(self, found: Person, *, flat: bool) -> bool:
        """Whether somebody is where the question looks; their words are the directory's affair."""
        tags = {tag.partition("-")[0] for tag in found.languages}
        return (
            outline.unit_of(found, flat=flat)[: len(self.unit)] == self.unit
            and (not self.buildings or found.building in self.buildings)
            and (not self.places or found.place in self.places)
            and (not self.languages or bool(tags & set(self.languages)))
        )


@dataclass(frozen=True, slots=True)
class Answers(Generic[T]):
    """What those said that answered, and one sentence for each that did not."""

    values: Mapping[str, T]  # by the name of the directory
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


# --- the questions ----------------------------------------------------------------------------------------------------


def search(asked: Question, *, who: Who | None = None, seconds: float = PAGE) -> Answers[tuple[Person, ...]]:
    """People in the order of relevance; where there are more than ``asked.most`` in a directory, one more is given."""
    clients = directories.clients()
    chosen = {asked.directory: clients[asked.directory]} if asked.directory in clients else clients
    found = each(chosen, partial(_search, asked=asked, who=who, seconds=seconds), seconds=seconds)
    values, notes = dict(found.values), list(found.notes)
    for name, client in chosen.items():
        if name not in values and (old := _answers.get(_mark(client, asked, who), old=True)) is not None:
            values[name] = old[0]
            notes.append(_as_of(old[1]))
    return Answers(values, tuple(notes), found.seconds)


def get(key: str, *, who: Who | None = None, seconds: float = PAGE) -> Person:
    """Somebody by their key, with all that is known of them. Raises ``LookupError``, also for a key that is none, and
    ``Unavailable``."""
    client = directories.client_of(key)
    dn, which = person.asked_by(client.source, key)
    mark = (client, key, who.login if who and client.source.as_user else "")
    if (kept := _people.get(mark)) is not None:
        return kept[0]

    def ask(session: Session) -> Person | None:
        source = client.source
        asked = person.attributes(source, person.WHOLE)
        if dn:
            entry = session.read(dn, asked)
        else:
            known = outlines.current(client, wait=0)
            line = known.by_key.get(key) if known else None
            entry = session.read(line.dn, asked) if line else None  # quick also where keys have no index
            if entry is None or person.key_of(source, entry) != key:
                which_person = filters.both([source.person_filter, which])
                entry = next(session.search(source.base, which_person, asked, most=1), None)
        return person.from_entry(source, entry) if entry else None

    try:
        found = within(client, lambda: client.ask(ask, seconds=seconds, who=who), seconds=seconds)
    except Unavailable:
        if (old := _people.get(mark, old=True)) is not None:
            return old[0]
        raise
    if found is None:
        raise LookupError(key)
    _people.put(mark, found)
    return found


def named(dns: Iterable[str], client: Client, *, who: Who | None = None, seconds: float = PAGE) -> list[Person]:
    """People by the names of their entries, in this order; those that are not to be seen are left out."""
    wanted = list(dns)[:MOST]
    source = client.source

    def ask(session: Session) -> list[Person]:
        asked = person.attributes(source, person.LISTED)
        entries = [session.read(dn, asked) for dn in wanted if names.below(dn, source.base) is not None]
        return [person.from_entry(source, entry) for entry in entries if entry is not None]

    return within(client, lambda: client.ask(ask, seconds=seconds, who=who), seconds=seconds) if wanted else []


def reports(found: Person, *, who: Who | None = None, seconds: float = PAGE, most: int = MOST) -> list[Person]:
    """Who reports to somebody, in order. Raises ``Unavailable``."""
    client = directories.client_of(found.key)
    source = client.source
    asked = filters.either(filters.equals(name, found.dn) for name in source.attributes.get("manager", ()))
    which = filters.both([source.person_filter, asked])

    def ask(session: Session) -> list[Person]:
        entries = session.search(source.base, which, person.attributes(source, person.LISTED), most=most)
        return [person.from_entry(source, entry) for entry in entries]

    people = within(client, lambda: client.ask(ask, seconds=seconds, who=who), seconds=seconds)
    return in_order(each_one for each_one in people if names.folded(each_one.dn) != names.folded(found.dn))


def listed(lines: Sequence[outline.Line], client: Client, *, seconds: float = PAGE) -> list[Person]:
    """The people of these lines of the outline, in their order; those that have gone meanwhile are left out."""
    source = client.source
    by_login = {line.login: line for line in lines if line.login}
    logins = [filters.equals(name, login) for name in source.attributes.get("login", ()) for login in by_login]
    keys = [person.asked_by(source, line.key)[1] for line in lines if not line.login and ".k" in line.key]

    def ask(session: Session) -> list[Person]:
        which = filters.both([source.person_filter, filters.either([*logins, *keys])])
        entries = session.search(source.base, which, person.attributes(source, person.LISTED), most=len(lines))
        return [person.from_entry(source, entry) for entry in entries]

    if not lines:
        return []
    people = within(client, lambda: client.ask(ask, seconds=seconds), seconds=seconds)
    by_key = {found.key: found for found in people}
    return [by_key[line.key] for line in lines if line.key in by_key]


def photo(key: str, *, who: Who | None = None, seconds: float = PAGE) -> bytes:
    """As the directory has it, b"" for none. Raises ``LookupError`` and ``Unavailable``."""
    client = directories.client_of(key)
    found = get(key, who=who, seconds=seconds)
    wanted = client.source.attributes.get("photo", ())
    entry = within(
        client, lambda: client.ask(lambda s: s.read(found.dn, wanted), seconds=seconds, who=who), seconds=seconds
    )
    values = [octets for name in wanted for octets in (entry.values.get(name.lower(), ()) if entry else ())]
    return next(filter(None, values), b"")


# --- how they are asked -----------------------------------------------------------------------------------------------


def each(
    clients: Mapping[str, Client], call: Callable[[Client], T], *, seconds: float, what: str = "directory"
) -> Answers[T]:
    """The answers of several at once, after ``seconds`` without those that are missing."""
    started = time.monotonic()

    def guarded(client: Client) -> T | Unavailable:
        try:
            return call(client)
        except Unavailable as error:
            return error

    calls = {name: partial(guarded, client) for name, client in clients.items()}
    values: dict[str, T] = {}
    notes = []
    for answer in fanout.collect(calls, budget=seconds, what=what):
        if answer.error or isinstance(answer.value, Unavailable):
            reason = answer.value if isinstance(answer.value, Unavailable) else None
            log.info("directory_left_out", directory=answer.id, reason=str(reason or answer.error))
            notes.append(note(clients[answer.id], reason))
        elif answer.value is not None:
            values[answer.id] = answer.value
    return Answers(values, tuple(notes), time.monotonic() - started)


def within(client: Client, call: Callable[[], T], *, seconds: float) -> T:
    """The one answer, or ``Unavailable`` after so long: a name server that hangs counts as well."""
    found = each({client.source.name: client}, lambda _client: [call()], seconds=seconds)
    if client.source.name in found.values:
        return found.values[client.source.name][0]
    raise Unavailable(found.notes[0] if found.notes else client.server.host)


def note(client: Client, reason: Unavailable | None = None) -> str:
    """For people: what one sees instead of its answer."""
    if isinstance(reason, NobodyAsks):
        return _(
            "The directory %(host)s wants to be asked with your own password, and you have signed in without one."
        ) % {"host": client.server.host}
    if reason is not None and reason.refused and client.source.as_user:
        return _("The directory %(host)s does not take the password of your sign-in.") % {"host": client.server.host}
    return _("The directory %(host)s does not answer.") % {"host": client.server.host}


def in_order(people: Iterable[Person]) -> list[Person]:
    return sorted(people, key=lambda found: (words.fold(f"{found.family or found.name} {found.given}"), found.key))


def _search(client: Client, *, asked: Question, who: Who | None, seconds: float) -> tuple[Person, ...]:
    mark = _mark(client, asked, who)
    if asked.query and not words.typed(asked.query):
        return ()  # words of nothing that can be seen
    if (kept := _answers.get(mark)) is not None:
        return kept[0]
    known = outlines.current(client, wait=0)
    people = client.ask(partial(_found, client.source, asked, known, seconds), seconds=seconds, who=who)
    _answers.put(mark, people)
    return people


def _mark(client: Client, asked: Question, who: Who | None) -> Hashable:
    """What an answer is kept under: what a directory tells one person is not for another."""
    return client, asked, who.login if who and client.source.as_user else ""


def _as_of(age: float) -> str:
    minutes = math.ceil(age / 60)
    return ngettext(
        "What you see is what it said %(n)d minute ago.", "What you see is what it said %(n)d minutes ago.", minutes
    ) % {"n": minutes}


def _found(
    source: Source, asked: Question, known: Outline | None, seconds: float, session: Session
) -> tuple[Person, ...]:
    flat = known is not None and known.flat
    base = known.bases.get(asked.unit, source.base) if known else source.base
    attributes = person.attributes(source, person.LISTED)
    which = filters.both([words.question(source, asked.query), *_narrowed(source, asked, flat=flat)])
    limit = max(1, math.ceil(seconds))
    entries = session.search(base, which, attributes, scope=BELOW, most=asked.most + 1, seconds=limit)
    people = {found.key: found for entry in entries if asked.fits(found := person.from_entry(source, entry), flat=flat)}
    query = words.of(asked.query)
    if known and query and len(people) <= asked.most:  # accents, which directories take seriously
        missing = [line for line in known.named(query) if line.key not in people and line.login][:20]
        others = filters.either(
            filters.equals(name, line.login) for line in missing for name in source.attributes.get("login", ())
        )
        if missing:
            for entry in session.search(base, filters.both([source.person_filter, others]), attributes, most=20):
                if asked.fits(found := person.from_entry(source, entry), flat=flat):
                    people.setdefault(found.key, found)
    return tuple(sorted(people.values(), key=partial(_relevance, query)))


def _narrowed(source: Source, asked: Question, *, flat: bool) -> list[str]:
    """As far as a directory can tell; ``Question.fits`` looks again."""
    values = {"building": asked.buildings, "place": asked.places}
    found = [
        filters.either(filters.equals(name, value) for name in source.attributes.get(field, ()) for value in some)
        for field, some in values.items()
        if some
    ]
    if asked.languages:
        tags = source.attributes.get("languages", ())
        found.append(filters.either(filters.contains(name, tag) for name in tags for tag in asked.languages))
    if asked.unit and flat:
        found.append(filters.either(filters.begins(n, asked.unit[0]) for n in source.attributes.get("department", ())))
    return found


def _relevance(query: list[str], found: Person) -> tuple[int, str, str]:
    """Whose names hold the words come first."""
    in_name = bool(query) and words.matches(f"{found.name} {found.given} {found.family} {found.login}", query)
    return (0 if in_name else 1, words.fold(f"{found.family or found.name} {found.given}"), found.key)


def forget() -> None:
    """All that is kept of people: something has been changed."""
    _answers.forget()
    _people.forget()
