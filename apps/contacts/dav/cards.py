"""Cards for programs, and what of a card that comes back is new.

Programs speak version 3.0 or 4.0 (RFC 6352 section 5.1). What they are not sent, because their version has no word for
it or because it is not for them, a card of theirs cannot say anything about: it stays. What says what it said keeps its
id, and with it who has set it. Knows no Django.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from apps.contacts.card import Card, Value
from apps.contacts.vcard.writing import written

VERSIONS = ("3.0", "4.0")
#: RFC 6350 and its extensions brought them (RFC 6474, RFC 6715, RFC 8605, RFC 9554); version 3.0 has none of them.
NEW_IN_4 = frozenset(
    {
        "ANNIVERSARY", "BIRTHPLACE", "CALADRURI", "CALURI", "CLIENTPIDMAP", "CONTACT-URI", "CREATED", "DEATHDATE",
        "DEATHPLACE", "EXPERTISE", "GENDER", "GRAMGENDER", "HOBBY", "INTEREST", "KIND", "LANG", "LANGUAGE", "MEMBER",
        "ORG-DIRECTORY", "PRONOUNS", "RELATED", "SOCIALPROFILE", "XML",
    }
)  # fmt: skip
_NO_YEAR = re.compile(r"--(\d\d)-(\d\d)", re.ASCII)
_APPLE_YEAR = "X-APPLE-OMIT-YEAR"  # how version 3.0 says that a birthday has no year


def for_version(card: Card, version: str) -> Card:
    """What a program of this version is sent."""
    if version == "4.0":
        return card
    return Card([_in_3(value) for value in card.values if value.name not in NEW_IN_4], card.sources, card.next)


def _in_3(value: Value) -> Value:
    day = _NO_YEAR.fullmatch(value.text) if value.name == "BDAY" else None
    if day is None:
        return value
    return replace(value, raw=f"1604-{day[1]}-{day[2]}", params={**value.params, _APPLE_YEAR: ("1604",)})


def plain_uid(uid: str) -> str:
    return uid.removeprefix("urn:uuid:")


def shown_uid(uid: str, version: str) -> str:
    """Programs of version 3.0 write ``urn:uuid:`` in front of it themselves where they mean a member."""
    return uid if version == "4.0" else plain_uid(uid)


def same_uid(one: str, other: str) -> bool:
    return plain_uid(one).casefold() == plain_uid(other).casefold()


def text_of(card: Card, *, uid: str, version: str, photo: bytes, only: Collection[str] = ()) -> str:
    """``photo`` is a JPEG file; ``only``: names of properties, where not all are wanted."""
    shown = for_version(card, version)
    if only:
        shown = Card([value for value in shown.values if value.name in only], shown.sources, shown.next)
    return written(shown, uid=shown_uid(uid, version), version=version, photo=photo)


def named(name: str) -> Card:
    """Of a group."""
    return Card([Value("FN", name)])


def group_text(name: str, *, uid: str, members: Sequence[str], version: str) -> str:
    """RFC 6350 section 6.1.4; in version 3.0 as Apple's address books have it. ``members``: UIDs."""
    apple = "" if version == "4.0" else "X-ADDRESSBOOKSERVER-"
    values = [Value(f"{apple}KIND", "group"), Value("FN", name)]
    if version != "4.0":
        values.append(Value("N", (name, "", "", "", "")))
    values += [Value(f"{apple}MEMBER", f"urn:uuid:{plain_uid(each)}") for each in members]
    return written(Card(values), uid=shown_uid(uid, version), version=version)


def version_of(octets: bytes) -> str:
    """ "" where it says none."""
    found = re.search(rb"^VERSION:[ \t]*(\S+)", octets, re.IGNORECASE | re.MULTILINE)
    return found[1].decode("ascii", "replace") if found else ""


def photo_octets(value: Value) -> bytes | None:
    """The picture that came within a card; None for an address of one, which is never fetched, and for nonsense."""
    if value.name != "PHOTO" or not value.text.startswith("data:"):
        return None
    try:
        return base64.b64decode(value.text.partition(",")[2])
    except (binascii.Error, ValueError):
        return b""


def taken_over(sent: Sequence[Value], seen: Card, version: str) -> list[Value]:
    """All values that this person may see, once their program has sent ``sent``: ``seen`` is what there is of them. In
    the order of before, what is new behind it."""
    shown = {value.id for value in for_version(seen, version).values}
    names = {value.name for value in sent}
    rest = [value for value in seen.values if value.id in shown]
    # what the version has no word for goes when a program that has one of its own sends it
    kept = [value for value in seen.values if value.id not in shown and value.name not in names]
    matched = _matched([_cleaned(value) for value in sent if value.text.strip() or value.raw], rest)
    order = {value.id: at for at, value in enumerate(seen.values)}
    return sorted([*kept, *matched], key=lambda value: order.get(value.id, len(order)))


def _cleaned(value: Value) -> Value:
    return replace(value, params={key: texts for key, texts in value.params.items() if key != _APPLE_YEAR})


def _matched(sent: Sequence[Value], rest: list[Value]) -> list[Value]:
    """Each of ``sent`` as the one of ``rest`` that it is: the nearest ones first."""
    found: dict[int, Value] = {}
    for near in (_alike, _says_the_same, _same_kind):
        for at, value in enumerate(sent):
            old = next((each for each in rest if near(value, each)), None) if at not in found else None
            if old is not None:
                rest.remove(old)
                found[at] = _as(value, old, same=near is not _same_kind)
    return [found.get(at, value) for at, value in enumerate(sent)]


def _alike(value: Value, old: Value) -> bool:
    return (
        _says_the_same(value, old)
        and _kinds(value) == _kinds(old)
        and value.label == old.label
        and value.preferred == old.preferred
    )


def _says_the_same(value: Value, old: Value) -> bool:
    return value.name == old.name and _said(value) == _said(old)


def _same_kind(value: Value, old: Value) -> bool:
    return value.name == old.name and _kinds(value) == _kinds(old) and value.label == old.label


def _said(value: Value) -> object:
    if isinstance(value.value, str):
        return value.value.strip()
    parts = list(value.value)
    while parts and not parts[-1]:
        parts.pop()
    return parts


def _kinds(value: Value) -> set[str]:
    return set(value.types) - {"voice"}  # what a telephone number is where nobody says otherwise


def _as(value: Value, old: Value, *, same: bool) -> Value:
    """``old``, as it now is. Parameters that the program does not know stay."""
    if not same:
        return replace(value, id=old.id)
    params = {**old.params, **{key: texts for key, texts in value.params.items() if key != "PREF"}}
    if value.preferred != old.preferred:
        params.pop("PREF", None)
        params |= {"PREF": value.params["PREF"]} if value.preferred else {}
    types = old.types if _kinds(value) == _kinds(old) else value.types
    return replace(old, types=types, label=value.label, params=params)
