"""Whether two contacts are one person: what speaks for it and against it, in points that add up.

A point more makes it about twice as likely. What a name, an address or a number weighs was found by the measurement in
``tests/contacts/test_duplicate_measure.py``. Knows no database.
"""

from __future__ import annotations

import enum
import itertools
from collections.abc import Collection
from dataclasses import dataclass, field

from apps.contacts import folding, nicknames, sounds
from apps.contacts.card import CITY, COUNTRY, FAMILY, GIVEN, Card, emails
from apps.contacts.sounds import ABJADS, CHINESE, LATIN, Word

LEAST = 3.0  # points from which a pair is shown
LIKELY, SURE = 5.0, 9.0
LEAST_TYPED = 5  # letters of a word: shorter ones are alike by chance
LEAST_NAME = 7  # of all words
_TELLING = 6  # consonants of a name
LEAST_LOCAL = 4  # characters before the @ that tell somebody
_TITLES = frozenset({"dr", "prof", "mr", "mrs", "ms", "herr", "frau", "dipl", "ing", "mag", "phd", "md", "msc", "sir"})
_GENERATIONS = {"jr": "2", "junior": "2", "jun": "2", "sr": "1", "senior": "1", "sen": "1", "ii": "2", "iii": "3"}
#: What stands before the @ of addresses that are nobody's own.
_ROLES = frozenset(
    word
    for line in (
        "info office contact kontakt contacto contatto mail email post admin sales support hello team service welcome",
        "press presse reception family familie familia famille home booking jobs billing accounts orders secretary",
        "sekretariat webmaster postmaster noreply help shop verkauf buero",
    )
    for word in line.split()
)


class Reason(enum.StrEnum):
    """The strongest first."""

    EMAIL = "e"
    PHONE = "p"
    NAME = "n"
    SPELLING = "t"
    NICKNAME = "k"
    TYPED = "s"
    LOCAL = "l"
    BIRTHDAY = "b"
    INITIAL = "i"


class Bond(enum.IntEnum):
    """How two words are one name, the strongest first."""

    SAME = 0
    SPELT = 1
    NICKNAME = 2
    TYPED = 3
    INITIAL = 4
    NONE = 9


_POINTS = {Bond.SAME: 6.0, Bond.SPELT: 5.0, Bond.NICKNAME: 4.0, Bond.TYPED: 3.0, Bond.INITIAL: 2.0}
_REASONS = {
    Bond.SAME: Reason.NAME,
    Bond.SPELT: Reason.SPELLING,
    Bond.NICKNAME: Reason.NICKNAME,
    Bond.TYPED: Reason.TYPED,
    Bond.INITIAL: Reason.INITIAL,
}
_CLASH, _MARRIED, _STRANGERS = -8.0, -2.0, -5.0


@dataclass(frozen=True, slots=True)
class Traits:
    """Of one contact."""

    words: tuple[Word, ...]  # of the name
    given: frozenset[str] = frozenset()
    generation: str = ""
    emails: frozenset[str] = frozenset()
    phones: frozenset[str] = frozenset()
    orgs: frozenset[str] = frozenset()
    birthday: str = ""
    cities: frozenset[str] = frozenset()
    countries: frozenset[str] = frozenset()

    @property
    def full(self) -> bool:
        return sum(len(word.text) > 1 for word in self.words) > 1


@dataclass(frozen=True, slots=True)
class Verdict:
    points: float
    reasons: tuple[Reason, ...]  # the strongest first
    key: str = ""  # the address or number that both have


@dataclass(slots=True)
class _Sum:
    points: float = 0.0
    reasons: list[Reason] = field(default_factory=list)
    key: str = ""

    def add(self, points: float, reason: Reason | None = None) -> None:
        self.points += points
        if reason is not None and points > 0:
            self.reasons.append(reason)


def traits(card: Card) -> Traits:
    name, generation = [], ""
    for word in sounds.words(card.name):
        if word.script == LATIN and word.text in _GENERATIONS:
            generation = _GENERATIONS[word.text]
        elif not (word.script == LATIN and word.text in _TITLES) and not sounds.is_article(word.text):
            name.append(word)
    parts = card.first("N")
    split = () if parts is None or isinstance(parts.value, str) else parts.parts(5)
    places = [value.parts(7) for value in card.all("ADR")]
    return Traits(
        words=tuple(name[:6]),
        given=frozenset(folding.words(split[GIVEN])) if split and split[FAMILY] else frozenset(),
        generation=generation,
        emails=frozenset(folding.email_key(email) for email in emails(card)),
        phones=frozenset(filter(None, (folding.phone_key(value.text) for value in card.all("TEL")))),
        orgs=frozenset(filter(None, (folding.key(value.parts(1)[0]) for value in card.all("ORG")))),
        birthday=card.text("BDAY"),
        cities=frozenset(filter(None, (folding.key(each[CITY]) for each in places))),
        countries=frozenset(filter(None, (folding.key(each[COUNTRY]) for each in places))),
    )


