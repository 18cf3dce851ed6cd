"""What is to be asked before a message is sent: all of it at once, and each thing once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Question:
    key: str  # another one for whatever has to be asked anew
    lines: tuple[str, ...]  # in words

    @property
    def digest(self) -> str:
        """As the form carries it."""
        return hashlib.sha256(self.key.encode()).hexdigest()[:16]


def still_open(questions: Iterable[Question | None], asked: str) -> list[Question]:
    """Those of which the form does not say that they were asked."""
    known = set(asked.split())
    return [each for each in questions if each is not None and each.digest not in known]
