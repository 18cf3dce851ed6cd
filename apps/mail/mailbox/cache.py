"""What a process remembers of mailboxes. All of it is disposable, and none of it leaves the process's memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class LruCache(Generic[K, V]):
    """Thread-safe; forgets what was used longest ago once its values' sizes exceed ``limit`` octets."""

    def __init__(self, limit: int, size: Callable[[V], int]) -> None:
        self._limit = limit
        self._size = size
        self._values: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._lock = threading.Lock()
        self.octets = 0

    def get(self, key: K) -> V | None:
        with self._lock:
            entry = self._values.get(key)
            if entry is None:
                return None
            self._values.move_to_end(key)
            return entry[0]

    def put(self, key: K, value: V) -> None:
        size = self._size(value)
        with self._lock:
            self._remove(key)
            self._values[key] = (value, size)
            self.octets += size
            while self.octets > self._limit:
                self._remove(next(iter(self._values)))

    def pop(self, key: K) -> None:
        with self._lock:
            self._remove(key)

    def clear(self) -> None:
        with self._lock:
            self._values.clear()
            self.octets = 0

    def __len__(self) -> int:
        return len(self._values)

    def _remove(self, key: K) -> None:
        entry = self._values.pop(key, None)
        if entry is not None:
            self.octets -= entry[1]
