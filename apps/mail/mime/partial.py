"""A message sent in several (RFC 2046 section 5.2.2)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from apps.mail.mime.parts import Part

MOST_PIECES = 200
_OF_THE_WHOLE = re.compile(rb"(?:content-[^:]*|subject|message-id|encrypted|mime-version)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Piece:
    """``total`` is 0 where this piece does not say it: only the last one has to."""

    id: str
    number: int
    total: int


def piece(part: Part) -> Piece | None:
    """What a message/partial says of itself; None where that makes no sense."""
    id_, number, total = (part.params.get(name, "") for name in ("id", "number", "total"))
    if not id_ or not _is_number(number) or not (total == "" or _is_number(total)):
        return None
    found = Piece(id_, int(number), int(total or 0))
    return found if 0 < found.number <= (found.total or found.number) else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 6


def join(header: bytes, bodies: Sequence[bytes]) -> bytes:
    """The whole message: ``header`` is that of the message with the first piece; ``bodies`` are of all, in order.

    RFC 2046 section 5.2.2.1: the fields of the enclosing message, but those that start with "Content-", and Subject,
    Message-ID, Encrypted and MIME-Version, which come from the header within the first piece.
    """
    inner, mark, rest = _cut(bodies[0])
    kept = [line for line in _fields(header) if not _OF_THE_WHOLE.match(line.partition(b":")[0].strip())]
    own = [line for line in _fields(inner) if _OF_THE_WHOLE.match(line.partition(b":")[0].strip())]
    return b"".join([*kept, *own, mark or b"\r\n", rest, *bodies[1:]])


def _cut(first: bytes) -> tuple[bytes, bytes, bytes]:
    match = re.search(rb"\r?\n\r?\n", first)
    return (first, b"", b"") if match is None else (first[: match.start()] + b"\r\n", b"\r\n", first[match.end() :])


def _fields(header: bytes) -> list[bytes]:
    """Whole fields with their folded lines, each ending in CRLF."""
    unix = header.replace(b"\r\n", b"\n").strip(b"\n")
    return [line.replace(b"\n", b"\r\n") + b"\r\n" for line in re.split(rb"\n(?![ \t])", unix) if line.strip()]
