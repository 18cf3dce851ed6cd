"""Spelling, for apps on whose pages people write: the first registered checker does it, and none may be there.

A checker that fails is left out and named in the log; nothing that is written is lost by that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.http import HttpRequest

from portal import fanout
from portal.contracts import Misspelling, SpellChecker, WritingPart
from portal.registry import get_registry

T = TypeVar("T")
BUDGET = 2.0  # seconds; it is our own processor that works, so nothing runs beside it


def beside(request: HttpRequest) -> WritingPart | None:
    """What stands beside a text that is written."""
    return _asked(lambda checker: checker.beside(request))


def before_sending(request: HttpRequest, text: str) -> list[Misspelling]:
    """The wrong words, where the person wants to hear of them before a message goes."""
    found = _asked(lambda checker: checker.check(request, text) if checker.asks_before_sending(request) else ())
    return sorted(found or (), key=lambda each: each.offset)


def review(request: HttpRequest, text: str) -> WritingPart | None:
    """The wrong words with what may have been meant, for a page without scripts; None where all is right."""
    return _asked(lambda checker: checker.review(request, text))


def corrected(request: HttpRequest, text: str) -> str:
    """The text with what was chosen in the ``review``."""
    found = _asked(lambda checker: checker.corrected(request, text))
    return text if found is None else found


def _asked(what: Callable[[SpellChecker], T]) -> T | None:
    for key, checker in get_registry().spell_checkers.items():
        for answer in fanout.in_turn({key: _call(what, checker)}, budget=BUDGET, what="spelling"):
            return answer.value
    return None


def _call(what: Callable[[SpellChecker], T], checker: SpellChecker) -> Callable[[], T]:
    return lambda: what(checker)
