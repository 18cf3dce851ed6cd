"""A text of somebody, checked by what they have chosen and by what its form says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.http import HttpRequest

from apps.spellcheck import prefs
from apps.spellcheck.engines import words
from apps.spellcheck.engines.dictionary import Suggested
from apps.spellcheck.services import dictionaries, languages
from apps.spellcheck.services.languages import SPELLER
from portal import fanout
from portal.contracts import Misspelling
from portal.prefs import Prefs

LANGUAGE, IGNORED = "spell_language", "spell_ignored"  # fields of the form
MOST_IGNORED = 20_000  # characters
BUDGET = 0.3  # seconds for what was meant, off the thread of the request
SEARCH = 0.25  # seconds of these for the search itself
MOST_AT_ONCE = 4  # searches of one language; a further one is told at once that there is nothing yet
REVIEWED = 40  # words of a page without scripts
REVIEW_BUDGET = 1.5


@dataclass(frozen=True, slots=True)
class Reviewed:
    word: str
    times: int
    suggestions: tuple[str, ...]


def prefs_of(request: HttpRequest) -> Prefs:
    found: Prefs = request.prefs  # type: ignore[attr-defined]  # the portal's middleware
    return found


def spoken(request: HttpRequest) -> list[str]:
    """The languages in which a text is looked at: the one that its form says, else all that the person writes."""
    chosen = prefs_of(request)[prefs.LANGUAGES]
    mine = languages.of(chosen)
    wanted = request.POST.get(LANGUAGE, "")
    return [wanted] if wanted in SPELLER.languages() else mine


def ignored(request: HttpRequest) -> frozenset[str]:
    return frozenset(words.plain(word) for word in request.POST.get(IGNORED, "")[:MOST_IGNORED].split())


def check(request: HttpRequest, text: str) -> list[Misspelling]:
    mine = ignored(request)

    def known(asked: Collection[str]) -> Collection[str]:
        return mine | dictionaries.known(request.user, asked - mine)  # type: ignore[operator, arg-type]

    capitals = prefs_of(request)[prefs.CAPITALS]
    asked = spoken(request)
    certain = asked == [request.POST.get(LANGUAGE)]
    found = SPELLER.check(text, asked, known=known, capitals=capitals, certain=certain)
    return [Misspelling(each.word.offset, each.word.text, each.language) for each in found]


def suggest(word: str, language: str) -> Suggested:
    """What may have been meant, within ``BUDGET``; a search that takes longer goes on, and is there the next time."""
    (answer,) = fanout.collect(
        {language: lambda: SPELLER.suggest(language, word, budget=SEARCH)},
        budget=BUDGET,
        what="suggestions",
        most=MOST_AT_ONCE,
    )
    return answer.value or Suggested(whole=False)


def reviewed(found: list[Misspelling]) -> list[Reviewed]:
    """Each wrong word once, with what may have been meant, in the order of the text."""
    times = Counter(each.word for each in found)
    first = {each.word: each for each in reversed(found)}
    chosen = [first[word] for word in dict.fromkeys(each.word for each in found)][:REVIEWED]
    answers: Mapping[str, Suggested] = {
        answer.id: answer.value or Suggested()
        for answer in fanout.collect(
            {each.word: lambda each=each: SPELLER.suggest(each.language, each.word, budget=SEARCH) for each in chosen},  # type: ignore[misc]
            budget=REVIEW_BUDGET,
            what="suggestions",
            most=1,
        )
    }
    return [Reviewed(each.word, times[each.word], answers[each.word].words) for each in chosen]


def replaced(text: str, instead: Mapping[str, str]) -> str:
    """``text`` with one word for another, wherever it is the writer's own."""
    for paragraph in reversed(list(words.paragraphs(text, capitals=True))):
        for word in reversed(paragraph.words):
            if word.text in instead:
                text = text[: word.offset] + instead[word.text] + text[word.end :]
            elif any(part in instead for part in words.parts(word.text)):
                parts = "-".join(instead.get(part, part) for part in words.parts(word.text))
                text = text[: word.offset] + parts + text[word.end :]
    return text


def in_utf16(text: str, found: list[Misspelling]) -> list[tuple[int, int, str]]:
    """Offset, length and language as scripts count: what is beyond the first plane has two units."""
    marks, place, extra = [], 0, 0
    for each in found:
        extra += sum(char > "\uffff" for char in text[place : each.offset])
        place = each.offset
        length = len(each.word) + sum(char > "\uffff" for char in each.word)
        marks.append((each.offset + extra, length, each.language))
    return marks
