"""What a directory says of somebody, whatever its layout."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from portal.ldap import filters, names
from portal.ldap.session import Entry
from portal.ldap.sources import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Texts are "" where the directory says nothing."""

    key: str  # stays when the entry is renamed or moved; good for addresses of pages
    directory: str  # name of the source
    dn: str
    name: str
    login: str = ""
    given: str = ""
    family: str = ""
    title: str = ""
    organisation: str = ""
    department: str = ""
    unit: tuple[str, ...] = ()  # names of the units the entry is in, the outermost first
    mails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    mobiles: tuple[str, ...] = ()
    faxes: tuple[str, ...] = ()
    room: str = ""
    building: str = ""
    place: str = ""  # town
    street: str = ""
    country: str = ""
    languages: tuple[str, ...] = ()  # BCP 47 tags, the preferred first
    zone: str = ""  # IANA time zone
    manager: str = ""  # name of an entry
    assistants: tuple[str, ...] = ()  # names of entries, or words
    webs: tuple[str, ...] = ()
    notes: str = ""
    lists: tuple[str, ...] = ()  # names of the entries of groups
    smime: bool = False  # whether it holds a certificate, and
    pgp: bool = False  # a key of OpenPGP
    own: tuple[tuple[str, str], ...] = ()  # label and value of the site's own attributes

    @property
    def mail(self) -> str:
        return next(iter(self.mails), "")

    @property
    def phone(self) -> str:
        return next(iter(self.phones), "")

    @property
    def mobile(self) -> str:
        return next(iter(self.mobiles), "")

    @property
    def list_names(self) -> tuple[str, ...]:
        return tuple(names.first(dn) for dn in self.lists)


#: Fields that are read for a list; the others only for somebody's own page.
_NAMED = ("key", "login", "name", "given", "family", "title", "organisation", "department", "manager")
LISTED = (*_NAMED, "mail", "phone", "mobile", "room", "building", "place", "languages")
WHOLE = (*LISTED, "fax", "street", "country", "zone", "assistant", "web", "notes", "lists", "certificate", "pgp")


def attributes(source: Source, fields: tuple[str, ...]) -> list[str]:
    """What has to be asked for."""
    wanted = [attribute for name in fields for attribute in source.attributes.get(name, ())]
    return list(dict.fromkeys([*wanted, *(attribute for _label, attribute in source.own)]))


def from_entry(source: Source, entry: Entry) -> Person:
    def one(name: str) -> str:
        return next((text.strip() for each in source.attributes.get(name, ()) for text in entry.texts(each)), "")

    def all_of(name: str) -> tuple[str, ...]:
        found = [text.strip() for each in source.attributes.get(name, ()) for text in entry.texts(each)]
        return tuple(dict.fromkeys(text for text in found if text))

    def some(name: str) -> bool:
        return any(entry.values.get(each.lower()) for each in source.attributes.get(name, ()))

    mails = _mails(all_of("mail"))
    return Person(
        key=key_of(source, entry),
        directory=source.name,
        dn=entry.dn,
        name=one("name") or f"{one('given')} {one('family')}".strip() or names.first(entry.dn),
        login=one("login"),
        given=one("given"),
        family=one("family"),
        title=one("title"),
        organisation=one("organisation"),
        department=one("department"),
        unit=unit_of(entry.dn, source.base),
        mails=mails,
        phones=all_of("phone"),
        mobiles=all_of("mobile"),
        faxes=all_of("fax"),
        room=one("room"),
        building=one("building"),
        place=one("place"),
        street=one("street").replace("$", "\n"),  # postal address of RFC 4517 section 3.3.28
        country=one("country"),
        languages=languages(one("languages")),
        zone=one("zone"),
        manager=one("manager"),
        assistants=all_of("assistant"),
        webs=tuple(text.split()[0] for text in all_of("web")),  # labeledURI of RFC 2079: address and label
        notes=one("notes"),
        lists=all_of("lists"),
        smime=some("certificate"),
        pgp=some("pgp"),
        own=tuple((label, text) for label, attribute in source.own for text in entry.texts(attribute)),
    )


def key_of(source: Source, entry: Entry) -> str:
    """Where the directory tells nothing that stays, the name has to do."""
    for attribute in source.attributes.get("key", ()):
        for octets in entry.values.get(attribute.lower(), ()):
            return f"{source.name}.k{_encoded(octets)}"
    return f"{source.name}.n{_encoded(entry.dn.encode())}"


def asked_by(source: Source, key: str) -> tuple[str, str]:
    """The name or, where that is "", the filter by which somebody of this key is found. Raises ``LookupError``."""
    name, _dot, rest = key.partition(".")
    if name != source.name or not re.fullmatch(r"[kn][A-Za-z0-9_-]+", rest):
        raise LookupError(key)
    try:
        octets = base64.urlsafe_b64decode(rest[1:] + "=" * (-len(rest[1:]) % 4))
        if rest[0] == "n":
            dn = octets.decode()
            if names.below(dn, source.base) is None:
                raise LookupError(key)
            return dn, ""
    except (binascii.Error, ValueError):
        raise LookupError(key) from None
    return "", filters.either(filters.equals(each, octets) for each in source.attributes.get("key", ()))


def unit_of(dn: str, base: str) -> tuple[str, ...]:
    between = names.below(dn, base)
    return tuple(value for _kind, value in reversed(between[1:])) if between else ()


def languages(text: str) -> tuple[str, ...]:
    """``fr, es;q=0.8``: the words of an Accept-Language (RFC 2798 section 2.7), best first. A weight of 0 is none."""
    found = []
    for item in re.split(r"[,\s]+(?=[A-Za-z])", text.strip()):
        tag, _semicolon, weight = (part.strip() for part in item.partition(";"))
        quality = re.fullmatch(r"q\s*=\s*([01](?:\.\d{0,3})?)", weight)
        value = float(quality[1]) if quality else 1.0
        if re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*", tag) and value > 0:
            found.append((-value, tag.lower()))
    return tuple(dict.fromkeys(tag for _value, tag in sorted(found, key=lambda pair: pair[0])))


def _mails(values: tuple[str, ...]) -> tuple[str, ...]:
    """Active Directory writes ``SMTP:`` before the first address, ``smtp:`` before others, and knows other kinds."""
    found = []
    for value in values:
        scheme, colon, rest = value.partition(":")
        text = rest if colon and scheme.lower() == "smtp" else "" if colon else value
        if re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", text):
            found.append(text)
    by_fold = {text.casefold(): text for text in reversed(found)}
    return tuple(dict.fromkeys(by_fold[text.casefold()] for text in found))


def _encoded(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")
