"""Tables of contacts (CSV, TSV): what their columns mean, and which mean nothing to us.

The names are those that Outlook, Thunderbird, Google, Horde and Roundcube give their columns; any other table is mapped
by hand. A field is called by its property, for a part with its number: "N.1", "TEL:cell", "ADR:home.3".
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from apps.contacts.card import PARTS, Value

MOST_COLUMNS = 300
LONGEST_CELL = 100_000
CUSTOM, IGNORED = "X-FIELD", ""
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r")

_PLACES = {
    "home": "home",
    "private": "home",
    "privat": "home",
    "work": "work",
    "business": "work",
    "geschäftlich": "work",
}
_PLACE_PARTS = {
    "street": 2,
    "street address": 2,
    "address": 2,
    "straße": 2,
    "city": 3,
    "ort": 3,
    "state": 4,
    "province": 4,
    "region": 4,
    "zip": 5,
    "zip code": 5,
    "zipcode": 5,
    "postal code": 5,
    "postalcode": 5,
    "postleitzahl": 5,
    "country": 6,
    "country/region": 6,
    "land": 6,
    "po box": 0,
    "pobox": 0,
    "address 2": 1,
    "extended": 1,
    "street 2": 1,
}
_NAMES = {
    "N.0": "last name|lastname|surname|family name|nachname|family-name",
    "N.1": "first name|firstname|given name|vorname|given-name",
    "N.2": "middle name|middlename|additional name|middle names|weitere vornamen|additional-name",
    "N.3": "title|name prefix|nameprefix|prefix|anrede|honorific-prefix",
    "N.4": "suffix|name suffix|namesuffix|honorific-suffix",
    "FN": "display name|displayname|name|full name|file as|anzeigename|fn|formatted name",
    "NICKNAME": "nickname|alias|spitzname|nick name",
    "EMAIL": "e-mail address|email|e-mail|primary email|email address|mail|e-mail-adresse|emailaddress|e-mail 1",
    "EMAIL#2": "e-mail 2 address|secondary email|email 2|e-mail address 2|emails",
    "EMAIL#3": "e-mail 3 address|email 3",
    "EMAIL:home": "home email|homeemail|email home|email:home",
    "EMAIL:work": "work email|workemail|email work|email:work",
    "TEL:cell": "mobile phone|mobile number|cell phone|cellphone|mobile|mobiltelefon|phone:mobile|mobilephone|handy",
    "TEL:work": "business phone|work phone|workphone|telefon geschäftlich|phone:work|phone work",
    "TEL:work#2": "business phone 2|phone:work2|workphone2",
    "TEL:home": "home phone|homephone|telefon (privat)|telefon privat|phone:home|phone home",
    "TEL:home#2": "home phone 2|phone:home2",
    "TEL:main": "company main phone|primary phone|phone:main",
    "TEL:fax": "business fax|fax number|fax|home fax|other fax|fax geschäftlich|phone:workfax|phone:homefax|workfax",
    "TEL:pager": "pager|pager number|phone:pager",
    "TEL:car": "car phone|phone:car",
    "TEL": "phone|other phone|telephone|telefon|phone:other",
    "ORG.0": "company|organization|organisation|firma|organization name|company name",
    "ORG.1": "department|abteilung|organization department",
    "TITLE": "job title|jobtitle|position|organization title",
    "ROLE": "profession|role|beruf",
    "URL": "web page|web page 1|website|webseite|url|url:homepage|personal website|homepage",
    "URL:work": "url:work|business web page|work website",
    "BDAY": "birthday|geburtstag|birth date|bday",
    "ANNIVERSARY": "anniversary|jahrestag|wedding anniversary",
    "RELATED:spouse": "spouse|partner|ehepartner|partnername",
    "RELATED:child": "children|kinder",
    "RELATED:manager": "manager's name|manager",
    "RELATED:assistant": "assistant's name|assistant",
    "LANG": "language|sprache",
    "TZ": "timezone|time zone",
    "NOTE": "notes|note|notizen|comments",
    "CATEGORIES": "categories|kategorien|labels|group membership|groups|tags|category",
    "IMPP": "im|instant messenger|imaddress|im address|screen name|_aimscreenname",
    "FBURL": "freebusyurl|free/busy url|internet free busy",
    "X-PHONETIC-FIRST-NAME": "phonetic first name|given name yomi|first name phonetic",
    "X-PHONETIC-LAST-NAME": "phonetic last name|family name yomi|last name phonetic",
}
_KNOWN = {name: target for target, names in _NAMES.items() for name in names.split("|")}
#: Of the properties alone: what a column can be mapped to by hand.
TARGETS = tuple(dict.fromkeys(target.partition("#")[0] for target in _NAMES)) + tuple(
    f"ADR:{place}.{part}" for place in ("work", "home") for part in (2, 3, 4, 5, 6)
)
_GOOGLE = re.compile(r"(e-mail|phone|address|website|relation|event|im|organization) (\d+) - (.+)")
_GOOGLE_NAMES = {"e-mail": "EMAIL", "phone": "TEL", "website": "URL", "relation": "RELATED", "im": "IMPP"}
_KINDS = {"mobile": "cell", "home": "home", "work": "work", "main": "main", "pager": "pager", "spouse": "spouse"}


class BadTable(Exception):
    """Not a table: the word is one of ``services.importing.PROBLEMS``."""


@dataclass(slots=True)
class Table:
    head: list[str]
    targets: list[str]  # of each column: a field, CUSTOM or IGNORED
    rows: Iterator[tuple[int, list[str]]]
    separator: str = ","
    guessed: set[int] = field(default_factory=set)  # columns that nobody's names have told
    headless: bool = False  # the first line is a person


def opened(octets: bytes, *, targets: Sequence[str] | None = None, headless: bool | None = None) -> Table:
    """``headless``: whether the first line is a person too; None leaves that to its looks. Raises ``BadTable``."""
    text = decoded(octets)
    csv.field_size_limit(LONGEST_CELL)
    separator = _separator(text)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        head = next(lines, [])
    except csv.Error as error:
        raise BadTable("table") from error
    if not any(cell.strip() for cell in head):
        raise BadTable("empty")
    if len(head) > MOST_COLUMNS:
        raise BadTable("columns")
    found = [target_of(cell) for cell in head]
    rows = _rows(lines)
    if headless is None:
        headless = not any(found) and any("@" in cell or any(sign.isdecimal() for sign in cell) for cell in head)
    if headless:
        first, rest = head, rows
        rows = (row for part in ([(1, first)], rest) for row in part)
        head = [f"{at}" for at in range(1, len(first) + 1)]
        found = ["EMAIL" if "@" in cell else "FN" if not at else "" for at, cell in enumerate(first)]
    guessed = {at for at, target in enumerate(found) if not target}
    found = [target or CUSTOM for target in found]
    if targets:
        found = [targets[at] if at < len(targets) else target for at, target in enumerate(found)]
    return Table(head, found, rows, separator, guessed, headless)


def _rows(lines: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    number = 1
    while True:
        number += 1
        try:
            row = next(lines, None)
        except csv.Error:
            yield number, ["\0"]  # a line that is none: told, and passed over
            continue
        if row is None:
            return
        if any(cell.strip() for cell in row):
            yield number, row


def decoded(octets: bytes) -> str:
    """By its mark, else UTF-8, else what the octets look like."""
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if octets.startswith(mark):
            return octets.decode(name, "replace")
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        from cchardet import detect

        guess = detect(octets[:200_000]).get("encoding") or "cp1252"
        try:
            return octets.decode(guess)
        except (LookupError, UnicodeDecodeError):
            return octets.decode("cp1252", "replace")


def _separator(text: str) -> str:
    line = text.lstrip("\ufeff").partition("\n")[0]
    return max(",;\t", key=lambda sign: line.count(sign))


def target_of(head: str) -> str:
    """The field of a column with this name; "" where nobody's names tell."""
    name = re.sub(r"\s+", " ", head.strip().lower().lstrip("\ufeff"))
    if name in _KNOWN:
        return _KNOWN[name]
    if found := _GOOGLE.fullmatch(name):
        return _google(found[1], found[2], found[3])
    place, _blank, part = name.replace("-", " ").partition(" ")
    joined = re.fullmatch(
        r"(home|work|business|other)(street|city|state|zipcode|postalcode|country|address|pobox)2?", name
    )
    if joined:
        place, part = joined[1], joined[2]
    part = re.sub(r"^address(?: |:)(?!2)", "", part).strip()
    if place in _PLACES and part in _PLACE_PARTS:
        return f"ADR:{_PLACES[place]}.{_PLACE_PARTS[part]}"
    if place == "other" and part in _PLACE_PARTS:
        return f"ADR#other.{_PLACE_PARTS[part]}"
    return f"ADR.{_PLACE_PARTS[name]}" if name in _PLACE_PARTS and name not in _KNOWN else ""


