"""The one place where values become parts of an IMAP command.

Everything a connection sends is made of ``Wire`` (bytes that were checked here) and ``Literal``; nothing else type
checks, and ``line`` looks once more before a command leaves. A CR or LF that slipped into an argument would end the
command and begin another one of an attacker's choice (CVE-2025-15366 of the standard library); so control characters
are refused, and a literal's length is counted in octets.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date as Day
from datetime import datetime
from typing import NewType

from apps.mail.mailbox import names
from apps.mail.mailbox.errors import BadArgument

#: Bytes that may stand in a command line.
Wire = NewType("Wire", bytes)


@dataclass(frozen=True, slots=True)
class Literal:
    """A string sent by its length (RFC 9051 section 4.3)."""

    octets: bytes


Piece = Wire | Literal

MAX_UID = 2**32 - 1
#: Octets of one UID set: servers take command lines of 8 KiB and more (RFC 7162 section 4).
MAX_SET = 6000

_ATOM = re.compile(rb"[!#$&'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~]+")
_FLAG = re.compile(rb"\\?[!#$&'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~]+")
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_QUOTABLE = re.compile(rb"[\x20-\x7e]*")
_SECTION = re.compile(r"(?:[1-9][0-9]{0,8}\.){0,60}(?:[1-9][0-9]{0,8}|HEADER|TEXT|MIME)|")
_KEYWORD = re.compile(r"[A-Z0-9a-z ().\[\]<>*:+=-]*")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def words(text: str) -> Wire:
    """A piece of the protocol written by us: command names, item lists. Never for a value from outside."""
    if not _KEYWORD.fullmatch(text):
        raise BadArgument("not a protocol word")
    return Wire(text.encode("ascii"))


def atom(text: str) -> Wire:
    raw = _encode(text)
    if not _ATOM.fullmatch(raw):
        raise BadArgument("not an atom")
    return Wire(raw)


def string(value: str | bytes) -> Piece:
    """A quoted string where seven bits and one line will do, a literal otherwise. Control characters are refused."""
    raw = _encode(value) if isinstance(value, str) else value
    if _CONTROL.search(raw):
        raise BadArgument("control character in an argument")
    if len(raw) > 500 or not _QUOTABLE.fullmatch(raw):
        return Literal(raw)
    return Wire(b'"' + raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"')


def strings(values: Iterable[str]) -> Wire:
    """A parenthesised list of short strings."""
    pieces = [string(value) for value in values]
    if any(isinstance(piece, Literal) for piece in pieces):
        raise BadArgument("not a short string")
    return Wire(b"(" + b" ".join(piece for piece in pieces if not isinstance(piece, Literal)) + b")")


def sasl_plain(login: str, password: str) -> Wire:
    """The message of RFC 4616, ready for the line; control characters are refused."""
    if _CONTROL.search(_encode(login) + _encode(password)):
        raise BadArgument("control character in a user name or password")
    return Wire(base64.b64encode(b"\0%b\0%b" % (_encode(login), _encode(password))))


def message(octets: bytes) -> Literal:
    """A whole message for APPEND: line ends belong into it, NUL must not (RFC 9051 section 4.3)."""
    if b"\0" in octets:
        raise BadArgument("NUL in a message")
    return Literal(octets)


def mailbox(name: str) -> Piece:
    return string(names.to_wire(name))


def flags(values: Iterable[str]) -> Wire:
    """A parenthesised flag list: system flags with their backslash, keywords as atoms (RFC 9051 section 2.3.2)."""
    raw = [_encode(value) for value in values]
    if not all(_FLAG.fullmatch(flag) for flag in raw):
        raise BadArgument("not a flag")
    return Wire(b"(" + b" ".join(raw) + b")")


def keyword(value: str) -> Wire:
    """A flag that is no system flag, by itself as SEARCH takes it."""
    raw = _encode(value)
    if not _FLAG.fullmatch(raw) or raw.startswith(b"\\"):
        raise BadArgument("not a keyword")
    return Wire(raw)


def number(value: int) -> Wire:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 2**63 - 1:
        raise BadArgument("not a number")
    return Wire(b"%d" % value)


def uid(value: int) -> int:
    """The value itself, when it can be a UID or a sequence number."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= MAX_UID:
        raise BadArgument("not a UID")
    return value


