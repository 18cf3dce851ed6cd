"""Who may see and do what: the one place that knows. Pages, search, completion, export and CardDAV all ask here."""

from __future__ import annotations

import enum

from apps.contacts.card import Card
from apps.contacts.models import Book, BookQuerySet, Contact, ContactQuerySet, Subscription
from apps.contacts.services import keeping


class Right(enum.IntEnum):
    """Each includes those before it."""

    NONE = 0
    READ = 1
    EDIT = 2
    MANAGE = 3
    OWN = 4


def books(user_id: int) -> BookQuerySet:
    """All books of which this person may see something."""
    return Book.objects.filter(owner_id=user_id)


def contacts(user_id: int) -> ContactQuerySet:
    """All contacts of which this person may see something, deleted ones too."""
    return Contact.objects.of(user_id)


def right(user_id: int, thing: Book | Contact) -> Right:
    found = Right.OWN if thing.owner_id == user_id else Right.NONE
    return min(found, Right.READ) if is_copy(thing) else found


def is_copy(thing: Book | Contact) -> bool:
    """Whether it comes from another server, which alone changes it (``services.subscriptions``)."""
    book_id = thing.pk if isinstance(thing, Book) else thing.book_id
    return Subscription.objects.filter(book_id=book_id).exists()


def document(user_id: int, contact: Contact) -> Card:
    """What this person may see of the contact."""
    return keeping.document(contact) if right(user_id, contact) else Card()