def compare(one: Traits, other: Traits, crowded: Collection[str] = frozenset()) -> Verdict | None:
    """``crowded``: addresses and numbers of more than two contacts. None where too little speaks for it."""
    found = _Sum()
    clash = _names(found, one, other)
    _addresses(found, one, other, crowded, clash=clash)
    _numbers(found, one, other, crowded)
    _circumstances(found, one, other)
    if found.points < LEAST or not found.reasons:
        return None
    order = list(Reason)
    return Verdict(found.points, tuple(sorted(dict.fromkeys(found.reasons), key=order.index)), found.key)


# --- names ------------------------------------------------------------------------------------------------------------


def _names(found: _Sum, one: Traits, other: Traits) -> bool:
    """Whether they are names of two people of one family."""
    if _glued(one.words) & _glued(other.words):
        full = one.full or len(one.words) != len(other.words)
        found.add(_POINTS[Bond.SAME] if full else 4.0, Reason.NAME)
        return False
    bonds, left, right = matched(one.words, other.words)
    if bonds and not (left and right):
        _one_name(found, max(bonds), len(bonds), extra=len(left) + len(right), one=one, other=other)
        return False
    if left and right and any(bond <= Bond.SPELT for bond in bonds):
        married = any(word.text in one.given & other.given for word in one.words)
        found.add(_MARRIED if married else _CLASH)
        return not married
    if one.full and other.full:
        found.add(_STRANGERS)
    return False


def _one_name(found: _Sum, worst: Bond, count: int, *, extra: int, one: Traits, other: Traits) -> None:
    """All words of one stand in the other."""
    letters = min(sum(len(word.text) for word in each.words) for each in (one, other))
    reason = _REASONS[worst]
    if worst == Bond.SPELT and _typed(*(" ".join(word.text for word in each.words) for each in (one, other))):
        reason = Reason.TYPED
    points = _POINTS[worst]
    if worst == Bond.TYPED and letters < LEAST_NAME:
        points = 1.0
    if extra or (worst == Bond.SPELT and _few_consonants(one, other)):
        points = min(points, 3.0)
    if count == 1:
        points = min(points, 1.0)
    found.add(points, reason)


def _few_consonants(one: Traits, other: Traits) -> bool:
    """Where vowels are not written, few letters are the same by chance."""
    abjad = any(word.script in ABJADS for each in (one, other) for word in each.words)
    return abjad and min(sum(map(sounds.weight, each.words)) for each in (one, other)) < _TELLING


def matched(one: tuple[Word, ...], other: tuple[Word, ...]) -> tuple[list[Bond], list[str], list[str]]:
    """How the words of two names belong together, and the words of each that belong to none."""
    bonds: list[Bond] = []
    every = ((_bond(a, b), x, y) for (x, a), (y, b) in itertools.product(enumerate(one), enumerate(other)))
    taken: tuple[set[int], set[int]] = (set(), set())
    for bond, x, y in sorted(every):
        if bond != Bond.NONE and x not in taken[0] and y not in taken[1]:
            taken[0].add(x)
            taken[1].add(y)
            bonds.append(bond)
    rest = [[word.text for at, word in enumerate(each) if at not in taken[n]] for n, each in enumerate((one, other))]
    return bonds, rest[0], rest[1]


def _bond(one: Word, other: Word) -> Bond:
    if one.text == other.text and len(one.text) > 1:
        return Bond.SAME
    if len(one.text) == 1 or len(other.text) == 1:
        return Bond.INITIAL if one.text[0] == other.text[0] else Bond.NONE
    scripts = {one.script, other.script}
    if scripts == {CHINESE}:
        return Bond.NONE
    if sounds.alike(one, other):
        return Bond.SPELT
    if nicknames.related(one.text, other.text):
        return Bond.NICKNAME
    if CHINESE not in scripts and _mistyped(one, other):
        both = nicknames.known(one.text) and nicknames.known(other.text)  # two names, not one with a mistake
        return Bond.NONE if both else Bond.TYPED
    return Bond.NONE


