"""Which names one person is called by: "Bill" and "William", "Саша" and "Alexander". The table is ``nicknames.txt``."""

from __future__ import annotations

import functools
from collections import defaultdict
from pathlib import Path

from apps.contacts import folding

TABLE = Path(__file__).with_name("nicknames.txt")
_NONE: frozenset[int] = frozenset()


@functools.cache
def _lines() -> dict[str, frozenset[int]]:
    """Numbers of the lines in which a folded name stands."""
    found: dict[str, set[int]] = defaultdict(set)
    for number, line in enumerate(TABLE.read_text("utf-8").splitlines()):
        if not line.startswith("#"):
            for name in line.split():
                found["".join(folding.words(name))].add(number)
    return {name: frozenset(numbers) for name, numbers in found.items()}


def lines(word: str) -> frozenset[int]:
    """Of a folded word; none where the table does not know it."""
    return _lines().get(word, _NONE)


def related(one: str, other: str) -> bool:
    return not lines(one).isdisjoint(lines(other))


def known(word: str) -> bool:
    return word in _lines()
