"""A file that waits for a task lies sealed under the task's delegation, in blocks of one size: so it grows as pieces of
it arrive, and can be read from any place on. Whoever revokes the delegation has made it unreadable.

Each block is a nonce and AES-256-GCM of its octets, bound to the file, to its number and to the size of the whole:
blocks cannot be exchanged, and a file that was cut off does not open to its end.
"""

from __future__ import annotations

import io
import os
import secrets
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from apps.mail.archives.entries import BadArchive
from portal.delegations import Opened, Over

BLOCK = 256 * 1024  # octets of content
_SEALED = BLOCK + 28  # with nonce and tag


def folder() -> Path:
    return settings.DATA_DIR / "transfers"


def new() -> str:
    """An empty file; its name."""
    name = secrets.token_hex(16)
    folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(folder() / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    return name


def add(name: str, octets: bytes, *, at: int, size: int, opened: Opened) -> None:
    """Write what comes at octet ``at`` of ``size``, which is where a block begins; what lies behind it goes. Only the
    last piece may end within a block. Raises ``FileNotFoundError``."""
    assert at % BLOCK == 0
    number = at // BLOCK
    with (folder() / name).open("r+b") as file:
        file.seek(number * _SEALED)
        file.truncate()
        for start in range(0, len(octets), BLOCK):
            file.write(opened.seal(octets[start : start + BLOCK], purpose=_purpose(name, number, size)))
            number += 1
        file.flush()
        os.fsync(file.fileno())


def reader(name: str, *, size: int, opened: Opened) -> BinaryIO:
    """The content. Raises ``BadArchive``, while it is read too."""
    try:
        file = (folder() / name).open("rb")
    except OSError as error:
        raise BadArchive("the file has gone") from error
    return io.BufferedReader(_Reader(file, name, size, opened), BLOCK)


def throw_away(name: str) -> None:
    if name:
        (folder() / name).unlink(missing_ok=True)


def _purpose(name: str, number: int, size: int) -> str:
    return f"transfer {name} {number} {size}"


class _Reader(io.RawIOBase):
    def __init__(self, file: BinaryIO, name: str, size: int, opened: Opened) -> None:
        self._file, self._name, self._size, self._opened = file, name, size, opened
        self._at = 0
        self._number, self._block = -1, b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self._at >= self._size:
            return 0
        number, inside = divmod(self._at, BLOCK)
        if number != self._number:
            self._file.seek(number * _SEALED)
            try:
                self._block = self._opened.unseal(
                    self._file.read(_SEALED), purpose=_purpose(self._name, number, self._size)
                )
            except Over as error:
                raise BadArchive("the file was changed") from error
            self._number = number
        piece = self._block[inside : inside + len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def close(self) -> None:
        self._file.close()
        super().close()
