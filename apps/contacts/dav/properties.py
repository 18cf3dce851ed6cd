"""Properties of what programs can ask for (RFC 4918 section 15, RFC 3744, RFC 5397, RFC 6352, RFC 6578)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.utils.http import http_date

from apps.contacts.dav import addresses, cards
from apps.contacts.dav.filters import COLLATIONS
from apps.contacts.dav.shelf import Shelf
from apps.contacts.dav.xml import CARD, DAV, SERVER, element, href, propstat, response, text
from apps.contacts.models import Resource
from apps.contacts.services import access
from apps.contacts.services.access import Right

if TYPE_CHECKING:
    from apps.auth.models import User

MOST_CARD = 8 * 1024 * 1024  # octets
MIME = "text/vcard; charset=utf-8"
REPORTS = (f"{CARD}addressbook-multiget", f"{CARD}addressbook-query", f"{DAV}sync-collection")
_READ = ("read", "read-current-user-privilege-set")
_EDIT = ("write-content", "bind", "unbind")
#: Made only for who asks for them by name, as they cost something (RFC 4918 section 14.2 lets us).
ASKED_FOR = frozenset({f"{DAV}sync-token", f"{SERVER}getctag", f"{DAV}current-user-privilege-set"})


@dataclass(slots=True)
class Target:
    """Something with an address: the root, the person, the home of the books, a book, a resource."""

    path: str
    user: User
    kind: str  # "root", "principal", "home", "book", "resource"
    shelf: Shelf | None = None
    row: Resource | None = None
    made: dict[str, str] = field(default_factory=dict)  # the book's token, made once for both its names


def response_of(target: Target, wanted: Iterable[str] | None, *, names: bool = False, brief: bool = False) -> str:
    """RFC 4918 section 9.1. ``wanted`` is None where all are."""
    makers = KINDS[target.kind]
    if names:
        return response(target.path, propstat(200, [element(name) for name in makers]))
    asked = [name for name in makers if name not in ASKED_FOR] if wanted is None else list(wanted)
    found, missing = [], []
    for name in asked:
        content = makers[name](target) if name in makers else None
        if content is None:
            missing.append(element(name))
        else:
            found.append(element(name, content))
    content = propstat(200, found) if found or not missing or brief else ""
    if missing and not brief:
        content += propstat(404, missing)
    return response(target.path, content)


def privileges_of(right: Right) -> tuple[str, ...]:
    """RFC 3744 section 3."""
    if right >= Right.MANAGE:
        return (*_READ, *_EDIT, "write", "write-properties")
    return (*_READ, *_EDIT) if right >= Right.EDIT else _READ


def _privileges(target: Target) -> str:
    if target.kind == "home":
        names: tuple[str, ...] = (*_READ, "bind", "unbind")
    elif target.shelf is None:
        names = _READ
    elif target.row is not None and target.row.contact is not None:
        names = privileges_of(min(access.right(target.user.pk, target.row.contact), Right.EDIT))
    else:
        names = privileges_of(target.shelf.right)
    return "".join(element(f"{DAV}privilege", element(f"{DAV}{name}")) for name in names)


def _type(*names: str) -> Callable[[Target], str]:
    return lambda _target: "".join(element(name) for name in names)


def _principal(target: Target) -> str:
    return href(addresses.principal(target.user.pk))


def _owner(target: Target) -> str | None:
    """Of one's own things; who else a book belongs to has no address here."""
    return _principal(target) if target.shelf is None or target.shelf.book.owner_id == target.user.pk else None


def _reports(target: Target) -> str:
    names = REPORTS if target.kind == "book" else ()
    return "".join(element(f"{DAV}supported-report", element(f"{DAV}report", element(name))) for name in names)


def _book(target: Target) -> Shelf:
    assert target.shelf is not None
    return target.shelf


def _name(target: Target) -> str:
    book = _book(target).book
    if book.owner_id == target.user.pk:
        return text(book.name)
    return text(f"{book.name} ({book.owner.get_full_name()})")


def _token(target: Target) -> str:
    if "token" not in target.made:
        target.made["token"] = text(_book(target).token())
    return target.made["token"]


def _data_types(_target: Target) -> str:
    return "".join(
        element(f"{CARD}address-data-type", attributes=f' content-type="text/vcard" version="{version}"')
        for version in cards.VERSIONS
    )


def _collations(_target: Target) -> str:
    return "".join(element(f"{CARD}supported-collation", text(name)) for name in COLLATIONS)


def _row(target: Target) -> Resource:
    assert target.row is not None
    return target.row


def _changed(target: Target) -> str | None:
    contact = _row(target).contact
    return http_date(contact.changed.timestamp()) if contact is not None else None


_COMMON: Mapping[str, Callable[[Target], str | None]] = {
    f"{DAV}current-user-principal": _principal,
    f"{DAV}current-user-privilege-set": _privileges,
    f"{DAV}owner": _owner,
    f"{DAV}principal-collection-set": lambda _target: href(addresses.root()),
    f"{DAV}supported-report-set": _reports,
}
_OF_A_PERSON: Mapping[str, Callable[[Target], str | None]] = {
    f"{CARD}addressbook-home-set": lambda target: href(addresses.home(target.user.pk)),
    f"{DAV}principal-URL": _principal,
}
KINDS: Mapping[str, Mapping[str, Callable[[Target], str | None]]] = {
    "root": {f"{DAV}resourcetype": _type(f"{DAV}collection"), **_COMMON},
    "principal": {
        f"{DAV}resourcetype": _type(f"{DAV}principal"),
        f"{DAV}displayname": lambda target: text(target.user.get_full_name()),
        **_OF_A_PERSON,
        **_COMMON,
    },
    "home": {f"{DAV}resourcetype": _type(f"{DAV}collection"), **_OF_A_PERSON, **_COMMON},
    "book": {
        f"{DAV}resourcetype": _type(f"{DAV}collection", f"{CARD}addressbook"),
        f"{DAV}displayname": _name,
        f"{CARD}supported-address-data": _data_types,
        f"{CARD}supported-collation-set": _collations,
        f"{CARD}max-resource-size": lambda _target: str(MOST_CARD),
        f"{DAV}sync-token": _token,
        f"{SERVER}getctag": _token,
        **_COMMON,
    },
    "resource": {
        f"{DAV}resourcetype": lambda _target: "",
        f"{DAV}getetag": lambda target: text(_book(target).etag(_row(target))),
        f"{DAV}getcontenttype": lambda _target: MIME,
        f"{DAV}getlastmodified": _changed,
        **_COMMON,
    },
}
