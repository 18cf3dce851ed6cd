"""mbox (RFC 4155) with mboxrd's quoting: read with flat memory, and written.

Flags stand where other programs put them, in Status, X-Status and X-Keywords. We write the three above all other fields
and always, so that only the first of each is ours when it is read again: a field of that name that the message has had
before stays in it, and sets no flag.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import BinaryIO

from apps.mail.archives import entries
from apps.mail.archives.entries import BEGIN, Found, Message, Place

LINE = 64 * 1024  # octets that are looked at together; a longer line comes in pieces
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
#: ``From a@b Thu Nov 26 10:00:00 2026``; zones and other words come before the year, or after it.
_FROM = re.compile(
    rb"From (?:.* )?(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +(?:(\d{1,2}) +)?([A-Z][a-z]{2}) +(?:(\d{1,2}) +)?"
    rb"(?:(\d{4}) +)?(\d{1,2}):(\d\d)(?::(\d\d))?(?: +[A-Za-z]{1,5}| +[+-]\d{4})*(?: +(\d{4}))?(?: +[+-]\d{4}|\b.*)?\s*"
)
_QUOTED = re.compile(rb"^>(>*From )", re.M)
_TO_QUOTE = re.compile(rb"^(>*From )", re.M)
_FIELD = re.compile(rb"(?:^|(?<=\n))(status|x-status|x-keywords):([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)\r?\n", re.I)
_MOZILLA = re.compile(rb"^x-mozilla-(status|keys):[ \t]*([^\r\n]*)", re.I | re.M)
_ADDRESS = re.compile(rb"^(?:return-path|from|sender):[^\r\n]*?([^\s<>\"(),:;]+@[^\s<>\"(),:;]+)", re.I | re.M)
_INTERNAL = re.compile(rb"^subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA", re.I | re.M)
_STATUS = {"R": "\\Seen"}
_X_STATUS = {"A": "\\Answered", "F": "\\Flagged", "D": "\\Deleted", "T": "\\Draft"}
_MOZILLA_BITS = {1: "\\Seen", 2: "\\Answered", 4: "\\Flagged", 8: "\\Deleted", 0x1000: "$Forwarded"}


# --- reading ----------------------------------------------------------------------------------------------------------


def messages(file: BinaryIO, start: Place = BEGIN, *, folder: tuple[str, ...] = (), most: int = 0) -> Iterator[Found]:
    """From ``start.outer`` on, to which ``file`` is positioned here."""
    file.seek(start.outer)
    for number, (after, line, octets) in enumerate(raw(file, start.outer, most=most), start.number + 1):
        yield read(Place(number, after), line, octets, folder)


def read(after: Place, line: bytes, octets: bytes | None, folder: tuple[str, ...]) -> Found:
    """One message as ``raw`` tells it."""
    if octets is None:
        return Found(after=after, problem=entries.TOO_LARGE)
    flags, octets = _taken_out(_QUOTED.sub(rb"\1", octets))
    if _INTERNAL.search(octets[:4096]) and b"X-IMAP" in octets[:4096]:
        return Found(after=after, problem=entries.NOT_MAIL)
    received = _date(line) or entries.date_of(octets)
    return entries.found(after, octets, flags=flags, received=received, folder=folder)


def raw(file: BinaryIO, at: int = 0, *, most: int = 0) -> Iterator[tuple[int, bytes, bytes | None]]:
    """(where the next one begins, the From_ line, the octets) of each; None for more octets than ``most``. What stands
    before the first From_ line is a message of its own, without one."""
    most = most or entries.MOST
    pieces: list[bytes] = []
    size, head, blank, at_start, begun = 0, b"", True, True, False
    while piece := file.readline(LINE):
        if blank and at_start and piece.startswith(b"From ") and _FROM.fullmatch(piece):
            if begun or any(part.strip() for part in pieces):
                yield at, head, _whole(pieces, size, most)
            pieces, size, head, begun = [], 0, piece, True
        else:
            size += len(piece)
            if size <= most:
                pieces.append(piece)
            elif pieces:
                pieces = []
        blank = at_start and not piece.strip(b"\r\n")
        at_start = piece.endswith(b"\n")
        at += len(piece)
    if begun or any(part.strip() for part in pieces):
        yield at, head, _whole(pieces, size, most)


def _whole(pieces: list[bytes], size: int, most: int) -> bytes | None:
    """Without the empty line that ends it."""
    if size > most:
        return None
    if pieces and not pieces[-1].strip(b"\r\n"):
        pieces = pieces[:-1]
    return b"".join(pieces)


def _date(line: bytes) -> datetime | None:
    told = _FROM.fullmatch(line)
    if not told:
        return None
    day, month = told[1] or told[3], told[2].decode("ascii")
    year = told[4] or told[8]
    try:
        clock = (int(told[5]), int(told[6]), min(int(told[7] or 0), 59))
        return entries.sensible(datetime(int(year), _MONTHS.index(month) + 1, int(day), *clock, tzinfo=UTC))
    except (ValueError, TypeError):
        return None


def _taken_out(octets: bytes) -> tuple[tuple[str, ...], bytes]:
    """(Its flags, the message without the fields they stood in)."""
    end = re.search(rb"\r?\n\r?\n|\Z", octets)
    header, rest = (octets[: end.end()], octets[end.end() :]) if end else (octets, b"")
    told: dict[bytes, bytes] = {}

    def take(stands: re.Match[bytes]) -> bytes:
        name = stands[1].lower()
        if name in told:
            return stands[0]
        told[name] = stands[2]
        return b""

    header = _FIELD.sub(take, header)
    flags = [_STATUS[sign] for sign in _ascii(told.get(b"status", b"")) if sign in _STATUS]
    flags += [_X_STATUS[sign] for sign in _ascii(told.get(b"x-status", b"")) if sign in _X_STATUS]
    flags += _ascii(told.get(b"x-keywords", b"")).split()
    if b"status" not in told:
        flags += _mozilla(header)
    return entries.flags(flags), header + rest


def _mozilla(header: bytes) -> list[str]:
    flags: list[str] = []
    for stands in _MOZILLA.finditer(header):
        if stands[1].lower() == b"keys":
            flags += _ascii(stands[2]).split()
        elif re.fullmatch(rb"[0-9a-fA-F]{1,8}", stands[2].strip()):
            bits = int(stands[2], 16)
            flags += [flag for bit, flag in _MOZILLA_BITS.items() if bits & bit]
    return flags


def _ascii(value: bytes) -> str:
    return value.decode("ascii", "replace")


# --- writing ----------------------------------------------------------------------------------------------------------


def written(message: Message) -> bytes:
    """From_ line, flags, the message with LF and quoted, an empty line."""
    text = message.octets.replace(b"\r\n", b"\n")
    if not text.endswith(b"\n"):
        text += b"\n"
    return _from_line(message) + _fields(message.flags) + _TO_QUOTE.sub(rb">\1", text) + b"\n"


def _from_line(message: Message) -> bytes:
    """The sender's address, and the time in UTC as asctime writes it (RFC 4155, appendix A)."""
    when = (message.received or datetime(1970, 1, 1, tzinfo=UTC)).astimezone(UTC)
    stands = _ADDRESS.search(message.octets.split(b"\r\n\r\n", 1)[0])
    sender = stands[1] if stands and stands[1].isascii() else b"MAILER-DAEMON"
    day = f"{_DAYS[when.weekday()]} {_MONTHS[when.month - 1]} {when.day:2d} {when:%H:%M:%S} {when.year}"
    return b"From %b %b\n" % (sender, day.encode("ascii"))


def _fields(flags: Iterable[str]) -> bytes:
    names = {flag.lower(): flag for flag in flags}
    status = "".join(sign for sign, flag in _STATUS.items() if flag.lower() in names) + "O"
    more = "".join(sign for sign, flag in _X_STATUS.items() if flag.lower() in names)
    keywords = " ".join(flag for flag in names.values() if not flag.startswith("\\"))
    return f"Status: {status}\nX-Status: {more}\nX-Keywords: {keywords}\n".encode("ascii", "replace")
