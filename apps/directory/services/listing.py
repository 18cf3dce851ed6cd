"""A page of people: found by words, or leafed through in order, and what they can be narrowed down by."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.conf.locale import LANG_INFO
from django.utils.translation import gettext as _

from apps.directory.lookup.client import Client, Who
from apps.directory.lookup.outline import Counts, Line, Outline
from apps.directory.lookup.person import Person
from apps.directory.services import directories, outlines, people
from apps.directory.services.places import View

SIZE = 50
ELSEWHERE = 3  # people outside of the unit that are shown below those in it
MOST_FACETS = 8


@dataclass(frozen=True, slots=True)
class Row:
    person: Person
    url: str
    photo: bool  # whether the directory has one
    where: str  # the department, with the unit it is in


@dataclass(frozen=True, slots=True)
class Facet:
    value: str
    label: str
    count: int
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    rows: list[Row]
    total: int
    more: bool = False  # there are more than the total says
    of: int = 0  # people in the unit, whatever their names; 0 where that is not known
    pages: int = 1
    elsewhere: list[Row]
    elsewhere_total: str = ""
    notes: tuple[str, ...] = ()
    hosts: str = ""
    milliseconds: int = 0
    facets: list[tuple[str, str, list[Facet]]]  # name in the address, heading, values


def page(view: View, *, who: Who | None = None) -> Page:
    """Raises nothing: a directory that does not answer is a note."""
    outline_of = {name: outlines.current(client, wait=0) for name, client in view.clients().items()}
    known = {name: outline for name, outline in outline_of.items() if outline is not None}
    if view.q or len(known) < len(outline_of):
        return _found(view, known, who)
    return _leafed(view, known)


def _leafed(view: View, known: dict[str, Outline]) -> Page:
    """In the order of the outline; only those that are shown are asked for."""
    inside = {name: outline.of(view.unit) for name, outline in known.items()}
    if view.narrowed:
        inside = {name: [line for line in lines if _fits(line, view)] for name, lines in inside.items()}
    each = [[(line, name) for line in lines] for name, lines in inside.items()]
    merged = each[0] if len(each) == 1 else list(heapq.merge(*each, key=lambda pair: pair[0].order))
    pages = max(1, -(-len(merged) // SIZE))
    number = min(view.page, pages)
    shown = merged[(number - 1) * SIZE : number * SIZE]
    wanted = {name: [line for line, owner in shown if owner == name] for name in known}
    clients = {name: client for name, client in view.clients().items() if wanted.get(name)}

    def ask(client: Client) -> list[Person]:
        return people.listed(wanted[client.source.name], client)

    answers = people.each(clients, ask, seconds=people.PAGE)
    by_key = {person.key: person for found in answers.values.values() for person in found}
    for line, name in shown:  # of one that does not answer there is what is known of everybody
        if name not in answers.values:
            by_key.setdefault(line.key, _as_known(line, name))
    counts = [outline.facets(view.unit) for outline in known.values()]
    return Page(
        rows=rows((by_key[line.key] for line, _name in shown if line.key in by_key), view),
        total=len(merged),
        of=sum(outline.counts.get(view.unit, 0) for outline in known.values()) if view.narrowed else 0,
        pages=pages,
        elsewhere=[],
        notes=answers.notes,
        hosts=directories.hosts(view.clients().values()),
        milliseconds=max(1, round(answers.seconds * 1000)),
        facets=_facets(view, counts),
    )


def _found(view: View, known: dict[str, Outline], who: Who | None) -> Page:
    answers = people.search(view.question(), who=who)
    found = [person for some in answers.values.values() for person in some[: people.MOST]]
    more = any(len(some) > people.MOST for some in answers.values.values())
    seconds, notes = answers.seconds, answers.notes
    everybody = found
    if view.narrowed:  # what else there is to choose
        whole = replace(view.question(), buildings=(), places=(), languages=())
        wider = people.search(whole, who=who)
        everybody = [person for some in wider.values.values() for person in some]
        seconds += wider.seconds
    others: list[Person] = []
    rest = ""
    if view.unit and view.q:
        outside = people.search(replace(view.question(), unit=(), directory=""), who=who)
        here = {person.key for person in found}
        others = [person for some in outside.values.values() for person in some if person.key not in here]
        rest = f"{min(len(others), people.MOST)}{'+' if len(others) > people.MOST else ''}"
        seconds += outside.seconds
        notes = tuple(dict.fromkeys([*notes, *outside.notes]))
    pages = max(1, -(-len(found) // SIZE))
    number = min(view.page, pages)
    return Page(
        rows=rows(found[(number - 1) * SIZE : number * SIZE], view),
        total=len(found),
        more=more,
        of=sum(outline.counts.get(view.unit, 0) for outline in known.values()),
        pages=pages,
        elsewhere=rows(others[:ELSEWHERE], view),
        elsewhere_total=rest,
        notes=notes,
        hosts=directories.hosts(view.clients().values()),
        milliseconds=max(1, round(seconds * 1000)),
        facets=_facets(view, [_counted(everybody)]),
    )


def rows(found: Iterable[Person], view: View) -> list[Row]:
    return [Row(person, view.person_url(person.key), has_photo(person), where(person)) for person in found]


def where(person: Person) -> str:
    """``Glaciology, Instruments``: the last two steps of the way to somebody."""
    steps = [*person.unit, *([person.department] if person.department else [])]
    steps = [step for at, step in enumerate(steps) if step not in steps[:at]]
    return ", ".join(steps[-2:]) if len(person.unit) > 1 else person.department or ", ".join(steps[-1:])


def has_photo(person: Person) -> bool:
    """As far as is known without asking for it."""
    try:
        outline = outlines.current(directories.client_of(person.key), wait=0)
    except LookupError:
        return False
    return outline is not None and person.key in outline.photos


def _fits(line: Line, view: View) -> bool:
    return (
        (not view.buildings or line.building in view.buildings)
        and (not view.places or line.place in view.places)
        and (not view.languages or not line.spoken.isdisjoint(view.languages))
    )


def _as_known(line: Line, directory: str) -> Person:
    return Person(
        key=line.key,
        directory=directory,
        dn=line.dn,
        name=line.name,
        login=line.login,
        title=line.title,
        unit=line.unit,
        building=line.building,
        place=line.place,
        languages=line.languages,
    )


def _counted(found: Iterable[Person]) -> Counts:
    buildings, places, languages = Counter[str](), Counter[str](), Counter[str]()
    for person in found:
        buildings.update(filter(None, [person.building]))
        places.update(filter(None, [person.place]))
        languages.update({tag.partition("-")[0] for tag in person.languages})
    return buildings, places, languages


def _facets(view: View, counts: Iterable[Counts]) -> list[tuple[str, str, list[Facet]]]:
    buildings, places, languages = Counter[str](), Counter[str](), Counter[str]()
    for some in counts:
        for total, counted in zip((buildings, places, languages), some, strict=True):
            total.update(counted)
    kinds = [
        ("place", _("Place"), places, view.places),
        ("building", _("Building"), buildings, view.buildings),
        ("speaks", _("Speaks"), languages, view.languages),
    ]
    found = []
    for name, heading, counted, chosen in kinds:
        values = [*chosen, *(value for value, _n in counted.most_common(MOST_FACETS) if value not in chosen)]
        values.sort(key=lambda value: -counted[value])
        label = language_name if name == "speaks" else str
        facets = [Facet(value, label(value), counted[value], value in chosen) for value in values]
        if len(facets) > 1 or chosen:
            found.append((name, heading, facets))
    return found


def language_name(tag: str) -> str:
    """In itself: Français for fr."""
    known = LANG_INFO.get(tag) or LANG_INFO.get(tag.partition("-")[0]) or {}
    name = str(known.get("name_local", ""))
    return name[:1].upper() + name[1:] if name else tag
