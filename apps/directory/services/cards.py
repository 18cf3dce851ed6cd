"""Somebody as a vCard (RFC 6350), for other programs."""

from __future__ import annotations

import re

from apps.directory.lookup.person import Person

FOLD = 75  # octets of a line, section 3.2


def vcard(person: Person) -> str:
    """Version 4.0, with line ends as section 3.2 wants them."""
    lines = ["BEGIN:VCARD", "VERSION:4.0", f"FN:{_text(person.name)}"]
    lines.append(f"N:{_text(person.family or person.name)};{_text(person.given)};;;")
    if person.organisation or person.department:
        lines.append(f"ORG:{_text(person.organisation)};{_text(person.department)}")
    lines += [f"TITLE:{_text(person.title)}"] if person.title else []
    lines += [f"EMAIL;TYPE=work:{_text(mail)}" for mail in person.mails]
    kinds = (("voice", person.phones), ("cell", person.mobiles), ("fax", person.faxes))
    lines += [f'TEL;VALUE=text;TYPE="work,{kind}":{_text(number)}' for kind, numbers in kinds for number in numbers]
    if person.street or person.place or person.country or person.room:
        room = ", ".join(filter(None, [person.building, person.room]))
        parts = ["", room, person.street, person.place, "", "", person.country]
        lines.append(f"ADR;TYPE=work:{';'.join(map(_text, parts))}")
    lines += [f"LANG;PREF={at}:{tag}" for at, tag in enumerate(person.languages, 1)]
    lines += [f"TZ:{_text(person.zone)}"] if person.zone else []
    lines += [f"URL:{web}" for web in person.webs if re.fullmatch(r"https?://[^\s\x00-\x1f]+", web)]
    lines += ["END:VCARD", ""]
    return "\r\n".join(map(_folded, lines))


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace(",", "\\,").replace(";", "\\;")
    return re.sub(r"\r\n|\r|\n", r"\\n", re.sub(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]", " ", escaped))


def _folded(line: str) -> str:
    """Between characters, never within the octets of one."""
    pieces, size = [""], 0
    for char in line:
        octets = len(char.encode())
        if size + octets > FOLD:
            pieces.append(" ")
            size = 1
        pieces[-1] += char
        size += octets
    return "\r\n".join(pieces)
