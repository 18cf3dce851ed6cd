"""An answer of ``http.client`` that is over at a certain time, in however small pieces it comes. Standard library
only."""

from __future__ import annotations

import io
import socket
import time
from typing import Any


def seconds_left(until: float) -> float:
    """``until``: by ``time.monotonic``."""
    return until - time.monotonic()


class Hurried:
    """What ``http.client`` takes for a socket: whatever comes in how small pieces, the end is the end."""

    def __init__(self, connected: socket.socket, until: float) -> None:
        self._connected, self._until = connected, until

    def sendall(self, octets: bytes) -> None:
        self._connected.settimeout(max(0.01, seconds_left(self._until)))
        self._connected.sendall(octets)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Arrivals(self._connected, self._until))

    def close(self) -> None:
        """The socket is closed by who has opened it, after the answer has been read."""


class _Arrivals(io.RawIOBase):
    def __init__(self, connected: socket.socket, until: float) -> None:
        self._connected, self._until = connected, until

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if (left := seconds_left(self._until)) <= 0:
            raise TimeoutError("the answer takes too long")
        self._connected.settimeout(left)
        return self._connected.recv_into(buffer)