def _mistyped(one: Word, other: Word) -> bool:
    """A mistake is made in the letters that are typed: "ц" is one, though it folds to two. An "a" more at the end makes
    a woman's name of a man's."""
    if one.text in {f"{other.text}a", other.text.removesuffix("a")}:
        return False
    if sounds.has_digits(one.text) or sounds.has_digits(other.text):
        return False
    pairs = [(one.text, other.text)] + ([(one.plain, other.plain)] if one.script == other.script else [])
    return any(min(len(a), len(b)) >= LEAST_TYPED and _typed(a, b) for a, b in pairs)


def _typed(one: str, other: str) -> bool:
    """Whether one letter is missing, too many or another one, or two have changed places."""
    if abs(len(one) - len(other)) > 1:
        return False
    start = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    a, b = one[start:], other[start:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or (a[2:] == b[2:] and a[:2] == b[1::-1])


def _glued(words: tuple[Word, ...]) -> set[str]:
    """As one word, in any order: 张伟 is "zhang wei", and Wei Zhang too."""
    plain = [word.text for word in words]
    return {"".join(each) for each in itertools.permutations(plain)} if len(plain) < 5 else {"".join(sorted(plain))}


# --- addresses and numbers --------------------------------------------------------------------------------------------


def is_role(local: str) -> bool:
    return local in _ROLES or local.isdigit()


def _addresses(found: _Sum, one: Traits, other: Traits, crowded: Collection[str], *, clash: bool) -> None:
    same = sorted(one.emails & other.emails)
    if same:
        local = same[0].partition("@")[0]
        own = not is_role(local) and same[0] not in crowded and (not clash or _called(local, one, other))
        found.add(6.0 if own else 1.0, Reason.EMAIL)
        found.key = same[0] if own else ""
    elif one.emails and other.emails:
        parts = [{email.partition("@")[0] for email in each.emails} for each in (one, other)]
        telling = [local for local in parts[0] & parts[1] if len(local) >= LEAST_LOCAL and not is_role(local)]
        if telling and not clash:
            found.add(3.0 if found.points >= LEAST else 1.5, Reason.LOCAL)
            found.key = sorted(telling)[0]
        elif any(_typed(a, b) for a in one.emails for b in other.emails) and not clash:
            found.add(2.0, Reason.LOCAL)
        else:
            found.add(-1.0)


def _called(local: str, one: Traits, other: Traits) -> bool:
    """Whether what stands before the @ has a name of one of them that is not the family's."""
    mine, theirs = ({word.text for word in each.words} for each in (one, other))
    own = {word for word in mine ^ theirs if len(word) > 2}
    return any(word in local for word in own)


def _numbers(found: _Sum, one: Traits, other: Traits, crowded: Collection[str]) -> None:
    pairs = [(a, b) for a in one.phones for b in other.phones if same_number(a, b)]
    if pairs:
        number = min(pairs, key=lambda pair: pair != (pair[0], pair[0]))[0]
        found.add(1.0 if any(n in crowded for pair in pairs for n in pair) else 4.0, Reason.PHONE)
        found.key = found.key or number
    elif one.phones and other.phones:
        found.add(-1.0)


def same_number(one: str, other: str) -> bool:
    """Of ``folding.phone_key``. Where numbers are short, the longer one still begins with a part of the country's."""
    shorter, longer = sorted((one, other), key=len)
    return longer == shorter or (7 <= len(shorter) < folding.PHONE_DIGITS == len(longer) and longer.endswith(shorter))


def _circumstances(found: _Sum, one: Traits, other: Traits) -> None:
    if one.generation != other.generation:
        found.add(-14.0 if one.generation and other.generation else -9.0)
    if one.birthday and other.birthday:
        yearless = one.birthday.startswith("--") or other.birthday.startswith("--")
        same = one.birthday[-5:] == other.birthday[-5:] if yearless else one.birthday == other.birthday
        found.add(4.0 if same else -10.0, Reason.BIRTHDAY)
    for mine, theirs, same_points, other_points in (
        (one.orgs, other.orgs, 1.5, -1.5),
        (one.cities, other.cities, 1.0, -0.5),
        (one.countries, other.countries, 0.0, -1.0),
    ):
        if mine and theirs:
            found.add(same_points if mine & theirs else other_points)
