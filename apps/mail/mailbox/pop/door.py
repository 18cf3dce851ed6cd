"""The way to one maildrop: a session when one is needed, one at a time over all processes of this machine."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from apps.mail.mailbox import errors
from apps.mail.mailbox.account import Account
from apps.mail.mailbox.pop.connection import Connection, Listed
from apps.mail.mailbox.slots import Slot, Slots, take_both

log = logging.getLogger(__name__)
T = TypeVar("T")

PAUSE = 0.3  # seconds until somebody else may have left the maildrop


class Door:
    """Of one lease. ``close`` lets go of whatever is open."""

    def __init__(self, account: Account, own: Slots, shared: Slots, *, patience: float) -> None:
        self.account = account
        self._own, self._shared, self._patience = own, shared, patience
        self._places: tuple[Slot, ...] = ()
        self._connection: Connection | None = None
        self._listing: list[Listed] | None = None

    def open(self) -> Connection:
        """The session of this lease. Raises ``MaildropInUse`` where another program does not leave it."""
        if self._connection is None:
            deadline = time.monotonic() + self._patience
            self._places = self._take(deadline)
            try:
                self._connection = self._connect(deadline)
            except BaseException:
                self._release()
                raise
        return self._connection

    def listing(self) -> Sequence[Listed]:
        """As it was when this session began: nobody else can change it meanwhile."""
        if self._listing is None:
            self._listing = self._guarded(lambda connection: connection.listing())
        return self._listing

    def fetched(self, wanted: Sequence[tuple[int, int | None]]) -> list[tuple[int, bytes | None]]:
        return self._guarded(lambda connection: list(connection.fetched(wanted)))

    def retrieve(self, uidl: str) -> bytes:
        """Raises ``NoSuchMessage``."""
        number = next((each.number for each in self.listing() if each.uidl == uidl), None)
        if number is None:
            raise errors.NoSuchMessage
        return self._guarded(lambda connection: connection.retrieve(number))

    def delete(self, uidls: Sequence[str]) -> None:
        """Raises ``MailError`` where the server has not said that they are gone. Ends the session."""
        wanted = set(uidls)
        numbers = [each.number for each in self.listing() if each.uidl in wanted]
        self._guarded(lambda connection: connection.delete(numbers))
        self.finish()

    def finish(self) -> None:
        """QUIT, which is what deletes."""
        connection, self._connection, self._listing = self._connection, None, None
        try:
            if connection is not None:
                connection.quit()
        finally:
            self._release()

    def close(self) -> None:
        with contextlib.suppress(errors.MailError):  # there was nothing to be deleted, or it is tried again
            self.finish()

    def _guarded(self, act: Callable[[Connection], T]) -> T:
        """A session that failed in the middle of an answer is good for nothing more."""
        connection = self.open()
        try:
            return act(connection)
        except (errors.NoSuchMessage, errors.ServerRefused, errors.BadArgument):
            raise
        except BaseException:
            connection.close()
            self._connection = self._listing = None
            self._release()
            raise

    def _take(self, deadline: float) -> tuple[Slot, ...]:
        while True:
            places, full = take_both(self._own, self._shared)
            if places is not None:
                return places
            if time.monotonic() >= deadline:
                if full is self._own:
                    raise errors.MaildropInUse("another request is at it")
                raise errors.TooManyConnections("every connection is busy")
            time.sleep(PAUSE / 10)

    def _connect(self, deadline: float) -> Connection:
        while True:
            try:
                return Connection(self.account)
            except errors.MaildropInUse as error:
                if time.monotonic() + PAUSE >= deadline:
                    raise
                log.info("the maildrop is in use: %s", error)
                time.sleep(PAUSE)

    def _release(self) -> None:
        places, self._places = self._places, ()
        for place in places:
            place.release()
