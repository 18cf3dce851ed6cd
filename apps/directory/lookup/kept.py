"""Answers kept for a while in this process: fresh ones save a question, old ones stand in for a directory that does
not answer."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """``fresh`` and ``old``: seconds. Those that were not used for longest go first."""

    def __init__(self, *, fresh: float, old: float, most: int) -> None:
        self.fresh, self.old, self.most = fresh, old, most
        self._values: OrderedDict[Hashable, tuple[float, T]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, *, old: bool = False) -> tuple[T, float] | None:
        """The value and its age in seconds."""
        with self._lock:
            found = self._values.get(key)
            if found is None:
                return None
            age = time.monotonic() - found[0]
            if age > (self.old if old else self.fresh):
                return None
            self._values.move_to_end(key)
            return found[1], age

    def put(self, key: Hashable, value: T) -> None:
        with self._lock:
            self._values[key] = (time.monotonic(), value)
            self._values.move_to_end(key)
            while len(self._values) > self.most:
                self._values.popitem(last=False)

    def forget(self, key: Hashable = None) -> None:
        with self._lock:
            if key is None:
                self._values.clear()
            else:
                self._values.pop(key, None)
