"""Warm connections of one process: leased to one request at a time, never shared between people.

A connection is found again by server, login and secret (``portal.secret.named``, as an HMAC under a key of ours):
whoever comes with another one signs in anew. Over all processes of the machine there are never more connections than
``per_account`` for one account and ``per_server`` for one server (see ``slots``); who finds no free place asks for the
idle connection unused for longest, here or in another process, and gives up after ``patience`` seconds.

Somebody who signs in has proved nothing yet. ``sign_in`` always asks the server, on a connection of its own, from
places of its own: whoever guesses at passwords takes no connection from those who are signed in, nor makes them wait.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import logging
import os
import secrets
import sys
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from apps.mail.mailbox import errors, upkeep
from apps.mail.mailbox.account import Account
from apps.mail.mailbox.gate import Gate
from apps.mail.mailbox.imap.connection import Connection
from apps.mail.mailbox.imap.memory import Memory
from apps.mail.mailbox.imap.store import ImapStore
from apps.mail.mailbox.pop.leases import Maildrops
from apps.mail.mailbox.pop.shelf import Shelf
from apps.mail.mailbox.slots import Slot, Slots, Wish, take_both
from apps.mail.mailbox.store import MailStore
from portal.secret import named

log = logging.getLogger(__name__)

OLDEST = 900.0  # seconds after which a connection is not used again: its password may have been changed since
_LONGEST_LEASE = 3600.0  # seconds for which a closed account is remembered
_POLL = 0.2  # seconds between two looks at the wishes of other processes

AccountKey = tuple[str, str, bytes]


@dataclass(slots=True)
class _Warm:
    key: AccountKey
    connection: Connection
    slots: tuple[Slot, ...]
    since: float  # time.monotonic() of the end of its last lease
    born: float

    def close(self) -> None:
        self.connection.logout()
        for slot in self.slots:
            slot.release()


class Pool:
    """One per process."""

    def __init__(
        self,
        *,
        directory: Path,
        per_account: int = 3,
        per_server: int = 60,
        threads: int = 16,
        sign_ins: int = 4,
        idle_seconds: float = 120.0,
        patience: float = 2.0,
        memory: Memory | None = None,
        shelves: Callable[[Account], Shelf] | None = None,
        look_every: float = 30.0,
    ) -> None:
        """``directory`` holds the places; processes that share a limit share it. ``threads`` is how many requests of
        this process one server may hold at a time, waiting ones included: a server that hangs must not hold them all.
        ``sign_ins`` of them, and as many connections, come on top for those whose password is not known to be right.
        ``shelves`` and ``look_every`` are for POP3: what is kept here of an account, and how many seconds there are
        between two looks into its maildrop.
        """
        self.maildrops = Maildrops(shelves, every=look_every, patience=patience)
        self.directory = directory
        self.per_account = per_account
        self.per_server = per_server
        self.threads = threads
        self.sign_ins = sign_ins
        self.idle_seconds = idle_seconds
        self.patience = patience
        self.memory = memory or Memory()
        self._secret = secrets.token_bytes(32)
        self._idle: list[_Warm] = []
        self._leased: list[_Warm] = []
        self._closed: dict[AccountKey, float] = {}
        self._busy: Counter[str] = Counter()
        self._awaited: Counter[AccountKey] = Counter()
        self._opening: list[tuple[str, float]] = []  # of each connection on its way: the server, and since when
        self._changed = threading.Condition()
        self._gate = Gate(sign_ins)
        self._reaper: threading.Thread | None = None
        _pools.add(self)

    def key(self, account: Account) -> AccountKey:
        """Names an account in this pool without its password."""
        return (*account.id, hmac.digest(self._secret, named(account.password), "sha256"))

    @contextlib.contextmanager
    def lease(self, account: Account) -> Iterator[MailStore]:
        """A store for this block alone; raises ``MailError``: ``TooManyConnections`` when all places stay taken."""
        server = str(account.server)
        with self._changed:
            if self._busy[server] >= self.threads:
                raise self._full(server, "this server holds as many requests as it may")
            self._busy[server] += 1
        started = time.monotonic()
        warm: _Warm | None = None
        try:
            if account.server.scheme == "pop3":
                with self.maildrops.lease(account, self.key(account), *self._drop_places(account)) as store:
                    yield store
                return
            warm = self._take(account)
            self._leased.append(warm)
            yield ImapStore(warm.connection, self.memory)
        finally:
            with self._changed:
                self._busy[server] -= 1
            if warm is not None:
                with contextlib.suppress(ValueError):  # in a child that was forked meanwhile
                    self._leased.remove(warm)
                self._give_back(warm, started)

    def sign_in(self, account: Account) -> None:
        """Ask the server itself whether it takes this password; raises ``MailError``, ``SignInRefused`` when it does
        not. The new connection is then kept for the requests that follow; after a refusal none is that was opened with
        the same password while it was right."""
        key, started = self.key(account), time.monotonic()
        place: Slot | None = None
        with self._gate.passing(account, deadline=started + self.patience):
            try:
                place = self._sign_in_place(account, deadline=started + self.patience)
                if account.server.scheme == "pop3":
                    self.maildrops.prove(account, *self._drop_places(account))
                    return
                connection = Connection(account)
            except errors.SignInRefused:
                if any(warm.key == key for warm in self._warm()):
                    self.close_account(key)
                raise
            finally:
                if place is not None:
                    place.release()
            slots = self._places_for_proved(account)
            warm = _Warm(key, connection, slots or (), time.monotonic(), time.monotonic())
            if slots is None:
                warm.close()
            else:
                self._give_back(warm, time.monotonic())

    def close_account(self, key: AccountKey) -> None:
        """Close the idle connections of an account, and those in use as soon as they come back."""
        now = time.monotonic()
        with self._changed:
            self._closed = {old: when for old, when in self._closed.items() if now - when < _LONGEST_LEASE}
            self._closed[key] = now
            chosen = [warm for warm in self._idle if warm.key == key]
        self._close(chosen)

    def close_all(self) -> None:
        self._close(self._warm())

    def idle_count(self) -> int:
        return len(self._warm())

    def _warm(self) -> list[_Warm]:
        with self._changed:
            return list(self._idle)

    # taking and giving back

    def _take(self, account: Account) -> _Warm:
        """A warm connection, or a new one as soon as there is a place for it."""
        key = self.key(account)
        if warm := self._pop_alive(key, account):
            return warm
        deadline, own = time.monotonic() + self.patience, self._places(account.id)
        shared = self._places(account.id[:1])
        with self._waiting_for(key), contextlib.ExitStack() as wishes:
            wish: Wish | None = None
            while True:
                if warm := self._pop_alive(key, account):
                    return warm
                slots, full = take_both(own, shared)
                if slots is not None:
                    return self._connect(key, account, slots)
                if self._evict(account.id if full is own else account.id[:1]):
                    continue
                if time.monotonic() >= deadline:
                    raise self._full(str(account.server), "every connection is busy")
                if wish is None:
                    wish = full.wish()
                    wishes.callback(wish.withdraw)
                wish.renew()
                with self._changed:
                    self._changed.wait(0.05)

    def _full(self, server: str, detail: str) -> errors.MailError:
        """Why there is no place: others are at work, or the server lets everybody who opens a connection wait."""
        late = time.monotonic() - self.patience
        waits = any(name == server and begun <= late for name, begun in tuple(self._opening))
        return errors.ServerTimeout(f"{detail}; it answers nobody") if waits else errors.TooManyConnections(detail)

    def _connect(self, key: AccountKey, account: Account, slots: tuple[Slot, ...]) -> _Warm:
        opening = (key[0], time.monotonic())
        self._opening.append(opening)  # atomic, and so is taking it out again
        try:
            return _Warm(key, Connection(account), slots, time.monotonic(), time.monotonic())
        except BaseException:
            for slot in slots:
                slot.release()
            raise
        finally:
            self._opening.remove(opening)

    def _pop_alive(self, key: AccountKey, account: Account) -> _Warm | None:
        """The connection of this account used last, which most likely has the right mailbox open."""
        while True:
            with self._changed:
                found = [warm for warm in self._idle if warm.key == key]
                if not found:
                    return None
                warm = found[-1]
                self._idle.remove(warm)
            warm.connection.account = account  # with the token of today, should it have to sign in again
            try:
                if upkeep.is_alive(warm.connection):
                    return warm
            except errors.ServerTimeout:  # as this one, so the others; and each would have to be waited for
                late = time.monotonic() - upkeep.CHECK_AFTER
                self._close([other for other in found if other.connection.last_used <= late])
            warm.close()

    def _give_back(self, warm: _Warm, started: float) -> None:
        warm.since = time.monotonic()
        with self._changed:
            kept = not warm.connection.broken and self._closed.get(warm.key, 0.0) < started
            kept = kept and warm.since - warm.born < OLDEST
            if kept:
                self._idle.append(warm)
        if kept:
            self._start_reaper()
        else:
            warm.close()
        with self._changed:
            self._changed.notify_all()

    @contextlib.contextmanager
    def _waiting_for(self, key: AccountKey) -> Iterator[None]:
        with self._changed:
            self._awaited[key] += 1
        try:
            yield
        finally:
            with self._changed:
                self._awaited[key] -= 1
                if not self._awaited[key]:
                    del self._awaited[key]

    # signing in

    def _sign_in_place(self, account: Account, *, deadline: float) -> Slot:
        slots = Slots(self._folder(str(account.server)) / "sign-ins", self.sign_ins)
        while (place := slots.take()) is None:
            if time.monotonic() >= deadline:
                raise errors.TooManyConnections("every connection for sign-ins is busy")
            with self._changed:
                self._changed.wait(0.05)
        return place

    def _places_for_proved(self, account: Account) -> tuple[Slot, ...] | None:
        """For a connection whose password the server has accepted; None where no place can be made without waiting."""
        own, shared = self._places(account.id), self._places(account.id[:1])
        while True:
            slots, full = take_both(own, shared)
            if slots is not None or not self._evict(account.id if full is own else account.id[:1]):
                return slots

    # giving up

    def _evict(self, scope: tuple[str, ...]) -> bool:
        """Close the idle connection unused for longest of a server, or of an account on it. What a request of this
        process waits for is left to it: one that has just come back is better than a new one in its place."""
        with self._changed:
            found = [warm for warm in self._idle if warm.key[: len(scope)] == scope and not self._awaited[warm.key]]
            if not found:
                return False
            oldest = min(found, key=lambda warm: warm.since)
            self._idle.remove(oldest)
        oldest.close()
        return True

    def _close(self, chosen: list[_Warm]) -> None:
        with self._changed:
            chosen = [warm for warm in chosen if warm in self._idle]
            for warm in chosen:
                self._idle.remove(warm)
        for warm in chosen:
            warm.close()

    def _start_reaper(self) -> None:
        """Never while the lock is held: a thread that is started is waited for, and the garbage collector may first
        close a forgotten stream in it, whose connection comes back here and wants the lock."""
        with self._changed:
            if self._reaper is not None or sys.is_finalizing():  # when the process ends, no thread starts any more
                return
            reaper = self._reaper = threading.Thread(target=self._reap, name="mail connections", daemon=True)
        reaper.start()

    def _reap(self) -> None:
        """Close what nobody uses, and what other processes wait for, let the rest settle; ends when nothing is left."""
        while True:
            time.sleep(_POLL)
            with self._changed:
                if not self._idle and not self._leased:
                    self._reaper = None
                    return
                idle = list(self._idle)
            now = time.monotonic()
            self._close([warm for warm in idle if now - warm.since > self.idle_seconds])
            self._settle(idle)
            for scope in {warm.key[:1] for warm in idle} | {warm.key[:2] for warm in idle}:
                try:
                    if self._places(scope).claim_wish():
                        self._evict(scope)
                except OSError as error:  # the directory was removed under us: the next lease makes it again
                    log.warning("runtime directory: %s", error)

    def _settle(self, idle: list[_Warm]) -> None:
        """All connections of an account: what one has changed, the others have to learn."""
        unsettled, silent = {warm.key for warm in idle if upkeep.is_unsettled(warm.connection)}, set()
        for warm in (warm for warm in idle if warm.key in unsettled):
            if warm.key[0] in silent:
                warm.connection.stirred = 0.0  # one wait for a server is enough
                continue
            with self._changed:
                if warm not in self._idle:
                    continue
                self._idle.remove(warm)
                self._leased.append(warm)
            if not upkeep.settle(warm.connection):
                silent.add(warm.key[0])
            self._leased.remove(warm)
            self._give_back(warm, warm.since)

    def _places(self, scope: tuple[str, ...]) -> Slots:
        folder = self._folder(scope[0])
        if len(scope) == 1:
            return Slots(folder, self.per_server)
        return Slots(folder / "accounts" / _digest(*scope), self.per_account)

    def _drop_places(self, account: Account) -> tuple[Slots, Slots]:
        """POP3 lets one program into a maildrop at a time."""
        own = Slots(self._folder(str(account.server)) / "maildrops" / _digest(*account.id), 1)
        return own, self._places(account.id[:1])

    def _folder(self, server: str) -> Path:
        return self.directory / _digest(server)

    def _after_fork(self) -> None:
        """In a child: these connections are the parent's. Let go of our copies without a word on the wire."""
        self._changed, self._reaper = threading.Condition(), None
        for warm in (*self._idle, *self._leased):
            warm.connection.close()
            for slot in warm.slots:
                slot.release()
        self._idle, self._leased, self._opening = [], [], []
        self._busy, self._awaited, self._gate = Counter(), Counter(), Gate(self.sign_ins)


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()[:24]


_pools: weakref.WeakSet[Pool] = weakref.WeakSet()


def _forget_after_fork() -> None:
    for pool in _pools:
        pool._after_fork()


os.register_at_fork(after_in_child=_forget_after_fork)
