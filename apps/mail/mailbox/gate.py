"""Who may ask a server for its word about a password just now."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Iterator

from apps.mail.mailbox import errors
from apps.mail.mailbox.account import Account


class Gate:
    def __init__(self, most: int) -> None:
        """``most``: sign-ins that one server may hold."""
        self._most = most
        self._signing: Counter[tuple[str, ...]] = Counter()  # by server, and by server and login
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def passing(self, account: Account, *, deadline: float) -> Iterator[None]:
        """One at a time for a login, the others wait; more than a server may hold of them are refused at once."""
        server, own = account.id[:1], account.id
        with self._changed:
            if self._signing[server] >= self._most:
                raise errors.TooManyConnections("this server holds as many sign-ins as it may")
            self._signing[server] += 1
        mine = False
        try:
            with self._changed:
                mine = self._changed.wait_for(lambda: not self._signing[own], deadline - time.monotonic())
                if not mine:
                    raise errors.TooManyConnections("this login is being checked already")
                self._signing[own] += 1
            yield
        finally:
            with self._changed:
                for scope in (server, own) if mine else (server,):
                    self._signing[scope] -= 1
                    if not self._signing[scope]:
                        del self._signing[scope]
                self._changed.notify_all()
