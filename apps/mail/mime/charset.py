"""Octets to text, whatever they claim to be. Never raises."""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

import cchardet

#: Names seen in mail that Python does not know, and labels whose real encoding is wider than they say (the WHATWG
#: Encoding standard's table: what says ISO-8859-1 is nearly always windows-1252).
_ALIASES = {
    "ansi": "cp1252",
    "ansi_x3.4-1968": "cp1252",
    "ascii": "cp1252",
    "us-ascii": "cp1252",
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "latin1": "cp1252",
    "x-unknown": "",
    "unknown-8bit": "",
    "unknown": "",
    "default": "",
    "8bit": "",
    "7bit": "",
    "binary": "",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "cp936": "gb18030",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "x-sjis": "cp932",
    "big5": "big5hkscs",
    "x-mac-roman": "mac_roman",
    "macintosh": "mac_roman",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "tis-620": "cp874",
    "iso-8859-9": "cp1254",
    "unicode-1-1-utf-7": "utf-7",
    "utf8mb4": "utf-8",
    "utf-8n": "utf-8",
}
#: Python codecs that are not charsets of text: base64, zlib, rot13 and the like.
_GUESS_SIZE = 64 * 1024


@lru_cache(maxsize=512)
def known(name: str) -> str:
    """Python's codec for a charset label, or "" for one that means nothing."""
    label = re.split(r"[;,\s]", name.strip().strip("\"'").lower(), maxsplit=1)[0]
    label = _ALIASES.get(label, label)
    try:
        info = codecs.lookup(label) if label and len(label) < 64 else None
    except (LookupError, ValueError):
        return ""
    return info.name if info is not None and info._is_text_encoding else ""


def decode(octets: bytes, label: str = "") -> str:
    """Text in the charset it claims; where that fails UTF-8, then a guess, then windows-1252 (which takes anything)."""
    codec = known(label)
    strict = [codec] if codec and codec != "cp1252" else []
    if octets.startswith((b"\xff\xfe", b"\xfe\xff")) and not strict:
        strict.append("utf-16")
    for candidate in [*strict, "utf-8"]:
        text = _try(octets, candidate)
        if text is not None:
            return text
    if codec == "cp1252":
        return _cp1252(octets)
    if codec and _mostly(octets, codec):
        return octets.decode(codec, "replace")
    guess = known(cchardet.detect(octets[:_GUESS_SIZE]).get("encoding") or "")
    text = _try(octets, guess) if guess else None
    return text if text is not None else _cp1252(octets)


def _try(octets: bytes, codec: str) -> str | None:
    try:
        return octets.decode(codec)
    except (UnicodeError, ValueError, LookupError):
        return None


def _mostly(octets: bytes, codec: str) -> bool:
    """True when the claimed charset reads all but a few octets: a cut or slightly damaged text, not a wrong claim."""
    try:
        text = octets.decode(codec, "replace")
    except (UnicodeError, ValueError, LookupError):
        return False
    return text.count("\ufffd") <= 1 + len(text) // 50


def _cp1252(octets: bytes) -> str:
    """windows-1252 with its five holes filled as browsers do: by the control character of the same number."""
    text = octets.decode("cp1252", "surrogateescape")
    return re.sub("[\udc80-\udcff]", lambda hole: chr(ord(hole[0]) - 0xDC00), text)
