"""Contacts are made, changed, moved, thrown away and brought back here and nowhere else: each leaves a change behind
that can be undone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from apps.contacts.card import Card, Source, Value, put_back
from apps.contacts.models import Book, Change, Contact, Key, Rules, Subscription, Undertaking
from apps.contacts.models import Card as Stored
from apps.contacts.services import permits, rows, sorting, tracking
from apps.contacts.services.errors import NotKept as NotKept
from apps.contacts.services.indexing import change_texts, describe, keep_keys, keep_texts, spell_tags

if TYPE_CHECKING:
    from apps.auth.models import User

#: What ``indexing.describe`` fills.
DESCRIBED = (
    "name",
    "detail",
    "email",
    "family_first",
    "photo",
    "private",
    "by_given",
    "by_family",
    "birthday",
    "anniversary",
)
MOST_VALUES = 300  # of one contact
SYNCED = "synced"  # see ``Source``


class ReadOnly(NotKept):
    """The book is a copy of one elsewhere; the text is for people."""


class Outdated(Exception):
    """Somebody has saved the contact since it was looked at. ``card`` and ``version`` are what it is now."""

    def __init__(self, card: Card, version: int) -> None:
        super().__init__("the contact has changed")
        self.card, self.version = card, version


@dataclass(frozen=True, slots=True)
class Doing:
    """Who does something, and why."""

    user: User | None
    kind: str = "typed"  # see ``Source``
    text: str = ""
    whole: Undertaking | None = None

    def source(self) -> Source:
        at = datetime.now(UTC).replace(microsecond=0).isoformat()
        by, name = (self.user.pk, self.user.get_full_name()) if self.user else (None, "")
        return Source(self.kind, at, by, name[:190], self.text[:190])

    def change(self, contact: Contact, kind: Change.Kind, **more: Any) -> Change:
        return Change(
            contact=contact,
            kind=kind,
            by=self.user,
            by_name=self.user.get_full_name()[:190] if self.user else "",
            source=self.kind,
            version=contact.version,
            whole=self.whole,
            **({"text": self.text[:190]} | more),
        )


def writable(books: set[int], doing: Doing) -> None:
    """Raises ``ReadOnly`` where one of these books is a copy of one elsewhere, which only its server changes."""
    from django.utils.translation import gettext as _

    if doing.kind != SYNCED and books and Subscription.objects.filter(book_id__in=books).exists():
        raise ReadOnly(_("This address book comes from another server and is read only here. Copy the contact first."))


def default_book(user_id: int, name: str) -> Book:
    """Where new contacts go. ``name``: of the book that is made where there is none."""
    own = Book.objects.filter(owner_id=user_id, collects=False, subscription=None)
    found = own.order_by("-is_default", "pk").first()
    if found is None:
        found, _new = Book.objects.get_or_create(
            owner_id=user_id, key=Book.key_of(name), defaults={"name": name, "is_default": True}
        )
    return found


def create(book: Book, values: Iterable[Value], doing: Doing, *, uid: str = "") -> Contact:
    """Raises ``NotKept``."""
    return create_many(book, [(uid, list(values))], doing)[0]


@transaction.atomic
def create_many(book: Book, cards: Sequence[tuple[str, list[Value]]], doing: Doing) -> list[Contact]:
    """Many at once: (uid or "", values) each. Raises ``NotKept`` where one has nothing to be called by."""
    writable({book.pk}, doing)
    source, now = doing.source(), timezone.now()
    permits.new(doing.user, book, [values for _uid, values in cards])
    contacts, documents = [], []
    by = sorting.of([book.owner_id])[book.owner_id]
    for uid, values in cards:
        card = Card().revised(_checked(values), source)
        contact = Contact(owner_id=book.owner_id, book=book, created=now, changed=now)
        contact.uid = uid[:190] or contact.uid
        describe(contact, card, by)
        contacts.append(contact)
        documents.append(card)
    made = Contact.objects.bulk_create(contacts, batch_size=1000)
    pairs = list(zip(made, documents, strict=True))
    rows.insert(Stored, ("contact_id", "data"), ((each.pk, rows.packed(card.to_json())) for each, card in pairs))
    keep_texts(pairs)
    keep_keys(pairs)
    _note_created(made, doing)
    spell_tags(book.owner_id, documents)
    tracking.note(each.pk for each in made)
    return made


def _note_created(made: Sequence[Contact], doing: Doing) -> None:
    if not made:
        return
    one = doing.change(made[0], Change.Kind.CREATED)
    columns = ("contact_id", "kind", "at", "by_id", "by_name", "source", "text", "version", "whole_id", "undone")
    same = (one.kind, rows.moment(one.at), one.by_id, one.by_name, one.source, one.text, 1, one.whole_id, False)
    rows.insert(Change, columns, ((each.pk, *same) for each in made))


def _checked(values: Iterable[Value]) -> list[Value]:
    from django.utils.translation import gettext as _

    kept = [value for value in values if value.text.strip() or value.raw]
    if len(kept) > MOST_VALUES:
        raise NotKept(_("A contact holds at most %(most)d values.") % {"most": MOST_VALUES})
    if not (name := Card(kept).name):
        raise NotKept(_("Write at least a name, an organisation, an address or a number."))
    if not Card(kept).text("FN").strip():
        kept.insert(0, Value("FN", name))
    return kept


def document(contact: Contact) -> Card:
    return Stored.objects.get(pk=contact.pk).document


def change(
    contact: Contact, values: Iterable[Value], doing: Doing, *, version: int, kind: Change.Kind = Change.Kind.EDITED
) -> bool:
    """Save these values over ``version``; of a colleague's contact they are the part that may be edited, and the rest
    stays. False when they say what is there. Raises ``NotKept`` and ``Outdated``."""
    before = document(contact)
    card = before.revised(_checked(permits.changed(doing.user, contact, before, values)), doing.source())
    if card.values == before.values:
        return False
    write(contact, before, card, doing, version=version, kind=kind)
    return True


@transaction.atomic
def write(
    contact: Contact, before: Card, card: Card, doing: Doing, *, version: int, kind: Change.Kind, **more: Any
) -> None:
    """Raises ``Outdated``: of two who save the same version one is the second; and ``ReadOnly``."""
    writable({contact.book_id}, doing)
    taken = Contact.objects.filter(pk=contact.pk, version=version).update(version=F("version") + 1)
    if not taken:
        contact.refresh_from_db()
        raise Outdated(document(contact), contact.version)
    contact.version, contact.changed = version + 1, timezone.now()
    describe(contact, card, sorting.of([contact.owner_id])[contact.owner_id])
    contact.save(update_fields=["changed", *DESCRIBED])  # who has moved or deleted it meanwhile has done so
    Stored.objects.filter(pk=contact.pk).update(data=card.to_json())
    change_texts(contact, card)
    Key.objects.filter(contact=contact).delete()
    keep_keys([(contact, card)])
    spell_tags(contact.owner_id, [card])
    doing.change(contact, kind, before=before.to_json(), **more).save()
    tracking.note([contact.pk])


@transaction.atomic
def throw_away(contacts: Iterable[Contact], doing: Doing) -> int:
    """They come back for a while: ``Rules``. Raises ``NotKept``."""
    return _mark(contacts, timezone.now(), Change.Kind.DELETED, doing)


@transaction.atomic
def bring_back(contacts: Iterable[Contact], doing: Doing) -> int:
    """Raises ``NotKept``."""
    return _mark(contacts, None, Change.Kind.RESTORED, doing)


def _mark(contacts: Iterable[Contact], deleted: datetime | None, kind: Change.Kind, doing: Doing) -> int:
    chosen = [contact for contact in contacts if (contact.deleted is None) != (deleted is None)]
    writable({contact.book_id for contact in chosen}, doing)
    permits.removed(doing.user, chosen)
    if deleted is None:
        permits.room_for(chosen)
    for start in range(0, len(chosen), 500):
        part = chosen[start : start + 500]
        Contact.objects.filter(pk__in=[contact.pk for contact in part]).update(deleted=deleted, changed=timezone.now())
        Change.objects.bulk_create([doing.change(contact, kind) for contact in part])
    tracking.note(contact.pk for contact in chosen)
    return len(chosen)


@transaction.atomic
def move(contacts: Iterable[Contact], book: Book, doing: Doing) -> int:
    """Between books of one owner. Raises ``NotKept``."""
    chosen = [contact for contact in contacts if contact.book_id != book.pk]
    writable({book.pk, *(contact.book_id for contact in chosen if contact.deleted is None)}, doing)
    permits.moved(doing.user, chosen, book)
    for start in range(0, len(chosen), 500):
        part = chosen[start : start + 500]
        steps = [doing.change(each, Change.Kind.MOVED, text=each.book.name, book=each.book) for each in part]
        Change.objects.bulk_create(steps)
        ids = [each.pk for each in part]
        Contact.objects.filter(pk__in=ids).update(book=book, owner_id=book.owner_id, changed=timezone.now())
    tracking.note(contact.pk for contact in chosen)
    return len(chosen)


@transaction.atomic
def copy(contacts: Iterable[Contact], book: Book, doing: Doing) -> list[Contact]:
    """What may be seen of them. Each value of a copy knows where the first one came from. Raises ``NotKept``."""
    made = []
    for contact in contacts:
        card = permits.copied(doing.user, contact, document(contact), book)
        new = create(book, [replace(value, id=0) for value in card.values], doing)
        Stored.objects.filter(pk=new.pk).update(data=card.to_json())
        change_texts(new, card)
        made.append(new)
    return made


def undoable(change: Change) -> bool:
    fresh = change.at > timezone.now() - timedelta(days=Rules.now().history_days)
    return fresh and not change.undone and change.kind != Change.Kind.CREATED


@transaction.atomic
def undo(change: Change, doing: Doing) -> None:
    """Take back one change, whatever has happened since; of a merge or an import only its part of this contact. Raises
    ``NotKept``."""
    contact = change.contact
    if not undoable(change):
        return
    permits.undone(doing.user, change, lambda: after(change))
    if change.kind == Change.Kind.DELETED:
        bring_back([contact], doing)
    elif change.kind == Change.Kind.RESTORED:
        throw_away([contact], doing)
    elif change.kind == Change.Kind.MOVED:
        if change.book is not None:
            move([contact], change.book, doing)
    elif change.before is not None:
        now = document(contact)
        card = put_back(now, Card.from_json(change.before), after(change))
        write(contact, now, card, doing, version=contact.version, kind=Change.Kind.UNDONE)
    Change.objects.filter(pk=change.pk).update(undone=True)


def after(change: Change) -> Card:
    """The document as this change has left it: what the next one found."""
    later = change.contact.changes.filter(pk__gt=change.pk, before__isnull=False).order_by("pk").first()
    return Card.from_json(later.before) if later else document(change.contact)


def as_of(contact: Contact, version: int) -> Card | None:
    """The document of this version; None where it is forgotten."""
    if version == contact.version:
        return document(contact)
    found = contact.changes.filter(version__gt=version, before__isnull=False).order_by("version", "pk").first()
    return Card.from_json(found.before) if found is not None and found.version == version + 1 else None
