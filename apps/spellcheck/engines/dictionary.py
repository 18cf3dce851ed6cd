"""What a language's dictionary has to be able to do, and how words are looked up in one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from apps.spellcheck.engines import words


@dataclass(frozen=True, slots=True)
class Suggested:
    words: tuple[str, ...] = ()  # the likeliest first
    whole: bool = True  # False: there was no time for more, and asking again may bring it


class Dictionary(Protocol):
    """May be asked by several threads at once."""

    @property
    def language(self) -> str: ...

    def knows(self, word: str) -> bool:
        """Whether it is spelt right, capitals included where the dictionary knows of them."""
        ...

    def suggest(self, word: str, deadline: float) -> Suggested:
        """What may have been meant. ``deadline`` (``time.monotonic``): nothing is begun after it."""
        ...


def is_right(word: str, knows: Callable[[str], bool]) -> bool:
    """``word`` as ``words.plain`` gives it. What hyphens join may stand in the dictionary part by part."""
    if knows(word) or _is_possessive(word, knows):
        return True
    pieces = words.parts(word)
    return len(pieces) > 1 and all(
        len(piece) < 2 or piece.isupper() or knows(piece) or _is_possessive(piece, knows) for piece in pieces
    )


def _is_possessive(word: str, knows: Callable[[str], bool]) -> bool:
    """The 's of English, and the apostrophe before what a language writes together: l'eau, d'accord."""
    before, sign, behind = word.partition("'")
    if not sign or not before or "'" in behind:
        return False
    if behind in ("", "s", "S"):
        return knows(before)
    return len(before) <= 6 and knows(behind) and (len(before) <= 2 or knows(before + sign) or knows(before))
