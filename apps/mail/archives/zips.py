"""zip files of messages: ``.eml`` files, mboxes, or both, in directories that are folders.

The directory at the end of the file is read entry by entry, as the standard library's reader would not: it keeps them
all. Flags and the date of arrival stand in the comment of each entry that we write, so that the message itself is
octet for octet what the server has. (APPNOTE.TXT 6.3, sections 4.3 and 4.5.)
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO

from apps.mail.archives import entries, mbox
from apps.mail.archives.entries import BEGIN, BadArchive, Found, Message, Place

MOST_WRITTEN = 50_000  # messages: the writer remembers the directory until the end
_END, _END64, _LOCATOR = b"PK\5\6", b"PK\6\6", b"PK\6\7"
_ENTRY, _LOCAL = struct.Struct("<4s6H3I5H2I"), struct.Struct("<4s5H3I2H")
_TAIL = 22 + 65535
_PIECE = 256 * 1024
_STORED, _DEFLATED = 0, 8
_KINDS = ("eml", "mbox", "mbx", "txt", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    name: str
    comment: bytes
    encrypted: bool
    method: int
    crc: int
    packed: int  # octets in the file
    size: int  # octets of content, as the directory says
    at: int  # where its local header begins
    begin: int  # where its entry in the directory begins, and ends
    next: int
    modified: datetime | None

    @property
    def path(self) -> list[str]:
        pieces = self.name.replace("\\", "/").split("/")
        return [piece for piece in pieces if piece not in ("", ".", "..")]

    @property
    def is_mbox(self) -> bool:
        """``mbox`` is that of the folder it lies in, ``Sub.mbox`` of the one below."""
        return self.path[-1].lower() == "mbox" or self.path[-1].lower().endswith((".mbox", ".mbx"))

    @property
    def folder(self) -> tuple[str, ...]:
        *above, last = self.path
        pieces = [*above, last] if self.is_mbox and last.lower() != "mbox" else above
        return tuple(_bare(piece) for piece in pieces)


def _bare(piece: str) -> str:
    stem, dot, ending = piece.rpartition(".")
    return stem if dot and stem and ending.lower() in ("mbox", "mbx") else piece


# --- reading ----------------------------------------------------------------------------------------------------------


def messages(file: BinaryIO, start: Place = BEGIN) -> Iterator[Found]:
    """In the order of the directory. Raises ``BadArchive``."""
    begin, end, shift = _directory(file)
    at, inner, number = start.outer or begin, start.inner, start.number
    while at < end:
        entry = _entry(file, at)
        at = entry.next
        if not entry.path or entry.name.endswith("/") or entry.path[0] == "__MACOSX" or entry.path[-1][0] == ".":
            continue
        if entry.is_mbox and not _unreadable(entry):
            for one in _of_mbox(file, entry, Place(number, entry.begin, inner), shift):
                number = one.after.number
                yield one
        else:
            number += 1
            yield _one(file, entry, Place(number, at), shift)
        inner = 0


def _unreadable(entry: Entry) -> str:
    if entry.encrypted:
        return entries.LOCKED
    return "" if entry.method in (_STORED, _DEFLATED) else entries.METHOD


def _of_mbox(file: BinaryIO, entry: Entry, start: Place, shift: int) -> Iterator[Found]:
    number = start.number
    content = io.BufferedReader(_Content(file, entry, shift), _PIECE)
    try:
        left = start.inner
        while left and (skipped := content.read(min(left, _PIECE))):
            left -= len(skipped)
        for after, line, octets in mbox.raw(content, start.inner):
            number += 1
            yield mbox.read(Place(number, entry.begin, after), line, octets, entry.folder)
    except (zlib.error, EOFError):
        yield Found(after=Place(number + 1, entry.next), problem=entries.DAMAGED, about=entry.name)


def _one(file: BinaryIO, entry: Entry, after: Place, shift: int) -> Found:
    ending = entry.path[-1].lower().rpartition(".")[2] if "." in entry.path[-1] else ""
    problem = _unreadable(entry) or ("" if ending in _KINDS else entries.NOT_MAIL)
    octets = b""
    if not problem:
        try:
            octets = _Content(file, entry, shift).whole(entries.MOST)
        except (zlib.error, EOFError):
            problem = entries.DAMAGED
        else:
            if len(octets) > entries.MOST:
                problem = entries.TOO_LARGE
            elif zlib.crc32(octets) != entry.crc:
                problem = entries.DAMAGED
    if problem:
        return Found(after=after, problem=problem, about=entry.name)
    flags, received = _told(entry.comment)
    received = received or entries.date_of(octets) or entry.modified
    return entries.found(after, octets, entry.name, flags=flags, received=received, folder=entry.folder)


def _told(comment: bytes) -> tuple[tuple[str, ...], datetime | None]:
    try:
        told = json.loads(comment)
        flags = entries.flags(flag for flag in told["flags"] if isinstance(flag, str))
        return flags, entries.sensible(datetime.fromisoformat(told["received"]))
    except (ValueError, TypeError, KeyError, AttributeError):
        return (), None


class _Content(io.RawIOBase):
    """An entry's content, forwards. Raises ``EOFError`` and ``zlib.error`` for one that is cut or damaged, and what is
    more than the directory says ends it: no small file becomes an endless one."""

    def __init__(self, file: BinaryIO, entry: Entry, shift: int) -> None:
        self._file, self._left = file, entry.packed
        self._inflate = zlib.decompressobj(-15) if entry.method == _DEFLATED else None
        self._at = entry.at + shift
        self._file.seek(self._at)
        head = self._file.read(_LOCAL.size)
        if len(head) < _LOCAL.size or head[:4] != b"PK\3\4":
            raise EOFError
        values = _LOCAL.unpack(head)
        self._at += _LOCAL.size + values[-2] + values[-1]
        self._most = entry.size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        piece = self.take(min(len(buffer), _PIECE))
        buffer[: len(piece)] = piece
        return len(piece)

    def whole(self, most: int) -> bytes:
        pieces, size = [], 0
        while size <= most and (piece := self.take(_PIECE)):
            pieces.append(piece)
            size += len(piece)
        return b"".join(pieces)

    def take(self, size: int) -> bytes:
        size = min(size, self._most)
        if not size:
            return b""
        piece = self._read(size) if self._inflate is None else self._inflated(size)
        if not piece:
            raise EOFError
        self._most -= len(piece)
        return piece

    def _inflated(self, size: int) -> bytes:
        assert self._inflate is not None
        while not self._inflate.eof:
            packed = self._inflate.unconsumed_tail or self._read(_PIECE)
            if piece := self._inflate.decompress(packed, size):
                return piece
            if not packed:
                raise EOFError
        return b""

    def _read(self, size: int) -> bytes:
        self._file.seek(self._at)  # others read elsewhere in it meanwhile
        piece = self._file.read(min(size, self._left))
        self._at += len(piece)
        self._left -= len(piece)
        return piece


def _directory(file: BinaryIO) -> tuple[int, int, int]:
    """(where the directory begins, where it ends, how much stands before the archive)."""
    length = file.seek(0, io.SEEK_END)
    file.seek(max(0, length - _TAIL))
    tail = file.read(_TAIL)
    stands = tail.rfind(_END)
    if stands < 0 or len(tail) - stands < 22:
        raise BadArchive("no directory")
    end = max(0, length - _TAIL) + stands
    size, begin = struct.unpack_from("<2I", tail, stands + 12)
    if stands >= 20 and tail[stands - 20 : stands - 16] == _LOCATOR:
        file.seek(struct.unpack_from("<Q", tail, stands - 12)[0])
        wide = file.read(56)
        if len(wide) < 56 or wide[:4] != _END64:
            raise BadArchive("no directory")
        size, begin = struct.unpack_from("<2Q", wide, 40)
        end = end - 20 - 56
    shift = end - size - begin
    if shift < 0:
        raise BadArchive("its directory lies elsewhere")
    return begin + shift, end, shift


def _entry(file: BinaryIO, at: int) -> Entry:
    file.seek(at)
    head = file.read(_ENTRY.size)
    if len(head) < _ENTRY.size or head[:4] != b"PK\1\2":
        raise BadArchive("its directory is damaged")
    (
        _sign,
        _made,
        _needed,
        bits,
        method,
        time,
        date,
        crc,
        packed,
        size,
        name,
        extra,
        comment,
        _disk,
        _in,
        _out,
        at_,
    ) = _ENTRY.unpack(head)
    rest = file.read(name + extra + comment)
    wide = _wide(rest[name : name + extra], [size, packed, at_])
    return Entry(
        name=rest[:name].decode("utf-8" if bits & 0x800 else "cp437", "replace"),
        comment=rest[name + extra :],
        encrypted=bool(bits & 1),
        method=method,
        crc=crc,
        size=wide[0],
        packed=wide[1],
        at=wide[2],
        begin=at,
        next=at + _ENTRY.size + name + extra + comment,
        modified=_dos(date, time),
    )


def _wide(extra: bytes, values: list[int]) -> list[int]:
    """Those that have no room in four octets stand in an extra field, in this order (4.5.3)."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            field = extra[at + 4 : at + 4 + size]
            numbers = iter(struct.unpack(f"<{len(field) // 8}Q", field[: len(field) // 8 * 8]))
            return [next(numbers, value) if value == 0xFFFFFFFF else value for value in values]
        at += 4 + size
    return values


def _dos(date: int, time: int) -> datetime | None:
    try:
        clock = (time >> 11, time >> 5 & 63, min(59, (time & 31) * 2))
        return datetime(1980 + (date >> 9), date >> 5 & 15, date & 31, *clock, tzinfo=UTC)
    except ValueError:
        return None


# --- writing ----------------------------------------------------------------------------------------------------------


def info(name: str, message: Message | None = None) -> zipfile.ZipInfo:
    """For ``zipfile``: an entry with what ``messages`` reads from it again."""
    when = (message.received if message else None) or datetime.now(UTC)
    day = when.astimezone(UTC)
    made = zipfile.ZipInfo(name, max((1980, 1, 1, 0, 0, 0), day.timetuple()[:6]))
    made.compress_type = zipfile.ZIP_DEFLATED
    made.external_attr = 0o600 << 16
    if message is not None:
        told = {"flags": list(message.flags), "received": when.isoformat()}
        made.comment = json.dumps(told, separators=(",", ":")).encode("ascii")[:65535]
    return made
