"""Header fields: splitting, encoded words (RFC 2047), parameters (RFC 2231). For people to read, never for trust.

The standard library's header parser (``email.policy.default``) raises on broken mail, takes seconds for hostile mail
and shows raw 8-bit headers as U+FFFD; so this is our own, linear in the length of its input.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from apps.mail.mime import charset

MAX_VALUE = 64 * 1024  # octets of one field that are looked at
MAX_FIELDS = 2000
MOST_OF_ONE = 500  # fields of one name: ten thousand Received lines do not hide who wrote
MOST_PARAMS = 200

_WORD = re.compile(rb"=\?([!#-)+,\--<>@-~]{1,60})(?:\*[A-Za-z0-9-]{0,40})?\?([bBqQ])\?")
_FOLD = re.compile(rb"(?:\r?\n|\r)(?=[ \t])")
_Q = re.compile(rb"=([0-9A-Fa-f]{2})")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_PADDING = re.compile(b"=+")
NOT_BASE64 = bytes(range(256)).translate(None, _BASE64)  # every other octet
_NAME = re.compile(rb"[!-9;-~]+")


@dataclass(frozen=True, slots=True)
class Header:
    """The fields of one header block in order; names as sent, values raw and unfolded."""

    fields: tuple[tuple[str, bytes], ...] = ()
    broken: bool = False  # there were lines that are no header field

    def get(self, name: str) -> bytes:
        """The first field of that name; b"" where there is none. (Which of two is right, nobody knows.)"""
        return next(iter(self.all(name)), b"")

    def all(self, name: str) -> list[bytes]:
        wanted = name.lower()
        return [value for field, value in self.fields if field.lower() == wanted]

    def text(self, name: str) -> str:
        return decode(self.get(name))

    def __contains__(self, name: str) -> bool:
        return bool(self.all(name))


def parse(block: bytes) -> Header:
    """Split a header block. Stops at the first empty line; lines that are no field are skipped and reported."""
    fields: list[tuple[str, list[bytes]]] = []
    broken = False
    seen: Counter[bytes] = Counter()
    left_out = False  # the field whose folded lines are being read
    for number, line in enumerate(_lines(block.removeprefix(codecs.BOM_UTF8))):
        if not line:
            break
        if line[:1] in b" \t" and fields:
            if not left_out:
                fields[-1][1].append(line)
            continue
        name, colon, value = line.partition(b":")
        name = name.rstrip(b" \t")
        if not colon or not _NAME.fullmatch(name):
            broken = broken or not (number == 0 and line.startswith(b"From "))  # mbox separator
            continue
        if len(fields) >= MAX_FIELDS:
            broken = True
            break
        seen[name.lower()] += 1
        left_out = seen[name.lower()] > MOST_OF_ONE
        broken = broken or left_out
        if not left_out:
            fields.append((name.decode("ascii"), [value]))
    return Header(tuple((name, b"".join(value)[:MAX_VALUE].strip(b" \t")) for name, value in fields), broken)


def _lines(block: bytes) -> list[bytes]:
    return block.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")


def decode(raw: bytes | str) -> str:
    """Readable text of an unstructured value: words split inside a character, glued words, bad base64, unknown
    charsets and raw 8-bit octets are all read. Control characters become blanks. Never raises."""
    octets = _octets(raw)
    text = octets.decode("ascii") if b"=?" not in octets and octets.isascii() else "".join(_pieces(octets))
    return _CONTROLS.sub(" ", text).strip()


def _octets(raw: bytes | str) -> bytes:
    if isinstance(raw, bytes):
        octets = raw
    else:
        try:
            octets = raw.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:  # surrogates that no octet stands behind
            octets = raw.encode("utf-8", "replace")
    return _FOLD.sub(b"", octets[:MAX_VALUE])


def _pieces(octets: bytes) -> Iterator[str]:
    """Runs of neighbouring words in one charset are decoded together: a character may be split between two words."""
    label, run, end = "", b"", 0
    for start, stop, word_label, content in _words(octets):
        between = octets[end:start]
        neighbours = run and not between.strip(b" \t\r\n")
        if run and not (neighbours and word_label == label):
            yield charset.decode(run, label)
            run = b""
        if not neighbours and between:
            yield charset.decode(between)
        label, run, end = word_label, run + content, stop
    if run:
        yield charset.decode(run, label)
    if octets[end:]:
        yield charset.decode(octets[end:])


def _words(octets: bytes) -> Iterator[tuple[int, int, str, bytes]]:
    """(start, end, charset, decoded octets) of each encoded word."""
    position = 0
    while (match := _WORD.search(octets, position)) is not None:
        end = octets.find(b"?=", match.end())
        if end < 0:
            return
        text = octets[match.end() : end]
        content = base64_octets(text) if match[2] in b"bB" else _unquote(text)
        yield match.start(), end + 2, match[1].decode("ascii").lower(), content
        position = end + 2


def base64_octets(text: bytes) -> bytes:
    """What can be read of broken base64: foreign characters are skipped, missing padding is added, and padding in the
    middle ends one piece and begins another."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b"".join(map(base64_piece, _PADDING.split(text.translate(None, NOT_BASE64))))


