"""Where the messages of the portal's own folders lie: one file each, below ``DATA_DIR/pop``, as they came.

A file is whole and safely on the disk before anything refers to it, and goes when nothing does. What a process has
written and never got to refer to is found by ``sweep``.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from django.conf import settings

from apps.mail.mailbox.errors import NoSuchMessage

ORPHANED = 24 * 3600.0  # seconds after which a file that nothing refers to is nobody's


def root() -> Path:
    folder: Path = settings.DATA_DIR / "pop"
    return folder


def put(octets: bytes) -> str:
    """The name of a new file that holds them."""
    name = secrets.token_hex(16)
    path = _path(name)
    _make(path.parent)
    draft = path.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
        _sync(path.parent)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return name


def get(name: str) -> bytes:
    """Raises ``NoSuchMessage``."""
    try:
        return _path(name).read_bytes()
    except FileNotFoundError:
        raise NoSuchMessage from None


def throw_away(names: Iterable[str]) -> None:
    for name in names:
        _path(name).unlink(missing_ok=True)


def sweep(kept: set[str], *, now: float | None = None) -> None:
    """Removes old files that are none of those ``kept``."""
    before = (now or time.time()) - ORPHANED
    for path in root().glob("*/*"):
        with suppress(FileNotFoundError):
            if path.name not in kept and path.stat().st_mtime < before:
                path.unlink()


def _path(name: str) -> Path:
    if len(name) != 32 or not name.isalnum():
        raise NoSuchMessage
    return root() / name[:2] / name


def _make(folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sync(folder.parent)


def _sync(folder: Path) -> None:
    """The entry of a new file is on the disk, too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
