"""Which contacts are worth comparing: those that have an address, a number, or something of a name in common.

Everybody is put on heaps by what they have; only those who meet on a heap are looked at. A heap with more than
``MOST_ALIKE`` is an office or a name that everybody has. So the work grows with the number of contacts, not its square.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from apps.contacts import folding, nicknames, sounds
from apps.contacts.models import Contact, Key
from apps.contacts.services.likeness import LEAST_LOCAL, LEAST_NAME, is_role

MOST_ALIKE = 20
MOST_PAIRS = 30_000  # that are compared
SIMILAR_UP_TO = 20_000  # contacts, beyond which names that differ by a letter are not looked for
_SHORT = 7  # digits by which numbers with and without their country's meet


class Heaps:
    """Ids by what they have in common, as numbers: with 100,000 contacts the texts themselves would fill the memory."""

    def __init__(self) -> None:
        self._first: dict[int, int] = {}
        self._more: dict[int, list[int]] = defaultdict(list)

    def put(self, key: object, pk: int) -> None:
        number = hash(key)
        first = self._first.setdefault(number, pk)
        if first != pk:
            self._more[number].append(pk)

    def pairs(self) -> Iterator[tuple[int, int]]:
        for number, more in self._more.items():
            ids = list(dict.fromkeys([self._first[number], *more]))
            if len(ids) <= MOST_ALIKE:
                yield from ((a, b) for at, a in enumerate(ids) for b in ids[at + 1 :])


def pairs(user_id: int) -> tuple[list[tuple[int, int]], frozenset[str]]:
    """(pairs of ids, the smaller one first; addresses and numbers that more than two have)."""
    mine = Key.objects.filter(owner_id=user_id, contact__deleted=None)
    found: dict[tuple[int, int], None] = {}
    crowded: set[str] = set()
    for kind in (Key.Kind.EMAIL, Key.Kind.PHONE):
        rows = mine.filter(kind=kind).values_list("key", "contact_id").iterator(chunk_size=5000)
        heaps, counts = Heaps(), defaultdict[int, int](int)
        for key, pk in rows:
            counts[hash(key)] += 1
            if counts[hash(key)] > 2:
                crowded.add(key)
            for each in _of_email(key) if kind == Key.Kind.EMAIL else (key[-_SHORT:],):
                heaps.put(each, pk)
        _take(found, heaps.pairs())
    people = Contact.objects.filter(owner_id=user_id, deleted=None)
    thorough = people.count() <= SIMILAR_UP_TO
    heaps = Heaps()
    for pk, name in people.values_list("pk", "name").iterator(chunk_size=5000):
        for each in of_name(name, thorough=thorough):
            heaps.put(each, pk)
    _take(found, heaps.pairs())
    return list(found), frozenset(crowded)


def _take(found: dict[tuple[int, int], None], more: Iterable[tuple[int, int]]) -> None:
    for a, b in more:
        if len(found) >= MOST_PAIRS:
            return
        found.setdefault((min(a, b), max(a, b)))


def _of_email(key: str) -> Iterator[tuple[str, str]]:
    yield "e", key
    local = key.partition("@")[0]
    if len(local) >= LEAST_LOCAL and not is_role(local):
        yield "l", local


def of_name(name: str, *, thorough: bool = True) -> Iterator[tuple[str, str]]:
    """What a name has in common with its other spellings."""
    words = folding.words(sounds.spread(name))
    yield "n", " ".join(sorted(words))
    for each in sounds.skeletons(name):
        yield "t", each
    letters = "".join(words)
    if len(letters) >= LEAST_NAME:
        yield "g", "".join(sorted(letters))  # in whatever order, and as one word
    yield from (("k", each) for each in _called(words))
    if thorough and len(letters) >= LEAST_NAME:
        plain = " ".join(words) if sounds.script_of(name) == sounds.LATIN else name.casefold()  # as it is typed
        yield "s", plain
        for at in range(len(plain)):
            yield "s", plain[:at] + plain[at + 1 :]


def _called(words: list[str]) -> Iterator[str]:
    """The sounds of all words but one, and the name behind the nickname that this one may be."""
    for at, word in enumerate(words[:4]):
        if nicknames.known(word):
            rest = " ".join(sorted(_sound(other) for n, other in enumerate(words) if n != at))
            if rest:
                yield from (f"{line} {rest}" for line in nicknames.lines(word))


def _sound(word: str) -> str:
    return min(reading.consonants for reading in sounds.readings(word)) or word
