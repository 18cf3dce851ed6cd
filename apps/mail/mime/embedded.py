"""Files written into a text: uuencode (POSIX), yEnc (version 1.3), and AppleSingle and AppleDouble (RFC 1740)."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from apps.mail.mime import charset, decode
from apps.mail.mime.inner import MOST_FILES, MOST_OCTETS, Damaged, Inner

_BEGIN = re.compile(rb"^(?:begin [0-7]{3,4} +(?P<uu>[^\r\n]{1,255})|=ybegin (?P<y>[^\r\n]{1,500}))\r?\n", re.M)
_UU_END = re.compile(rb"^(?:[` ]?\r?\n)?end[ \t]*\r?$", re.M)
_Y_END = re.compile(rb"^=yend ([^\r\n]{0,200})\r?$", re.M)
_Y_ROTATED = bytes((octet - 42) % 256 for octet in range(256))


@dataclass(frozen=True, slots=True)
class Block:
    """Where a file stands in a text: octets from ``start`` up to ``end``."""

    start: int
    end: int
    file: Inner


def find(content: bytes) -> list[Block]:
    """The files in a text, in order. What only looks like one stays text."""
    if b"begin " not in content:  # of both
        return []
    found: list[Block] = []
    position, left = 0, MOST_OCTETS
    while len(found) < MOST_FILES and (match := _BEGIN.search(content, position)):
        block = _uu(content, match) if match["uu"] is not None else _y(content, match)
        position = block.end if block else match.end()
        if block:
            left -= len(block.file.content)
            if left < 0:
                break
            found.append(block)
    return found


def without(content: bytes, blocks: list[Block]) -> bytes:
    """The text, each file in it replaced by its name in brackets."""
    pieces, position = [], 0
    for block in blocks:
        pieces += [content[position : block.start], b"[", block.file.name.encode("utf-8", "replace"), b"]\r\n"]
        position = block.end
    return b"".join([*pieces, content[position:]])


def _uu(content: bytes, match: re.Match[bytes]) -> Block | None:
    end = _UU_END.search(content, match.end())
    if end is None:
        return None
    lines = content[match.end() : end.start()]
    first = lines.splitlines()[:1]
    if (
        not first
        or not 0 < first[0][0] - 32 <= 45
        or (len(first[0].rstrip()) - 1) > (first[0][0] - 32 + 2) // 3 * 4 + 2
    ):
        return None
    data = b"".join(decode.uudecoded([content[match.start() : end.end()]]))
    name = charset.decode(match["uu"]).strip()
    return Block(match.start(), end.end(), Inner(name=name, content=data)) if data else None


def _y(content: bytes, match: re.Match[bytes]) -> Block | None:
    fields = _fields(match["y"])
    end = _Y_END.search(content, match.end())
    if end is None or "name" not in fields:
        return None
    start, part = match.end(), int(fields.get("part", "0") or 0)
    if content.startswith(b"=ypart ", start):
        start = content.index(b"\n", start) + 1
    data = _y_decoded(content[start : end.start()])
    said = _fields(end[1])
    total = int(fields.get("total", "0") or 0)
    trouble = "piece" if part and total != 1 else ""
    checksum = said.get("pcrc32" if part else "crc32", "")
    wrong = checksum and int(checksum, 16) != zlib.crc32(data)
    if wrong or (not part and fields.get("size", "") not in ("", str(len(data)))):
        trouble = trouble or "damaged"
    file = Inner(name=fields["name"], content=data, trouble=trouble, place=(part, total))
    return Block(match.start(), end.end(), file)


def _fields(line: bytes) -> dict[str, str]:
    """``key=value`` pairs; the name comes last and goes to the end of the line."""
    text = charset.decode(line)
    before, _mark, name = text.partition("name=")
    found = {key: value for key, value in re.findall(r"(\w+)=(\S+)", before) if _is_number(key, value)}
    return found | ({"name": name.strip().strip('"')} if name.strip() else {})


def _is_number(key: str, value: str) -> bool:
    pattern = r"[0-9a-fA-F]{1,8}" if key.endswith("crc32") else r"[0-9]{1,12}"
    return re.fullmatch(pattern, value, re.ASCII) is not None


def _y_decoded(data: bytes) -> bytes:
    data = data.replace(b"\r", b"").replace(b"\n", b"")
    pieces = data.split(b"=")
    result = [pieces[0].translate(_Y_ROTATED)]
    for piece in pieces[1:]:
        escaped = bytes([(piece[0] - 64) % 256]) + piece[1:] if piece else b""
        result.append(escaped.translate(_Y_ROTATED))
    return b"".join(result)


# --- Apple ------------------------------------------------------------------------------------------------------------

_SINGLE, _DOUBLE = b"\x00\x05\x16\x00", b"\x00\x05\x16\x07"
_DATA_FORK, _REAL_NAME = 1, 3


def unpack_apple(octets: bytes) -> list[Inner]:
    """The file in an AppleSingle; nothing of an AppleDouble's header, which holds none. Raises ``Damaged``."""
    entries = dict(_entries(octets))
    if _DATA_FORK not in entries:
        return []
    name = charset.decode(entries.get(_REAL_NAME, b"")[:255], "macintosh")
    return [Inner(name=name, content=entries[_DATA_FORK])]


def _entries(octets: bytes) -> Iterator[tuple[int, bytes]]:
    if octets[:4] not in (_SINGLE, _DOUBLE):
        raise Damaged("no Apple file")
    try:
        (count,) = struct.unpack_from(">H", octets, 24)
        for number in range(min(count, 100)):
            id_, start, length = struct.unpack_from(">III", octets, 26 + 12 * number)
            if start + length <= len(octets):
                yield id_, octets[start : start + length]
    except struct.error as error:
        raise Damaged("cut off") from error
