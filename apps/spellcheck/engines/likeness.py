"""How near one word is to another, by the mistakes that people make: letters doubled or not, vowels taken for each
other, neighbours exchanged, marks forgotten."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

VOWELS = frozenset("aeiouyаеёиоуыэюяαεηιουω")
_ALIKE = {
    frozenset(pair)
    for pair in ("ck", "cs", "sz", "fv", "td", "pb", "gk", "gj", "kq", "ij", "iy", "mn", "vw", "дт", "бп", "зс")
}
_SOUNDS = {
    "ph": "f",
    "ck": "k",
    "qu": "k",
    "tz": "s",
    "dt": "t",
    "gh": "k",
    "rh": "r",
    "th": "t",
    "sch": "s",
    "sh": "s",
    "ch": "k",
    "x": "ks",
}
_SOUND = re.compile("|".join(sorted(_SOUNDS, key=len, reverse=True)))
_LETTERS = {
    "c": "k",
    "q": "k",
    "z": "s",
    "v": "f",
    "w": "f",
    "d": "t",
    "b": "p",
    "g": "k",
    "j": "k",
    "ß": "s",
    "h": "",
    "'": "",
    "-": "",
}
_LETTERS |= {"д": "т", "б": "п", "з": "с", "в": "ф", "г": "к", "ж": "ш", "ь": "", "ъ": ""} | dict.fromkeys(VOWELS, "")
_TABLE = str.maketrans(_LETTERS)
_DOUBLED = re.compile(r"(.)\1+")


@lru_cache(maxsize=4096)
def base(char: str) -> str:
    """The letter without its mark."""
    return unicodedata.normalize("NFD", char)[0]


def bare(word: str) -> str:
    if word.isascii():
        return word
    return "".join(char for char in unicodedata.normalize("NFD", word) if not unicodedata.combining(char))


def skeleton(word: str) -> str:
    """What is left when vowels, doubled letters and marks are of no matter: "definately" and "definitely" are alike."""
    return _DOUBLED.sub(r"\1", _SOUND.sub(lambda found: _SOUNDS[found[0]], bare(word)).translate(_TABLE))


def cost(wrong: str, right: str, most: float) -> float:
    """What has to be done to ``wrong``; beyond ``most`` nothing is counted. Both in small letters."""
    if abs(len(wrong) - len(right)) > most * 2:
        return most + 1
    before: list[float] = []
    row = [0.0]
    for index, char in enumerate(right):
        row.append(row[-1] + _single(right, index, char))
    for i, mine in enumerate(wrong):
        above, before = before, row
        row = [before[0] + _single(wrong, i, mine)]
        drop = _single(wrong, i, mine)
        for j, theirs in enumerate(right):
            instead = 0.0 if mine == theirs else _instead(mine, theirs, i)
            least = min(before[j] + instead, before[j + 1] + drop, row[j] + _single(right, j, theirs))
            if i and j and mine == right[j - 1] and wrong[i - 1] == theirs:
                least = min(least, above[j - 1] + 0.7)
            row.append(least)
        if min(row) > most:
            return most + 1
    return row[-1]


def _single(word: str, index: int, char: str) -> float:
    """A letter too many, or missing."""
    if char in "'-":
        return 0.4
    if index and word[index - 1] == char:
        return 0.5
    return 0.8 if char in VOWELS or char == "h" else 1.0


def _instead(mine: str, theirs: str, index: int) -> float:
    """One letter for another."""
    if base(mine) == base(theirs):
        return 0.4
    if (mine in VOWELS and theirs in VOWELS) or frozenset((mine, theirs)) in _ALIKE:
        return 0.7
    return 1.3 if index == 0 else 1.0
