"""Makes guessing slow: a few wrong answers are free, then each costs a wait that doubles.

Counted in the cache by what is guessed and by whom, under hashed keys: what people type never becomes a cache key.
A try counts as wrong from its beginning, so that several at once are as slow as one after the other.

Strangers pass four gates (``of_sign_in``): the login at this address, the login from anywhere, the address, the whole
site. A browser in which this very person has signed in before (``portal.devices``) has one of its own instead, so that
whatever strangers do to the login, to the office's address or to the site keeps nobody out there.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from django.core.cache import cache

FREE = 5
FREE_OF_LOGIN = 20  # from all addresses
FREE_OF_ADDRESS = 30  # more: behind one address may sit a whole office
FREE_OF_SITE = 500
LONGEST = 15 * 60
LONGEST_OF_LOGIN = 5 * 60
LONGEST_OF_ADDRESS = 60
LONGEST_OF_SITE = 5  # it holds up everybody who is new here


def network_of(address: str) -> str:
    """An IPv6 address stands for its network: everybody has a whole one."""
    with contextlib.suppress(ValueError):
        parsed = ipaddress.ip_address(address)
        if parsed.version == 6:
            return str(ipaddress.ip_network((parsed, 64), strict=False))
    return address


@dataclass(frozen=True, slots=True)
class Throttle:
    """Wrong answers of ``who`` (an address) about ``what`` (a login); see ``of_address`` for all logins together."""

    what: str
    who: str
    free: int = FREE
    longest: int = LONGEST

    @classmethod
    def of_login(cls, what: str) -> Throttle:
        """Whoever guesses at it."""
        return cls(what=what, who="", free=FREE_OF_LOGIN, longest=LONGEST_OF_LOGIN)

    @classmethod
    def of_site(cls) -> Throttle:
        return cls(what="", who="*", free=FREE_OF_SITE, longest=LONGEST_OF_SITE)

    @classmethod
    def of_device(cls, what: str, device: str) -> Throttle:
        """``device``: what ``devices.known`` says."""
        return cls(what=what, who=f"device {device}")

    @classmethod
    def of_address(cls, who: str) -> Throttle:
        """Whatever it guesses at."""
        free = FREE_OF_ADDRESS if who else sys.maxsize  # unknown where the portal listens on a Unix socket
        return cls(what="", who=network_of(who), free=free, longest=LONGEST_OF_ADDRESS)

    def wait(self) -> int:
        """Seconds until the next try is heard; 0 when it is heard now."""
        until = cache.get(self._key("until"), 0)
        rest = until - time.time()
        return max(0, int(rest + 0.999)) if rest <= self.longest else 0  # else the clock was set back since

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
        self._take_back()  # another one of the same moment was first
        return max(1, self.wait())

    def withdraw(self) -> None:
        """The try was neither right nor wrong. It was heard, so the pause that holds is the one it began: that is over,
        or each right password would hold up the others of an address, or a site, at which somebody guesses."""
        self._take_back()
        cache.delete(self._key("until"))

    def _take_back(self) -> None:
        with contextlib.suppress(ValueError):
            cache.decr(self._key("count"))

    def passed(self) -> None:
        cache.delete_many([self._key("count"), self._key("until")])

    def _key(self, part: str) -> str:
        digest = hashlib.sha256(f"{self.what}\0{self.who}".encode()).hexdigest()
        return f"throttle.{part}.{digest}"


@dataclass(frozen=True, slots=True)
class Gates:
    """Several that have to let a try in. The first is that of who tries: the right answer forgives what is counted
    there, and takes back only this one try elsewhere."""

    gates: Sequence[Throttle]

    def enter(self) -> int:
        """As ``Throttle.enter``; a try that is not heard counts nowhere."""
        for at, gate in enumerate(self.gates):
            if wait := gate.enter():
                for entered in self.gates[:at]:
                    entered.withdraw()
                return wait
        return 0

    def withdraw(self) -> None:
        for gate in self.gates:
            gate.withdraw()

    def passed(self) -> None:
        self.gates[0].passed()
        for gate in self.gates[1:]:
            gate.withdraw()


def of_sign_in(*, login: str, address: str, device: str = "") -> Gates:
    """``login``: canonical; ``device``: of a browser that this person is known by (``devices.known``), else ""."""
    if device:
        return Gates([Throttle.of_device(login, device)])
    own = Throttle(what=login, who=network_of(address))
    return Gates([own, Throttle.of_login(login), Throttle.of_address(address), Throttle.of_site()])


def of_key(*, what: str, address: str, device: str = "") -> Gates:
    """For what nobody guesses, and what tells by itself whose it is: no name is there that strangers could shut for
    everybody. ``device``: of a browser in which anybody has signed in (``devices.of_anybody``), else ""."""
    if device:
        return Gates([Throttle.of_device(what, device)])
    own = Throttle(what=what, who=network_of(address))
    return Gates([own, Throttle.of_address(address), Throttle.of_site()])


def of_program(*, login: str, address: str) -> Gates:
    """For programs with passwords of their own (``portal.programs``). Apart from the person's sign-in, so that a phone
    with a revoked password keeps nobody out of the portal; and by login, or it would keep out its neighbours."""
    own = Throttle(what=f"program of {login}", who=network_of(address))
    return Gates([own, Throttle.of_address(address), Throttle.of_site()])
