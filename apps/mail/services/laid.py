"""Documents laid down for CONTENT_HOST: sealed, for minutes, under a key that only their address carries.

Where a document has been drawn for somebody, it and its pictures are sealed below ``DATA_DIR/content`` under a fresh
key, and forgotten here; the signed address is all that opens them. The second host needs neither session nor password
for that, and can open nothing else (docs/decisions/0008-the-second-host-name.md).
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.signing import BadSignature, TimestampSigner

from apps.mail.services.uploads import Upload, UploadError, Uploads, new_id, purge

LIFETIME = 300  # seconds in which an address answers
MOST_OCTETS = 64 * 1024 * 1024  # of one document or picture
MOST_OF_PERSON = 256 * 1024 * 1024  # that lie there for one person; the oldest make room


class Gone(Exception):
    """The address is none of ours, is too old, or what it opens is not there any more."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one document of one person lies with its pictures. ``remote``: its owner wants pictures from elsewhere."""

    person: str
    key: bytes
    remote: bool

    @classmethod
    def new(cls, person: str, *, remote: bool) -> Place:
        place = cls(person, secrets.token_bytes(32), remote)
        _make_room(place._files.root / person)
        return place

    @classmethod
    def of(cls, token: str) -> Place:
        """The reading of ``token``. Raises ``Gone``."""
        try:
            person, key, remote = _signer().unsign(token, max_age=LIFETIME).split("~")
            return cls(person, base64.urlsafe_b64decode(key), remote == "r")
        except (BadSignature, ValueError, binascii.Error):
            raise Gone from None

    @property
    def token(self) -> str:
        """What the addresses begin with; it is valid from now on."""
        key = base64.urlsafe_b64encode(self.key).decode()
        return _signer().sign(f"{self.person}~{key}~{'r' if self.remote else '-'}")

    def lay(self, chunks: Iterable[bytes], *, type: str, policy: str = "", id: str = "") -> str:
        """Seal what has this media type, and for a document its policy. Raises ``uploads.TooLarge``."""
        return self._files.save(filename=policy, type=type, chunks=chunks, limit=MOST_OCTETS, id=id or new_id()).id

    def read(self, id: str) -> tuple[Upload, bytes]:
        """Raises ``Gone``."""
        try:
            return self._files.open(id)
        except UploadError:
            raise Gone from None

    @property
    def _files(self) -> Uploads:
        return Uploads(root=settings.DATA_DIR / "content", user=self.person, key=self.key)


def clean_up() -> None:
    purge(settings.DATA_DIR / "content", older_than=LIFETIME)


def _make_room(folder: Path) -> None:
    """Of one person: what is over goes, and the oldest where there is too much."""
    left, limit = MOST_OF_PERSON, time.time() - LIFETIME
    found = []
    for path in folder.glob("*"):
        with contextlib.suppress(FileNotFoundError):  # another request was quicker
            stat = path.stat()
            found.append((stat.st_mtime, stat.st_size, path))
    for modified, size, path in sorted(found, reverse=True):
        left -= size
        if left < 0 or modified < limit:
            path.unlink(missing_ok=True)


def _signer() -> TimestampSigner:
    return TimestampSigner(salt="yurt.message.content")
