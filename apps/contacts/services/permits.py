"""Whether somebody may do what they are about to do with contacts: asked by ``keeping`` before it does anything, so by
every page, import and protocol. ``user`` is None where the site itself does something."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from apps.contacts.card import Card, Difference, Value, differences
from apps.contacts.lenses import EVERYTHING, NotYours, brought_back, chooser, known_private, seen
from apps.contacts.models import Book, Change, Contact, Photo, Rules
from apps.contacts.models import Card as Stored
from apps.contacts.services.access import OWNER, Grant, Right, Viewer, grant_of_book
from apps.contacts.services.errors import NotKept

if TYPE_CHECKING:
    from apps.auth.models import User


def _grants(user: User | None, contacts: Collection[Contact]) -> dict[int, Grant]:
    return {each.pk: OWNER for each in contacts} if user is None else Viewer(user.pk).grants(contacts)


def _least(user: User | None, contacts: Collection[Contact], right: Right) -> None:
    if any(grant.right < right for grant in _grants(user, contacts).values()):
        raise NotKept(_("You may not do this: the contacts are somebody else's."))


def new(user: User | None, book: Book, cards: Sequence[Iterable[Value]]) -> None:
    """Raises ``NotKept``."""
    grant = OWNER if user is None else grant_of_book(user.pk, book)
    if grant.right < Right.EDIT:
        raise NotKept(_("You may not add contacts to this address book."))
    if not grant.edits.mine:
        for values in cards:
            _writable(Card(), values, grant)
    room(book, len(cards))


def most_of(book: Book) -> int | None:
    return book.most if book.most is not None else Rules.now().most_of_book


def free(book: Book, *, moved: bool = False) -> int | None:
    """How many more fit in; None where there is no limit. What is ``moved`` is its owner's already."""
    found = []
    if (most := most_of(book)) is not None:
        found.append(most - Contact.objects.filter(book=book, deleted=None).count())
    if (most := Rules.now().most_of_owner) is not None and not moved:
        found.append(most - Contact.objects.of(book.owner_id).kept().count())
    return max(0, min(found)) if found else None


def room(book: Book, count: int, *, moved: bool = False) -> None:
    """Whether so many more fit in. Raises ``NotKept``."""
    if count and (left := free(book, moved=moved)) is not None and left < count:
        raise NotKept(full(book))


def full(book: Book) -> str:
    return _("There is no room for more contacts in “%(book)s”: its administrators have set a limit.") % {
        "book": book.name
    }


def room_for(contacts: Collection[Contact]) -> None:
    """Whether these may come back from the trash. Raises ``NotKept``."""
    for book_id, count in Counter(contact.book_id for contact in contacts).items():
        room(Book.objects.get(pk=book_id), count)


def changed(user: User | None, contact: Contact, before: Card, values: Iterable[Value]) -> list[Value]:
    """The whole document's values, where these are what this person has made of their part. Raises ``NotKept``."""
    grant = _grants(user, [contact])[contact.pk]
    if grant.right < Right.EDIT:
        raise NotKept(_("You may read this contact, and not change it."))
    return list(values) if grant.edits.mine else _writable(before, values, grant)


def _writable(before: Card, values: Iterable[Value], grant: Grant) -> list[Value]:
    try:
        return brought_back(before, list(values), sees=grant.sees, edits=grant.edits)
    except NotYours:
        raise NotKept(_("This holds a field that was not shared with you for editing.")) from None


def owned(user: User | None, contacts: Collection[Contact]) -> None:
    """Raises ``NotKept``."""
    _least(user, contacts, Right.OWN)


def removed(user: User | None, contacts: Collection[Contact]) -> None:
    """Deleted, or brought back. Raises ``NotKept``."""
    _least(user, contacts, Right.MANAGE)


def moved(user: User | None, contacts: Collection[Contact], book: Book) -> None:
    """Never to another owner: what is private and the history would go along. Raises ``NotKept``."""
    _least(user, contacts, Right.OWN)
    if any(contact.owner_id != book.owner_id for contact in contacts):
        raise NotKept(_("A contact can be copied into somebody else's address book, and not moved."))
    room(book, sum(contact.deleted is None for contact in contacts), moved=True)


def copied(user: User | None, contact: Contact, card: Card, book: Book) -> Card:
    """What a copy in that book holds; its photo lies with the book's owner afterwards. Raises ``NotKept``."""
    grant = _grants(user, [contact])[contact.pk]
    if grant.right < Right.READ:
        raise NotKept(_("You may not do this: the contacts are somebody else's."))
    if contact.owner_id == book.owner_id and grant.sees.mine:
        return card
    card = seen(card, EVERYTHING if grant.sees.mine else grant.sees)
    for value in card.all("PHOTO"):
        _lend_photo(value.text.removeprefix("photo:"), contact.owner_id, book.owner_id)
    return card


def _lend_photo(digest: str, owner_id: int, to: int) -> None:
    found = Photo.objects.filter(owner_id=owner_id, digest=digest).first()
    if found is not None:
        Photo.objects.get_or_create(owner_id=to, digest=digest, defaults={"content": bytes(found.content)})


def undone(user: User | None, change: Change, after: Callable[[], Card]) -> None:
    """Raises ``NotKept``."""
    grant = _grants(user, [change.contact])[change.contact_id]
    if not may_undo(grant, change, after):
        raise NotKept(_("You may not put this back."))


def may_undo(grant: Grant, change: Change, after: Callable[[], Card]) -> bool:
    """Only who may change all that it would change."""
    if grant.right == Right.OWN:
        return True
    if change.kind in {Change.Kind.DELETED, Change.Kind.RESTORED}:
        return grant.right >= Right.MANAGE
    if change.kind == Change.Kind.MOVED or grant.right < Right.EDIT or change.before is None:
        return False
    was = Card.from_json(change.before)
    found = differences(was, now := after())
    shows = chooser(grant.edits, once_private(change.contact) | known_private([was, now]))
    return all(shows(each.before) and shows(each.after) for each in found)


def once_private(contact: Contact) -> frozenset[int]:
    """Ids of all values that have ever been private, as far as the history goes."""
    rows = contact.changes.exclude(before=None).values_list("before", flat=True)
    return known_private([Card.from_json(before) for before in rows] + [_now(contact)])


def _now(contact: Contact) -> Card:
    return Stored.objects.get(pk=contact.pk).document


def told(grant: Grant, found: Iterable[Difference], hidden: frozenset[int]) -> list[Difference]:
    """The differences that this person may know of."""
    shows = chooser(grant.sees, hidden)
    return [each for each in found if shows(each.before) and shows(each.after)]
