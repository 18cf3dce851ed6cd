"""A part's octets as transferred to its content (RFC 2045 section 6). Never raises: damage is forgiven."""

from __future__ import annotations

import binascii
import quopri
import re
from collections.abc import Iterable, Iterator

from apps.mail.mime import charset
from apps.mail.mime.headers import base64_octets
from apps.mail.mime.parts import Part

_UU_BEGIN = re.compile(rb"^begin [0-7]{3,4} [^\r\n]*\r?\n", re.M)
_UU_BEGINS_WITHIN = 64 * 1024  # octets
_META_CHARSET = re.compile(rb"<meta[^>]{1,300}?charset\s*=\s*[\"']?([A-Za-z0-9_:.-]{1,40})", re.I)


def payload(part: Part, octets: bytes) -> bytes:
    """The content of a part whose transfer-encoded octets these are."""
    if part.encoding == "base64":
        decoded = base64_octets(octets)
        return octets if decoded is None else decoded
    if part.encoding == "quoted-printable":
        return quopri.decodestring(octets)
    if is_uu(part.encoding):
        return b"".join(uudecoded([octets]))
    return octets


def text(part: Part, octets: bytes) -> str:
    """The text of a text part, line ends as \\n."""
    content = payload(part, octets)
    label = part.charset
    if not label and part.type == "text/html":
        meta = _META_CHARSET.search(content[:4096])
        label = meta[1].decode("ascii") if meta else ""
    decoded = charset.decode(content, label)
    return decoded.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def is_uu(encoding: str) -> bool:
    return encoding in {"x-uuencode", "uuencode", "x-uue"}


def uudecoded(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """What lies between "begin" and "end", line by line as the chunks come; all of it where nothing begins."""
    rest, begun = b"", False
    for chunk in chunks:
        rest += chunk
        if not begun:
            begin = _UU_BEGIN.search(rest)
            begun = begin is not None or len(rest) > _UU_BEGINS_WITHIN
            rest = rest[begin.end() if begin else 0 :]
        if begun:
            *lines, rest = rest.split(b"\n")
            for line in lines:
                if line.rstrip() == b"end":
                    return
                yield _uu_line(line)
    begin = None if begun else _UU_BEGIN.search(rest)
    for line in rest[begin.end() if begin else 0 :].splitlines():
        if line.rstrip() == b"end":
            return
        yield _uu_line(line)


def _uu_line(line: bytes) -> bytes:
    line = line.rstrip(b"\r\n")
    if line.strip() in {b"`", b""}:
        return b""
    length = (((line[0] - 32) & 63) * 4 + 5) // 3  # some writers pad with garbage: then take what the count says
    for candidate in (line, line[:length]):
        try:
            return binascii.a2b_uu(candidate)
        except binascii.Error:
            continue
    return b""
