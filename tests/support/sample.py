"""Which test files a part of the suite runs, and before which server: all, or as the commit draws (`scripts.suite`)."""

from __future__ import annotations

import os
import zlib

from scripts.suite import ONE_SERVER, SAMPLE


def holds(path: str, drawn: str | None = None) -> bool:
    """``drawn``: "SEED N", one file of N; None: what the part says."""
    seed, _space, of = (os.environ.get(SAMPLE, "") if drawn is None else drawn).partition(" ")
    return not of or zlib.crc32(f"{seed} {path}".encode()) % int(of) == 0


def runs_before(server: str, test: str, seed: str | None = None) -> bool:
    """Whether a test, named as it is before Dovecot, runs before this server as well, or instead."""
    seed = os.environ.get(ONE_SERVER, "") if seed is None else seed
    return not seed or zlib.crc32(f"{seed} {test}".encode()) % 2 == (server == "dovecot")
