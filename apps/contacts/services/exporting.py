"""Contacts as files: vCard in three versions, a table, LDIF. Written piece by piece, so that memory stays flat."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from PIL import Image

from apps.contacts.card import Card, Value
from apps.contacts.formats import ldif, tables
from apps.contacts.models import Contact, ContactQuerySet, Group
from apps.contacts.services import access, groups, photos
from apps.contacts.vcard.writing import written

FORMATS = {
    "vcard4": ("text/vcard; charset=utf-8", "vcf"),
    "vcard3": ("text/vcard; charset=utf-8", "vcf"),
    "vcard21": ("text/x-vcard; charset=utf-8", "vcf"),
    "csv": ("text/csv; charset=utf-8", "csv"),
    "ldif": ("text/x-ldif; charset=utf-8", "ldif"),
}
_VERSIONS = {"vcard4": "4.0", "vcard3": "3.0", "vcard21": "2.1"}
AT_ONCE = 500
#: (column, property, kind, part, which one of several). Google, Outlook and Thunderbird read these names.
COLUMNS: tuple[tuple[str, str, str, int | None, int], ...] = (
    ("First Name", "N", "", 1, 0),
    ("Middle Name", "N", "", 2, 0),
    ("Last Name", "N", "", 0, 0),
    ("Name Prefix", "N", "", 3, 0),
    ("Suffix", "N", "", 4, 0),
    ("Display Name", "FN", "", None, 0),
    ("Nickname", "NICKNAME", "", None, 0),
    ("E-mail Address", "EMAIL", "", None, 0),
    ("E-mail 2 Address", "EMAIL", "", None, 1),
    ("E-mail 3 Address", "EMAIL", "", None, 2),
    ("Mobile Phone", "TEL", "cell", None, 0),
    ("Business Phone", "TEL", "work", None, 0),
    ("Home Phone", "TEL", "home", None, 0),
    ("Company Main Phone", "TEL", "main", None, 0),
    ("Business Fax", "TEL", "fax", None, 0),
    ("Pager", "TEL", "pager", None, 0),
    ("Other Phone", "TEL", "-", None, 0),
    ("Company", "ORG", "", 0, 0),
    ("Department", "ORG", "", 1, 0),
    ("Job Title", "TITLE", "", None, 0),
    ("Profession", "ROLE", "", None, 0),
    *((f"Business {name}", "ADR", "work", part, 0) for name, part in (("Street", 2), ("City", 3), ("State", 4))),
    *((f"Business {name}", "ADR", "work", part, 0) for name, part in (("Postal Code", 5), ("Country", 6))),
    *((f"Home {name}", "ADR", "home", part, 0) for name, part in (("Street", 2), ("City", 3), ("State", 4))),
    *((f"Home {name}", "ADR", "home", part, 0) for name, part in (("Postal Code", 5), ("Country", 6))),
    ("Web Page", "URL", "", None, 0),
    ("Birthday", "BDAY", "", None, 0),
    ("Anniversary", "ANNIVERSARY", "", None, 0),
    ("Categories", "CATEGORIES", "", None, 0),
    ("Notes", "NOTE", "", None, 0),
)
_KINDS = frozenset({"cell", "work", "home", "main", "fax", "pager"})


def pieces(found: ContactQuerySet, kind: str, *, own_groups: list[Group]) -> Iterator[str]:
    """``kind`` is one of ``FORMATS``. Groups go along where the format has them. ``found``: of ``access.contacts``, so
    that a file holds what its reader may see."""
    if kind == "csv":
        yield "\ufeff" + _row([column[0] for column in COLUMNS])  # the mark makes Excel read UTF-8
    if kind == "ldif":
        yield "version: 1\n\n"
    for contact, card in _all(found):
        yield _one(contact, card, kind)
    if kind == "vcard4":
        yield from (_group(group) for group in own_groups)


def _all(found: ContactQuerySet) -> Iterator[tuple[Contact, Card]]:
    """In the order of their ids, which stay what they are while others change."""
    last, viewer = 0, found.viewer
    if viewer is None:
        raise TypeError("nobody is looking at these contacts: take those of access.contacts()")
    while part := list(found.filter(pk__gt=last).order_by("pk").distinct()[:AT_ONCE]):
        documents = viewer.documents(part)
        yield from ((contact, documents[contact.pk]) for contact in part if contact.pk in documents)
        last = part[-1].pk


def _one(contact: Contact, card: Card, kind: str) -> str:
    if kind == "csv":
        return _row(cells(card))
    photo = jpeg(contact)
    if kind == "ldif":
        return ldif.written(card, photo=photo)
    return written(card, uid=contact.uid, version=_VERSIONS[kind], photo=photo)


def jpeg(contact: Contact) -> bytes:
    """The photo as every program reads it; b"" where there is none."""
    octets = photos.content(contact.owner_id, f"photo:{contact.photo}") if contact.photo else None
    return as_jpeg(octets) if octets is not None else b""


def as_jpeg(octets: bytes) -> bytes:
    """``octets``: of ``Photo.content``."""
    made = io.BytesIO()
    with Image.open(io.BytesIO(octets), formats=["WEBP"]) as picture:
        ground = Image.new("RGB", picture.size, "white")
        ground.paste(picture, mask=picture.getchannel("A") if picture.mode == "RGBA" else None)
        ground.save(made, "JPEG", quality=85)
    return made.getvalue()


def cells(card: Card) -> list[str]:
    return [tables.harmless(_cell(card, *column[1:])) for column in COLUMNS]


def _cell(card: Card, name: str, kind: str, part: int | None, at: int) -> str:
    fitting = [value for value in card.all(name) if _fits(value, kind)]
    if at >= len(fitting):
        return ""
    value = fitting[at]
    return value.text if part is None else value.parts(part + 1)[part]


def _fits(value: Value, kind: str) -> bool:
    if kind == "-":
        return not _KINDS.intersection(value.types)
    if value.name == "TEL" and kind in {"work", "home"} and {"fax", "pager", "cell"} & set(value.types):
        return False
    if value.name == "ADR" and kind == "work" and not {"work", "home"} & set(value.types):
        return True
    return not kind or kind in value.types


def _row(texts: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(texts)
    return line.getvalue()


def _group(group: Group) -> str:
    """RFC 6350 section 6.1.4: the people of groups within it are its members too."""
    ids = groups.contact_ids(group.owner_id, group.pk)
    values = [Value("KIND", "group"), Value("FN", group.name)]
    uids = access.contacts(group.owner_id).filter(pk__in=ids).order_by("pk").values_list("uid", flat=True)
    return written(Card([*values, *(Value("MEMBER", uid) for uid in uids)]), uid=group.uid)
