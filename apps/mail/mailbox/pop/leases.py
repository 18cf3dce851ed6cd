"""POP3 for the pool: no connection stays warm, for while one is open nobody else gets into the maildrop."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Hashable, Iterator

from apps.mail.mailbox import errors
from apps.mail.mailbox.account import Account
from apps.mail.mailbox.pop.box import Memory
from apps.mail.mailbox.pop.door import Door
from apps.mail.mailbox.pop.shelf import Shelf
from apps.mail.mailbox.pop.store import PopStore
from apps.mail.mailbox.slots import Slots

_IN_USE = 4.0  # seconds that another program may need to leave a maildrop, beyond the usual patience


class Maildrops:
    def __init__(self, shelves: Callable[[Account], Shelf] | None, *, every: float, patience: float) -> None:
        """See ``Pool``: ``every`` is its ``look_every``."""
        self.shelves, self.every, self.patience = shelves, every, patience
        self.memory = Memory()

    @contextlib.contextmanager
    def lease(self, account: Account, key: Hashable, own: Slots, shared: Slots) -> Iterator[PopStore]:
        """``key`` names the account with its secret; ``own`` and ``shared`` are the places for its sessions."""
        assert self.shelves is not None
        door = Door(account, own, shared, patience=self.patience + _IN_USE)
        try:
            yield PopStore(door, self.shelves(account), self.memory, key=(key, account.owner), every=self.every)
        finally:
            door.close()

    def prove(self, account: Account, own: Slots, shared: Slots) -> None:
        """Whether the server takes this password. A maildrop that is in use was asked for with the right one, where
        the server says it so that it means this. Raises ``MailError``."""
        door = Door(account, own, shared, patience=self.patience + _IN_USE)
        try:
            door.open()
        except errors.MaildropInUse as error:
            if not error.proved:
                raise
        finally:
            door.close()
