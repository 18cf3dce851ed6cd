"""Entries of LDIF files (RFC 2849), as directories and Thunderbird write them; and writing such files."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from apps.contacts.card import PARTS, Card, Value

LONGEST = 12 * 1024 * 1024  # octets of an entry's line
#: Where an attribute goes: see ``formats.tables``.
ATTRIBUTES = {
    "cn": "FN",
    "displayname": "FN",
    "sn": "N.0",
    "surname": "N.0",
    "givenname": "N.1",
    "initials": "N.2",
    "mozillanickname": "NICKNAME",
    "xmozillanickname": "NICKNAME",
    "mail": "EMAIL",
    "mozillasecondemail": "EMAIL",
    "telephonenumber": "TEL:work",
    "mobile": "TEL:cell",
    "cellphone": "TEL:cell",
    "homephone": "TEL:home",
    "facsimiletelephonenumber": "TEL:fax",
    "fax": "TEL:fax",
    "pager": "TEL:pager",
    "pagerphone": "TEL:pager",
    "o": "ORG.0",
    "company": "ORG.0",
    "ou": "ORG.1",
    "department": "ORG.1",
    "title": "TITLE",
    "street": "ADR:work.2",
    "streetaddress": "ADR:work.2",
    "l": "ADR:work.3",
    "locality": "ADR:work.3",
    "st": "ADR:work.4",
    "region": "ADR:work.4",
    "postalcode": "ADR:work.5",
    "c": "ADR:work.6",
    "co": "ADR:work.6",
    "countryname": "ADR:work.6",
    "postofficebox": "ADR:work.0",
    "mozillahomestreet": "ADR:home.2",
    "mozillahomelocalityname": "ADR:home.3",
    "mozillahomestate": "ADR:home.4",
    "mozillahomepostalcode": "ADR:home.5",
    "mozillahomecountryname": "ADR:home.6",
    "labeleduri": "URL",
    "workurl": "URL:work",
    "mozillaworkurl": "URL:work",
    "homeurl": "URL:home",
    "mozillahomeurl": "URL:home",
    "description": "NOTE",
    "preferredlanguage": "LANG",
    "jpegphoto": "PHOTO",
    "thumbnailphoto": "PHOTO",
}
_OF_THE_DIRECTORY = frozenset({"objectclass", "dn", "userpassword", "modifytimestamp", "createtimestamp", "entryuuid"})
GROUPS = frozenset({"groupofnames", "groupofuniquenames", "groupofurls"})


@dataclass(slots=True)
class Entry:
    number: int
    dn: str = ""
    change: str = ""  # "delete", "modify" ...: a record of changes, no entry
    attributes: dict[str, list[bytes]] = field(default_factory=dict)  # names in small letters, without options
    problems: list[tuple[str, str]] = field(default_factory=list)

    @property
    def is_group(self) -> bool:
        return any(kind.decode("utf-8", "replace").lower() in GROUPS for kind in self.attributes.get("objectclass", ()))

    def text(self, name: str) -> str:
        found = self.attributes.get(name)
        return found[0].decode("utf-8", "replace") if found else ""

    @property
    def members(self) -> list[str]:
        """What of each member's name is an address ("cn=x,mail=a@b.test")."""
        names = [name for key in ("member", "uniquemember") for name in self.attributes.get(key, ())]
        parts = [part.strip() for name in names for part in name.decode("utf-8", "replace").split(",")]
        return [part[5:] for part in parts if part.lower().startswith("mail=")]

    def values(self) -> list[Value]:
        plain: list[Value] = []
        parts: dict[str, dict[int, str]] = {}
        for name, octets in ((name, each) for name, found in self.attributes.items() for each in found):
            target = ATTRIBUTES.get(name)
            if target == "PHOTO":
                plain.append(Value("PHOTO", f"data:image/x;base64,{base64.b64encode(octets).decode()}"))
            elif target and "." in target:
                key, _dot, part = target.rpartition(".")
                parts.setdefault(key, {}).setdefault(int(part), octets.decode("utf-8", "replace"))
            elif target == "FN" and any(value.name == "FN" for value in plain):
                continue
            elif target:
                prop, _colon, kind = target.partition(":")
                plain.append(Value(prop, octets.decode("utf-8", "replace"), (kind,) if kind else ()))
            elif name not in _OF_THE_DIRECTORY and name not in {"member", "uniquemember"}:
                plain.append(Value("X-FIELD", octets.decode("utf-8", "replace")[:500], label=name[:60]))
        made = []
        for key, given in parts.items():
            prop, _colon, kind = key.partition(":")
            count = PARTS.get(prop, max(given) + 1)
            made.append(Value(prop, tuple(given.get(at, "") for at in range(count)), (kind,) if kind else ()))
        return [*made, *plain]