def base64_piece(text: bytes) -> bytes:
    """``text`` has nothing but the alphabet, without padding."""
    if len(text) % 4 == 1:  # one character alone carries no octet
        text = text[:-1]
    return base64.b64decode(text + b"=" * (-len(text) % 4))


def _unquote(text: bytes) -> bytes:
    return _Q.sub(lambda match: bytes([int(match[1], 16)]), text.replace(b"_", b" "))


def parameters(raw: bytes | str) -> tuple[str, dict[str, str]]:
    """``text/plain; charset=utf-8`` as ("text/plain", {"charset": "utf-8"}); the value and the names in lower case."""
    first, *rest = _split(_octets(raw))
    pairs = []
    for item in rest[:MOST_PARAMS]:
        name, equals, content = item.partition(b"=")
        if equals:
            pairs.append((name.strip(), _unquoted(content)))
    return charset.decode(first).strip().lower(), assemble(pairs)


def assemble(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Parameters as sent, quotes taken off, put together: decoded text by plain name in lower case.

    Continuations and charsets are those of RFC 2231; encoded words in values, which RFC 2047 forbids and mailers
    write, are decoded. ``name*`` beats ``name`` (RFC 6266 section 4.3); of two equal names the first counts.
    """
    plain: dict[str, str] = {}
    extended: dict[str, dict[int, tuple[bool, bytes]]] = {}
    for name_octets, content in pairs:
        name, star, section = name_octets.decode("ascii", "replace").lower().partition("*")
        if not star:
            plain.setdefault(name, decode(content))
            continue
        number, is_encoded = section.rstrip("*"), not section or section.endswith("*")
        if not number or (number.isascii() and number.isdigit() and len(number) < 5):
            extended.setdefault(name, {}).setdefault(int(number or 0), (is_encoded, content))
    return plain | {name: _join(pieces) for name, pieces in extended.items()}


def _join(pieces: dict[int, tuple[bool, bytes]]) -> str:
    """RFC 2231 sections 3 and 4.1: the first piece names the charset; a gap ends the value."""
    label, result = "", b""
    for expected, number in enumerate(sorted(pieces)):
        is_encoded, content = pieces[number]
        if number != expected and expected:
            break
        if is_encoded and expected == 0 and content.count(b"'") >= 2:
            charset_octets, _language, content = content.split(b"'", 2)
            label = charset_octets.decode("ascii", "replace")
        result += unquote_to_bytes(content) if is_encoded else content
    text = charset.decode(result, label)
    return decode(text) if "=?" in text else _CONTROLS.sub(" ", text)


def _split(octets: bytes) -> Iterator[bytes]:
    """At semicolons outside of quoted strings. An unclosed quote does not swallow the rest: then it is no quote."""
    start = position = 0
    closed = octets.count(b'"') % 2 == 0 or b"\\" in octets
    while position < len(octets):
        octet = octets[position]
        if octet == 0x22 and closed:
            position = _closing_quote(octets, position)
        elif octet == 0x3B:
            yield octets[start:position]
            start = position + 1
        position += 1
    yield octets[start:]


def _closing_quote(octets: bytes, position: int) -> int:
    position += 1
    while position < len(octets) and octets[position] != 0x22:
        position += 2 if octets[position] == 0x5C else 1
    return position


def _unquoted(content: bytes) -> bytes:
    content = content.strip(b" \t\r\n")
    if content[:1] != b'"':
        return content.rstrip(b'"')
    end = _closing_quote(content, 0)
    return re.sub(rb"\\(.)", rb"\1", content[1:end], flags=re.DOTALL)


_ID = re.compile(r"<[^<>\s\x00-\x1f\x7f]{1,990}>")


def message_ids(text: bytes | str) -> tuple[str, ...]:
    """The Message-IDs of In-Reply-To or References (RFC 5322 section 3.6.4), angle brackets kept, in order."""
    octets = _octets(text)
    return tuple(_ID.findall(charset.decode(octets)))
