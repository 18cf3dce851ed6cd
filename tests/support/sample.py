"""Which test files a part of the suite runs: all, or those that the commit has drawn (``scripts.suite``)."""

from __future__ import annotations

import os
import zlib

from scripts.suite import SAMPLE


def holds(path: str, drawn: str | None = None) -> bool:
    """``drawn``: "SEED N", one file of N; None: what the part says."""
    seed, _space, of = (os.environ.get(SAMPLE, "") if drawn is None else drawn).partition(" ")
    return not of or zlib.crc32(f"{seed} {path}".encode()) % int(of) == 0
