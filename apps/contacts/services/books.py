"""Address books: made, renamed, removed."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from apps.contacts.models import Book, Share
from apps.contacts.services.keeping import Doing, NotKept, move, throw_away, writable

MOST = 100


def make(owner_id: int, name: str) -> Book:
    """Raises ``NotKept``."""
    name = _good(owner_id, name)
    if Book.objects.filter(owner_id=owner_id).count() >= MOST:
        raise NotKept(_("There are at most %(most)d address books.") % {"most": MOST})
    return Book.objects.create(owner_id=owner_id, name=name)


def rename(book: Book, name: str) -> None:
    """Raises ``NotKept``."""
    book.name = _good(book.owner_id, name, but=book.pk)
    book.save()


def _good(owner_id: int, name: str, *, but: int | None = None) -> str:
    name = " ".join(name.split())[:100]
    if not name:
        raise NotKept(_("Write a name for the address book."))
    if Book.objects.filter(owner_id=owner_id, key=Book.key_of(name)).exclude(pk=but or 0).exists():
        raise NotKept(_("There is another address book with that name."))
    return name


@transaction.atomic
def make_default(book: Book) -> None:
    """Raises ``ReadOnly``."""
    writable({book.pk}, Doing(None))
    Book.objects.filter(owner_id=book.owner_id).update(is_default=False)
    Book.objects.filter(pk=book.pk).update(is_default=True)


@transaction.atomic
def remove(book: Book, doing: Doing) -> None:
    """Its contacts go to the trash, and come back into another book. Raises ``NotKept`` for the last one, and
    ``ReadOnly`` for one that is subscribed to: the subscription ends first."""
    writable({book.pk}, doing)
    others = Book.objects.filter(owner_id=book.owner_id, collects=False, subscription=None).exclude(pk=book.pk)
    shared = Exists(Share.objects.filter(book=OuterRef("pk")))  # what was in none of others' sight stays out of it
    heir = others.annotate(shared=shared).order_by("shared", "-is_default", "pk").first()
    if heir is None:
        raise NotKept(_("This is your only address book: one has to stay."))
    contacts = list(book.contacts.select_related("book"))
    throw_away([contact for contact in contacts if contact.deleted is None], doing)
    move(contacts, heir, doing)
    if book.is_default:
        make_default(heir)
    book.delete()
