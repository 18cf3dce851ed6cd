"""The people of an institute as LDIF, in the layouts that directories have, and a slapd with them.

python -m scripts.servers.staff 20000 [LAYOUT]     # writes LDIF for slapadd -q
"""

from __future__ import annotations

import base64
import io
import random
import sys
import uuid
from collections.abc import Iterator
from functools import cache

from PIL import Image, ImageDraw

from scripts.servers.base import Workdir
from scripts.servers.slapd import ADMIN, BASE, PASSWORD, Slapd

LAYOUTS = ("inetorgperson", "ad", "kolab")
_FIRST = """Ève Tomás Łukasz Søren Björn Anna Chloé Dieter Fatima Günther Hannah Igor Jürgen Kenji Léa Müge Noah
Olga Pierre Rosa Aigerim Čestmír Dmitri Ewa Florin Greta"""
_LAST = """Lambert Herrera Wójcik Kjær Bergström Adams Bauer Čapek Dubois Evans Fischer García Hofmann Ito Jansen
Kowalski Meyer Nguyen Özdemir Popescu Quist Rossi Sørensen Tanaka Ünal Virtanen Weiß Żak"""
FIRST, LAST = tuple(_FIRST.split()), tuple(_LAST.split())
OTHER_SCRIPTS = (
    ("Ольга", "Петрова"),
    ("محمد", "الحسن"),
    ("תומר", "לוי"),
    ("Ελένη", "Κωστάκη"),
    ("अनन्या", "शर्मा"),
    ("優子", "田中"),
)
UNITS = {
    "Research": ("Glaciology", "Hydrology", "Seismologie", "Atmosphere"),
    "Field offices": ("Bishkek", "Jaca", "Sapporo", "Haifa"),
    "Services": ("Workshop", "Finance", "Library", "Computing"),
}
TITLES = (
    "Head of department", "Head of ice radar", "Radar engineer", "Ice core analyst", "Winter station lead",
    "Field logistics", "Data archive", "Budget and loans", "Workshop", "Librarian", "System administrator",
)  # fmt: skip
PLACES = (("B", "Jaca"), ("A", "Bishkek"), ("C", "札幌 Sapporo"), ("D", "Haifa"))
LANGUAGES = ("fr, es;q=0.8, en;q=0.5", "en", "ru, en", "de, en", "es", "ja, en")
TEAM = 12  # people of one manager

AD_SCHEMA = """attributetype ( 1.2.840.113556.1.4.2 NAME 'objectGUID' EQUALITY octetStringMatch
 SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.782 NAME 'objectCategory' EQUALITY caseIgnoreMatch
 SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.2.141 NAME 'department' EQUALITY caseIgnoreMatch
 SUBSTR caseIgnoreSubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.2.146 NAME 'company' EQUALITY caseIgnoreMatch
 SUBSTR caseIgnoreSubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.2.210 NAME 'proxyAddresses' EQUALITY caseIgnoreMatch
 SUBSTR caseIgnoreSubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.2.840.113556.1.4.652 NAME 'assistant' EQUALITY distinguishedNameMatch
 SYNTAX 1.3.6.1.4.1.1466.115.121.1.12 SINGLE-VALUE )
attributetype ( 2.16.128.113533.1.1400.1 NAME 'thumbnailPhoto' SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
objectclass ( 1.2.840.113556.1.5.9 NAME 'user' SUP inetOrgPerson STRUCTURAL MAY ( objectGUID $ objectCategory $
 department $ company $ proxyAddresses $ assistant $ thumbnailPhoto $ sAMAccountName $ userAccountControl ) )
objectclass ( 1.2.840.113556.1.5.8 NAME 'group' SUP top STRUCTURAL MUST cn MAY ( member $ mail $ objectGUID $
 sAMAccountName $ description ) )
"""
KOLAB_SCHEMA = """attributetype ( 1.3.6.1.4.1.19419.1.1.1.3 NAME 'alias' EQUALITY caseIgnoreIA5Match
 SUBSTR caseIgnoreIA5SubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.26 )
objectclass ( 1.3.6.1.4.1.19414.3.2.2 NAME 'kolabInetOrgPerson' SUP top AUXILIARY MAY ( alias ) )
objectclass ( 1.3.6.1.4.1.19414.3.2.8 NAME 'kolabGroupOfUniqueNames' SUP top AUXILIARY MAY ( mail ) )
"""
INDEXES = """index objectClass,entryUUID,member,memberOf,manager,objectGUID eq
index uid,sAMAccountName,cn,displayName,givenName,sn,mail,title,telephoneNumber,mobile,roomNumber eq,sub
index ou,department,departmentNumber,physicalDeliveryOfficeName,l,preferredLanguage,alias,proxyAddresses eq,sub
index jpegPhoto,thumbnailPhoto pres
"""
ACCESS = """access to attrs=userPassword by self write by anonymous auth by * none
access to attrs=mobile,telephoneNumber,roomNumber,jpegPhoto,preferredLanguage
  by self write by users read by anonymous read
access to * by users read by anonymous read
"""