def entries(file: BinaryIO) -> Iterator[Entry]:
    entry: Entry | None = None
    for number, line in _logical(file):
        if not line.strip():
            if entry is not None:
                yield entry
            entry = None
            continue
        name, colon, rest = line.partition(b":")
        key = name.decode("utf-8", "replace").strip().lower().partition(";")[0]
        if entry is None and key == "version":
            continue
        if key == "dn" and entry is not None:  # the blank line before it is missing
            yield entry
            entry = None
        if entry is None:
            entry = Entry(number)
        if not colon:
            entry.problems.append(("line", line[:60].decode("utf-8", "replace")))
            continue
        _take(entry, key, rest)
    if entry is not None:
        yield entry


def _take(entry: Entry, key: str, rest: bytes) -> None:
    if rest.startswith(b"<"):  # the octets would be fetched from an address, or from this machine
        entry.problems.append(("link", key))
        return
    if rest.startswith(b":"):
        try:
            octets = base64.b64decode(rest[1:].strip(), validate=False)
        except (binascii.Error, ValueError):
            entry.problems.append(("line", key))
            return
    else:
        octets = rest.lstrip(b" ")
    if key == "dn":
        entry.dn = octets.decode("utf-8", "replace")
    elif key == "changetype":
        entry.change = octets.decode("ascii", "replace").strip().lower()
    elif octets:
        entry.attributes.setdefault(key, []).append(octets)


def _logical(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Unfolded, without comments. A line that is too long is cut."""
    whole, start = b"", 0
    first = True
    number = 0
    while line := file.readline(LONGEST):
        number += 1
        line = line.rstrip(b"\r\n")
        if line.startswith(b" ") and not first:
            if len(whole) < LONGEST:
                whole += line[1:]
            continue
        if not first and not whole.startswith(b"#"):
            yield start, whole
        whole, start, first = line, number, False
    if not first and not whole.startswith(b"#"):
        yield start, whole


def written(card: Card, *, photo: bytes = b"") -> str:
    """One entry with the attributes of inetOrgPerson and Thunderbird."""
    email = card.text("EMAIL")
    names = card.first("N")
    family, given = names.parts(5)[:2] if names else ("", "")
    dn = f"cn={_rdn(card.name)}" + (f",mail={_rdn(email)}" if email else "")
    lines = [
        ("dn", dn),
        *(("objectclass", kind) for kind in ("top", "person", "organizationalPerson", "inetOrgPerson")),
    ]
    lines += [("cn", card.name), ("sn", family or card.name), ("givenName", given)]
    for name, attribute in (("EMAIL", "mail"), ("TITLE", "title"), ("NOTE", "description"), ("URL", "labeledURI")):
        lines += [(attribute, value.text) for value in card.all(name)]
    for value in card.all("TEL"):
        kinds = {"cell": "mobile", "home": "homePhone", "fax": "facsimileTelephoneNumber", "pager": "pager"}
        lines.append((next((kinds[kind] for kind in value.types if kind in kinds), "telephoneNumber"), value.text))
    if org := card.first("ORG"):
        lines += list(zip(("o", "ou"), org.parts(2), strict=True))
    if address := card.first("ADR"):
        box, _more, street, city, region, code, country = address.parts(7)
        lines += [
            ("postOfficeBox", box),
            ("street", street),
            ("l", city),
            ("st", region),
            ("postalCode", code),
            ("co", country),
        ]
    text = "".join(_line(name, value.encode("utf-8", "replace")) for name, value in lines if value)
    return text + (_line("jpegPhoto", photo) if photo else "") + "\n"


def _rdn(text: str) -> str:
    """RFC 4514 section 2.4."""
    text = "".join(f"\\{sign}" if sign in '\\,+"<>;=' else sign for sign in text).replace("\n", " ").replace("\0", "")
    return f"\\{text}" if text[:1] in (" ", "#") else text


def _line(name: str, octets: bytes) -> str:
    """RFC 2849: what is not plain ASCII, or begins or ends with what would be read otherwise, is in base64."""
    safe = octets.isascii() and not any(octet < 32 or octet == 127 for octet in octets)
    if safe and octets[:1] not in (b" ", b":", b"<") and not octets.endswith(b" "):
        line = f"{name}: {octets.decode('ascii')}"
    else:
        line = f"{name}:: {base64.b64encode(octets).decode('ascii')}"
    return "\n ".join([line[:76], *(line[at : at + 75] for at in range(76, len(line), 75))]) + "\n"
