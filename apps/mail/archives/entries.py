"""What mail archives hold, whatever their format: messages with their flags and dates, and what could not be read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MOST = 100 * 1024 * 1024  # octets of a message: larger ones are told of, and left
#: Why a message was not read. What these say to people is the services' affair.
TOO_LARGE, DAMAGED, METHOD, LOCKED, EMPTY, NOT_MAIL, NUL = (
    "large",
    "damaged",
    "method",
    "locked",
    "empty",
    "foreign",
    "nul",
)

_SYSTEM = {"\\seen": "\\Seen", "\\answered": "\\Answered", "\\flagged": "\\Flagged", "\\deleted": "\\Deleted"}
_SYSTEM |= {"\\draft": "\\Draft"}
_KEYWORD = re.compile(r"[!#$&'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~]{1,100}", re.ASCII)
_ENDS = re.compile(rb"\r\n|\r|\n")
_DATE = re.compile(rb"^date:[ \t]*([^\r\n]{1,100})", re.I | re.M)


class BadArchive(Exception):
    """The file as a whole cannot be read, from here on."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """How far somebody has come in an archive: messages and what was told of, the octet at which it goes on, and, in a
    file that holds files, the octet within the one that begins there."""

    number: int = 0
    outer: int = 0
    inner: int = 0


BEGIN = Place()


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    octets: bytes  # with CRLF
    flags: tuple[str, ...] = ()
    received: datetime | None = None  # aware
    folder: tuple[str, ...] = ()  # below the one that the archive is of


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Message ``after.number`` of an archive, or why it is none."""

    after: Place
    message: Message | None = None
    problem: str = ""
    about: str = ""  # its name in the archive, where it has one


def found(after: Place, octets: bytes, about: str = "", **told: object) -> Found:
    """A message as a server takes it; NUL is what no server does (RFC 9051 section 4.3)."""
    if not octets.strip():
        return Found(after=after, problem=EMPTY, about=about)
    if b"\0" in octets:
        return Found(after=after, problem=NUL, about=about)
    return Found(after=after, message=Message(octets=with_crlf(octets), **told), about=about)  # type: ignore[arg-type]


def with_crlf(octets: bytes) -> bytes:
    return octets if octets.count(b"\r\n") == octets.count(b"\n") == octets.count(b"\r") else _ENDS.sub(b"\r\n", octets)


def flags(values: Iterable[str]) -> tuple[str, ...]:
    """Those that a server may be asked for: the five of RFC 9051 section 2.3.2, and keywords that are atoms."""
    known: dict[str, str] = {}
    for value in values:
        if name := _SYSTEM.get(value.lower(), value if _KEYWORD.fullmatch(value) else ""):
            known.setdefault(name.lower(), name)
    return tuple(known.values())


def date_of(octets: bytes) -> datetime | None:
    """The Date header, aware; None without a sensible one."""
    header = re.split(rb"\r?\n\r?\n", octets[:65536], maxsplit=1)[0]
    stands = _DATE.search(header)
    try:
        when = parsedate_to_datetime(stands[1].decode("ascii", "replace")) if stands else None
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return sensible(when)


def sensible(when: datetime | None) -> datetime | None:
    if when is None or not 1970 <= when.year <= 9000:
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)
