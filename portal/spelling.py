"""Spelling: the first registered checker that knows the language answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from portal import fanout
from portal.contracts import Misspelling, SpellChecker
from portal.registry import get_registry

BUDGET = 2.0  # seconds


def languages() -> list[str]:
    """What can be checked, each language once, in the order of the checkers."""
    checkers = get_registry().spell_checkers
    answers = fanout.collect(
        {key: checker.languages for key, checker in checkers.items()}, budget=BUDGET, what="spelling languages"
    )
    return list(dict.fromkeys(code for answer in answers for code in answer.value or ()))


def check(*, text: str, language: str) -> list[Misspelling]:
    """The misspelt words of ``text``; none when no checker knows the language or answers in time."""
    for key, checker in get_registry().spell_checkers.items():
        (answer,) = fanout.collect({key: _checking(checker, text, language)}, budget=BUDGET, what="spelling")
        if answer.value is not None:
            return sorted(answer.value, key=lambda found: found.offset)
    return []


def _checking(checker: SpellChecker, text: str, language: str) -> Callable[[], Sequence[Misspelling] | None]:
    return lambda: checker.check(text, language) if language in checker.languages() else None
