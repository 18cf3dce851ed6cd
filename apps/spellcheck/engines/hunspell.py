"""Hunspell's dictionaries, through chunspell where that is installed (``requirements-hunspell.txt``).

Debian's dictionaries are found by themselves. Words are looked up here, which takes microseconds. What was meant is
searched in a process of its own (``child``): Hunspell takes up to a second for a long word, and would hold all threads
of this process meanwhile.
"""

from __future__ import annotations

import importlib.util
import re
import time
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from apps.spellcheck.engines import likeness
from apps.spellcheck.engines.dictionary import Suggested
from apps.spellcheck.engines.helper import Helper
from apps.spellcheck.engines.wordlist import MOST, WordList

FOLDERS = (Path("/usr/share/hunspell"), Path("/usr/share/myspell/dicts"))
_NAME = re.compile(r"([a-z]{2,3})(?:[_-]([A-Z]{2}))?")
#: What somebody means who says the language alone, where its own country does not tell: English is not of "EN".
_FIRST = {
    "en": "US",
    "ar": "EG",
    "da": "DK",
    "sv": "SE",
    "nb": "NO",
    "nn": "NO",
    "cs": "CZ",
    "uk": "UA",
    "el": "GR",
    "he": "IL",
    "sl": "SI",
    "et": "EE",
    "fa": "IR",
    "hi": "IN",
    "ko": "KR",
    "vi": "VN",
    "kk": "KZ",
}
_helper = Helper()


def is_installed() -> bool:
    return importlib.util.find_spec("hunspell") is not None


def found(folders: Iterable[Path] = FOLDERS) -> dict[str, Path]:
    """The dictionaries by language ("de", "en-gb"): without their suffix. Each language once by its name alone; of
    other countries those that are not the same file."""
    files: dict[tuple[str, str], Path] = {}
    for folder in folders:
        for path in sorted(folder.glob("*.dic")) if folder.is_dir() else ():
            name = _NAME.fullmatch(path.stem)
            if name and path.with_suffix(".aff").exists():
                files.setdefault((name[1], name[2] or ""), path.with_suffix(""))
    chosen: dict[str, Path] = {}
    for language in sorted({language for language, _country in files}):
        own = {country: path for (each, country), path in files.items() if each == language}
        first = next(c for c in (_FIRST.get(language, ""), language.upper(), "", min(own)) if c in own)
        chosen[language] = own.pop(first)
        same = {_real(chosen[language])}
        for country, path in sorted(own.items()):
            if country and _real(path) not in same:
                same.add(_real(path))
                chosen[f"{language}-{country.lower()}"] = path
    return chosen


def _real(path: Path) -> Path:
    return path.with_suffix(".dic").resolve()


class Hunspell:
    def __init__(self, language: str, path: Path, words: Callable[[], WordList] | None = None) -> None:
        """``words``: tells which of several words is written most. It is read when that is asked first."""
        from hunspell import Hunspell as Dictionary

        self.language = language
        self._path, self._list = path, words
        self._dictionary = Dictionary(path.name, hunspell_data_dir=str(path.parent))

    def knows(self, word: str) -> bool:
        return bool(self._dictionary.spell(word))

    def suggest(self, word: str, deadline: float) -> Suggested:
        """Ours are at hand; Hunspell's own, if they come in time."""
        ticket = _helper.ask(self._path, word)
        ours = self._of_words(word, deadline)
        theirs = [each for each in ticket.wait(deadline - time.monotonic()) if not each.startswith("-")]
        return Suggested(tuple(self._ranked(word, ours, theirs)), whole=ticket.answered)

    @property
    def _words(self) -> WordList | None:
        return self._list() if self._list is not None else None

    def _of_words(self, word: str, deadline: float) -> list[str]:
        if (known := self._words) is None:
            return []
        found = (self._as_written(each) for each, _score in known.candidates(word, deadline)[: 3 * MOST])
        return [each for each in found if each]

    def _as_written(self, small: str) -> str:
        """With the capital that it needs; "" for what this dictionary does not know."""
        pieces = small.split(" ")
        return " ".join(known) if all(known := [self._piece(each) for each in pieces]) else ""

    def _piece(self, small: str) -> str:
        return next((each for each in (small, small[:1].upper() + small[1:]) if self.knows(each)), "")

    def _ranked(self, word: str, ours: list[str], theirs: list[str]) -> list[str]:
        together = dict.fromkeys([*ours, *theirs])
        if (known := self._words) is None:
            costs = {each: likeness.cost(word.lower(), each.lower(), 3.0) for each in together}
            return sorted(together, key=lambda each: (costs[each] > 1.0, costs[each] if costs[each] > 3.0 else 0))[
                :MOST
            ]
        places = {each: place for place, each in enumerate(theirs)}
        score = {each: known.score(word, each) - 0.5 * min(places.get(each, 6), 6) for each in together}
        return sorted(together, key=lambda each: -score[each])[:MOST]


@cache
def dictionaries() -> dict[str, Path]:
    return found() if is_installed() else {}
