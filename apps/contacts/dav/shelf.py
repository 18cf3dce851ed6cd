"""A book as one person sees it, and what stands in it. What they may see and do, ``services.access`` says."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection as Some
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from django.db.models import Q, QuerySet

from apps.contacts.card import Card
from apps.contacts.dav import addresses, cards
from apps.contacts.dav.errors import DavError
from apps.contacts.models import Book, BookAddress, Collection, Contact, Member, Photo, Resource, name_key
from apps.contacts.services import access, exporting, tracking
from apps.contacts.services.access import Right

if TYPE_CHECKING:
    from apps.auth.models import User

AT_ONCE = 200  # documents in memory


@dataclass(slots=True)
class Shelf:
    user: User
    book: Book
    right: Right
    path: str
    state: Collection

    def rows(self) -> QuerySet[Resource]:
        """All that is there for this person."""
        return self._visible(Resource.objects.filter(book=self.book, gone=None))

    def _visible(self, rows: QuerySet[Resource]) -> QuerySet[Resource]:
        theirs = self.book.owner_id == self.user.pk
        if self.right >= Right.READ:
            return rows if theirs else rows.filter(group=None)
        seen = access.contacts(self.user.pk).filter(book=self.book)
        return rows.filter(contact__in=seen.values("pk"))

    def find(self, name: str) -> Resource | None:
        found = self.rows().filter(key=name_key(name)).select_related("contact__card", "contact__book", "group")
        return found.first()

    def href(self, row: Resource) -> str:
        return self.path + quote(row.name, safe="@")

    def etag(self, row: Resource) -> str:
        return tracking.etag(self.state, row)

    def mark(self) -> str:
        """Of whom somebody sees who does not see the whole book: when others are shared with them, they are told all
        anew."""
        if self.right >= Right.READ:
            return ""
        digest = hashlib.sha256()
        for pk in self.rows().order_by("pk").values_list("pk", flat=True).iterator():
            digest.update(b"%d," % pk)
        return digest.hexdigest()[:16]

    def token(self) -> str:
        return tracking.token(self.state, mark=self.mark())

    def changes(self, after: tuple[int, int]) -> QuerySet[Resource]:
        found = tracking.since(self.state, after)
        if self.book.owner_id != self.user.pk:
            found = found.filter(group=None)
        if self.right >= Right.READ:
            return found
        return found.filter(Q(gone__isnull=False) | Q(pk__in=self.rows().values("pk")))

    def document(self, contact: Contact) -> Card:
        """What this person may see of a contact that came with its card."""
        if self.right == Right.OWN:
            return contact.card.document
        return access.document(self.user.pk, contact)


def open_shelf(user: User, name: str) -> Shelf:
    """Raises ``DavError``."""
    user_id = user.pk
    books = access.books(user_id).select_related("address")
    number = addresses.number_of(name)
    if number is not None:
        found = books.filter(pk=number).first()
    else:
        mine = BookAddress.objects.filter(owner=user_id, key=name_key(name))
        found = books.filter(pk__in=mine.values("book"), owner=user_id).first()
    if found is None or addresses.book_name(user_id, found) != name:
        raise DavError(404)
    return shelf_of(user, found)


def shelf_of(user: User, book: Book) -> Shelf:
    return Shelf(user, book, access.right(user.pk, book), addresses.book(user.pk, book), tracking.ready(book))


def shelves(user: User) -> list[Shelf]:
    return [shelf_of(user, book) for book in access.books(user.pk).select_related("address").distinct()]


# --- texts ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """A row with its card."""

    row: Resource
    uid: str
    card: Card  # of a group: its name
    members: Sequence[str] = ()  # UIDs
    photo: bytes = b""

    def text(self, version: str, only: Some[str] = ()) -> str:
        if self.row.group_id:
            return cards.group_text(self.card.name, uid=self.uid, members=self.members, version=version)
        return cards.text_of(self.card, uid=self.uid, version=version, photo=self.photo, only=only)


def entries(shelf: Shelf, rows: QuerySet[Resource], *, photos: bool = True) -> Iterator[Entry]:
    """In the order of their ids; a few at a time, so that memory stays flat."""
    last = 0
    whole = rows.select_related("contact__card", "contact__book", "group").order_by("pk")
    while part := list(whole.filter(pk__gt=last)[:AT_ONCE]):
        yield from with_cards(shelf, part, photos=photos)
        last = part[-1].pk


def with_cards(shelf: Shelf, rows: Sequence[Resource], *, photos: bool = True) -> Iterator[Entry]:
    """Rows of which nothing is left, or nothing may be seen, have none."""
    pictures = _pictures(rows) if photos else {}
    members = _members(shelf, [row.group_id for row in rows if row.group_id])
    for row in rows:
        if row.group_id and row.group is not None:
            name = cards.named(row.group.name)
            yield Entry(row, row.uid, name, members[row.group_id])
        elif row.contact is not None:
            card = shelf.document(row.contact)
            if card.values:
                octets = pictures.get((row.contact.owner_id, row.contact.photo), b"")
                photo = exporting.as_jpeg(octets) if octets and card.text("PHOTO") else b""
                yield Entry(row, row.uid or row.contact.uid, card, photo=photo)


def _pictures(rows: Iterable[Resource]) -> dict[tuple[int, str], bytes]:
    wanted = [row.contact.photo for row in rows if row.contact is not None and row.contact.photo]
    if not wanted:
        return {}
    found = Photo.objects.filter(digest__in=wanted)
    return {(photo.owner_id, photo.digest): bytes(photo.content) for photo in found}


def _members(shelf: Shelf, group_ids: Sequence[int]) -> dict[int, list[str]]:
    """UIDs of those who stand in the groups themselves, and in this book."""
    found: dict[int, list[str]] = defaultdict(list)
    if group_ids:
        here = Member.objects.filter(group__in=group_ids, contact__book=shelf.book, contact__deleted=None)
        pairs = list(here.order_by("pk").values_list("group_id", "contact_id", "contact__uid"))
        own = dict(
            Resource.objects.filter(book=shelf.book, gone=None, contact__isnull=False)
            .exclude(uid="")
            .values_list("contact_id", "uid")
        )
        for group_id, contact_id, uid in pairs:
            found[group_id].append(own.get(contact_id) or uid or "")
    return found
