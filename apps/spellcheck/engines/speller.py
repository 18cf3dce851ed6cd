"""All dictionaries of this machine, and a whole text checked in one go."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from apps.spellcheck.engines import hunspell, language, words
from apps.spellcheck.engines.dictionary import Dictionary, Suggested, is_right
from apps.spellcheck.engines.wordlist import LANGUAGES, WordList
from apps.spellcheck.engines.words import Word

MOST_CACHED = 5000  # words whose suggestions are kept
MOST_LOOKED_UP = 50_000  # words of which is kept whether they are right: a text is checked again with each pause
MOST_MARKS = 1000  # wrong words of one text
ENOUGH, FOREIGN = 5, 0.6  # a paragraph of so many words, and more than this part of them unknown: another language


@dataclass(frozen=True, slots=True)
class Wrong:
    word: Word
    language: str


class Speller:
    """One for the process. Dictionaries are read when they are needed first, and kept."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._read: dict[str, Dictionary] = {}
        self._lists: dict[str, WordList] = {}
        self._looked_up: dict[tuple[str, str], bool] = {}
        self._suggested: OrderedDict[tuple[str, str], Suggested] = OrderedDict()

    def languages(self) -> list[str]:
        return sorted({*LANGUAGES, *hunspell.dictionaries()})

    def knows(self, language: str, word: str) -> bool:
        """``word`` as ``words.plain`` gives it."""
        key = (language, word)
        right = self._looked_up.get(key)
        if right is None:
            right = is_right(word, self.dictionary(language).knows)
            if len(self._looked_up) >= MOST_LOOKED_UP:
                self._looked_up = {}
            self._looked_up[key] = right
        return right

    def check(
        self,
        text: str,
        languages: Sequence[str],
        *,
        known: Callable[[Collection[str]], Collection[str]],
        capitals: bool = False,
        certain: bool = False,
    ) -> list[Wrong]:
        """The wrong words of ``text``, whose language is found paragraph by paragraph. ``known`` says which of some
        words are right although no dictionary has them; it is asked once. ``certain``: somebody has said that these are
        the languages of the text; else a paragraph in none of them is left alone."""
        there = [each for each in languages if each in self.languages()]
        if not there:
            return []
        found: list[Wrong] = []
        for paragraph in words.paragraphs(text, capitals=capitals):
            found += self._of_paragraph(paragraph.words, there, certain=certain)
            if len(found) > 2 * MOST_MARKS:
                break
        right = known({words.plain(each.word.text) for each in found}) if found else ()
        return [each for each in found if words.plain(each.word.text) not in right][:MOST_MARKS]

    def _of_paragraph(self, found: Sequence[Word], languages: Sequence[str], *, certain: bool) -> Iterable[Wrong]:
        plain = [words.plain(word.text) for word in found]
        chosen, sure = language.detect(plain, languages, self.knows)
        asked = [chosen] if sure else list(languages)
        verdicts = {word: any(self.knows(each, word) for each in asked) for word in set(plain)}
        if not certain and len(plain) >= ENOUGH and sum(not verdicts[word] for word in plain) > FOREIGN * len(plain):
            return []
        return [
            wrong
            for word, looked_up in zip(found, plain, strict=True)
            if not verdicts[looked_up]
            for wrong in self._narrowed(Wrong(word, chosen), asked)
        ]

    def _narrowed(self, wrong: Wrong, languages: Sequence[str]) -> Iterable[Wrong]:
        """Of what hyphens join, the parts that are wrong."""
        pieces = words.parts(wrong.word.text)
        if len(pieces) == 1:
            return [wrong]
        offset, found = wrong.word.offset, []
        for piece in pieces:
            plain = words.plain(piece)
            if len(piece) > 1 and not piece.isupper() and not any(self.knows(each, plain) for each in languages):
                found.append(replace(wrong, word=Word(offset, piece)))
            offset += len(piece) + 1
        return found

    def suggest(self, language: str, word: str, *, budget: float) -> Suggested:
        """What may have been meant, in the case of ``word``; kept for the next time."""
        word = words.plain(word)
        if language not in self.languages() or not 1 < len(word) <= words.LONGEST:
            return Suggested()
        key = (language, word)
        with self._lock:
            if key in self._suggested:
                self._suggested.move_to_end(key)
                return self._suggested[key]
        found = self.dictionary(language).suggest(word, time.monotonic() + budget)
        cased = dict.fromkeys(_in_case_of(word, each) for each in found.words)
        answer = replace(found, words=tuple(each for each in cased if each != word))
        if answer.whole:
            with self._lock:
                self._suggested[key] = answer
                while len(self._suggested) > MOST_CACHED:
                    self._suggested.popitem(last=False)
        return answer

    def dictionary(self, language: str) -> Dictionary:
        found = self._read.get(language)
        if found is None:
            with self._lock:
                found = self._read.get(language) or self._open(language)
                self._read[language] = found
        return found

    def _open(self, language: str) -> Dictionary:
        path = hunspell.dictionaries().get(language)
        base = language.partition("-")[0]
        if path is None:
            return self._list(base)
        return hunspell.Hunspell(language, path, (lambda: self._list(base)) if base in LANGUAGES else None)

    def _list(self, language: str) -> WordList:
        with self._lock:
            if language not in self._lists:
                self._lists[language] = WordList(language)
            return self._lists[language]


def _in_case_of(word: str, suggestion: str) -> str:
    if len(word) > 1 and word.isupper():
        return suggestion.upper()
    if word[:1].isupper():
        return suggestion[:1].upper() + suggestion[1:]
    return suggestion
