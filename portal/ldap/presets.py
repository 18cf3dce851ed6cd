"""How directories are laid out: which attribute holds what, for the usual kinds of them.

``inetorgperson``: RFC 2798, with the attributes of RFC 4519 and RFC 4524. ``ad``: Active Directory ([MS-ADA1] to
[MS-ADA3]). ``kolab``: Kolab's schema (2 and 3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

#: What the portal knows of somebody, each from one or more attributes. One value is taken from the first attribute that
#: has any; of ``MANY`` all values of all of them are.
FIELDS = (
    "key",
    "login",
    "name",
    "given",
    "family",
    "title",
    "organisation",
    "department",
    "mail",
    "phone",
    "mobile",
    "fax",
    "room",
    "building",
    "place",
    "street",
    "country",
    "languages",
    "zone",
    "manager",
    "assistant",
    "web",
    "notes",
    "photo",
    "lists",
    "certificate",
    "pgp",
)
MANY = frozenset({"mail", "phone", "mobile", "fax", "assistant", "web", "lists", "certificate", "pgp"})
#: Not shown as text, and not to be searched.
OCTETS = frozenset({"key", "photo", "certificate", "pgp"})
#: References to other entries (RFC 4517 section 3.3.9).
NAMES = frozenset({"manager", "lists"})
#: What people may be allowed to change of themselves.
EDITABLE = (
    "title",
    "phone",
    "mobile",
    "fax",
    "room",
    "building",
    "place",
    "street",
    "languages",
    "web",
    "notes",
    "photo",
)

Attributes = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    person_filter: str
    group_filter: str
    attributes: Attributes  # by field; one that is absent is known of nobody
    members: tuple[str, ...] = ("member", "uniqueMember")  # of a group: entries
    anr: bool = False  # knows ambiguous name resolution ([MS-ADTS] section 3.1.1.3.1.3.4)
    chain: bool = False  # knows IN_CHAIN: members of groups in groups in one question


_INETORGPERSON = {
    "key": ("entryUUID",),
    "login": ("uid",),
    "name": ("displayName", "cn"),
    "given": ("givenName",),
    "family": ("sn",),
    "title": ("title",),
    "organisation": ("o",),
    "department": ("ou", "departmentNumber"),
    "mail": ("mail",),
    "phone": ("telephoneNumber",),
    "mobile": ("mobile",),
    "fax": ("facsimileTelephoneNumber",),
    "room": ("roomNumber",),
    "building": ("physicalDeliveryOfficeName",),
    "place": ("l",),
    "street": ("street",),
    "languages": ("preferredLanguage",),
    "manager": ("manager",),
    "assistant": ("secretary",),
    "web": ("labeledURI",),
    "notes": ("description",),
    "photo": ("jpegPhoto",),
    "lists": ("memberOf",),
    "certificate": ("userSMIMECertificate", "userCertificate"),
}
_KOLAB = _INETORGPERSON | {
    "key": ("nsUniqueId", "entryUUID"),
    "mail": ("mail", "alias"),
    "certificate": ("userCertificate",),
}
_AD = {
    "key": ("objectGUID",),
    "login": ("sAMAccountName",),
    "name": ("displayName", "cn"),
    "given": ("givenName",),
    "family": ("sn",),
    "title": ("title",),
    "organisation": ("company",),
    "department": ("department",),
    "mail": ("mail", "proxyAddresses"),
    "phone": ("telephoneNumber",),
    "mobile": ("mobile",),
    "fax": ("facsimileTelephoneNumber",),
    "room": ("physicalDeliveryOfficeName",),
    "place": ("l",),
    "street": ("streetAddress",),
    "country": ("co",),
    "languages": ("preferredLanguage",),
    "manager": ("manager",),
    "assistant": ("assistant",),
    "web": ("wWWHomePage",),
    "notes": ("info",),
    "photo": ("thumbnailPhoto", "jpegPhoto"),
    "lists": ("memberOf",),
    "certificate": ("userCertificate", "userSMIMECertificate"),
}
PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "inetorgperson": Preset(
            person_filter="(objectClass=inetOrgPerson)",
            group_filter="(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames))",
            attributes=_INETORGPERSON,
        ),
        "ad": Preset(
            # Whoever is disabled is no colleague; a computer is of the class user too, and of another category.
            person_filter="(&(objectCategory=person)(objectClass=user)"
            "(!(userAccountControl:1.2.840.113556.1.4.803:=2)))",
            group_filter="(objectClass=group)",
            attributes=_AD,
            members=("member",),
            anr=True,
            chain=True,
        ),
        "kolab": Preset(
            person_filter="(objectClass=kolabInetOrgPerson)",
            group_filter="(|(objectClass=kolabGroupOfUniqueNames)(objectClass=groupOfUniqueNames))",
            attributes=_KOLAB,
        ),
    }
)
