"""One directory, asked within limits: so many at once, so long, and not at all for a while when it does not answer."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TypeVar

from portal.ldap import filters, names
from portal.ldap.connection import Unavailable
from portal.ldap.session import Endpoint, Session
from portal.ldap.sources import SERVICES, Source
from portal.net import parse_server_url

T = TypeVar("T")
SLOTS = 4  # questions at the same time, for the whole process
PAUSE = 10.0  # seconds in which a directory that did not answer is not asked
IDLE = 30.0  # seconds that a connection waits for another question
CONNECT = 2.0  # seconds at most, of those there are


class Resting(Unavailable):
    """It has not answered a moment ago, and is left alone for a while."""


class NobodyAsks(Unavailable):
    """The directory is asked with people's own passwords, and there is none here."""


@dataclass(frozen=True, slots=True)
class Who:
    """Whoever asks with a password of their own."""

    login: str
    password: str = field(repr=False)


@dataclass(slots=True)
class _Held:
    session: Session
    stack: ExitStack
    since: float = 0.0


class Client:
    """Shared by all threads of a process."""

    def __init__(self, source: Source, *, allow_plain: bool = False, slots: int = SLOTS) -> None:
        self.source = source
        self.server = parse_server_url(source.url, services=SERVICES)
        self._allow_plain = allow_plain
        self._slots = threading.BoundedSemaphore(slots)
        self._idle: deque[_Held] = deque()
        self._lock = threading.Lock()
        self._until = 0.0  # of time.monotonic: it rests
        self._failures = 0

    @property
    def rests(self) -> bool:
        return time.monotonic() < self._until

    def ask(self, question: Callable[[Session], T], *, seconds: float, who: Who | None = None) -> T:
        """The answer to ``question``, asked as the portal, or as ``who`` where the directory wants that. Raises
        ``Unavailable``."""
        if self.source.as_user and who is None:
            raise NobodyAsks(f"{self.server.host}: it is asked with people's own passwords")
        return self._ask(question, seconds, who if self.source.as_user else None)

    def ask_as(self, who: Who, question: Callable[[Session], T], *, seconds: float) -> T:
        """The same with their password whatever the settings say, for what they change of themselves."""
        return self._ask(question, seconds, who)

    def _ask(self, question: Callable[[Session], T], seconds: float, who: Who | None) -> T:
        until = time.monotonic() + seconds
        if self.rests:
            raise Resting(f"{self.server.host}: it did not answer a moment ago")
        if not self._slots.acquire(timeout=min(seconds, 1.0) / 2):
            raise Unavailable(f"{self.server.host}: too many questions at once")
        try:
            answer = self._answer(question, until, who)
        except Unavailable as error:
            self._note(error)
            raise
        else:
            self._failures = 0
            return answer
        finally:
            self._slots.release()

    def _note(self, error: Unavailable) -> None:
        """One that cannot be reached rests at once; one that was too slow for a question after a second time."""
        if error.refused:
            return
        self._failures += 1
        if self._failures >= 2 or not isinstance(error.__cause__, TimeoutError):
            self._until = time.monotonic() + PAUSE

    def _answer(self, question: Callable[[Session], T], until: float, who: Who | None) -> T:
        held = self._waiting() if who is None else None
        if held is not None:
            try:
                return self._use(held, question, until, keep=True)
            except Unavailable:
                if time.monotonic() + 0.05 > until:
                    raise
        return self._use(self._open(until, who), question, until, keep=who is None)

    def _use(self, held: _Held, question: Callable[[Session], T], until: float, *, keep: bool) -> T:
        with ExitStack() as stack:
            stack.push(held.stack)
            held.session.give(max(0.01, until - time.monotonic()))
            answer = question(held.session)
            if keep:
                stack.pop_all()  # it stays open, in ``held``
                held.since = time.monotonic()
                with self._lock:
                    self._idle.append(held)
            return answer

    def _waiting(self) -> _Held | None:
        """The connection that was used last; those that have waited too long are closed."""
        with self._lock:
            held = self._idle.pop() if self._idle else None
            old = [each for each in self._idle if time.monotonic() - each.since > IDLE]
            for each in old:
                self._idle.remove(each)
        for each in old:
            each.stack.close()
        if held is not None and time.monotonic() - held.since > IDLE:
            held.stack.close()
            return None
        return held

    def _open(self, until: float, who: Who | None) -> _Held:
        seconds = max(0.01, until - time.monotonic())
        source = self.source
        template = who is not None and source.user_dn
        endpoint = Endpoint(
            server=self.server,
            bind_dn="" if template else source.bind_dn,
            bind_password="" if template else source.bind_password,
            ca_file=source.ca_file or None,
            allow_plain=self._allow_plain,
            connect_timeout=min(CONNECT, seconds),
            patience=seconds,
        )
        with ExitStack() as stack:
            session = stack.enter_context(endpoint.open())
            if who is not None and not session.bind(self.name_of(session, who.login), who.password):
                raise Unavailable(f"{self.server.host}: it does not take this password", refused=True)
            return _Held(session, stack.pop_all())

    def name_of(self, session: Session, login: str) -> str:
        """Whom somebody signs in as; "" for somebody who is not there."""
        template = self.source.user_dn
        if template:
            return template.replace("{login}", names.escaped(login) if "=" in template else login)
        which = filters.either(filters.equals(each, login) for each in self.source.attributes.get("login", ()))
        found = list(session.search(self.source.base, filters.both([self.source.person_filter, which]), most=2))
        return found[0].dn if len(found) == 1 else ""

    def close(self) -> None:
        with self._lock:
            held, self._idle = list(self._idle), deque()
        for each in held:
            each.stack.close()
