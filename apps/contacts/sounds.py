"""How names sound, so that spellings of one name meet: Жанар, Zhanar, Schanar and Janar; محمد, Muhammad and Mohamed.

A word becomes its consonants, in classes that languages spell in their own ways (sch, sh and zh; w and v; c, k and q),
and its vowels. Arabic and Hebrew leave most vowels out: where one of two words is written in such a script, the
consonants decide alone. A word may have more than one reading: "j" is a consonant in "Janar" and a vowel in "Aleksej".
"""

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import dataclass
from typing import NamedTuple

from apps.contacts import folding

LEAST = 3  # consonants of a word without vowels that tell it from others
_ARTICLES = frozenset({"al", "el", "ul", "ur", "ud", "as", "ar", "bin", "ibn", "bint", "ben", "abu", "l"})
LATIN, CHINESE = "LATIN", "CJK"
ABJADS = frozenset({"ARABIC", "HEBREW", "SYRIAC"})
#: In this order. Capital letters are classes and vowels; small ones are still letters.
_RULES = (
    (r"^abd(?:[aeu][lrsn](?=[a-z]))?", "abd"),
    (r"^(?:ye|je|ie)(?=[a-z])", "e"),
    (r"^(?:iu|yu|ju)", "u"),
    (r"^(?:ia|ya)", "ya"),
    (r"tsch|tch|tsh|tsj|cz", "C"),
    (r"dsch|dzh|sch|sh|sz|zh|sj", "J"),
    (r"ch", "C"),
    (r"ph", "f"),
    (r"kh", "h"),
    (r"([gdt])h", r"\1"),
    (r"gu(?=[ei])", "g"),
    (r"(?:off|ow)$", "ov"),
    (r"(?:eff|ew|yev)$", "ev"),
    (r"ck|q", "k"),
    (r"c(?=[eiy])", "s"),
    (r"c", "k"),
    (r"x", "ks"),
    (r"tz|ts|z", "s"),
    (r"w", "v"),
)
_PATTERNS = tuple((re.compile(pattern), by) for pattern, by in _RULES)
_VOWELS = {"a": "A", "e": "A", "o": "U", "u": "U", "i": "I", "y": "I"}


@dataclass(frozen=True, slots=True)
class Reading:
    consonants: str
    vowels: str  # the class of the first vowel of each run
    end: str  # the class of the last letter, where it is a vowel
    written: bool = True  # whether its script writes vowels


class Word(NamedTuple):
    text: str  # folded
    script: str = LATIN
    plain: str = ""  # in its own letters, small ones


def words(text: str) -> list[Word]:
    """Signs of Chinese stay one word each, so that a family name of one sign can stand before or behind the others; an
    initial is one letter, whatever it folds to."""
    found = []
    for part in re.split(r"[\s,;.·]+", spread(text)):
        script = script_of(part)
        folded = folding.words(part)
        if len(part) == 1 and script != CHINESE:
            folded = [word[:1] for word in folded]
        found += [Word(word, script, part.casefold() if len(folded) == 1 else word) for word in folded]
    return found


@functools.lru_cache(maxsize=2000)
def script_of(word: str) -> str:
    """LATIN, CYRILLIC, ARABIC, CJK ...: the first word of the name of its first letter."""
    if word.isascii():
        return LATIN
    letter = next((sign for sign in word if sign.isalpha()), "a")
    return unicodedata.name(letter, LATIN).partition(" ")[0]


def spread(text: str) -> str:
    """With a blank between the signs of Chinese."""
    return re.sub(r"(?<=[\u4e00-\u9fff])(?=[\u4e00-\u9fff])", " ", text)


@functools.lru_cache(maxsize=50_000)
def readings(word: str, script: str = LATIN) -> frozenset[Reading]:
    """Of a folded word."""
    if script in ABJADS:
        return _unvowelled(word)
    word = word.replace("dj", "zh")
    kinds = [word.replace("j", "y"), word.replace("j", "J")] if "j" in word else [word]
    return frozenset(_reading(_ruled(each)) for each in kinds)


def _ruled(word: str) -> str:
    for pattern, by in _PATTERNS:
        word = pattern.sub(by, word)
    return word


