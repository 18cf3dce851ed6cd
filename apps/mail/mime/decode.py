"""A part's octets as transferred to its content (RFC 2045 section 6). Never raises: damage is forgiven."""

from __future__ import annotations

import binascii
import quopri
import re

from apps.mail.mime import charset
from apps.mail.mime.headers import base64_octets
from apps.mail.mime.parts import Part

_UU_BEGIN = re.compile(rb"^begin [0-7]{3,4} [^\r\n]*\r?\n", re.M)
_META_CHARSET = re.compile(rb"<meta[^>]{1,300}?charset\s*=\s*[\"']?([A-Za-z0-9_:.-]{1,40})", re.I)


def payload(part: Part, octets: bytes) -> bytes:
    """The content of a part whose transfer-encoded octets these are."""
    if part.encoding == "base64":
        decoded = base64_octets(octets)
        return octets if decoded is None else decoded
    if part.encoding == "quoted-printable":
        return quopri.decodestring(octets)
    if part.encoding in {"x-uuencode", "uuencode", "x-uue"}:
        return _uudecode(octets)
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


def _uudecode(octets: bytes) -> bytes:
    begin = _UU_BEGIN.search(octets)
    out = bytearray()
    for line in octets[begin.end() if begin else 0 :].splitlines():
        if line.strip() in {b"end", b"`", b""}:
            continue
        try:
            out += binascii.a2b_uu(line)
        except binascii.Error:
            length = (((line[0] - 32) & 63) * 4 + 5) // 3  # some writers pad with garbage: take what the count says
            try:
                out += binascii.a2b_uu(line[:length])
            except binascii.Error:
                continue
    return bytes(out)
