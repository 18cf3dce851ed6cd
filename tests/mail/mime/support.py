"""Where the vectors and the corpora lie, and how long a message may take."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.vectors import items

ROOT = Path(__file__).parents[3]
CORPORA = ROOT.parent / "shared" / "corpora"
SECONDS = 2.0  # of processor time for one message: what keeps a hostile message from holding a server


def vectors(name: str) -> list[Any]:
    """The items of one file of tests/vectors as pytest parameters."""
    return [pytest.param(item, id=item["id"]) for item in items(name)]


@contextmanager
def bounded(seconds: float = SECONDS) -> Iterator[None]:
    start = time.thread_time()
    yield
    assert time.thread_time() - start < seconds
