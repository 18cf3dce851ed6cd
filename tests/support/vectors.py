"""The collections in tests/vectors, and what runs each line of those that are acted out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).parents[1] / "vectors"
Run = Callable[..., None]


def told(name: str) -> dict[str, Any]:
    """A whole file of tests/vectors."""
    found: dict[str, Any] = json.loads((VECTORS / f"{name}.json").read_text("utf-8"))
    return found


def items(name: str) -> list[dict[str, Any]]:
    """Its lines."""
    found: list[dict[str, Any]] = told(name)["items"]
    return found


@dataclass
class Collection:
    name: str
    runs: dict[str, Run] = field(default_factory=dict)

    @cached_property
    def items(self) -> list[dict[str, Any]]:
        return items(self.name)

    def line(self, number: int) -> Callable[[Run], Run]:
        """Runs that line."""

        def register(run: Run) -> Run:
            assert self.runs.setdefault(f"{self.name}-{number:03d}", run) is run, f"line {number} has two"
            return run

        return register

    def each(self, kind: str) -> Callable[[Run], Run]:
        """Runs all the lines of that class, and is told which by ``item``."""

        def register(run: Run) -> Run:
            self.runs |= {item["id"]: partial(run, item=item) for item in self.items if item["class"] == kind}
            return run

        return register
