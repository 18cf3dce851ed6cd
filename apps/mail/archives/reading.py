"""What an archive is, by what stands in it, and its messages from any place on."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Iterator
from pathlib import PurePath
from typing import BinaryIO

from apps.mail.archives import entries, maildir, mbox, zips
from apps.mail.archives.entries import BEGIN, BadArchive, Found, Place

HEAD = 4096  # octets that tell what a file is
FORMATS = ("mbox", "zip", "maildir", "eml")
_MOST_ZIP_IN_GZ = 200 * 1024 * 1024  # it has to be read back and forth, and so is unpacked as a whole
_FIELD = re.compile(rb"\A(?:[\x21-\x39\x3b-\x7e]+[ \t]*:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*\r?\n)", re.S)


def kind_of(name: str, head: bytes) -> str:
    """One of ``FORMATS``, with ``.gz`` where it is packed; "" for what is none of them. ``head``: its beginning."""
    if head[:2] == b"\x1f\x8b":
        try:
            inside = zlib.decompressobj(31).decompress(head, HEAD)
        except zlib.error:
            return ""
        kind = kind_of(re.sub(r"\.(gz|tgz)\Z", "", name, flags=re.I), inside)
        return f"{kind}.gz" if kind and not kind.endswith(".gz") else ""
    if head[:4] in (b"PK\3\4", b"PK\5\6"):
        return "zip"
    if head[257:262] == b"ustar":
        return "maildir"
    start = head.lstrip(b"\xef\xbb\xbf\r\n")
    if start.startswith(b"From "):
        return "mbox"
    if _FIELD.match(start):
        return "eml"
    return "mbox" if PurePath(name).suffix.lower() in (".mbox", ".mbx") and start else ""


def messages(file: BinaryIO, kind: str, start: Place = BEGIN) -> Iterator[Found]:
    """From a place that a message before told. ``file`` can be positioned. Raises ``BadArchive``."""
    if kind.endswith(".gz"):
        kind, file = kind.removesuffix(".gz"), _unpacked(file, kind)
    try:
        if kind == "mbox":
            yield from mbox.messages(file, start)
        elif kind == "zip":
            yield from zips.messages(file, start)
        elif kind == "maildir":
            yield from maildir.messages(file, start)
        elif not start.number:
            yield _single(file)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadArchive(str(error)) from error


def _unpacked(file: BinaryIO, kind: str) -> BinaryIO:
    """Positions in it are those of the content: what was read before is unpacked once more to get there."""
    unpacked: BinaryIO = gzip.GzipFile(fileobj=file, mode="rb")  # type: ignore[assignment]
    if kind != "zip.gz":
        return unpacked
    try:
        whole = unpacked.read(_MOST_ZIP_IN_GZ + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadArchive(str(error)) from error
    if len(whole) > _MOST_ZIP_IN_GZ:
        raise BadArchive("too large to be packed twice")
    return io.BytesIO(whole)


def _single(file: BinaryIO) -> Found:
    octets = file.read(entries.MOST + 1)
    if len(octets) > entries.MOST:
        return Found(after=Place(1), problem=entries.TOO_LARGE)
    return entries.found(Place(1), octets, received=entries.date_of(octets))
