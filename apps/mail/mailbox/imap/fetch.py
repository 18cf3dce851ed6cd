"""FETCH: what is asked for, and its answers as values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

from apps.mail.mailbox.imap import bodystructure, envelope, guard, tokens
from apps.mail.mailbox.imap.commands import Result
from apps.mail.mailbox.imap.tokens import Value, octets
from apps.mail.mime.parts import Envelope, Part

UID_FLAGS = guard.words("(UID FLAGS)")
UID_DATE = guard.words("(UID INTERNALDATE)")
UID_DATE_SIZE = guard.words("(UID INTERNALDATE RFC822.SIZE)")
UID_SIZE = guard.words("(UID RFC822.SIZE)")
UID_ENVELOPE = guard.words("(UID INTERNALDATE ENVELOPE)")
UID_ONLY = guard.words("(UID)")
_ROW = "UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE"
ROW = guard.words(f"({_ROW})")
ROW_WITH_PREVIEW = guard.words(f"({_ROW} PREVIEW)")
ROW_WITH_HEADER = guard.words(f"({_ROW} BODY.PEEK[HEADER])")
#: For messages whose structure the server cannot give.
POOR_ROW = guard.words("(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER])")

#: The commonest answer, fifty to a page: nothing but the flags. Few sets of them occur.
_FLAGS_ALONE = re.compile(rb" *\(UID (\d{1,10}) FLAGS (\([^()\"{]*\))(?: MODSEQ \(\d{1,20}\))?\)")

SPAN = 20_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS = {
    name: number
    for number, name in enumerate(
        (b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"), 1
    )
}


@dataclass(slots=True)
class Fetched:
    """What the server told about one message; None or empty is what it did not tell."""

    number: int  # message sequence number
    uid: int = 0
    flags: frozenset[str] | None = None
    received: datetime | None = None
    size: int = 0
    envelope: Envelope | None = None
    structure: Part | None = None
    preview: str | None = None
    sections: dict[str, bytes] = field(default_factory=dict)  # "1.2", "HEADER", ""; upper case
    cut: set[str] = field(default_factory=set)  # sections of which the server says where they begin


def rows(result: Result) -> Iterator[Fetched]:
    """The FETCH answers of a result, in order; several about one message come one by one."""
    for answer in result.named(b"FETCH"):
        if answer.number is None:
            continue
        if short := _FLAGS_ALONE.fullmatch(answer.data):
            yield Fetched(answer.number, tokens.uid(short[1]), _flags(short[2]))
            continue
        values = tokens.parse(answer.data, answer.literals)
        if values and isinstance(values[0], list):
            yield _row(answer.number, values[0])


def spans(exists: int) -> Iterator[guard.Wire]:
    """All messages, so many at a time that their answers find room."""
    for low in range(1, exists + 1, SPAN):
        yield guard.span(low, min(low + SPAN - 1, exists))


def by_uid(result: Result, wanted: Iterable[int] | None = None) -> dict[int, Fetched]:
    """FETCH answers merged by UID; those without a UID are news about flags that nobody asked for."""
    found: dict[int, Fetched] = {}
    allowed = None if wanted is None else set(wanted)
    for row in rows(result):
        if not row.uid or (allowed is not None and row.uid not in allowed):
            continue
        known = found.setdefault(row.uid, row)
        if known is not row:
            _merge(known, row)
    return found


def _merge(known: Fetched, row: Fetched) -> None:
    for name in ("flags", "received", "envelope", "structure", "preview"):
        value = getattr(row, name)
        if value is not None:
            setattr(known, name, value)
    known.size = row.size or known.size
    known.sections.update(row.sections)
    known.cut |= row.cut


def _row(number: int, values: list[Value]) -> Fetched:
    row = Fetched(number)
    for key, value in _items(values):
        name = octets(key).upper()
        if name == b"UID":
            row.uid = tokens.uid(value)
        elif name == b"FLAGS":
            row.flags = flag_set(value)
        elif name == b"ENVELOPE":
            row.envelope = envelope.parse(value)
        elif name in (b"BODYSTRUCTURE", b"BODY"):
            row.structure = _structure(value)
        elif name == b"RFC822.SIZE":
            row.size = tokens.number(value)
        elif name == b"INTERNALDATE":
            row.received = internal_date(octets(value))
        elif name == b"PREVIEW":
            row.preview = None if value is None else octets(value).decode("utf-8", "replace")
        elif name.startswith(b"BODY[") and value is not None:
            _add_section(row, name, octets(value))
    return row


def _add_section(row: Fetched, name: bytes, found: bytes) -> None:
    section, _bracket, begin = name[5:].decode("ascii", "replace").partition("]")
    row.sections[section] = found
    if begin:
        row.cut.add(section)


def _items(values: list[Value]) -> Iterator[tuple[Value, Value]]:
    """Names and values; Domino puts some pairs into parentheses of their own."""
    index = 0
    while index < len(values):
        key = values[index]
        if isinstance(key, list):
            yield from _items(key)
            index += 1
        else:
            yield key, values[index + 1] if index + 1 < len(values) else None
            index += 2


def _structure(value: Value) -> Part | None:
    try:
        return bodystructure.parse(value)
    except bodystructure.Unreadable:
        return None


def flag_set(value: Value) -> frozenset[str]:
    """\\Recent is left out: it belongs to the connection, not to the message."""
    names = (octets(flag).decode("utf-8", "replace") for flag in value) if isinstance(value, list) else ()
    return frozenset(name for name in names if name and name.lower() != "\\recent")


@lru_cache(maxsize=5_000)
def _flags(told: bytes) -> frozenset[str]:
    return flag_set(tokens.parse(told)[0])


def internal_date(raw: bytes) -> datetime | None:
    """``" 5-Feb-2026 09:05:00 +0100"``, aware; None where it is no date."""
    try:
        date, clock, zone = raw.split()
        day, month, year = date.split(b"-")
        hour, minute, second = clock.split(b":")
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5]))
        return datetime(
            *(int(year), _MONTHS[month.lower()], int(day), int(hour), int(minute), min(int(second), 59)),
            tzinfo=timezone(-offset if zone[:1] == b"-" else offset),
        )
    except (ValueError, KeyError, OverflowError):
        return None
