"""An address book with planted duplicates and with people who only look alike, made from ``duplicate_kinds.json``.

The same seed makes the same book. Of everybody else no two have one name.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from apps.contacts import folding
from apps.contacts.card import Value

KINDS: dict[str, Any] = json.loads(Path(__file__).with_name("duplicate_kinds.json").read_text("utf-8"))
FIRMS = [f"{a} {b}" for a in ("Glacier", "Meridian", "Blue", "Northern", "Ala-Too", "Stern", "Río") for b in
         ("Works", "Institute", "Travel", "Bakery", "Press", "Logistics", "Clinic", "Partners", "Studio")]  # fmt: skip
FREEMAIL = ("mail.example", "post.example", "inbox.example", "web.example")


@dataclass(frozen=True)
class Person:
    given: str
    family: str
    shown: str = ""  # the whole name, where it is not given and family name
    suffix: str = ""
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    firm: str = ""
    birthday: str = ""
    city: str = ""
    country: str = ""
    street: str = ""

    def values(self) -> list[Value]:
        name = self.shown or " ".join(filter(None, (self.given, self.family, self.suffix)))
        values = [Value("N", (self.family, self.given, "", "", self.suffix)), Value("FN", name)]
        values += [Value("EMAIL", email) for email in self.emails]
        values += [Value("TEL", phone, ("cell",)) for phone in self.phones]
        values += [Value("ORG", (self.firm,))] if self.firm else []
        values += [Value("BDAY", self.birthday)] if self.birthday else []
        if self.city:
            values.append(Value("ADR", ("", "", self.street, self.city, "", "", self.country), ("home",)))
        return values


@dataclass
class Book:
    people: list[Person] = field(default_factory=list)
    pairs: dict[tuple[int, int], str] = field(default_factory=dict)  # places of two who are one, and the kind
    look_alikes: dict[tuple[int, int], str] = field(default_factory=dict)

    def plant(self, one: Person, other: Person, kind: str, *, same: bool) -> None:
        at = len(self.people)
        self.people += [one, other]
        (self.pairs if same else self.look_alikes)[at, at + 1] = kind


class Maker:
    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.numbers = iter(self.chance.sample(range(10**6, 10**7), 60_000))

    def origin(self) -> dict[str, Any]:
        found: dict[str, Any] = self.chance.choice(list(KINDS["people"].values()))
        return found

    def phone(self, origin: dict[str, Any]) -> tuple[str, str]:
        """(international, national)."""
        digits = str(next(self.numbers)).zfill(9)[::-1] + str(self.chance.randrange(10**4))
        return _filled(origin["international"], digits), _filled(origin["national"], digits)

    def email(self, given: str, family: str, domain: str) -> str:
        a, b = ("".join(folding.words(text)) or "x" for text in (given, family))
        forms = (f"{a}.{b}", f"{a[0]}.{b}", f"{a}{b[0]}{self.chance.randrange(100)}", f"{b}.{a}", f"{a[0]}{b}")
        return f"{self.chance.choice(forms)}@{domain}"

    def domain(self, firm: str) -> str:
        return f"{'-'.join(folding.words(firm))}.example" if firm else self.chance.choice(FREEMAIL)

    def person(self, given: str = "", family: str = "", *, full: bool = False) -> Person:
        """Somebody, as complete as people are in address books; ``full``: with mail, number and firm."""
        chance, origin = self.chance, self.origin()
        given, family = given or chance.choice(origin["given"]), family or chance.choice(origin["family"])
        firm = chance.choice(FIRMS) if full or chance.random() < 0.6 else ""
        found = Person(given, family, firm=firm)
        if full or chance.random() < 0.9:
            found = replace(found, emails=(self.email(given, family, self.domain(firm)),))
        if full or chance.random() < 0.7:
            found = replace(found, phones=(self.phone(origin)[0],))
        if chance.random() < 0.2:
            found = replace(found, birthday=self.birthday())
        if chance.random() < 0.4:
            found = self.living(found, origin)
        return found

    def living(self, person: Person, origin: dict[str, Any]) -> Person:
        street = f"{self.chance.choice(FIRMS)} {self.chance.randrange(1, 200)}"
        return replace(person, city=self.chance.choice(origin["cities"]), country=origin["country"], street=street)

    def birthday(self, *, since: int = 1940, until: int = 2005) -> str:
        year, month, day = (self.chance.randrange(a, b) for a, b in ((since, until), (1, 13), (1, 29)))
        return f"{year}-{month:02}-{day:02}"

    def other_firm(self, firm: str) -> str:
        return self.chance.choice([each for each in FIRMS if each != firm])

    def again(self, one: Person, ways: str) -> Person:
        """The person once more with other data, and of the first card what one of ``ways`` says: (p)hone, (m)ail,
        (f)irm, (c)ity, (n)othing."""
        way = self.chance.choice(ways)
        origin = self.origin()
        other = Person(one.given, one.family)
        if way == "p":
            return replace(other, phones=one.phones)
        if way == "m":
            return replace(other, emails=one.emails)
        if way == "f":
            return replace(other, firm=one.firm, emails=(self.email("x", one.family, "old.example"),))
        if way == "c":
            return replace(other, city=one.city, country=one.country, street=one.street)
        return replace(other, phones=(self.phone(origin)[0],) if self.chance.random() < 0.3 else ())


def _filled(form: str, digits: str) -> str:
    found = iter(digits)
    return "".join(next(found) if sign == "#" else sign for sign in form)


# --- the same person twice --------------------------------------------------------------------------------------------


def transliteration(make: Maker, kind: dict[str, Any]) -> tuple[Person, Person]:
    given, other_given = make.chance.choice(kind["given"])
    script = "Latin"
    if not given[0].isascii():
        first = ord(given[0])
        script = "Cyrillic" if 0x400 <= first < 0x530 else "Arabic" if 0x600 <= first < 0x700 else "Latin"
        script = "Greek" if 0x370 <= first < 0x400 else script
    if 0x4E00 <= ord(given[0]) < 0xA000:
        one = replace(make.person(given, "陈"), shown=given, given="", family="")
        first_word, _blank, rest = other_given.partition(" ")
        return one, replace(make.again(one, "pnn"), given=rest, family=first_word, shown=other_given)
    family, other_family = make.chance.choice(kind["family"][script])
    one = make.living(make.person(given, family, full=True), make.origin())
    return one, replace(make.again(one, "pfnn"), given=other_given, family=other_family)


def nickname(make: Maker, kind: dict[str, Any]) -> tuple[Person, Person]:
    given, other_given = make.chance.choice(kind["given"])
    one = make.living(make.person(given, full=True), make.origin())
    return one, replace(make.again(one, "pmfcn"), given=other_given)


def swapped_names(make: Maker, kind: dict[str, Any]) -> tuple[Person, Person]:
    one = make.person(full=True)
    other = make.again(one, "pfnn")
    comma = make.chance.random() < 0.5
    shown = f"{one.family}, {one.given}" if comma else f"{one.family} {one.given}"
    return one, replace(other, given=one.family, family=one.given, shown=shown)


def old_domain(make: Maker, kind: dict[str, Any]) -> tuple[Person, Person]:
    one = make.person(full=True)
    firm = make.other_firm(one.firm) if make.chance.random() < 0.6 else ""
    local = one.emails[0].partition("@")[0]
    other = Person(one.given, one.family, firm=firm, emails=(f"{local}@{make.domain(firm)}",))
    if other.emails == one.emails:
        other = replace(other, emails=(f"{local}@old.example",))
    if make.chance.random() < 0.4:
        other = replace(other, phones=(make.phone(make.origin())[0],))  # of the other firm
    return one, other


def phone_formats(make: Maker, kind: dict[str, Any]) -> tuple[Person, Person]:
    origin = make.origin()
    international, national = make.phone(origin)
    given, family = make.chance.choice(origin["given"]), make.chance.choice(origin["family"])
    one = replace(make.person(given, family), phones=(international,))
    code, _blank, rest = international.partition(" ")
    written = {
        "national": national,
        "international": international.replace(" ", ""),
        "00": international.replace("+", "00").replace(" ", "-"),
        "brackets": f"{code} (0) {rest}",
        "dots": international.replace(" ", "."),
        "extension": f"{international} ext. 7",
    }[make.chance.choice(kind["formats"])]
    names = [f"{given[0]}. {family}", f"{given} {family}", family, given]
    other = Person(given, family, shown=make.chance.choice(names), phones=(written,))
    if make.chance.random() < 0.4:
        other = replace(other, emails=(make.email(given, family, "elsewhere.example"),))
    return one, other


def typing_error(make: Maker, kind: dict[str, Any]) -> tuple[Person, Person]:
    one = make.living(make.person(full=True), make.origin())
    while max(len(one.given), len(one.family)) < 5:
        one = make.living(make.person(full=True), make.origin())
    mistaken = "given" if len(one.given) > len(one.family) else "family"
    name = mistyped(make, getattr(one, mistaken), make.chance.choice(kind["errors"]))
    other = replace(make.again(one, "pmfc"), **{mistaken: name})  # type: ignore[arg-type]
    return one, other


def mistyped(make: Maker, name: str, error: str) -> str:
    at = make.chance.randrange(1, len(name) - 1)
    if error == "missing":
        return name[:at] + name[at + 1 :]
    if error == "doubled":
        return name[:at] + name[at] + name[at:]
    if error == "other":
        return name[:at] + make.chance.choice([sign for sign in name if sign != name[at]]).lower() + name[at + 1 :]
    at = next((n for n in range(at, len(name) - 1) if name[n] != name[n + 1]), 1)
    return name[:at] + name[at + 1] + name[at] + name[at + 2 :]


# --- two who look alike -----------------------------------------------------------------------------------------------


def namesakes(make: Maker, kind: dict[str, Any]) -> tuple[Person, Person]:
    one = make.person(full=True)
    other = replace(make.person(one.given, one.family, full=True), firm=make.other_firm(one.firm), birthday="")
    local = one.emails[0].partition("@")[0] if make.chance.random() < 0.25 else f"{one.family[:1]}{next(make.numbers)}"
    domain = make.domain(other.firm)
    return one, replace(other, emails=(f"{''.join(folding.words(local))}@{domain}",))


def family(make: Maker, kind: dict[str, Any]) -> tuple[Person, Person]:
    origin = make.origin()
    given, other_given = make.chance.sample(origin["given"], 2)
    one = make.living(make.person(given, make.chance.choice(origin["family"]), full=True), origin)
    one = replace(one, firm="", emails=(make.email(given, one.family, "mail.example"),))
    other = replace(one, given=other_given, birthday="", emails=(make.email(other_given, one.family, "post.example"),))
    if make.chance.random() < 0.34:
        ours = (f"{''.join(folding.words(one.family))}{next(make.numbers)}@mail.example",)
        one, other = replace(one, emails=ours), replace(other, emails=ours)
    return one, other


def father_and_son(make: Maker, kind: dict[str, Any]) -> tuple[Person, Person]:
    one = make.living(make.person(full=True), make.origin())
    if make.chance.random() < 0.5:
        return replace(one, suffix="Sr.", emails=()), replace(one, suffix="Jr.", birthday="")
    dated = replace(one, birthday=make.birthday(until=1960))
    return dated, replace(one, birthday=make.birthday(since=1975), emails=(), firm="")


def info_address(make: Maker, kind: dict[str, Any]) -> tuple[Person, Person]:
    one, other = make.person(full=True), make.person()
    firm = f"{one.firm} {next(make.numbers)}"
    shared = {"firm": firm, "emails": (f"info@{make.domain(firm)}",), "phones": one.phones, "birthday": ""}
    return replace(one, **shared), replace(other, **shared)  # type: ignore[arg-type]


def twins(make: Maker, kind: dict[str, Any]) -> tuple[Person, Person]:
    one, other = family(make, kind)
    day = make.birthday()
    return replace(one, birthday=day), replace(other, birthday=day)


def countries(make: Maker, kind: dict[str, Any]) -> tuple[Person, Person]:
    first, second = make.chance.sample(list(KINDS["people"].values()), 2)
    given, name = make.chance.choice(first["given"]), make.chance.choice(first["family"])
    found = []
    for origin in (first, second):
        person = make.living(Person(given, name, phones=(make.phone(origin)[0],)), origin)
        found.append(replace(person, emails=(f"{''.join(folding.words(name))}{next(make.numbers)}@mail.example",)))
    return found[0], found[1]


def chance_alike(make: Maker, kind: dict[str, Any]) -> tuple[Person, Person]:
    if make.chance.random() < 0.5:
        one_given, other_given = make.chance.choice(kind["given"])
        one = make.person(one_given, full=True)
        return one, replace(make.person(other_given, one.family, full=True), firm=make.other_firm(one.firm))
    one_family, other_family = make.chance.choice(kind["family"])
    one = make.person("", one_family, full=True)
    return one, replace(make.person(one.given, other_family, full=True), firm=make.other_firm(one.firm))


Kind = Callable[[Maker, dict[str, Any]], tuple[Person, Person]]
PAIRS: dict[str, Kind] = {
    "transliteration": transliteration,
    "nickname": nickname,
    "swapped names": swapped_names,
    "old domain": old_domain,
    "phone formats": phone_formats,
    "typing error": typing_error,
}
LOOK_ALIKES: dict[str, Kind] = {
    "namesakes at other firms": namesakes,
    "a family at one number": family,
    "father and son": father_and_son,
    "a shared info address": info_address,
    "twins": twins,
    "namesakes of other countries": countries,
    "names alike by chance": chance_alike,
}


def planted(*, size: int, part: float = 1.0, seed: int = 1) -> Book:
    """``size`` contacts, among them the pairs and look-alikes of the table, or this part of them."""
    make, book, names = Maker(seed), Book(), set[str]()
    for kinds, makers, same in ((KINDS["pairs"], PAIRS, True), (KINDS["look_alikes"], LOOK_ALIKES, False)):
        for name, kind in kinds.items():
            for _n in range(round(kind["count"] * part)):
                one, other = makers[name](make, kind)
                while {key_of(one), key_of(other)} & names:
                    one, other = makers[name](make, kind)
                names |= {key_of(one), key_of(other)}
                book.plant(one, other, name, same=same)
    for person in _others(make, names):
        if len(book.people) >= size:
            return book
        book.people.append(person)
    raise AssertionError("there are not enough names")


def _others(make: Maker, names: set[str]) -> Iterator[Person]:
    for _n in range(10**6):
        person = make.person()
        if (key := key_of(person)) not in names:
            names.add(key)
            yield person


def key_of(person: Person) -> str:
    return folding.name_key(f"{person.given} {person.family}" if person.family else person.shown)
