"""Spelling as tests want it: the same on every machine, and at hand."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest


def _forget(speller: Any) -> None:
    speller._read.clear()
    speller._looked_up.clear()
    speller._suggested.clear()


@contextlib.contextmanager
def word_lists(**asked: str) -> Iterator[None]:
    """With pyspellchecker's word lists alone, whatever else is installed. ``asked``: words by their language, with
    blanks between, whose suggestions are at hand: a busy machine finds nothing within the budget of a request."""
    from apps.spellcheck.engines import hunspell
    from apps.spellcheck.services.languages import SPELLER

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hunspell, "dictionaries", dict)
        _forget(SPELLER)
        for language, words in asked.items():
            for word in words.split():
                assert SPELLER.suggest(language, word, budget=240).whole
        yield
    _forget(SPELLER)
