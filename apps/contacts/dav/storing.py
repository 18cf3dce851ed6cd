"""Cards that programs send or delete: contacts, and groups."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import replace

from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest

from apps.contacts.card import Card, Value
from apps.contacts.dav import addresses, cards, xml
from apps.contacts.dav.conditions import check
from apps.contacts.dav.errors import DavError, needs, unmet
from apps.contacts.dav.properties import MOST_CARD
from apps.contacts.dav.shelf import Shelf, with_cards
from apps.contacts.dav.xml import CARD
from apps.contacts.models import Contact, Group, Member, Resource
from apps.contacts.services import access, exporting, groups, keeping, photos, tracking
from apps.contacts.services.access import Right
from apps.contacts.services.keeping import Doing, NotKept, Outdated
from apps.contacts.vcard import reading

LONGEST_UID = 190
_TYPES = frozenset({"", "text/vcard", "text/x-vcard", "text/directory", "application/octet-stream"})
#: What a card must not have, or something of it would be lost.
_SPOILT = {
    "line": "A line of the card cannot be read: %s",
    "long": "Line %s of the card is too long.",
    "end": "The end of the card is missing.",
    "many": "The card has too many values.",
}


@transaction.atomic
def put(request: HttpRequest, shelf: Shelf, name: str, program: str) -> bool:
    """True where it is new. Raises ``DavError``."""
    card, version = _read(request)
    tracking.take_number([shelf.book.pk])  # of two who choose one name one is the second
    row = shelf.find(name)
    check(request, shelf.etag(row) if row else "")
    if row is None and not addresses.good_name(name):
        raise DavError(403, text="A name without slashes and of at most 255 characters can be used.")
    _no_other(shelf, row, card.uid)
    try:
        if card.kind == "group" or (row is not None and row.group_id):
            _put_group(shelf, row, name, card)
        elif row is None:
            _create(shelf, name, card, Doing(shelf.user, "dav", program))
        else:
            _update(shelf, row, card, version, Doing(shelf.user, "dav", program))
    except Outdated as error:
        raise DavError(412, text="It has just changed.") from error
    except NotKept as error:
        raise unmet(f"{CARD}valid-address-data", str(error)) from error
    return row is None


def _read(request: HttpRequest) -> tuple[reading.Parsed, str]:
    """The one card of the request, and its version."""
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind not in _TYPES:
        raise unmet(f"{CARD}supported-address-data", "Send a vCard.")
    body = body_of(request, MOST_CARD, f"{CARD}max-resource-size")
    version = cards.version_of(body)
    found = list(reading.cards(io.BytesIO(body)))
    if len(found) != 1:
        raise unmet(f"{CARD}valid-address-data", "Send one vCard.")
    if version not in cards.VERSIONS:
        raise unmet(f"{CARD}supported-address-data", "Send a vCard of version 3.0 or 4.0.")
    (card,) = found
    for word, about in card.problems:
        if word in _SPOILT:
            raise unmet(f"{CARD}valid-address-data", _SPOILT[word].replace("%s", about))
    if not card.uid or len(card.uid) > LONGEST_UID:
        raise unmet(f"{CARD}valid-address-data", "A card needs a UID of at most 190 characters.")
    return card, version


def body_of(request: HttpRequest, most: int, condition: str) -> bytes:
    """Raises ``DavError`` before it is read where it is too long."""
    if request.headers.get("Transfer-Encoding"):
        raise DavError(411, text="Say how long it is: Content-Length.")
    length = request.headers.get("Content-Length") or "0"
    if not length.isdecimal() or int(length[:12]) > most:
        raise unmet(condition, f"At most {most} octets can be sent at once.")
    return request.body


def _no_other(shelf: Shelf, row: Resource | None, uid: str) -> None:
    """RFC 6352 section 6.3.2.1: a UID stands in a book once, and a card keeps its own."""
    if row is not None:
        own = row.uid or (row.contact.uid if row.contact is not None else "")
        if not cards.same_uid(own, uid):
            raise unmet(f"{CARD}no-uid-conflict", "A card keeps its UID.", content=xml.href(shelf.href(row)))
        return
    if other := next(iter(_by_uid(shelf, [uid])), None):
        text = "Another card of this book has this UID."
        raise unmet(f"{CARD}no-uid-conflict", text, content=xml.href(shelf.href(other)))


def _by_uid(shelf: Shelf, uids: Sequence[str]) -> list[Resource]:
    """However it is written."""
    ways = {way for uid in uids for way in (uid, cards.plain_uid(uid), f"urn:uuid:{cards.plain_uid(uid)}")}
    return tracking.by_uid(shelf.book.pk, ways)


def _create(shelf: Shelf, name: str, card: reading.Parsed, doing: Doing) -> None:
    if shelf.right < Right.EDIT:
        raise needs("bind", shelf.path)
    values = [value for value in _with_photo(shelf, card.values, None) if value.text.strip() or value.raw]
    made = keeping.create(shelf.book, values, doing, uid=card.uid)
    tracking.rename(Resource.objects.get(book=shelf.book, contact=made, gone=None), name)


def _update(shelf: Shelf, row: Resource, card: reading.Parsed, version: str, doing: Doing) -> None:
    contact = row.contact
    assert contact is not None
    if access.right(shelf.user.pk, contact) < Right.EDIT:
        raise needs("write-content", shelf.href(row))
    sent = _with_photo(shelf, card.values, contact)
    wanted = cards.taken_over(sent, shelf.document(contact), version)
    keeping.change(contact, wanted, doing, version=contact.version)


def _with_photo(shelf: Shelf, values: Sequence[Value], contact: Contact | None) -> list[Value]:
    """Pictures are drawn anew. One that is as it was sent is the one that is there; one that cannot be shown changes
    nothing."""
    found = []
    for value in values:
        octets = cards.photo_octets(value)
        if octets is None:
            found.append(value)
            continue
        there = f"photo:{contact.photo}" if contact is not None and contact.photo else ""
        if not there or contact is None or octets != exporting.jpeg(contact):
            with contextlib.suppress(photos.NoPicture):
                there = photos.keep(shelf.book.owner_id, octets)
        if there:
            found.append(replace(value, value=there, params={}, types=(), raw=""))
    return found


# --- groups -----------------------------------------------------------------------------------------------------------


def _put_group(shelf: Shelf, row: Resource | None, name: str, card: reading.Parsed) -> None:
    """Of its members, those of this book are as the card says; all others stay. Raises ``NotKept``."""
    if shelf.book.owner_id != shelf.user.pk or shelf.right < Right.EDIT:
        raise needs("bind" if row is None else "write-content", shelf.path)
    if row is not None and (row.group is None or card.kind != "group"):
        raise unmet(f"{CARD}valid-address-data", "A group stays a group, and a person a person.")
    title = Card(card.values).name.strip()
    group = row.group if row is not None else _group_of(shelf, title)
    assert group is not None
    if title and title != group.name:
        groups.rename(group, title)
    wanted = {row.contact_id for row in _by_uid(shelf, [each for each in card.members if len(each) < 400])}
    here = set(Member.objects.filter(group=group, contact__book=shelf.book).values_list("contact_id", flat=True))
    groups.add(group, Contact.objects.filter(pk__in=[pk for pk in wanted - here if pk]))
    if gone := here - wanted:
        groups.remove(group, list(Contact.objects.filter(pk__in=gone, deleted=None)))
    if row is None:
        _place(shelf, group, name, card.uid)


def _group_of(shelf: Shelf, title: str) -> Group:
    """A new one; or that with this name which has nobody in this book yet."""
    found = Group.objects.filter(owner_id=shelf.user.pk, key=groups.key_of(title)).first() if title else None
    if found is not None and not Resource.objects.filter(book=shelf.book, group=found, gone=None).exists():
        return found
    return groups.make(shelf.user.pk, title)


def _place(shelf: Shelf, group: Group, name: str, uid: str) -> None:
    state = tracking.take_number([shelf.book.pk])[shelf.book.pk]
    row = Resource.objects.filter(book=shelf.book, group=group, gone=None).first()
    row = row or Resource(book=shelf.book, group=group)
    row.number, row.uid = state.number, uid
    tracking.rename(row, name)


# --- deleting ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def delete(request: HttpRequest, shelf: Shelf, row: Resource, program: str) -> None:
    """A contact goes to the trash. Raises ``DavError``."""
    check(request, shelf.etag(row))
    if row.contact is not None:
        if access.right(shelf.user.pk, row.contact) < Right.EDIT:
            raise needs("unbind", shelf.path)
        keeping.throw_away([row.contact], Doing(shelf.user, "dav", program))
    elif row.group is not None:
        _delete_group(shelf, row, row.group)


def _delete_group(shelf: Shelf, row: Resource, group: Group) -> None:
    """Nobody of this book is in it any more. It goes where it has nobody else."""
    if shelf.book.owner_id != shelf.user.pk:
        raise needs("unbind", shelf.path)
    groups.remove(group, list(Contact.objects.filter(memberships__group=group, book=shelf.book, deleted=None)))
    tracking.note_gone(Resource.objects.filter(pk=row.pk))
    elsewhere = Resource.objects.filter(group=group, gone=None).exists()
    if not elsewhere and not group.members.filter(Q(child__isnull=False) | Q(contact__deleted=None)).exists():
        groups.delete([group])


def text_of(shelf: Shelf, row: Resource, version: str) -> str:
    """Raises ``DavError`` where this person may see nothing of it."""
    found = next(with_cards(shelf, [row]), None)
    if found is None:
        raise DavError(404)
    return found.text(version)
