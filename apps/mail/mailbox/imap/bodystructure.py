"""BODYSTRUCTURE (RFC 9051 section 7.5.2) as our tree of ``Part``.

Section numbers are the server's (section 6.4.5.1): the children of a multipart count from 1 below its number; what lies
in a message/rfc822 numbered 2 is 2.1, or, when it is a multipart itself, that multipart goes without a number of its
own and its children are 2.1, 2.2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from apps.mail.mailbox.imap import envelope as envelopes
from apps.mail.mailbox.imap.tokens import Value, is_number, number, octets
from apps.mail.mime import headers
from apps.mail.mime.parts import Part

MAX_DEPTH = 60
MAX_PARTS = 1000

_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+*-]+")


class Unreadable(ValueError):
    """Not a body structure, or too strange to rely on: read the message itself instead."""


def parse(value: Value) -> Part:
    """Raises ``Unreadable``."""
    return _part(value, "", 0)


def _part(value: Value, prefix: str, depth: int) -> Part:
    """``prefix`` is the number of what this part lies in, "" at the top."""
    if not isinstance(value, list) or not value or depth > MAX_DEPTH:
        raise Unreadable
    if isinstance(value[0], list):
        return _multipart(value, "", prefix, depth)
    return _single(value, f"{prefix}.1" if prefix else "1", depth)


def _multipart(value: list[Value], number_: str, prefix: str, depth: int) -> Part:
    children: list[Part] = []
    for item in value:
        if not isinstance(item, list):
            break
        if len(children) >= MAX_PARTS:
            raise Unreadable
        child = f"{prefix}.{len(children) + 1}" if prefix else str(len(children) + 1)
        if item and isinstance(item[0], list):
            if depth >= MAX_DEPTH:
                raise Unreadable
            children.append(_multipart(item, child, child, depth + 1))
        else:
            children.append(_single(item, child, depth + 1))
    rest = value[len(children) :]
    subtype = octets(rest[0]) if rest else b""
    if not subtype:
        raise Unreadable
    params, extension = _parameters(_at(rest, 1)), rest[2:]
    return Part(
        number=number_,
        type=_type(b"multipart", subtype, or_else="multipart/mixed"),
        params=params,
        children=tuple(children),
        **_trailer(extension),
    )


def _single(value: Value, number_: str, depth: int) -> Part:
    if not isinstance(value, list) or len(value) < 7 or isinstance(value[0], list):
        raise Unreadable
    if not (octets(value[0]) and octets(value[1]) and is_number(octets(value[6]))):
        raise Unreadable
    type_ = _type(octets(value[0]), octets(value[1]))
    params = _parameters(value[2])
    children: tuple[Part, ...] = ()
    envelope = None
    extension = value[7:]
    if type_ in ("message/rfc822", "message/global") and len(value) >= 10 and isinstance(value[8], list):
        envelope = envelopes.parse(value[7])
        children = (_part(value[8], number_, depth + 1),)
        extension = value[10:]
    elif type_.startswith("text/"):
        extension = value[8:]
    trailer = _trailer(extension[1:])  # after the MD5
    trailer["filename"] = trailer.get("filename") or headers.decode(params.get("name", ""))
    return Part(
        number=number_,
        type=type_,
        params=params,
        content_id=_text(octets(value[3])).strip().removeprefix("<").removesuffix(">"),
        description=headers.decode(octets(value[4])),
        encoding=_text(octets(value[5])).strip().lower() or "7bit",
        size=number(value[6]),
        children=children,
        envelope=envelope,
        **trailer,
    )


def _trailer(extension: list[Value]) -> dict[str, Any]:
    """Disposition, language, location: all optional."""
    kind, params = _disposition(_at(extension, 0))
    location = _text(octets(_at(extension, 2))).strip()
    return {"disposition": kind, "filename": headers.decode(params.get("filename", "")), "location": location}


def _disposition(value: Value) -> tuple[str, Mapping[str, str]]:
    """``("attachment" ("filename" "x"))``; pymap sends the header as one string."""
    if isinstance(value, list) and value:
        return _known(_text(octets(value[0]))), _parameters(_at(value, 1))
    kind, params = headers.parameters(octets(value))
    return _known(kind), params


def _known(kind: str) -> str:
    """Unknown kinds count as attachments (RFC 2183 section 2.8)."""
    kind = kind.strip().lower()
    return kind if kind in ("", "inline") else "attachment"


def _parameters(value: Value) -> Mapping[str, str]:
    """Names in lower case, values decoded (RFC 2231 and what people send instead)."""
    if not isinstance(value, list):
        return {}
    pairs = [(octets(key), octets(item)) for key, item in zip(value[::2], value[1::2], strict=False)]
    return headers.assemble(pairs)


def _type(main: bytes, sub: bytes, *, or_else: str = "application/octet-stream") -> str:
    text = f"{_text(main)}/{_text(sub)}".strip().lower()
    return text if _TYPE.fullmatch(text) else or_else


def _at(values: list[Value], index: int) -> Value:
    return values[index] if index < len(values) else None


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
