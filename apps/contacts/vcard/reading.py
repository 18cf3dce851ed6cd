"""Cards of a file, one after the other: versions 2.1, 3.0 and 4.0 (RFC 2426, RFC 6350), as programs write them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from apps.contacts.card import PARTS, STRUCTURED, Text, Value
from apps.contacts.vcard.lines import BadLine, Line, logical, parsed, split, unescaped
from apps.contacts.vcard.writing import encoded

#: What stands for the whole card and is written anew with each: no value of the person.
ABOUT_THE_FILE = frozenset({"BEGIN", "END", "VERSION", "PRODID", "REV", "UID"})
TEXTS = frozenset(
    {
        "FN",
        "NICKNAME",
        "TITLE",
        "ROLE",
        "EMAIL",
        "TEL",
        "URL",
        "IMPP",
        "BDAY",
        "ANNIVERSARY",
        "RELATED",
        "LANG",
        "TZ",
        "FBURL",
        "CATEGORIES",
        "NOTE",
        "X-FIELD",
        "X-PHONETIC-FIRST-NAME",
        "X-PHONETIC-LAST-NAME",
    }
)
LISTS = frozenset({"NICKNAME", "CATEGORIES"})
DATES = frozenset({"BDAY", "ANNIVERSARY"})
MOST_VALUES = 300
_APPLE = re.compile(r"_\$!<(.+)>!\$_")
_OTHER_NAMES = {"X-ANNIVERSARY": "ANNIVERSARY", "X-EVOLUTION-ANNIVERSARY": "ANNIVERSARY"}
_MESSENGERS = {"X-JABBER": "xmpp", "X-SKYPE": "skype", "X-SKYPE-USERNAME": "skype", "X-AIM": "aim", "X-ICQ": "icq"}


@dataclass(slots=True)
class Parsed:
    """A card as it was read. ``problems`` are words of ``services.importing.PROBLEMS``."""

    number: int  # the line where it begins
    values: list[Value] = field(default_factory=list)
    uid: str = ""
    kind: str = ""
    members: list[str] = field(default_factory=list)  # of a group: the addresses of its cards
    problems: list[tuple[str, str]] = field(default_factory=list)  # (word, what it is about)
    labels: dict[str, str] = field(default_factory=dict)  # of the groups of lines

    def tell(self, word: str, about: str = "") -> None:
        if (word, about[:60]) not in self.problems:
            self.problems.append((word, about[:60]))


def cards(file: BinaryIO) -> Iterator[Parsed]:
    """All cards of the file. None is lost for another one; what stands between them is passed over."""
    card: Parsed | None = None
    inside = 0  # cards within a card: AGENT of version 2.1
    last = ""
    for number, octets in logical(file):
        word = octets.strip().upper() if octets is not None and len(octets) < 40 else b""
        if word.replace(b" ", b"") == b"BEGIN:VCARD":
            if card is not None and last == "AGENT":
                inside += 1
                continue
            if card is not None:
                card.tell("end")
                yield _finished(card)
            card, inside = Parsed(number), 0
        elif word.replace(b" ", b"") == b"END:VCARD":
            if inside:
                inside -= 1
            elif card is not None:
                yield _finished(card)
                card = None
        elif card is not None and not inside and (octets is None or octets.strip()):
            last = _take(card, octets, number)
    if card is not None:
        card.tell("end")
        yield _finished(card)


def _take(card: Parsed, octets: bytes | None, number: int) -> str:
    """Take a line into the card; returns its name."""
    if octets is None:
        card.tell("long", str(number))
        return ""
    try:
        line = parsed(octets)
    except BadLine:
        card.tell("line", octets[:60].decode("utf-8", "replace"))
        return ""
    if line.name == "UID":
        card.uid = unescaped(line.value).strip()
    elif line.name == "KIND" and line.value.lower() == "group":
        card.kind = "group"
    elif line.name == "X-ADDRESSBOOKSERVER-KIND":
        card.kind = line.value.lower()
    elif line.name in {"MEMBER", "X-ADDRESSBOOKSERVER-MEMBER"}:
        card.members.append(line.value.strip())
    elif line.name == "X-ABLABEL" and line.group:
        found = _APPLE.fullmatch(line.value)
        card.labels[line.group.lower()] = found[1] if found else unescaped(line.value)
    elif line.name not in ABOUT_THE_FILE and not (line.name == "AGENT" and not line.value.strip()):
        if len(card.values) < MOST_VALUES:
            card.values.append(value_of(line))
        else:
            card.tell("many")
    return line.name


def _finished(card: Parsed) -> Parsed:
    """Labels go to the values of their group."""
    for at, value in enumerate(card.values):
        label = card.labels.get(value.group.lower(), "") if value.group else ""
        if label:
            card.values[at] = replace(value, label=label[:60], group="")
    return card


def value_of(line: Line) -> Value:
    params = {key: texts for key, texts in line.params.items() if key != "TYPE"}
    types = [name for name in line.params.get("TYPE", ()) if name not in {"pref", "internet", "x400"}]
    if "pref" in line.params.get("TYPE", ()) and "PREF" not in params:
        params["PREF"] = ("1",)
    name = _OTHER_NAMES.get(line.name, line.name)
    if line.name in _MESSENGERS and line.value.strip():
        text = f"{_MESSENGERS[line.name]}:{unescaped(line.value).strip()}"
        return Value("IMPP", text, tuple(types), params=params, group=line.group)
    if name == "PHOTO":
        return Value(name, _photo(line, params), tuple(types), params=params, group=line.group)
    if name not in TEXTS and name not in STRUCTURED:
        return Value(name, line.value.replace("\n", "\\n"), tuple(types), params=params, group=line.group)
    value = Value(name, text_of(name, line.value), tuple(dict.fromkeys(types)), params=params, group=line.group)
    return value if encoded(value) == line.value else replace(value, raw=line.value)


def text_of(name: str, raw: str) -> Text:
    """What the value says, without the escapes of the file."""
    if name in STRUCTURED:
        parts = [unescaped(part).strip() for part in split(raw, ";")]
        return tuple(parts[: PARTS.get(name, 20)])
    if name in LISTS:
        return ", ".join(unescaped(part).strip() for part in split(raw, ","))
    text = unescaped(raw).strip() if name != "NOTE" else unescaped(raw)
    if name == "TEL":
        return re.sub(r"(?i)^tel:", "", text)
    if name == "EMAIL":
        return re.sub(r"(?i)^mailto:", "", text)
    if name in DATES:
        return _date(text)
    return text


def _date(text: str) -> str:
    """19850412 and 1985-04-12T00:00:00Z are 1985-04-12, --0412 is --04-12 (RFC 6350 section 4.3.1)."""
    day = text.partition("T")[0]
    if found := re.fullmatch(r"(\d{4})-?(\d{2})-?(\d{2})", day, re.ASCII):
        return f"--{found[2]}-{found[3]}" if found[1] in {"1604", "0000"} else "-".join(found.groups())
    if found := re.fullmatch(r"--(\d{2})-?(\d{2})", day, re.ASCII):
        return f"--{found[1]}-{found[2]}"
    return text


def _photo(line: Line, params: dict[str, tuple[str, ...]]) -> str:
    """``data:...;base64,...`` where the picture is in the file; an address stays text and is never fetched."""
    packed = {"B", "BASE64"} & set(params.pop("ENCODING", ()))
    text = line.value.strip()
    if packed:
        return f"data:image/x;base64,{re.sub(r'[^A-Za-z0-9+/=]', '', text)}"
    return text.replace("\\,", ",").replace("\\;", ";") if text.startswith("data:") else text
