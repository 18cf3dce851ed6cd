"""Header fields for people: encoded words (RFC 2047), parameters (RFC 2231) and raw octets in any charset.

Python's ``email`` package reads headers with exceptions and long run times on hostile input; this reader is linear,
limited and total: whatever comes in, text comes out.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from apps.mail.mime import charset

MOST = 64 * 1024  # octets of one field that are looked at
_WORD = re.compile(rb"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*)\?=")
_BETWEEN = re.compile(rb"[ \t\r\n]*\Z")
_FOLD = re.compile(r"\r?\n[ \t]*|\r")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\x80-\x9f]")
#: Characters that turn the order of what follows, or that cannot be seen: they make a name look like another.
_INVISIBLE = re.compile("[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]")


def decode(raw: bytes | str) -> str:
    """A field's value as one line of text: unfolded, encoded words decoded, control characters gone."""
    octets = raw if isinstance(raw, bytes) else raw.encode("utf-8", "surrogateescape")
    text = "".join(_pieces(octets[:MOST]))
    return _CONTROL.sub("", _FOLD.sub(" ", text)).strip()


def visible(text: str) -> str:
    """Text for a name: without characters that reorder or hide (a name cannot need them, a forger does)."""
    return _INVISIBLE.sub("", text)


def _pieces(octets: bytes) -> Iterator[str]:
    """Runs of plain octets and of adjacent encoded words; words that split a character are joined before decoding."""
    position = 0
    pending: tuple[str, bytearray] | None = None
    for match in _WORD.finditer(octets):
        plain = octets[position : match.start()]
        body = _word_octets(match[2], match[3])
        if body is None:
            continue
        label = match[1].decode("ascii", "replace").partition("*")[0]  # "*" begins a language tag (RFC 2231, 5)
        glued = pending is not None and _BETWEEN.match(plain) is not None
        if pending is not None and not (glued and pending[0].lower() == label.lower()):
            yield charset.decode(bytes(pending[1]), pending[0])
            pending = None
        if plain and not glued:
            yield charset.decode(plain)
        if pending is None:
            pending = (label, bytearray())
        pending[1].extend(body)
        position = match.end()
    if pending is not None:
        yield charset.decode(bytes(pending[1]), pending[0])
    if position < len(octets):
        yield charset.decode(octets[position:])


def _word_octets(encoding: bytes, text: bytes) -> bytes | None:
    """The octets of one encoded word; None when it is no such word after all."""
    if encoding in b"qQ":
        text = text.replace(b"_", b" ")
        return re.sub(rb"=([0-9A-Fa-f]{2})", lambda m: bytes([int(m[1], 16)]), text)
    return base64_octets(text)


def base64_octets(text: bytes) -> bytes | None:
    """Base64 as found in the wild: foreign characters, missing or doubled padding and a cut end are forgiven."""
    clean = re.sub(rb"[^A-Za-z0-9+/]", b"", text)
    if len(clean) % 4 == 1:
        clean = clean[:-1]
    try:
        return base64.b64decode(clean + b"=" * (-len(clean) % 4))
    except (binascii.Error, ValueError):
        return None


# --- parameters -------------------------------------------------------------------------------------------------------

_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"?', re.S)
MOST_PARAMS = 100


def parameters(raw: bytes | str) -> tuple[str, dict[str, str]]:
    """``value; name=text; ...`` of Content-Type and Content-Disposition: the value in lower case, and the parameters
    by lower-case name, continuations joined and charsets decoded (RFC 2231), encoded words too (against RFC 2047,
    but usual)."""
    octets = (raw if isinstance(raw, bytes) else raw.encode("utf-8", "surrogateescape"))[:MOST]
    octets = re.sub(rb"\r?\n[ \t]*", b" ", octets)
    value, _, rest = octets.partition(b";")
    return charset.decode(value).strip().lower(), assemble(list(_pairs(rest)))