def _reading(word: str, *, written: bool = True) -> Reading:
    consonants: list[str] = []
    vowels: list[str] = []
    run = False
    for sign in word:
        kind = _VOWELS.get(sign)
        if kind is None:
            if run or not written or not consonants or consonants[-1] != sign:
                consonants.append(sign)
            run = False
        else:
            if not run:
                vowels.append(kind)
            run = True
    text = "".join(consonants)
    return Reading(text, "".join(vowels), _VOWELS.get(word[-1:], ""), written)


def _unvowelled(word: str) -> frozenset[Reading]:
    """ "w" and "y" may be vowels; an ending "h" mostly is one; what begins with the article is read without it too."""
    found = set()
    starts = {word, word[1:]} if word.startswith("l") and len(word) > LEAST else {word}
    for each in starts:
        head, tail = each[:1], each[1:]
        for rest in (tail, re.sub("[wy]", "a", tail)):
            for end in (rest, rest.removesuffix("h")):
                found.add(_reading(_ruled((head + end).replace("j", "J")), written=False))
    return frozenset(found)


def alike(one: Word, other: Word) -> bool:
    """Whether two words are spellings of one. Within another script than the Latin one,
    and in Chinese signs, names that are written differently are different."""
    if one.text == other.text:
        return True
    if one.script == other.script != LATIN or has_digits(one.text) or has_digits(other.text):
        return False
    return any(_same(a, b) for a in readings(one.text, one.script) for b in readings(other.text, other.script))


def _same(one: Reading, other: Reading) -> bool:
    if one.consonants != other.consonants or not one.consonants:
        return False
    if len(one.consonants) == 1 and not (one.vowels and other.vowels):
        return False
    if not (one.written and other.written):
        return True
    if one.end != other.end and {one.end, other.end} != {"", "I"}:
        return False
    if one.vowels == other.vowels:
        return True
    return len(one.consonants) > LEAST and _near(one.vowels, other.vowels)


def _near(one: str, other: str) -> bool:
    """One vowel more or less, or of another class."""
    if len(one) == len(other):
        return sum(a != b for a, b in zip(one, other, strict=True)) <= 1
    longer, shorter = (one, other) if len(one) > len(other) else (other, one)
    return len(longer) == len(shorter) + 1 and any(
        longer[:at] + longer[at + 1 :] == shorter for at in range(len(longer))
    )


def skeletons(text: str, *, most: int = 4) -> list[str]:
    """Of a whole name, whatever the order of its words: spellings of one name have one in common."""
    found = [""]
    for word, script, _plain in sorted(words(text))[:6]:
        if word in _ARTICLES:
            continue
        every = sorted({reading.consonants for reading in readings(word, script)} - {""})
        found = [f"{before} {one}" for before in found for one in every[:most]][: 4 * most] if every else found
    return list(dict.fromkeys(" ".join(sorted(each.split())) for each in found if len(each.replace(" ", "")) > LEAST))


def has_digits(text: str) -> bool:
    """A number is another one if it differs at all."""
    return not text.isalpha()


def weight(word: Word) -> int:
    """How many consonants it has at least."""
    return min(len(reading.consonants) for reading in readings(word.text, word.script))


def is_article(word: str) -> bool:
    return word in _ARTICLES


def hidden_vowels(text: str) -> list[str]:
    """Consonants of the words whose script writes no vowels, for the search by others' spelling."""
    found = [
        reading.consonants
        for word, script, _plain in words(text)
        if script in ABJADS
        for reading in readings(word, script)
        if len(reading.consonants) >= LEAST
    ]
    return list(dict.fromkeys(sorted(found)))


def asked(word: str) -> list[str]:
    """Consonants by which a folded word is looked for among ``hidden_vowels``; none where they are too few to tell."""
    found = {reading.consonants for reading in readings(word) if len(reading.consonants) >= LEAST and reading.vowels}
    return sorted(found)


def stands_in(text: str, word: str) -> bool:
    """Whether a folded word stands in a text that quick searches look through."""
    return word in text or any(f"~{consonants} " in text for consonants in asked(word)[:2])
