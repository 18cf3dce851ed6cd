"""Cache values travel as JSON: what writes to Redis can then spoil a value, but not run code here.

The in-memory cache takes and gives exactly what Redis does (a tuple comes back as a list, an object is a TypeError),
so that a site which moves to Redis meets no surprise.
"""

from __future__ import annotations

import json
from typing import Any

from django.core.cache.backends.locmem import LocMemCache


class JsonSerializer:
    """For ``RedisCache``. A number is its own digits, so that Redis can count with it."""

    def dumps(self, value: object) -> bytes:
        return json.dumps(value, separators=(",", ":")).encode()

    def loads(self, data: bytes) -> Any:
        return json.loads(data)


def _pack(value: object) -> object:
    return value if type(value) is int else json.dumps(value)


def _unpack(value: object) -> Any:
    return json.loads(value) if isinstance(value, str) else value


class LocalCache(LocMemCache):
    """This process's memory. Counters stay numbers, everything else lies there as JSON text."""

    def add(self, key: str, value: object, *args: Any, **kwargs: Any) -> bool:
        return super().add(key, _pack(value), *args, **kwargs)

    def set(self, key: str, value: object, *args: Any, **kwargs: Any) -> None:
        super().set(key, _pack(value), *args, **kwargs)

    def get(self, key: str, default: object = None, version: int | None = None) -> Any:
        value = super().get(key, _MISSING, version)
        return default if value is _MISSING else _unpack(value)


class _Missing:
    pass


_MISSING = _Missing()
