"""The dictionaries of pyspellchecker: words in small letters, each with how often it is written.

What is searched for a wrong word is bounded, unlike in pyspellchecker itself, whose search for two edits takes ten
seconds for a word of forty letters: all that is one edit away, all that sounds alike, and what is two edits away of
short words alone.
"""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

import spellchecker

from apps.spellcheck.engines import likeness
from apps.spellcheck.engines.dictionary import Suggested
from apps.spellcheck.engines.words import LONGEST

#: Russian and Farsi are there as well, with so few words that half of a text would be marked.
LANGUAGES = ("ar", "de", "en", "es", "eu", "fr", "it", "lv", "nl", "pt")
COMPOUNDS = {
    "de": ("", "s", "n", "en", "es"),
    "nl": ("", "s", "en"),
}  # languages that write words together, and with what between
ONE_LETTER = {"en": "ai", "fr": "aày", "es": "aeouy", "it": "aeio", "pt": "aàeéo"}  # words of one letter
OFTEN = 100  # times that a word is written, to be one of two with the blank forgotten
LEAST_PART = 4  # letters of a part of such a word
TWO_EDITS = 7  # letters of a word for which two edits are tried
MOST_ALIKE = 200  # words of one sound that are compared
MOST = 8  # suggestions
MOST_COST = 3.0
WEIGHT = 5.0  # what an edit costs: a word that far away has to be written e^5 times as often
MOST_INDEXED = 150_000  # of the words, the most frequent ones, are found by their sound
RARE = 0.001  # a letter in fewer of the words is not tried


class WordList:
    def __init__(self, language: str) -> None:
        self.language = language
        checker = spellchecker.SpellChecker(language=language, distance=1)
        self._frequencies: Mapping[str, int] = checker.word_frequency.dictionary
        self._lock = threading.Lock()
        self._sounds: dict[str, list[str]] | None = None

    def knows(self, word: str) -> bool:
        small = word.lower()
        return small in self._frequencies or (self.language in COMPOUNDS and self._is_compound(small))

    def frequency(self, word: str) -> int:
        return self._frequencies.get(word.lower(), 0)

    def suggest(self, word: str, deadline: float) -> Suggested:
        found = self.candidates(word, deadline)[:MOST]
        return Suggested(tuple(each for each, _score in found), whole=time.monotonic() <= deadline)

    def candidates(self, word: str, deadline: float) -> list[tuple[str, float]]:
        """In small letters, each with how likely it is, the likeliest first."""
        small = word.lower()
        if len(small) > LONGEST:
            return []
        scores: dict[str, float] = {}
        self._score(small, self._known(self._edits(small)), scores)
        self._score(small, self._alike(small), scores)
        if len(small) <= TWO_EDITS and all(likeness.cost(small, each, 1.0) > 1.0 for each in scores):
            self._score(small, self._two_edits(small, deadline), scores)
        self._score_pairs(small, scores)
        return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))

    def score(self, wrong: str, right: str) -> float:
        """How likely ``right`` was meant, for words of any dictionary."""
        small = right.lower()
        common = math.log(self._frequencies.get(small, 0) + 2)
        return common - WEIGHT * likeness.cost(wrong.lower(), small, MOST_COST)

    def _score(self, small: str, found: Iterable[str], scores: dict[str, float]) -> None:
        for each in found:
            if each not in scores and likeness.cost(small, each, MOST_COST) <= MOST_COST:
                scores[each] = self.score(small, each)

    def _score_pairs(self, small: str, scores: dict[str, float]) -> None:
        """Two words that are written often, with the blank forgotten."""
        for cut in range(1, len(small)):
            one, other = small[:cut], small[cut:]
            least = min(self._frequencies.get(one, 0), self._frequencies.get(other, 0))
            if least >= OFTEN and (len(one) > 1 or one in ONE_LETTER.get(self.language, ())) and len(other) > 1:
                scores[f"{one} {other}"] = math.log(least) - WEIGHT * 1.2

    def _known(self, words: Iterable[str]) -> set[str]:
        return {word for word in words if word in self._frequencies}

    def _edits(self, word: str) -> Iterator[str]:
        """All that is one edit away."""
        letters = self._letters
        for cut in range(len(word) + 1):
            left, right = word[:cut], word[cut:]
            if right:
                yield left + right[1:]
                for char in letters:
                    yield left + char + right[1:]
            if len(right) > 1:
                yield left + right[1] + right[0] + right[2:]
            for char in letters:
                yield left + char + right

    def _two_edits(self, word: str, deadline: float) -> set[str]:
        found: set[str] = set()
        for once in set(self._edits(word)):
            if time.monotonic() > deadline:
                break
            found |= self._known(self._edits(once))
        return found

    def _alike(self, word: str) -> list[str]:
        return self._by_sound.get(likeness.skeleton(word), [])

    @cached_property
    def _letters(self) -> str:
        """Those in which words are written: what stands in one of a thousand only is not tried."""
        counts: dict[str, int] = defaultdict(int)
        for word in self._frequencies:
            for char in set(word):
                counts[char] += 1
        least = RARE * len(self._frequencies)
        return "".join(sorted(char for char, count in counts.items() if count >= least))

    @property
    def _by_sound(self) -> Mapping[str, list[str]]:
        """Made once, by whoever needs it first; it takes a moment."""
        with self._lock:
            if self._sounds is None:
                self._sounds = self._indexed()
            return self._sounds

    def _indexed(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        frequent = sorted(self._frequencies, key=lambda word: -self._frequencies[word])
        for word in frequent[:MOST_INDEXED]:
            sound = likeness.skeleton(word)
            if len(sound) > 1 and len(found[sound]) < MOST_ALIKE:
                found[sound].append(word)
        return dict(found)

    def _is_compound(self, small: str) -> bool:
        """Two words written as one, where the language does so."""
        for cut in range(LEAST_PART, len(small) - LEAST_PART + 1):
            head, tail = small[:cut], small[cut:]
            if tail in self._frequencies and any(
                head.endswith(link)
                and len(head) - len(link) >= LEAST_PART
                and head[: len(head) - len(link)] in self._frequencies
                for link in COMPOUNDS[self.language]
            ):
                return True
        return False
