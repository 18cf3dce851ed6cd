"""A file of a message as something to be looked at: its octets, what it is, and the files within it."""

from __future__ import annotations

import io
import lzma
import stat
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from apps.mail.mailbox.store import MailStore
from apps.mail.mime import decode, embedded, filenames, sniff, tnef
from apps.mail.mime.inner import Damaged, Inner
from apps.mail.mime.parts import Part
from apps.mail.services import kinds
from apps.mail.services.kinds import Kind
from apps.mail.services.refs import MessageRef

MOST_OCTETS = 32 * 1024 * 1024  # of a file that is opened; of a larger one only the beginning is looked at
MOST_ENTRIES = 1000  # of a zip archive that are listed


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A part, or a file in it. ``octets``: all of it, unless ``cut``."""

    part: Part
    name: str  # safe as a file name
    type: str  # as declared
    octets: bytes = field(repr=False)
    cut: bool = False
    item: int = 0  # which of the files in the part, from 1; 0 for the part itself
    charset: str = ""
    trouble: str = ""  # see ``Inner``
    place: tuple[int, int] = (0, 0)

    @cached_property
    def sniffed(self) -> str:
        return sniff.kind(self.octets)

    @cached_property
    def kind(self) -> Kind:
        return kinds.of(self.type, self.name)

    @cached_property
    def size(self) -> int:
        """Octets, about where it is cut."""
        return len(self.octets) if not self.cut else self.part.size * 3 // 4

    @cached_property
    def inner(self) -> Sequence[Inner]:
        """The files in it; of a damaged container none."""
        if self.item or self.cut:
            return ()
        try:
            if self.sniffed == "tnef":
                return tnef.unpack(self.octets)
            if self.sniffed == "apple":
                return embedded.unpack_apple(self.octets)
        except Damaged:
            return ()
        return [block.file for block in embedded.find(self.octets)] if self.type.startswith("text/") else ()


def open_part(store: MailStore, ref: MessageRef, part: Part, *, item: int = 0) -> Opened | None:
    """None where the part has no such file in it. Raises ``MailError``."""
    cut = part.size > MOST_OCTETS * 4 // 3
    limit = sniff.HEAD * 4 if cut else None
    raw = store.part(ref.mailbox, ref.uid, part.number, uidvalidity=ref.uidvalidity, limit=limit)
    whole = Opened(
        part=part,
        name=filenames.safe(part.filename, part.type),
        type=part.type,
        octets=decode.payload(part, raw),
        cut=cut,
        charset=part.charset,
    )
    return whole if not item else within(whole, item)


def within(whole: Opened, item: int) -> Opened | None:
    """The file of this number in it."""
    if whole.sniffed == "zip" and not whole.item and not whole.cut:
        return _out_of_zip(whole, item)
    if not 0 < item <= len(whole.inner):
        return None
    found = whole.inner[item - 1]
    return Opened(
        part=whole.part,
        name=filenames.safe(found.name, found.type),
        type=filenames.content_type(found.type),
        octets=found.content,
        item=item,
        trouble=found.trouble,
        place=found.place,
    )


def _out_of_zip(whole: Opened, item: int) -> Opened | None:
    """One file of an archive, and no more of it than one file may have, whatever the archive says of its size."""
    try:
        with zipfile.ZipFile(io.BytesIO(whole.octets)) as archive:
            info = archive.infolist()[item - 1]
            if not _can_be_had(info):
                return None
            with archive.open(info) as file:
                octets = file.read(MOST_OCTETS + 1)
    except (*_BROKEN, RuntimeError, EOFError, zlib.error, lzma.LZMAError):
        return None
    if len(octets) > MOST_OCTETS:
        return None
    name = filenames.safe(info.filename)
    return Opened(part=whole.part, name=name, type="application/octet-stream", octets=octets, item=item)


_BROKEN = (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, IndexError, OverflowError, UnicodeError)


def _can_be_had(info: zipfile.ZipInfo) -> bool:
    return not (info.is_dir() or info.flag_bits & 1 or info.file_size > MOST_OCTETS)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a zip archive's table of contents."""

    item: int  # its number; 0 where it cannot be had by itself
    name: str
    size: int
    is_folder: bool
    encrypted: bool


def zip_entries(octets: bytes) -> tuple[list[Entry], int] | None:
    """(what it says it holds, how many more there are): nothing is unpacked. None where it cannot be read."""
    try:
        with zipfile.ZipFile(io.BytesIO(octets)) as archive:
            infos = archive.infolist()
    except _BROKEN:
        return None
    found = [
        Entry(
            number if _can_be_had(info) else 0,
            info.filename.encode("utf-8", "replace").decode()[:500],
            info.file_size,
            info.is_dir() or stat.S_ISDIR(info.external_attr >> 16),
            bool(info.flag_bits & 1),
        )
        for number, info in enumerate(infos[:MOST_ENTRIES], 1)
    ]
    return found, len(infos) - len(found)