def span(first: int, last: int | None) -> Wire:
    """``first:last`` of sequence numbers or UIDs; None is ``*``."""
    return Wire(b"%d:%b" % (uid(first), b"*" if last is None else b"%d" % uid(last)))


def uid_set(uids: Iterable[int]) -> Wire:
    """A sequence set with its runs compressed, in ascending order; for sets of any size see ``uid_sets``."""
    sets = uid_sets(uids, limit=2**31)
    if not sets:
        raise BadArgument("no UIDs")
    return sets[0]


def uid_sets(uids: Iterable[int], *, limit: int = MAX_SET) -> list[Wire]:
    """As many sequence sets as it takes to keep each below ``limit`` octets."""
    ordered = sorted({uid(value) for value in uids})
    sets: list[Wire] = []
    ranges: list[bytes] = []
    length = index = 0
    while index < len(ordered):
        first = last = ordered[index]
        index += 1
        while index < len(ordered) and ordered[index] == last + 1:
            last = ordered[index]
            index += 1
        text = b"%d" % first if first == last else b"%d:%d" % (first, last)
        if ranges and length + len(text) > limit:
            sets.append(Wire(b",".join(ranges)))
            ranges, length = [], 0
        ranges.append(text)
        length += len(text) + 1
    if ranges:
        sets.append(Wire(b",".join(ranges)))
    return sets


def section(part: str, *, offset: int | None = None, size: int | None = None) -> Wire:
    """``BODY.PEEK[part]<offset.size>``; "" is the whole message."""
    if not _SECTION.fullmatch(part):
        raise BadArgument("not a section of a message")
    text = f"BODY.PEEK[{part}]"
    if size is not None:
        text += f"<{number(offset or 0).decode()}.{number(uid(size)).decode()}>"
    return Wire(text.encode("ascii"))


def date_time(when: datetime) -> Wire:
    """A date-time of RFC 9051 (``"05-Feb-2026 09:05:00 +0100"``); it must be aware."""
    offset = when.utcoffset()
    if offset is None or not 1970 <= when.year <= 9999:
        raise BadArgument("not a date with a time zone")
    minutes = round(offset.total_seconds() / 60)
    zone = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"
    return Wire(f'"{when.day:02d}-{_MONTHS[when.month - 1]}-{when.year} {when:%H:%M:%S} {zone}"'.encode("ascii"))


def date(day: Day) -> Wire:
    """A date of RFC 9051 section 9 (``05-Feb-2026``)."""
    return Wire(f"{day.day:02d}-{_MONTHS[day.month - 1]}-{day.year:04d}".encode("ascii"))


def group(pieces: Sequence[Wire]) -> Wire:
    """A parenthesised list."""
    return Wire(b"(" + b" ".join(pieces) + b")")


def chunks(pieces: Sequence[Piece], *, literal_plus: bool, literal_minus: bool) -> list[tuple[bytes, bool]]:
    """A command's pieces as what is written, each with whether the server's ``+`` must be awaited afterwards.

    ``literal_plus`` and ``literal_minus`` say whether the server takes non-synchronising literals, of any size or of at
    most 4096 octets (RFC 7888).
    """
    written: list[tuple[bytes, bool]] = []
    line = b""
    for index, piece in enumerate(pieces):
        line += b" " if index else b""
        if isinstance(piece, Literal):
            at_once = literal_plus or (literal_minus and len(piece.octets) <= 4096)
            line += b"{%d%b}\r\n" % (len(piece.octets), b"+" if at_once else b"")
            if not at_once:
                written.append((line, True))
                line = b""
            line += piece.octets
        else:
            if _CONTROL.search(piece):
                raise BadArgument("control character in a command")
            line += piece
    written.append((line + b"\r\n", False))
    return written


def _encode(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise BadArgument("half a character in an argument") from None
