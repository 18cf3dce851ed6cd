"""Makes guessing slow: a few wrong answers are free, then each costs a wait that doubles.

Counted in the cache by what is guessed and by whom, under hashed keys: what people type never becomes a cache key.
A try counts as wrong from its beginning, so that several at once are as slow as one after the other.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import sys
import time
from dataclasses import dataclass

from django.core.cache import cache

FREE = 5
FREE_OF_ADDRESS = 30  # more: behind one address may sit a whole office
LONGEST = 15 * 60
LONGEST_OF_ADDRESS = 60


@dataclass(frozen=True, slots=True)
class Throttle:
    """Wrong answers of ``who`` (an address) about ``what`` (a login); see ``of_address`` for all logins together."""

    what: str
    who: str
    free: int = FREE
    longest: int = LONGEST

    @classmethod
    def of_address(cls, who: str) -> Throttle:
        """Whatever it guesses at. An IPv6 address stands for its network: everybody has a whole one."""
        with contextlib.suppress(ValueError):
            address = ipaddress.ip_address(who)
            if address.version == 6:
                who = str(ipaddress.ip_network((address, 64), strict=False))
        free = FREE_OF_ADDRESS if who else sys.maxsize  # unknown where the portal listens on a Unix socket
        return cls(what="", who=who, free=free, longest=LONGEST_OF_ADDRESS)

    def wait(self) -> int:
        """Seconds until the next try is heard; 0 when it is heard now."""
        until = cache.get(self._key("until"), 0)
        return max(0, int(until - time.time() + 0.999))

    def enter(self) -> int:
        """Begin a try, which counts as wrong until ``passed`` or ``withdraw``; or the seconds until one is heard."""
        if wait := self.wait():
            return wait
        cache.add(self._key("count"), 0, LONGEST * 2)
        try:
            count = cache.incr(self._key("count"))
            if self.what:  # an address is never done with: its tries expire with the first of them
                cache.touch(self._key("count"), LONGEST * 2)
        except ValueError:  # it expired in between
            return 0
        if count < self.free:
            return 0
        pause = min(self.longest, 2 ** min(count - self.free + 1, 20))
        if cache.add(self._key("until"), time.time() + pause, pause):
            return 0
        self.withdraw()  # another one of the same moment was first
        return max(1, self.wait())

    def withdraw(self) -> None:
        """The try was neither right nor wrong."""
        with contextlib.suppress(ValueError):
            if cache.decr(self._key("count")) < self.free - 1:
                cache.delete(self._key("until"))

    def passed(self) -> None:
        cache.delete_many([self._key("count"), self._key("until")])

    def _key(self, part: str) -> str:
        digest = hashlib.sha256(f"{self.what}\0{self.who}".encode()).hexdigest()
        return f"throttle.{part}.{digest}"
