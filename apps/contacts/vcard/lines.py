"""Lines of vCard files: split, unfolded and decoded here, one try each, so that a bad one costs no other.

RFC 6350 section 3.2 and 3.3, RFC 6868 (carets in parameters), and what version 2.1 had besides: quoted-printable with
soft line ends, base64 that runs on, character sets by line, parameters without names. The grammar of a single line is
vobject's.
"""

from __future__ import annotations

import codecs
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from vobject.base import ParseError, parseLine

LONGEST = 12 * 1024 * 1024  # octets of a logical line: a photo
_SOFT = re.compile(rb";\s*(?:ENCODING\s*=\s*)?QUOTED-PRINTABLE", re.IGNORECASE)
_BASE64 = re.compile(rb";\s*(?:ENCODING\s*=\s*)?(?:BASE64|B)\s*[;:]", re.IGNORECASE)
_CHARSET = re.compile(rb";\s*CHARSET\s*=\s*\"?([\w-]+)", re.IGNORECASE)
_RUNS_ON = re.compile(rb"[A-Za-z0-9+/=]+\s*")
_ENCODINGS = frozenset({"QUOTED-PRINTABLE", "BASE64", "B", "7BIT", "8BIT"})


class BadLine(Exception):
    """Not a line of the form ``NAME;PARAM=value:value``; or longer than a line may be."""


@dataclass(frozen=True, slots=True)
class Line:
    name: str  # in capital letters
    group: str
    params: dict[str, tuple[str, ...]]  # names in capital letters; TYPE is split at its commas
    value: str  # decoded from quoted-printable and its character set; escapes and base64 are as they came


def logical(file: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """(number of its first line, octets without line end); None for a line that is too long.

    Memory is bounded by ``LONGEST`` whatever the file has.
    """
    whole, start = bytearray(), 0
    too_long = soft = False
    for number, line, ends in _physical(file):
        folded = bool(whole) and line[:1] in (b" ", b"\t")
        if whole and soft:
            whole += line
        elif folded:
            whole += line.strip() if line.strip() and _packed(whole) else line[1:]
        elif whole and line.strip() and _RUNS_ON.fullmatch(line) and _packed(whole):
            whole += line.strip()
        else:
            if whole or too_long:
                yield start, None if too_long else bytes(whole)
            whole, start, too_long = bytearray(line), number, False
        too_long = too_long or not ends or len(whole) > LONGEST
        if too_long:
            del whole[200:]
        soft = not too_long and whole.endswith(b"=") and bool(_SOFT.search(_head(whole)))
        if soft:
            del whole[-1:]
            whole += b"=\n"
    if whole or too_long:
        yield start, None if too_long else bytes(whole)


def _head(whole: bytearray) -> bytes:
    """What stands before the value."""
    return bytes(whole[:200]).partition(b":")[0]


def _packed(whole: bytearray) -> bool:
    """Whether the value is base64, which goes on without a sign of it in version 2.1."""
    return bool(_BASE64.search(_head(whole) + b":"))


def _physical(file: BinaryIO) -> Iterator[tuple[int, bytes, bool]]:
    """(number, octets, whether they are all of it)."""
    number = 0
    while line := file.readline(LONGEST):
        number += 1
        ends = line.endswith(b"\n") or len(line) < LONGEST
        yield number, line.rstrip(b"\r\n"), ends
        while not ends:
            rest = file.readline(LONGEST)
            ends = not rest or rest.endswith(b"\n")


def parsed(octets: bytes) -> Line:
    """Raises ``BadLine``."""
    head = octets[:400].partition(b":")[0]
    charset = _CHARSET.search(head) if b";" in head else None
    text = _decoded(octets, charset[1].decode("ascii") if charset else "")
    try:
        name, given, value, group = parseLine(text)
    except ParseError as error:
        raise BadLine(str(error)) from error
    params = _params(given)
    if "QUOTED-PRINTABLE" in params.get("ENCODING", ()):
        # Its octets are ASCII: what they stand for is in the line's character set.
        value = _decoded(quopri.decodestring(value.encode("ascii", "replace")), charset[1].decode() if charset else "")
        value = value.replace("\r\n", "\n")
        params.pop("ENCODING")
    params.pop("CHARSET", None)
    return Line(name.upper(), group or "", params, value)


def _decoded(octets: bytes, charset: str) -> str:
    try:
        return octets.decode()
    except UnicodeDecodeError:
        pass
    for name in (charset, "cp1252"):
        try:
            codecs.lookup(name)
            return octets.decode(name)
        except (LookupError, UnicodeDecodeError, ValueError):
            continue
    return octets.decode("latin-1")


def _params(given: list[list[str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name, *values in given:
        key = name.upper()
        if not values:  # version 2.1: the value alone
            key, values = ("ENCODING" if key in _ENCODINGS else "TYPE"), [name]
        texts = [_carets(value) for value in values]
        if key == "TYPE":
            texts = [part.strip().lower() for text in texts for part in text.split(",") if part.strip()]
        if key == "ENCODING":
            texts = [text.upper() for text in texts]
        found[key] = (*found.get(key, ()), *texts)
    return found


def _carets(text: str) -> str:
    if "^" not in text:
        return text
    return re.sub(r"\^([n^'])", lambda m: {"n": "\n", "^": "^", "'": '"'}[m[1]], text)


def unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] in "nN" else m[1], text, flags=re.DOTALL)


def split(text: str, at: str) -> list[str]:
    """At each ``at`` that is not escaped."""
    if "\\" not in text:
        return text.split(at)
    parts, part, escaped = [], "", False
    for sign in text:
        if sign == at and not escaped:
            parts.append(part)
            part = ""
            continue
        part += sign
        escaped = sign == "\\" and not escaped
    return [*parts, part]


def escaped(text: str, *, semicolons: bool = True) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n").replace(",", "\\,")
    return text.replace(";", "\\;") if semicolons else text
