"""Octets to text, whatever they are labelled: the label if it fits, else UTF-8, else a guess, else Windows-1252."""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

import cchardet

#: Labels as mail uses them -> the superset that writers really mean (as the WHATWG Encoding Standard has it).
ALIASES = {
    "ascii": "cp1252",
    "us-ascii": "cp1252",
    "ansi_x3.4-1968": "cp1252",
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "iso-8859-9": "cp1254",
    "iso-8859-11": "cp874",
    "tis-620": "cp874",
    "windows-874": "cp874",
    "iso-8859-8-i": "iso-8859-8",
    "gb2312": "gb18030",
    "x-gbk": "gb18030",
    "gbk": "gb18030",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "x-sjis": "cp932",
    "sjis": "cp932",
    "big5": "big5hkscs",
    "iso-2022-jp": "iso2022_jp_ext",
    "macintosh": "mac_roman",
    "x-mac-roman": "mac_roman",
    "x-mac-cyrillic": "mac_cyrillic",
    "unicode-1-1-utf-7": "utf-7",
    "utf8": "utf-8",
    "cp-850": "cp850",
}
_NOT_TEXT = {"undefined", "idna", "punycode", "unicode_escape", "raw_unicode_escape", "mbcs", "oem"}
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_GUESS_FROM = 64 * 1024  # octets are enough to tell a charset
_TOLERATED = 0.02  # share of octets that may be broken before the label counts as wrong
_SURROGATE = re.compile("[\ud800-\udfff]")
_8BIT = re.compile(rb"[\x80-\xff]")


@lru_cache(maxsize=256)
def codec(label: str) -> str:
    """Python's name for a charset label; "" for one that says nothing."""
    name = label.split(";", 1)[0].strip(" \t\r\n\"'").lower()
    name = ALIASES.get(name, name)
    if not name.isascii() or "\0" in name or len(name) > 64:
        return ""
    try:
        info = codecs.lookup(name)
    except LookupError:
        return ""
    # typeshed does not know the flag; codecs such as "zip" and "rot13" are no charsets
    is_text: bool = getattr(info, "_is_text_encoding", True)
    return info.name if is_text and info.name.replace("-", "_") not in _NOT_TEXT else ""


def decode(octets: bytes, label: str = "") -> str:
    """Never raises, and puts U+FFFD only where no reading of an octet exists. The text can be written as UTF-8."""
    text = _decoded(octets, label)
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)  # UTF-7 can spell them


def _decoded(octets: bytes, label: str) -> str:
    for bom, name in _BOMS:
        if octets.startswith(bom) and (len(octets) % 2 == 0 or name == "utf-8"):
            return _lenient(octets, name).removeprefix("\ufeff")
    name = codec(label)
    if name == "cp1252" and not _8BIT.search(octets):
        return octets.decode("ascii")
    if name and name != "cp1252":
        text = _as_labelled(octets, name)
        if text is not None:
            return text
    return _guess(octets, believe=name or "cp1252")


def _as_labelled(octets: bytes, name: str) -> str | None:
    try:
        return octets.decode(name)
    except (UnicodeError, ValueError):
        pass
    text = _lenient(octets, name)
    broken = text.count("\ufffd") if name != "utf-8" else _misread(octets)
    return text if broken <= max(1, len(octets) * _TOLERATED) else None


def _misread(octets: bytes) -> int:
    return octets.decode("utf-8", "replace").count("\ufffd")


def _lenient(octets: bytes, name: str) -> str:
    """In UTF-8 single octets that do not belong are read as Windows-1252: mail glued together from two sources."""
    try:
        if name != "utf-8":
            return octets.decode(name, "replace")
        return octets.decode("utf-8", "yurt-cp1252")
    except (UnicodeError, ValueError):  # some stateful codecs raise in spite of the handler
        return octets.decode("latin-1")


def _foreign_octets(error: UnicodeError) -> tuple[str, int]:
    """Codec error handler. A character cut off at the very end is dropped: it is where a partial fetch stopped."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    bad = error.object[error.start : error.end]
    if error.end == len(error.object) and error.reason == "unexpected end of data":
        return "", error.end
    return bad.decode("cp1252", "replace"), error.end


codecs.register_error("yurt-cp1252", _foreign_octets)


def _guess(octets: bytes, *, believe: str) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError as error:
        if (
            error.reason == "unexpected end of data"
            and error.end == len(octets)
            and not octets[: error.start].isascii()
        ):
            return octets[: error.start].decode("utf-8")
    high = len(_8BIT.findall(octets[:_GUESS_FROM]))
    # two accents in a line of Latin letters tell nothing, and a wrong guess looks worse than Western European
    if believe == "cp1252" and (high > 2 or high * 2 > len(octets)):
        found = cchardet.detect(octets[:_GUESS_FROM]).get("encoding") or ""
        name = codec(found)
        if name and name != "utf-8":
            try:
                return octets.decode(name)
            except (UnicodeError, ValueError):
                pass
    if believe == "utf-8":
        return _lenient(octets, "utf-8")
    return octets.decode("cp1252", "replace")
