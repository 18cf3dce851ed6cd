"""Header fields as they travel: ASCII, folded, encoded words (RFC 2047), parameters (RFC 2231). UTF-8 stands in the
local part of an address only, which nothing can encode (RFC 6532): ``needs_utf8`` tells. One place refuses control
characters; nothing that a person or a message supplied reaches a header by another way."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from apps.mail.mime import addresses
from apps.mail.mime.outgoing import Group, Refused
from portal.contracts import Address

LINE = 76  # characters of a header line that we aim at
WORD = 75  # characters of one encoded word (RFC 2047 section 2)
MAX_TOKEN = 900  # without a blank inside; RFC 5322 allows lines of 998

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,70}")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_TOKEN = re.compile(r"[A-Za-z0-9!#$&^_.+-]+")
_ID = re.compile(r"<[\x21-\x3b\x3d\x3f-\x7e]{1,900}>")
_Q_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")


def check(field: str, value: str) -> str:
    """The value itself; raises ``Refused`` when a control character (any line end of Unicode too) stands in it."""
    if _CONTROL.search(value):
        raise Refused(field, value, "control character")
    return value


def header(name: str, value: str) -> str:
    """One field with its CRLF. ``value`` is ASCII already and is folded at its blanks."""
    if not _NAME.fullmatch(name):
        raise Refused(name, value, "header name")
    lines: list[str] = []
    line = f"{name}:"
    for word in check(name, value).split(" "):
        if len(line) + 1 + len(word) > LINE and line.strip() and line != f"{name}:":
            lines.append(line)
            line = ""
        line += " " + word
    return "\r\n".join([*lines, line]) + "\r\n"


def text(name: str, value: str) -> str:
    """An unstructured field: Subject, Organization."""
    check(name, value)
    value = " ".join(value.split(" ")).strip()
    return header(name, encoded(value, first=len(name) + 2) if _needs_encoding(value) else value)


def _needs_encoding(value: str) -> bool:
    """Also what a reader would take for an encoded word, and what folding could not keep."""
    return (
        not value.isascii() or "=?" in value or "  " in value or any(len(word) > MAX_TOKEN for word in value.split(" "))
    )


def encoded(value: str, *, first: int = 0) -> str:
    """Encoded words in UTF-8, none longer than 75, none splitting a character. ``first``: columns taken already."""
    octets = value.encode()
    q = sum(1 if octet in _Q_SAFE or octet == 0x20 else 3 for octet in octets) <= len(octets) * 4 // 3
    words: list[str] = []
    chunk = b""
    room = max(WORD - first, 30)
    for char in value:
        candidate = chunk + char.encode()
        if chunk and len(_word(candidate, q)) > room:
            words.append(_word(chunk, q))
            chunk, room = char.encode(), WORD
        else:
            chunk = candidate
    words.append(_word(chunk, q))
    return " ".join(words)


def _word(octets: bytes, q: bool) -> str:
    if not q:
        return f"=?utf-8?B?{base64.b64encode(octets).decode('ascii')}?="
    pieces = (chr(octet) if octet in _Q_SAFE else "_" if octet == 0x20 else f"={octet:02X}" for octet in octets)
    return f"=?utf-8?Q?{''.join(pieces)}?="


def address_list(name: str, people: Iterable[Address], groups: Iterable[Group] = ()) -> str:
    return header(name, ", ".join([*(mailbox(name, each) for each in people), *(group(name, each) for each in groups)]))


def mailbox(field: str, address: Address) -> str:
    """``name <addr-spec>``; names that are no atoms are quoted, others encoded; domains in other scripts as xn--."""
    email = addr_spec(field, check(field, address.email))
    name = _phrase(field, address.name)
    return f"{name} <{email}>" if name else email


def group(field: str, group: Group) -> str:
    """``name (ref):;``, a group without members."""
    name = _phrase(field, group.name)
    return f"{name} ({check(field, group.ref)}):;" if group.ref else f"{name}:;"


def _phrase(field: str, name: str) -> str:
    name = " ".join(check(field, name).split())
    if not name.isascii() or "=?" in name or any(len(word) > MAX_TOKEN for word in name.split(" ")):
        return encoded(name, first=len(field) + 2)
    if not _ATOMS.fullmatch(name):
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return name


def addr_spec(field: str, email: str) -> str:
    """The address with its domain as DNS knows it."""
    if not addresses.is_valid(email):
        raise Refused(field, email, "address")
    local, _at, domain = email.rpartition("@")
    try:
        domain = domain if domain.isascii() else domain.encode("idna").decode("ascii")
    except UnicodeError:
        raise Refused(field, email, "address") from None
    return f"{local}@{domain}"


def needs_utf8(email: str) -> bool:
    """Whether a message that names this address can go by servers only that offer SMTPUTF8 (RFC 6531)."""
    return not email.rpartition("@")[0].isascii()


def can_be_written_to(email: str) -> bool:
    try:
        addr_spec("To", email)
    except Refused:
        return False
    return True


def is_message_id(value: str) -> bool:
    return _ID.fullmatch(value) is not None


def message_id(field: str, value: str) -> str:
    if not is_message_id(value):
        raise Refused(field, value, "message id")
    return value


def parameters(field: str, value: str, params: Mapping[str, str]) -> str:
    """``value; name=text`` for Content-Type and Content-Disposition (RFC 2045, RFC 2231), to be folded at blanks."""
    pieces = [value]
    for name, content in params.items():
        if not _TOKEN.fullmatch(name):
            raise Refused(field, name, "parameter name")
        pieces += _parameter(name, check(field, content))
    return "; ".join(pieces)


def _parameter(name: str, content: str) -> list[str]:
    if content.isascii() and len(content) <= LINE - len(name) - 5 and "  " not in content and "=?" not in content:
        if _TOKEN.fullmatch(content):
            return [f"{name}={content}"]
        escaped = content.replace("\\", "\\\\").replace('"', '\\"')
        return [f'{name}="{escaped}"']
    coded = quote(content, safe="!#$&+-.^_`|~")
    room = LINE - len(name) - 8
    if len(coded) + 7 <= room:
        return [f"{name}*=utf-8''{coded}"]
    pieces: list[str] = []
    rest = f"utf-8''{coded}"
    while rest:
        cut = room
        if "%" in rest[cut - 2 : cut]:  # an octet stays in one piece
            cut = rest.rindex("%", 0, cut)
        pieces.append(f"{name}*{len(pieces)}*={rest[:cut]}")
        rest = rest[cut:]
    return pieces