def _pairs(rest: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and value of each parameter, quotes taken off; what is none is passed over up to the next semicolon."""
    position = 0
    for _count in range(MOST_PARAMS):
        equals = rest.find(b"=", position)
        if equals < 0:
            return
        name = rest[position:equals].rpartition(b";")[2].strip().lower()
        start = equals + 1 + len(rest[equals + 1 : equals + 81]) - len(rest[equals + 1 : equals + 81].lstrip())
        quoted = _QUOTED.match(rest, start)
        if quoted is not None:
            value, end = re.sub(rb"\\(.)", rb"\1", quoted[1], flags=re.S), quoted.end()
        else:
            end = rest.find(b";", start)
            end = len(rest) if end < 0 else end
            value = rest[start:end].strip()
        if name and len(name) <= 80:
            yield name, value
        position = end


def assemble(pairs: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Raw (name, value) pairs, names such as ``filename*0*``, to decoded text by plain name (RFC 2231 section 3, 4).

    Of a name given several ways the extended form wins (RFC 6266 section 4.3), then the first.
    """
    plain: dict[str, str] = {}
    extended: dict[str, str] = {}
    sections: dict[str, dict[int, tuple[bool, bytes]]] = {}
    for raw_name, value in pairs:
        name = raw_name.decode("ascii", "replace")
        base, _, tail = name.partition("*")
        if not tail and not name.endswith("*"):
            plain.setdefault(name, decode(value))
        elif not tail:
            extended.setdefault(base, _extended(value))
        else:
            digits = tail.rstrip("*")
            if digits.isascii() and digits.isdigit() and len(digits) < 4:
                sections.setdefault(base, {}).setdefault(int(digits), (tail.endswith("*"), value))
    for base, parts in sections.items():
        extended.setdefault(base, _joined(parts))
    return {**plain, **extended}


def _extended(value: bytes) -> str:
    label, quote, rest = value.partition(b"'")
    if not quote:
        return clean(charset.decode(unquote_to_bytes(value)))
    text = rest.partition(b"'")[2] if b"'" in rest else rest
    return clean(charset.decode(unquote_to_bytes(text), label.decode("ascii", "replace")))


def _joined(parts: dict[int, tuple[bool, bytes]]) -> str:
    label = ""
    octets = bytearray()
    for index, number in enumerate(sorted(parts)):
        coded, value = parts[number]
        if index == 0 and coded and value.count(b"'") >= 2:
            first, _, rest = value.partition(b"'")
            label, value = first.decode("ascii", "replace"), rest.partition(b"'")[2]
        octets += unquote_to_bytes(value) if coded else value
    if not label and b"=?" in octets:
        return decode(bytes(octets))
    return clean(charset.decode(bytes(octets), label))


def clean(text: str) -> str:
    return _CONTROL.sub("", text).strip()


# --- the block of fields ----------------------------------------------------------------------------------------------

_FIELD = re.compile(
    rb"^([!-9;-~]{1,200})[ \t]*:[ \t]*((?:[^\r\n]|\r(?!\n))*(?:\r?\n[ \t]+(?:[^\r\n]|\r(?!\n))*)*)", re.M
)


def fields(block: bytes) -> Iterator[tuple[str, bytes]]:
    """All (name, raw value) pairs of a header block, in order; lines that are no fields are passed over."""
    for match in _FIELD.finditer(block):
        yield match[1].decode("ascii"), match[2]


def first(block: bytes, name: str) -> bytes | None:
    """The raw value of the first field of this name."""
    wanted = name.lower()
    return next((value for key, value in fields(block) if key.lower() == wanted), None)


_ID = re.compile(r"<[^<>\s]{1,990}>")


def message_ids(text: str) -> tuple[str, ...]:
    """The Message-IDs of In-Reply-To or References (RFC 5322 section 3.6.4), angle brackets kept, in order."""
    return tuple(_ID.findall(text))
