"""Files waiting to be attached: encrypted on disk under a key that only the uploading session can derive.

One file per upload, ``<root>/<user>/<id>``: a sequence of AES-256-GCM chunks. The first holds the metadata as JSON, the
others up to 256 KiB of content each. Chunk number, whether it is the last, upload id and user are authenticated with
every chunk, so chunks cannot be cut, swapped or replayed elsewhere.
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import struct
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CHUNK = 256 * 1024
MAX_AGE = 24 * 3600  # seconds after which a forgotten upload is removed
_ID = re.compile(r"[A-Za-z0-9_-]{22}")
_HEAD = struct.Struct(">I")  # length of the sealed chunk that follows


def new_id() -> str:
    return secrets.token_urlsafe(16)


class UploadError(Exception):
    """The upload does not exist, belongs to somebody else, or was made under another session's key."""


class TooLarge(UploadError):
    """More octets than the site takes in one message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    id: str
    filename: str
    type: str  # as the browser said, "application/octet-stream" where it said nothing sensible
    size: int  # octets of content
    content_id: str = ""  # of a picture that stands in the text


@dataclass(frozen=True, slots=True)
class Uploads:
    """The uploads of one user in one session."""

    root: Path
    user: str
    key: bytes  # 32 octets

    def save(
        self, *, filename: str, type: str, chunks: Iterable[bytes], limit: int, content_id: str = "", id: str = ""
    ) -> Upload:
        """Seal a file as it arrives. Raises ``TooLarge`` (and keeps nothing) beyond ``limit`` octets.

        ``id``: one of ``new_id``, where it has to be known before."""
        upload_id = id or new_id()
        folder = self.root / self.user
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = folder / upload_id
        partial = target.with_suffix(".part")
        size = 0
        try:
            with partial.open("xb") as out:
                partial.chmod(0o600)
                number = 1
                for block in _blocks(chunks):
                    size += len(block)
                    if size > limit:
                        raise TooLarge(filename)
                    self._write(out, upload_id, number, block)
                    number += 1
                meta = {"filename": filename, "type": type, "size": size, "chunks": number - 1, "id": content_id}
                self._write(out, upload_id, 0, json.dumps(meta).encode())
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        return Upload(id=upload_id, filename=filename, type=type, size=size, content_id=content_id)

    def get(self, upload_id: str) -> Upload:
        with self._open(upload_id) as file:
            return self._meta(upload_id, _sealed(file))[0]

    def read(self, upload_id: str) -> bytes:
        return self.open(upload_id)[1]

    def open(self, upload_id: str) -> tuple[Upload, bytes]:
        with self._open(upload_id) as file:
            sealed = _sealed(file)
        upload, count = self._meta(upload_id, sealed)
        if count != len(sealed) - 1:
            raise UploadError(upload_id)
        content = b"".join(self._unseal(upload_id, number, box) for number, box in enumerate(sealed[:-1], 1))
        if len(content) != upload.size:
            raise UploadError(upload_id)
        return upload, content

    def delete(self, upload_id: str) -> None:
        self._path(upload_id).unlink(missing_ok=True)

    def _path(self, upload_id: str) -> Path:
        if not _ID.fullmatch(upload_id):
            raise UploadError(upload_id)
        return self.root / self.user / upload_id

    def _open(self, upload_id: str) -> BinaryIO:
        try:
            return self._path(upload_id).open("rb")
        except OSError as error:
            raise UploadError(upload_id) from error

    def _aad(self, upload_id: str, number: int) -> bytes:
        return f"{self.user}\n{upload_id}\n{number}".encode()

    def _write(self, out: BinaryIO, upload_id: str, number: int, block: bytes) -> None:
        nonce = secrets.token_bytes(12)
        box = nonce + AESGCM(self.key).encrypt(nonce, block, self._aad(upload_id, number))
        out.write(_HEAD.pack(len(box)) + box)

    def _unseal(self, upload_id: str, number: int, box: bytes) -> bytes:
        try:
            return AESGCM(self.key).decrypt(box[:12], box[12:], self._aad(upload_id, number))
        except (InvalidTag, ValueError) as error:
            raise UploadError(upload_id) from error

    def _meta(self, upload_id: str, sealed: list[bytes]) -> tuple[Upload, int]:
        if not sealed:
            raise UploadError(upload_id)
        meta = json.loads(self._unseal(upload_id, 0, sealed[-1]))
        upload = Upload(
            id=upload_id,
            filename=meta["filename"],
            type=meta["type"],
            size=meta["size"],
            content_id=meta.get("id", ""),
        )
        return upload, meta["chunks"]


def purge(root: Path, *, older_than: float = MAX_AGE) -> int:
    """Remove uploads that nobody sent or discarded; returns how many went."""
    limit, gone = time.time() - older_than, 0
    for path in root.glob("*/*"):
        with contextlib.suppress(FileNotFoundError):  # its owner was quicker
            if path.stat().st_mtime < limit:
                path.unlink()
                gone += 1
    return gone


def _blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same octets in blocks of at most ``CHUNK``."""
    for chunk in chunks:
        for start in range(0, len(chunk), CHUNK):
            yield chunk[start : start + CHUNK]


def _sealed(file: BinaryIO) -> list[bytes]:
    boxes: list[bytes] = []
    while head := file.read(_HEAD.size):
        if len(head) < _HEAD.size:
            break
        boxes.append(file.read(_HEAD.unpack(head)[0]))
    return boxes
