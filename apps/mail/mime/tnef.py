"""What Outlook puts into winmail.dat: TNEF (MS-OXTNEF), with properties of MAPI (MS-OXCDATA) inside.

Every length is checked against what is left; a nested message is opened to a fixed depth; nothing is unpacked beyond
``inner.MOST_OCTETS``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from apps.mail.mime import charset
from apps.mail.mime.inner import MOST_FILES, MOST_OCTETS, Damaged, Inner

SIGNATURE = b"\x78\x9f\x3e\x22"
MAX_DEPTH = 4
MOST_PROPERTIES = 10_000

_BODY, _TITLE, _DATA = 0x800C, 0x8010, 0x800F
_BEGINS, _OF_ATTACHMENT, _OF_MESSAGE, _CODEPAGE = 0x9002, 0x9005, 0x9003, 0x9007
# MAPI properties
_PR_BODY, _PR_RTF, _PR_HTML, _PR_CPID = 0x1000, 0x1009, 0x1013, 0x3FDE
_PR_NAME, _PR_SHORT, _PR_DISPLAY, _PR_CONTENT, _PR_TYPE = 0x3707, 0x3704, 0x3001, 0x3701, 0x370E
_FIXED = {2: 4, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 0xA: 4, 0xB: 4, 0x14: 8, 0x40: 8, 0x48: 16}
_STRING8, _UNICODE, _BINARY, _OBJECT = 0x1E, 0x1F, 0x102, 0xD


@dataclass
class _File:
    title: bytes = b""
    data: bytes = b""
    properties: dict[int, tuple[int, bytes]] = field(default_factory=dict)

    def take(self, name: int, value: bytes) -> None:
        if name == _TITLE:
            self.title = value
        elif name == _DATA:
            self.data = value
        elif name == _OF_ATTACHMENT:
            self.properties |= _properties(value)


def unpack(octets: bytes) -> list[Inner]:
    """The files, then the text in the forms it has. What comes before some damage is kept; raises ``Damaged`` where
    there is nothing."""
    budget = [MOST_OCTETS]
    found = list(_unpacked(octets, budget, 0))[:MOST_FILES]
    if not found and not octets.startswith(SIGNATURE):
        raise Damaged("no TNEF")
    return found


@dataclass
class _Message:
    """What the attributes of one message have said."""

    files: list[_File] = field(default_factory=list)
    texts: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    codepage: str = "cp1252"

    def take(self, name: int, value: bytes) -> None:
        if name == _BEGINS:
            self.files.append(_File())
        elif name == _CODEPAGE and len(value) >= 4:
            self.codepage = f"cp{struct.unpack_from('<I', value)[0]}"
        elif name == _BODY:
            self.texts.setdefault(_PR_BODY, (_STRING8, value))
        elif name == _OF_MESSAGE:
            self.texts |= _properties(value)
        elif self.files:
            self.files[-1].take(name, value)


def _unpacked(octets: bytes, budget: list[int], depth: int) -> Iterator[Inner]:
    if not octets.startswith(SIGNATURE) or depth > MAX_DEPTH:
        return
    message = _Message()
    for name, value in _attributes(octets):
        message.take(name, value)
        if len(message.files) > MOST_FILES:
            break
    for file in message.files:
        yield from _of_file(file, message.codepage, budget, depth)
    if depth == 0:
        yield from _texts(message.texts, message.codepage, budget)


def _attributes(octets: bytes) -> Iterator[tuple[int, bytes]]:
    position = 6
    while position + 9 <= len(octets):
        _level, name, _type, length = struct.unpack_from("<BHHI", octets, position)
        start = position + 9
        if start + length > len(octets):
            return
        yield name, octets[start : start + length]
        position = start + length + 2


def _properties(octets: bytes) -> dict[int, tuple[int, bytes]]:
    """(type, value) by id, of those with one value; as far as they can be read."""
    found: dict[int, tuple[int, bytes]] = {}
    try:
        (count,) = struct.unpack_from("<I", octets)
        position = 4
        for _number in range(min(count, MOST_PROPERTIES)):
            type_, id_ = struct.unpack_from("<HH", octets, position)
            position += 4
            if id_ >= 0x8000:
                position = _named(octets, position)
            value, position = _value(octets, position, type_)
            if value is not None:
                found.setdefault(id_, (type_, value))
    except (struct.error, Damaged):
        pass
    return found


def _named(octets: bytes, position: int) -> int:
    (kind,) = struct.unpack_from("<I", octets, position + 16)
    position += 20
    if kind == 0:
        return position + 4
    length = int(struct.unpack_from("<I", octets, position)[0])
    return position + 4 + length + -length % 4


def _value(octets: bytes, position: int, type_: int) -> tuple[bytes | None, int]:
    several, plain = bool(type_ & 0x1000), type_ & ~0x1000
    variable = plain in (_STRING8, _UNICODE, _BINARY, _OBJECT)
    if not variable and plain not in _FIXED:
        raise Damaged("unknown type of property")
    count = 1
    if several or variable:
        (count,) = struct.unpack_from("<I", octets, position)
        position += 4
    value = None
    for _number in range(min(count, MOST_PROPERTIES)):
        length = _FIXED.get(plain, 0)
        if variable:
            (length,) = struct.unpack_from("<I", octets, position)
            position += 4
        if position + length > len(octets):
            raise Damaged("cut off")
        value = octets[position : position + length]
        position += length + -length % 4
    return (None if several else value), position


def _of_file(file: _File, codepage: str, budget: list[int], depth: int) -> Iterator[Inner]:
    type_, data = file.properties.get(_PR_CONTENT, (0, b""))
    data = data or file.data
    if type_ == _OBJECT:
        data = data[16:]  # behind the identifier of its interface
        if data.startswith(SIGNATURE):
            yield from _unpacked(data, budget, depth + 1)
            return
    budget[0] -= len(data)
    if budget[0] < 0:
        return
    names = (_string(file.properties.get(id_), codepage) for id_ in (_PR_NAME, _PR_SHORT, _PR_DISPLAY))
    name = next((each for each in names if each), "") or _text(file.title, codepage)
    kind = _string(file.properties.get(_PR_TYPE), codepage).lower()
    yield Inner(name=name, type=kind or "application/octet-stream", content=data)


def _texts(texts: dict[int, tuple[int, bytes]], codepage: str, budget: list[int]) -> Iterator[Inner]:
    html = texts.get(_PR_HTML)
    if html and html[1]:
        if len(number := texts.get(_PR_CPID, (0, b""))[1]) == 4:
            codepage = {65001: "utf-8", 28591: "latin-1"}.get(cp := struct.unpack("<I", number)[0], f"cp{cp}")
        text = _string(html, codepage) if html[0] in (_STRING8, _UNICODE) else charset.decode(html[1], codepage)
        yield Inner(name="message.html", type="text/html", content=text.encode("utf-8", "replace"))
        return
    plain = _string(texts.get(_PR_BODY), codepage).strip()
    if plain:
        yield Inner(name="message.txt", type="text/plain", content=plain.encode("utf-8", "replace"))
    packed = texts.get(_PR_RTF)
    if packed and packed[1]:
        try:
            rtf = unpack_rtf(packed[1], most=budget[0])
        except Damaged:
            return
        yield Inner(name="message.rtf", type="application/rtf", content=rtf)


def _string(value: tuple[int, bytes] | None, codepage: str) -> str:
    if value is None:
        return ""
    type_, octets = value
    if type_ == _UNICODE:
        return octets.decode("utf-16-le", "replace").split("\0")[0]
    return _text(octets, codepage)


def _text(octets: bytes, codepage: str) -> str:
    """The code page is Outlook's own and is believed; the guesses are for where it is wrong."""
    text = octets.split(b"\0")[0]
    try:
        return text.decode(codepage)
    except (UnicodeDecodeError, LookupError):
        return charset.decode(text, codepage)


