"""Makes guessing slow: a few wrong answers are free, then each costs a wait that doubles.

Counted in the cache by what is guessed and by whom, under hashed keys: what people type never becomes a cache key.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass

from django.core.cache import cache

FREE = 5
LONGEST = 15 * 60


@dataclass(frozen=True, slots=True)
class Throttle:
    """Wrong answers of ``who`` (an address) about ``what`` (a login)."""

    what: str
    who: str

    def wait(self) -> int:
        """Seconds until the next try is heard; 0 when it is heard now."""
        until = cache.get(self._key("until"), 0)
        return max(0, int(until - time.time() + 0.999))

    def failed(self) -> None:
        cache.add(self._key("count"), 0, LONGEST * 2)
        try:
            count = cache.incr(self._key("count"))
        except ValueError:  # it expired in between
            return
        if count >= FREE:
            pause = min(LONGEST, 2 ** (count - FREE + 1))
            cache.set(self._key("until"), time.time() + pause, pause + 1)

    def passed(self) -> None:
        cache.delete_many([self._key("count"), self._key("until")])

    def _key(self, part: str) -> str:
        digest = hashlib.sha256(f"{self.what}\0{self.who}".encode()).hexdigest()
        return f"throttle.{part}.{digest}"