class Staff(Slapd):
    """A directory with so many people; ``indexes`` are lines of slapd.conf(5)."""

    modules = "moduleload memberof\n"
    overlays = "overlay memberof\n"
    access = ACCESS

    def __init__(
        self,
        workdir: Workdir,
        *,
        people: int = 300,
        layout: str = "inetorgperson",
        indexes: str = INDEXES,
        tells: bool = False,
        die_with_parent: bool = True,
    ) -> None:
        super().__init__(workdir, die_with_parent=die_with_parent)
        self.people, self.layout, self.indexes = people, layout, indexes
        if tells:  # its own settings to the portal
            self.access += f'database config\naccess to * by dn.exact="{ADMIN}" read\n'
        self.schema = Slapd.schema + AD_SCHEMA + KOLAB_SCHEMA

    def tree(self) -> list[str]:
        return list(ldif(self.people, self.layout))


def ldif(people: int, layout: str = "inetorgperson") -> Iterator[str]:
    """The same for the same arguments. Everybody has the password `PASSWORD`; the first login is ``u00000``, who leads
    the institute."""
    yield entry(BASE, objectClass=["dcObject", "organization"], o="Institute", dc="example")
    yield entry(f"ou=groups,{BASE}", objectClass="organizationalUnit", ou="groups")
    yield entry(people_base(layout), objectClass="organizationalUnit", ou="people")
    where = [(unit, below) for unit, lower in UNITS.items() for below in lower]
    if layout != "kolab":
        for unit in UNITS:
            yield entry(f"ou={unit},{people_base(layout)}", objectClass="organizationalUnit", ou=unit)
        for unit, below in where:
            yield entry(f"ou={below},ou={unit},{people_base(layout)}", objectClass="organizationalUnit", ou=below)
    names = [_name(number, layout, where) for number in range(people)]
    members: dict[str, list[str]] = {}
    for number in range(people):
        unit, below = where[number % len(where)]
        members.setdefault(below, []).append(names[number])
        yield entry(names[number], **_person(number, layout, unit, below, names))
    for below, dns in members.items():
        yield _group(f"{below.lower()}-all", layout, dns)
    yield _group("ice-radar", layout, names[:5])
    yield _group("everybody-radar", layout, [group_dn("ice-radar"), *names[5:8]])


def people_base(layout: str) -> str:
    return f"ou={'People' if layout == 'kolab' else 'people'},{BASE}"


def group_dn(name: str) -> str:
    return f"cn={name},ou=groups,{BASE}"


def login(number: int) -> str:
    return f"u{number:05}"


def entry(dn: str, **values: str | bytes | list[str] | list[bytes]) -> str:
    lines = [_line("dn", dn)]
    for name, value in values.items():
        lines += [_line(name, each) for each in (value if isinstance(value, list) else [value]) if each]
    return "\n".join([*lines, ""])


def _line(name: str, value: str | bytes) -> str:
    if isinstance(value, str) and value.isascii() and value[0] not in " :<":
        return f"{name}: {value}"
    octets = value if isinstance(value, bytes) else value.encode()
    return f"{name}:: {base64.b64encode(octets).decode()}"