_DICTIONARY = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor MS Sans Serif"
    rb"SymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    + b"\r\n"
    + rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)


def unpack_rtf(octets: bytes, *, most: int) -> bytes:
    """PidTagRtfCompressed (MS-OXRTFCP). Raises ``Damaged``."""
    if len(octets) < 16:
        raise Damaged("no RTF")
    _packed, size, kind = struct.unpack_from("<II4s", octets)
    if size > most:
        raise Damaged("too large")
    if kind == b"MELA":
        return octets[16 : 16 + size]
    if kind != b"LZFu":
        raise Damaged("no RTF")
    window = _Window()
    for token, length in _tokens(octets):
        if (length and token == window.at) or len(window.result) >= size:
            break
        for step in range(length or 1):
            window.put(window.octets[(token + step) % len(window.octets)] if length else token)
    return bytes(window.result[:size])


class _Window:
    """The last 4,096 octets, which begin with what every RTF begins with."""

    def __init__(self) -> None:
        self.octets = bytearray(_DICTIONARY.ljust(4096, b"\0"))
        self.at = len(_DICTIONARY)
        self.result = bytearray()

    def put(self, octet: int) -> None:
        self.octets[self.at] = octet
        self.at = (self.at + 1) % len(self.octets)
        self.result.append(octet)


def _tokens(octets: bytes) -> Iterator[tuple[int, int]]:
    """(octet, 0), or (place in the window, length)."""
    position = 16
    while position < len(octets):
        flags = octets[position]
        position += 1
        for bit in range(8):
            if flags >> bit & 1:
                pair = octets[position : position + 2]
                if len(pair) < 2:
                    return
                position += 2
                token = pair[0] << 8 | pair[1]
                yield token >> 4, (token & 15) + 2
            elif position < len(octets):
                yield octets[position], 0
                position += 1
