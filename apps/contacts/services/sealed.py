"""Files that wait for a task lie sealed: in pieces, so that memory stays flat, under a key that stands, sealed itself,
with the task in the database (``portal.sealing``).

Each piece is its length (4 octets) and AES-256-GCM of the octets, whose nonce is the piece's number. The
number of the last one has its highest bit set: a file that was cut off, or whose pieces were exchanged, does not open.
"""

from __future__ import annotations

import base64
import io
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from portal import sealing

PIECE = 1 << 20
PURPOSE = "import"
_LAST = 1 << 95
_LARGEST = 4 << 20  # octets of a sealed piece that are read, whatever the file says


class Broken(Exception):
    """The file was changed, or its key is gone."""


def write(target: BinaryIO, pieces: Iterator[bytes], *, bound: str) -> str:
    """Seal what comes; returns the sealed key, as text. ``bound``: what the key belongs to."""
    key = secrets.token_bytes(32)
    cipher, number = AESGCM(key), 0
    waiting = next(pieces, b"")
    for piece in pieces:
        _put(target, cipher, number, waiting)
        waiting, number = piece, number + 1
    _put(target, cipher, number | _LAST, waiting)
    return base64.b64encode(sealing.seal(key, purpose=PURPOSE, bound=bound)).decode("ascii")


def _put(target: BinaryIO, cipher: AESGCM, number: int, piece: bytes) -> None:
    box = cipher.encrypt(number.to_bytes(12, "big"), piece, None)
    target.write(len(box).to_bytes(4, "big") + box)


def opened(path: Path, key: str, *, bound: str) -> io.BufferedReader:
    """To be read like the file that it was. Raises ``Broken``, while it is read too, and ``FileNotFoundError``."""
    try:
        raw = sealing.unseal(base64.b64decode(key), purpose=PURPOSE, bound=bound)
    except (sealing.Broken, ValueError) as error:
        raise Broken from error
    return io.BufferedReader(_Reader(path.open("rb"), AESGCM(raw)), PIECE)


class _Reader(io.RawIOBase):
    def __init__(self, file: BinaryIO, cipher: AESGCM) -> None:
        self._file, self._cipher = file, cipher
        self._number, self._rest, self._done = 0, memoryview(b""), False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._rest and not self._done:
            self._rest = memoryview(self._piece())
        part = self._rest[: len(buffer)]
        buffer[: len(part)] = part
        self._rest = self._rest[len(part) :]
        return len(part)

    def _piece(self) -> bytes:
        size = int.from_bytes(self._file.read(4), "big")
        box = self._file.read(min(size, _LARGEST))
        for number in (self._number, self._number | _LAST):
            try:
                piece = self._cipher.decrypt(number.to_bytes(12, "big"), box, None)
            except (InvalidTag, ValueError):
                continue
            self._done = number != self._number
            self._number += 1
            return piece
        raise Broken

    def close(self) -> None:
        self._file.close()
        super().close()