def _full_name(number: int) -> tuple[str, str]:
    if number % 23 == 7:
        return OTHER_SCRIPTS[number // 23 % len(OTHER_SCRIPTS)]
    chance = random.Random(number)
    return chance.choice(FIRST), chance.choice(LAST)


def _name(number: int, layout: str, where: list[tuple[str, str]]) -> str:
    unit, below = where[number % len(where)]
    if layout == "kolab":
        return f"uid={login(number)},{people_base(layout)}"
    first = f"cn={login(number)}" if layout == "ad" else f"uid={login(number)}"
    return f"{first},ou={below},ou={unit},{people_base(layout)}"


def _manager(number: int, names: list[str]) -> str:
    """The first of each unit reports to the first of all; of its people each leads ``TEAM`` others."""
    units = sum(map(len, UNITS.values()))
    place, unit = divmod(number, units)
    if number == 0:
        return ""
    return names[0] if place == 0 else names[(place - 1) // TEAM * units + unit]


def _person(number: int, layout: str, unit: str, below: str, names: list[str]) -> dict[str, str | bytes | list[str]]:
    given, family = _full_name(number)
    building, place = PLACES[number % len(PLACES)]
    who, mail = login(number), f"{login(number)}@ims.example"
    title = "Director" if number == 0 else TITLES[number // 12 % len(TITLES)]
    lists = [group_dn(f"{below.lower()}-all"), *([group_dn("ice-radar")] if number < 5 else [])]
    common: dict[str, str | bytes | list[str]] = {
        "uid": who,
        "cn": who if layout == "ad" else f"{given} {family}",
        "displayName": f"{given} {family}",
        "givenName": given,
        "sn": family,
        "mail": mail,
        "title": title,
        "telephoneNumber": f"+34 974 55 {number // 100 % 100:02} {number % 100:02}",
        "l": place,
        "preferredLanguage": LANGUAGES[number % len(LANGUAGES)],
        "manager": _manager(number, names),
        "userPassword": PASSWORD,
        "memberOf": lists,
    }
    room = f"{building}-{number % 300:03}"
    photo = picture(number % 8) if number % 7 == 0 else b""
    if layout == "ad":
        return common | {
            "objectClass": "user",
            "objectCategory": "person",
            "objectGUID": uuid.UUID(int=number + 1).bytes_le,
            "sAMAccountName": who,
            "userAccountControl": "514" if number % 50 == 49 else "512",
            "department": below,
            "company": "Institute",
            "proxyAddresses": [f"SMTP:{mail}", f"smtp:{who}@old.example", f"X400:c=ES;s={who}"],
            "physicalDeliveryOfficeName": room,
            "thumbnailPhoto": photo,
            "assistant": names[1] if number == 0 and len(names) > 1 else "",
        }
    kolab = layout == "kolab"
    return common | {
        "objectClass": ["inetOrgPerson", *(["kolabInetOrgPerson"] if kolab else [])],
        "alias": [f"{who}@old.example"] if kolab else [],
        "ou": f"{unit} / {below}" if kolab else below,
        "o": "Institute",
        "roomNumber": room,
        "physicalDeliveryOfficeName": f"Building {building}",
        "employeeNumber": str(100_000 + number),
        "mobile": f"+34 600 {number:06}" if number % 3 == 0 else "",
        "secretary": names[1] if number == 0 and len(names) > 1 else "",
        "labeledURI": f"https://ims.example/~{who} Home page" if number % 5 == 0 else "",
        "jpegPhoto": photo,
    }


def _group(name: str, layout: str, members: list[str]) -> str:
    if layout == "ad":
        guid = uuid.uuid5(uuid.NAMESPACE_X500, group_dn(name)).bytes_le
        mail = f"{name}@ims.example"
        return entry(group_dn(name), objectClass="group", cn=name, member=members, objectGUID=guid, mail=mail)
    if layout == "kolab":
        kinds = ["groupOfUniqueNames", "kolabGroupOfUniqueNames"]
        return entry(group_dn(name), objectClass=kinds, cn=name, uniqueMember=members, mail=f"{name}@ims.example")
    return entry(group_dn(name), objectClass="groupOfNames", cn=name, member=members)


@cache
def picture(kind: int) -> bytes:
    """A drawn face as JPEG."""
    hues = ["#cfe0e8", "#e9ddc9", "#e6d7e3", "#d5dbea", "#d9e4d4", "#efdccf", "#e8e2d3", "#d8e6e6"]
    hair = ["#7a4a2c", "#2a2522", "#1f1b1e", "#8f8f92", "#c9a25a", "#4b2f22", "#6d4630", "#1d1a19"]
    image = Image.new("RGB", (240, 240), hues[kind])
    draw = ImageDraw.Draw(image)
    draw.ellipse((66, 50, 174, 170), fill=hair[kind])
    draw.rectangle((100, 140, 140, 185), fill="#e8b892")
    draw.ellipse((78, 66, 162, 164), fill="#f0cdb0")
    draw.pieslice((30, 175, 210, 330), 180, 360, fill="#23424f")
    octets = io.BytesIO()
    image.save(octets, "JPEG", quality=80)
    return octets.getvalue()


if __name__ == "__main__":
    for one in ldif(int(sys.argv[1]), *sys.argv[2:3]):
        print(one)
