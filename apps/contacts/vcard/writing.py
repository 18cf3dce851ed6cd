"""Cards as text: RFC 6350 (4.0), RFC 2426 (3.0), and version 2.1 for old telephones."""

from __future__ import annotations

import base64
import quopri
import re
from collections.abc import Iterator

from apps.contacts.card import PARTS, Card, Value
from apps.contacts.vcard.lines import escaped

VERSIONS = ("4.0", "3.0", "2.1")
LISTS = frozenset({"NICKNAME", "CATEGORIES"})
TEXTS = frozenset(
    {
        "FN",
        "NICKNAME",
        "TITLE",
        "ROLE",
        "EMAIL",
        "TEL",
        "BDAY",
        "ANNIVERSARY",
        "RELATED",
        "LANG",
        "TZ",
        "CATEGORIES",
        "NOTE",
        "X-FIELD",
        "X-PHONETIC-FIRST-NAME",
        "X-PHONETIC-LAST-NAME",
    }
)
ADDRESSES = frozenset({"URL", "IMPP", "FBURL"})  # of VALUE=uri: a comma in them is no separator


def written(card: Card, *, uid: str, version: str = "4.0", photo: bytes = b"") -> str:
    """One card with CRLF line ends. ``photo`` is a JPEG file; a card without ``uid`` is a new one wherever it comes."""
    lines = ["BEGIN:VCARD", f"VERSION:{version}", *([f"UID:{_one_line(uid)}"] if uid else [])]
    if version != "4.0" and card.first("N") is None:
        lines.append("N:;;;;")  # RFC 2426 section 3.1.2 wants one
    for number, value in enumerate(card.values, 1):
        if value.name == "PHOTO" and value.text.startswith("photo:"):
            lines += [_photo(photo, version)] if photo else []
        else:
            lines += _lines(value, version, number)
    lines.append("END:VCARD")
    return "".join(_folded(line, version) for line in lines)


def _lines(value: Value, version: str, number: int) -> Iterator[str]:
    group = value.group or (f"item{number}" if value.label else "")
    head = f"{group}.{value.name}" if group else value.name
    text = value.raw or encoded(value)
    if version == "2.1":
        yield _old(head, value, text)
    else:
        yield f"{head}{_params(value, version)}:{_one_line(text)}"
    if value.label:
        yield f"{group}.X-ABLabel:{escaped(value.label)}"


def _one_line(text: str) -> str:
    return text.replace("\r\n", "\\n").replace("\n", "\\n").replace("\r", "")


def encoded(value: Value) -> str:
    """The value as it stands behind the colon."""
    if not isinstance(value.value, str):
        parts = value.parts(PARTS[value.name]) if value.name in PARTS else value.value
        return ";".join(escaped(part) for part in parts)
    if value.name in LISTS:
        return ",".join(escaped(part.strip()) for part in value.value.split(","))
    return escaped(value.value, semicolons=False) if value.name in TEXTS else value.value


def _params(value: Value, version: str) -> str:
    found = {key: texts for key, texts in value.params.items() if not (version != "4.0" and key == "PREF")}
    types = [*value.types, *(["pref"] if version != "4.0" and value.preferred else [])]
    if types:
        found = {"TYPE": tuple(types), **found}
    return "".join(f";{key}={','.join(_param(text) for text in texts)}" for key, texts in found.items())


def _param(text: str) -> str:
    """RFC 6868: what cannot stand in a parameter is written with a caret."""
    text = text.replace("^", "^^").replace("\n", "^n").replace('"', "^'")
    return f'"{text}"' if re.search(r"[,:;]", text) else text


def _old(head: str, value: Value, text: str) -> str:
    types = "".join(f";{name.upper()}" for name in value.types) + (";PREF" if value.preferred else "")
    plain = text.replace("\\n", "\n").replace("\\,", ",")
    if plain.isascii() and "\n" not in plain:
        return f"{head}{types}:{plain}"
    octets = (
        quopri.encodestring(plain.replace("\n", "\r\n").encode()).replace(b"\r\n", b"=0D=0A").replace(b"=\n", b"=\r\n")
    )
    return f"{head}{types};CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:{octets.decode('ascii')}"


def _photo(octets: bytes, version: str) -> str:
    text = base64.b64encode(octets).decode("ascii")
    if version == "4.0":
        return f"PHOTO:data:image/jpeg;base64,{text}"
    return f"PHOTO;TYPE=JPEG;ENCODING={'b' if version == '3.0' else 'BASE64'}:{text}"


def _folded(line: str, version: str) -> str:
    """At most 75 octets each, never within a character. The soft line ends of version 2.1 are its own."""
    if version == "2.1" and "ENCODING=QUOTED-PRINTABLE" in line.partition(":")[0]:
        return f"{line}\r\n"
    tail = "\r\n" if version == "2.1" and ";ENCODING=BASE64:" in line else ""
    if line.isascii():  # most lines, and all pictures: no sign has to be looked at
        rest = (line[at : at + 74] for at in range(75, len(line), 74))
        return "\r\n ".join([line[:75], *rest]) + "\r\n" + tail
    parts, part, size = [], "", 0
    for sign in line:
        octets = len(sign.encode("utf-8", "replace"))
        if size + octets > 75:
            parts.append(part)
            part, size = " ", 1
        part, size = part + sign, size + octets
    return "\r\n".join([*parts, part]) + "\r\n" + tail
