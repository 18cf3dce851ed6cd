"""A message as it travelled, made readable: header fields and source text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from apps.mail.mime import headers

MOST_SOURCE = 512 * 1024
MOST_FIELDS = 500
_FIELD = re.compile(rb"^([!-9;-~]{1,200})[ \t]*:[ \t]*(.*(?:\r?\n[ \t].*)*)", re.MULTILINE)


def fields(header: bytes) -> list[tuple[str, str]]:
    """Name and decoded value of each header field, in order, repeated ones repeated."""
    found = []
    for match in _FIELD.finditer(header):
        value = re.sub(rb"\r?\n(?=[ \t])", b"", match[2]).strip()
        found.append((match[1].decode("ascii"), headers.decode(value)))
        if len(found) == MOST_FIELDS:
            break
    return found


def text(chunks: Iterator[bytes]) -> tuple[str, bool]:
    """The beginning of the source, and whether there is more."""
    pieces: list[bytes] = []
    size = 0
    for chunk in chunks:
        pieces.append(chunk)
        size += len(chunk)
        if size > MOST_SOURCE:
            break
    raw = b"".join(pieces)[:MOST_SOURCE]
    try:
        decoded = raw.decode()
    except UnicodeDecodeError:
        decoded = raw.decode("latin-1")
    return decoded.replace("\r\n", "\n"), size > MOST_SOURCE