def _google(what: str, number: str, part: str) -> str:
    mark = f"#g{number}"
    if part in {"type", "label"}:
        return f"{_GOOGLE_NAMES.get(what, 'ADR' if what == 'address' else 'X')}{mark}?"
    if what == "address":
        return f"ADR{mark}.{_PLACE_PARTS[part]}" if part in _PLACE_PARTS else IGNORED
    if what == "organization":
        return {"name": "ORG.0", "department": "ORG.1", "title": "TITLE"}.get(part, IGNORED)
    return f"{_GOOGLE_NAMES[what]}{mark}" if part == "value" and what in _GOOGLE_NAMES else IGNORED


def values_of(row: Sequence[str], head: Sequence[str], targets: Sequence[str]) -> list[Value]:
    """The values of one person. Raises ``BadTable`` for a line that is none."""
    if row == ["\0"] or any("\0" in cell for cell in row):
        raise BadTable("line")
    texts: dict[str, str] = {}
    parts: dict[str, dict[int, str]] = {}
    kinds: dict[str, str] = {}
    custom: list[Value] = []
    for cell, name, target in zip(row, head, targets, strict=False):
        text = natural(cell.strip())
        if not text or target == IGNORED:
            continue
        if target == CUSTOM:
            custom.append(Value(CUSTOM, text[:500], label=name.strip()[:60] or "?"))
        elif target.endswith("?"):
            kinds[target[:-1]] = text
        elif "." in target:
            key, _dot, part = target.rpartition(".")
            parts.setdefault(key, {})[int(part)] = text
        elif target in texts and target == "CATEGORIES":
            texts[target] += f", {text}"
        else:
            texts.setdefault(target, text)
    found = [_structured(key, given, kinds.get(key, "")) for key, given in parts.items()]
    for key, text in texts.items():
        found += _plain(key, text, kinds.get(key, ""))
    return [*found, *custom]


