"""A number of places that processes of one machine share, safe against crashes: a place is a locked file.

The kernel lets go of ``flock`` when its process ends, however it ends, so nothing is ever counted that is not there.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import itertools
import os
from pathlib import Path

_counter = itertools.count(1)


class Slot:
    """A place that is taken until ``release``; or until the process ends."""

    def __init__(self, descriptor: int) -> None:
        # A file object lets go once, however many threads ask it to: a number closed twice is by then somebody else's.
        self._file = io.FileIO(descriptor, "r+")

    def release(self) -> None:
        self._file.close()


class Slots:
    """``count`` places in ``directory``, which is created for this user alone."""

    def __init__(self, directory: Path, count: int) -> None:
        self.directory = directory
        self.count = count
        self._wishes = directory / "wanted"
        for folder in (directory, self._wishes):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def take(self) -> Slot | None:
        """A free place, or None at once."""
        for number in range(self.count):
            path = self.directory / str(number)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(descriptor)
            else:
                return Slot(descriptor)
        return None

    def wish(self) -> Wish:
        return Wish(self._wishes / f"{os.getpid()}-{next(_counter)}")

    def claim_wish(self) -> bool:
        """Whether somebody waits for a place. Each wish is answered by one process, which then gives a place up."""
        with os.scandir(self._wishes) as marks:
            for mark in marks:
                with contextlib.suppress(FileNotFoundError):
                    Path(mark.path).unlink()
                    return True
        return False


class Wish:
    """Tells other processes that somebody waits for a place, until ``withdraw``."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def renew(self) -> None:
        self._mark.touch(mode=0o600)

    def withdraw(self) -> None:
        self._mark.unlink(missing_ok=True)


def take_both(own: Slots, shared: Slots) -> tuple[tuple[Slot, ...] | None, Slots]:
    """A place with each of the two, or None and the one that is full."""
    first = own.take()
    if first is None:
        return None, own
    second = shared.take()
    if second is None:
        first.release()
        return None, shared
    return (first, second), own
