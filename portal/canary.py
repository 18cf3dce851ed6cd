"""Looking for a marked secret in every octet that the portal keeps."""

from __future__ import annotations

import base64
import contextlib
import re
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from django.apps import apps as django_apps
from django.core import signing

MOST = 256 * 1024 * 1024  # octets of one file that are read
_SIGNED = re.compile(rb"\.?[A-Za-z0-9_-]{20,}(?::[A-Za-z0-9_-]+){1,2}")
_held: list[BinaryIO] = []
_ZLIB = re.compile(rb"\x78[\x01\x9c\xda]")


def disguises(word: str) -> set[bytes]:
    """How the octets of a word may lie on a disk: as they are, in UTF-16, in base64 at any offset, in hex."""
    plain = word.encode()
    found = {plain, plain.hex().encode(), word.encode("utf-16-le")}
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + plain)
        found.add(coded[4 if shift else 0 : -4])
        found.add(base64.urlsafe_b64encode(b"\0" * shift + plain)[4 if shift else 0 : -4])
    return found


def opened(octets: bytes) -> Iterator[bytes]:
    """The octets, and what is packed in them: Django's signed and compressed sessions, streams of zlib."""
    yield octets
    for match in _SIGNED.finditer(octets):
        text = match[0].decode()
        packed = text.startswith(".")
        body = text.removeprefix(".").partition(":")[0]
        with contextlib.suppress(ValueError, zlib.error):
            data = signing.b64_decode(body.encode())
            yield zlib.decompress(data) if packed else data
    for match in _ZLIB.finditer(octets):
        with contextlib.suppress(zlib.error):
            yield zlib.decompressobj().decompress(octets[match.start() :], 1_000_000)


def search(places: Mapping[str, bytes], words: Mapping[str, str]) -> set[tuple[str, str]]:
    """(place, name of the word) wherever one is found."""
    patterns = {name: disguises(word) for name, word in words.items()}
    return {
        (place, name)
        for place, octets in places.items()
        for view in opened(octets)
        for name, looks in patterns.items()
        if any(look in view for look in looks)
    }


def tables() -> Iterator[tuple[str, bytes]]:
    """The rows of each table as they read; octets of binary columns as they are."""
    for model in django_apps.get_models(include_auto_created=True):
        if not model._meta.managed or model._meta.proxy:
            continue
        rows = model._base_manager.values_list()
        yield (
            f"table {model._meta.db_table}",
            b"\n".join(
                b"\t".join(
                    bytes(value) if isinstance(value, (bytes, memoryview)) else str(value).encode("utf-8", "replace")
                    for value in row
                )
                for row in rows.iterator(chunk_size=500)
            ),
        )


def files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with contextlib.suppress(OSError):
                yield str(path), octets_of(path)


def octets_of(path: Path) -> bytes:
    """A database that this process has open stays open here as well: closing any descriptor of a file gives up all
    locks of the process on it (fcntl(2)), and another process would throw the journal away that SQLite writes to."""
    file = path.open("rb")
    octets = file.read(MOST)
    if octets.startswith(b"SQLite format 3\0") or path.name.endswith("-shm"):
        _held.append(file)
    else:
        file.close()
    return octets