def _structured(key: str, given: dict[int, str], kind: str) -> Value:
    name, types = _split(key)
    count = PARTS.get(name, max(given) + 1)
    return Value(name, tuple(given.get(at, "") for at in range(count)), types or _types(kind))


def _plain(key: str, text: str, kind: str) -> Iterator[Value]:
    name, types = _split(key)
    types = types or _types(kind)
    several = [text] if name not in {"EMAIL", "TEL", "URL", "CATEGORIES"} else re.split(r"\s*:::\s*", text)
    if name == "CATEGORIES":
        tags = [tag.strip("* ") for part in several for tag in re.split(r"[;,]", part)]
        yield Value(name, ", ".join(tag for tag in tags if tag and tag.lower() not in {"mycontacts", "my contacts"}))
        return
    for part in several:
        yield Value(name, _iso(part) if name in {"BDAY", "ANNIVERSARY"} else part, types)


def _split(key: str) -> tuple[str, tuple[str, ...]]:
    name, _colon, kind = key.partition("#")[0].partition(":")
    return name, (kind,) if kind else ()


def _types(kind: str) -> tuple[str, ...]:
    words = [_KINDS.get(word) for word in re.split(r"[^a-z]+", kind.lower())]
    found = [word for word in words if word] + (["fax"] if "fax" in kind.lower() else [])
    return tuple(dict.fromkeys(found))


def _iso(text: str) -> str:
    """Dates as programs write them: 1985-04-12, 12.04.1985, 4/12/1985 (month first), --04-12."""
    if found := re.fullmatch(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})", text, re.ASCII):
        return f"{found[1]}-{int(found[2]):02}-{int(found[3]):02}"
    if found := re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", text, re.ASCII):
        return f"{found[3]}-{int(found[2]):02}-{int(found[1]):02}"
    if found := re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", text, re.ASCII):
        month, day = int(found[1]), int(found[2])
        month, day = (month, day) if month <= 12 else (day, month)
        return f"{found[3]}-{month:02}-{day:02}"
    return text


def harmless(text: str) -> str:
    """For a cell of a table that programs calculate with: what begins like a formula gets a ' in front (OWASP, CSV
    injection)."""
    return f"'{text}" if text.startswith(_DANGEROUS) else text


def natural(text: str) -> str:
    """The reading of ``harmless``."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_DANGEROUS) else text
