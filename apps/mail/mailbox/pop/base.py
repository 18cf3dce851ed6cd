"""What all parts of ``PopStore`` work with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping

from apps.mail.mailbox import wishes
from apps.mail.mailbox.pop.box import Box, Memory
from apps.mail.mailbox.pop.door import Door
from apps.mail.mailbox.pop.shelf import Shelf


class Base(ABC):
    def __init__(self, door: Door, shelf: Shelf, memory: Memory, *, key: Hashable, every: float) -> None:
        """``key``: of the account with its secret: each password has to be right once in a while. ``every``: so many
        seconds between two looks into the maildrop."""
        self.door, self.shelf, self.memory, self.key, self.every = door, shelf, memory, key, every
        self.wish: wishes.Asked = wishes.none

    @abstractmethod
    def _open(self, mailbox: str, uidvalidity: int | None, *, news: bool = False) -> Box: ...
    @abstractmethod
    def _texts(self, box: Box) -> Callable[..., Mapping[int, str]]: ...
