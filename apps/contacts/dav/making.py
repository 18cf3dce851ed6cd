"""Books that programs make (RFC 5689), rename and remove."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from django.db import transaction

from apps.contacts.dav import addresses, xml
from apps.contacts.dav.errors import DavError, needs, unmet
from apps.contacts.dav.shelf import Shelf
from apps.contacts.dav.xml import CARD, DAV, element, propstat, response
from apps.contacts.models import BookAddress, name_key
from apps.contacts.services import books
from apps.contacts.services.access import Right
from apps.contacts.services.keeping import Doing, NotKept

if TYPE_CHECKING:
    from apps.auth.models import User

NAME = f"{DAV}displayname"


@transaction.atomic
def make(user: User, name: str, body: Element | None) -> None:
    """Raises ``DavError``."""
    if not addresses.good_name(name) or addresses.number_of(name) is not None:
        raise DavError(403, text="This name cannot be used.")
    if BookAddress.objects.filter(owner=user, key=name_key(name)).exists():
        raise unmet(f"{DAV}resource-must-be-null", status=405)
    title = name
    if body is not None:
        if body.tag != f"{DAV}mkcol":
            raise DavError(415, text="This says not what to make.")
        title = _title(body, name)
    try:
        book = books.make(user.pk, title)
    except NotKept as error:
        raise DavError(409, text=str(error)) from error
    BookAddress.objects.create(book=book, owner=user, name=name, key=name_key(name))


def _title(body: Element, name: str) -> str:
    """Raises ``DavError``."""
    props = [each for found in body.iterfind(f"{DAV}set/{DAV}prop") for each in found]
    kinds = {str(each.tag) for prop in props if prop.tag == f"{DAV}resourcetype" for each in prop}
    if kinds and kinds != {f"{DAV}collection", f"{CARD}addressbook"}:
        raise unmet(f"{DAV}valid-resourcetype", "Address books can be made here.")
    return next((each.text for each in props if each.tag == NAME and (each.text or "").strip()), None) or name


def change(shelf: Shelf, body: Element) -> str:
    """The answer of PROPPATCH (RFC 4918 section 9.2): all of it is done, or nothing. Raises ``DavError``."""
    if body.tag != f"{DAV}propertyupdate":
        raise DavError(400, text="This is no propertyupdate.")
    if shelf.right < Right.MANAGE:
        raise needs("write-properties", shelf.path)
    steps = [(step.tag, prop) for step in body for found in step.iterfind(f"{DAV}prop") for prop in found]
    names = [str(prop.tag) for _step, prop in steps]
    good = [(prop.text or "") for step, prop in steps if prop.tag == NAME and step == f"{DAV}set"]
    refused = [str(prop.tag) for step, prop in steps if prop.tag != NAME or step != f"{DAV}set"]
    if refused or not good:
        return _answer(shelf, [], refused, [name for name in names if name not in refused])
    try:
        books.rename(shelf.book, good[-1])
    except NotKept as error:
        more = element(f"{DAV}responsedescription", xml.text(str(error)))
        return _answer(shelf, [], [], [], propstat(409, [element(NAME)], more=more))
    return _answer(shelf, [NAME], [], [])


def _answer(shelf: Shelf, done: list[str], refused: list[str], left: list[str], more: str = "") -> str:
    content = more
    for code, names in ((200, done), (403, refused), (424, left)):
        if names:
            why = element(f"{DAV}error", element(f"{DAV}cannot-modify-protected-property")) if code == 403 else ""
            content += propstat(code, [element(name) for name in dict.fromkeys(names)], more=why)
    return xml.multistatus_begins() + response(shelf.path, content or xml.status(200)) + xml.multistatus_ends()


def remove(shelf: Shelf, program: str) -> None:
    """Its contacts go to the trash, and come back into another book. Raises ``DavError``."""
    if shelf.right < Right.OWN:
        raise needs("unbind", addresses.home(shelf.user.pk))
    try:
        books.remove(shelf.book, Doing(shelf.user, "dav", program))
    except NotKept as error:
        raise DavError(403, text=str(error)) from error
