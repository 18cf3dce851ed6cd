"""What the C library keeps of memory that Python has freed.

A large message takes tens of megabytes for a moment. glibc holds back what lies between pieces still in use, and grows
what it holds back at the end with the largest piece it has seen, for each thread apart: a process of 110 MB stays at
200 MB and more. Where the C library has no such functions (musl, macOS) nothing is done.
"""

from __future__ import annotations

import ctypes
import sys
import threading
import time

# <malloc.h>, mallopt(3)
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
KEPT = 1024 * 1024  # octets: what is larger goes back to the system at once
ARENAS = 2
PAUSE = 5.0  # seconds between two times that all of it is looked through, which takes milliseconds


class Keeper:
    """Call ``limit`` once, before threads begin, and ``tidy_up`` when something has been done."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None) if sys.platform.startswith("linux") else None
        self._lock = threading.Lock()
        self._next = 0.0

    def limit(self) -> None:
        mallopt = getattr(self._library, "mallopt", None)
        if mallopt is not None:
            for name, value in {_TRIM_THRESHOLD: KEPT, _MMAP_THRESHOLD: KEPT, _ARENA_MAX: ARENAS}.items():
                mallopt(name, value)

    def tidy_up(self, **_of_signal: object) -> None:
        """Give back what is free, unless that was done a moment ago."""
        trim = getattr(self._library, "malloc_trim", None)
        if trim is None or time.monotonic() < self._next or not self._lock.acquire(blocking=False):
            return
        try:
            self._next = time.monotonic() + PAUSE
            trim(0)
        finally:
            self._lock.release()


keeper = Keeper()
