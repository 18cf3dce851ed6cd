"""Who may see and do what: the one place that knows. Pages, search, completion, export and CardDAV all ask here.

Contacts that come from ``contacts()`` are filled with what that person may see: their columns say no more than the
document that ``document()`` gives, and ``matching()`` looks through nothing else.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property

from django.contrib.auth import get_user_model
from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.contacts.card import Card
from apps.contacts.lenses import MINE, NOTHING, Lens, seen
from apps.contacts.models import Book, BookQuerySet, Contact, ContactQuerySet, Group, Member, Share, Subscription
from apps.contacts.models import Card as Stored
from apps.contacts.services import sorting, unshared
from apps.contacts.services.indexing import describe


class Right(enum.IntEnum):
    """Each includes those before it."""

    NONE = 0
    READ = 1
    EDIT = 2
    MANAGE = 3
    OWN = 4


@dataclass(frozen=True, slots=True)
class Grant:
    """What somebody may do with a contact, what of it they see, and what of that they may change."""

    right: Right = Right.NONE
    sees: Lens = NOTHING
    edits: Lens = NOTHING

    def __or__(self, other: Grant) -> Grant:
        return Grant(max(self.right, other.right), self.sees | other.sees, self.edits | other.edits)


OWNER = Grant(Right.OWN, MINE, MINE)


def grant_of(share: Share) -> Grant:
    return Grant(Right(share.level), share.lens, share.lens if share.level >= Share.Level.EDIT else NOTHING)


class Viewer:
    """A person, with what is shared with them at this moment."""

    def __init__(self, user_id: int) -> None:
        self.user_id = user_id

    @cached_property
    def shares(self) -> list[Share]:
        if unshared.known(self.user_id):
            return []
        state = unshared.state()
        found = list(shares_with(self.user_id).exclude(hidden__user_id=self.user_id))
        if not found:
            unshared.remember(self.user_id, state)
        return found

    @cached_property
    def circles(self) -> dict[int, set[int]]:
        """Ids of all groups in a shared one, however deep, by the id of its share. Only groups of its owner's."""
        owners = {share.owner_id for share in self.shares if share.circle_id}
        children: dict[int, list[int]] = defaultdict(list)
        pairs = Member.objects.filter(group__owner__in=owners, child__isnull=False).values_list("group_id", "child_id")
        for parent, child in pairs if owners else ():
            if child is not None:
                children[parent].append(child)
        found = {}
        for share in self.shares:
            if share.circle_id:
                within, waiting = {share.circle_id}, [share.circle_id]
                while waiting:
                    new = [child for child in children[waiting.pop()] if child not in within]
                    within.update(new)
                    waiting += new
                found[share.pk] = within
        return found

    def covered(self, shares: Iterable[Share]) -> Q:
        """Contacts of these shares; deleted ones for who may manage them. Never somebody else's than the sharer's: a
        group may hold contacts that were shared with its owner, and these are not theirs to give."""
        found = Q(pk__in=[])
        for share in shares:
            if share.book_id:
                one = Q(book_id=share.book_id)
            elif share.contact_id:
                one = Q(pk=share.contact_id)
            else:
                one = Q(pk__in=Member.objects.filter(group__in=self.circles[share.pk]).values("contact_id"))
            if share.level < Share.Level.MANAGE:
                one &= Q(deleted=None)
            found |= one & Q(owner_id=share.owner_id)
        return found & ~Q(owner_id=self.user_id)

    @cached_property
    def mine(self) -> Q:
        return Q(owner_id=self.user_id)

    @cached_property
    def others(self) -> Q:
        return self.covered(self.shares)

    @cached_property
    def plain(self) -> Q:
        """Others' contacts of which all is seen: what is kept for looking up holds nothing else."""
        return self.covered(share for share in self.shares if share.lens.whole) & Q(private=False)

    def grants(self, contacts: Collection[Contact]) -> dict[int, Grant]:
        """By the contact's id."""
        found = {contact.pk: OWNER if contact.owner_id == self.user_id else Grant() for contact in contacts}
        foreign = [contact for contact in contacts if contact.owner_id != self.user_id]
        if not foreign or not self.shares:
            return found
        groups_of: dict[int, set[int]] = defaultdict(set)
        if self.circles:
            ids = set().union(*self.circles.values())
            members = Member.objects.filter(group__in=ids, contact__in=[contact.pk for contact in foreign])
            for pk, group in members.values_list("contact_id", "group_id"):
                if pk is not None:
                    groups_of[pk].add(group)
        for contact in foreign:
            for share in self.shares:
                if self._holds(share, contact, groups_of[contact.pk]):
                    found[contact.pk] |= grant_of(share)
            if contact.deleted is not None and found[contact.pk].right < Right.MANAGE:
                found[contact.pk] = Grant()
        return found

    def _holds(self, share: Share, contact: Contact, groups: set[int]) -> bool:
        if share.owner_id != contact.owner_id:
            return False
        if share.book_id:
            return share.book_id == contact.book_id
        return share.contact_id == contact.pk or bool(groups & self.circles.get(share.pk, set()))

    def documents(self, contacts: Collection[Contact]) -> dict[int, Card]:
        """What may be seen of each, by its id."""
        stored = Stored.objects.in_bulk([contact.pk for contact in contacts])
        grants = self.grants(contacts)
        return {pk: seen(each.document, grants[pk].sees) for pk, each in stored.items() if grants[pk].right}

    def show(self, contacts: Collection[Contact]) -> None:
        """Fill others' contacts with what may be seen of them. Saves nothing."""
        foreign = [contact for contact in contacts if contact.owner_id != self.user_id]
        if not foreign:
            return
        grants = self.grants(foreign)
        partly = [each for each in foreign if each.private or not grants[each.pk].sees.everything]
        documents = self.documents(partly) if partly else {}
        order = sorting.of({contact.owner_id for contact in partly}) if partly else {}
        for contact in partly:
            describe(contact, documents.get(contact.pk, Card()), order[contact.owner_id])
            contact.private = False

    def matching(self, found: ContactQuerySet, query: str) -> ContactQuerySet:
        from apps.contacts.services import finding

        return finding.matching(self, found, query)


def shares_with(user_id: int) -> QuerySet[Share]:
    """All that others share with this person, by name or by a group; hidden ones too."""
    groups = get_user_model().groups.through.objects.filter(user_id=user_id).values("group_id")
    return Share.objects.filter(Q(user_id=user_id) | Q(group__in=groups)).exclude(owner_id=user_id)


def books(user_id: int) -> BookQuerySet:
    """All books of which this person may see something as a book: who sees single contacts of it does not see it."""
    shared = [share.book_id for share in Viewer(user_id).shares if share.book_id]
    return (
        Book.objects.filter(Q(owner_id=user_id) | Q(pk__in=shared)) if shared else Book.objects.filter(owner_id=user_id)
    )


def owners(user_id: int) -> set[int]:
    """Whose contacts this person may see something of: their own, and those of whoever shares with them."""
    return {user_id, *(share.owner_id for share in Viewer(user_id).shares)}


def contacts(user_id: int, viewer: Viewer | None = None) -> ContactQuerySet:
    """All contacts of which this person may see something; deleted ones too, where they may bring them back."""
    viewer = viewer or Viewer(user_id)
    found = Contact.objects.filter(viewer.mine | viewer.others if viewer.shares else viewer.mine)
    return found.seen_by(viewer)


def right(user_id: int, thing: Book | Contact | Group) -> Right:
    found = standing(user_id, thing)
    return min(found, Right.READ) if not isinstance(thing, Group) and is_copy(thing) else found


def is_copy(thing: Book | Contact) -> bool:
    """Whether it comes from another server, which alone changes it (``services.subscriptions``)."""
    book_id = thing.pk if isinstance(thing, Book) else thing.book_id
    return Subscription.objects.filter(book_id=book_id).exists()


def standing(user_id: int, thing: Book | Contact | Group) -> Right:
    """The same, also where another server alone changes it: whoever owns a copy shares it."""
    if thing.owner_id == user_id:
        return Right.OWN
    viewer = Viewer(user_id)
    if isinstance(thing, Contact):
        return grant(user_id, thing).right
    kind = "book_id" if isinstance(thing, Book) else "circle_id"
    shares = [share for share in viewer.shares if getattr(share, kind) == thing.pk]
    return max((Right(share.level) for share in shares), default=Right.NONE)


def grant(user_id: int, contact: Contact) -> Grant:
    return Viewer(user_id).grants([contact])[contact.pk]


def grant_of_book(user_id: int, book: Book) -> Grant:
    """What somebody may do with a new contact of this book."""
    if book.owner_id == user_id:
        return OWNER
    found = Grant()
    for share in Viewer(user_id).shares:
        if share.book_id == book.pk:
            found |= grant_of(share)
    return found


def groups(user_id: int, viewer: Viewer | None = None) -> list[Group]:
    """Own ones, then those that are shared; of others' groups only these."""
    shared = [share.circle_id for share in (viewer or Viewer(user_id)).shares if share.circle_id]
    out = Exists(Share.objects.filter(circle=OuterRef("pk")))  # its owner shares it
    every = Group.objects.annotate(out=out).select_related("owner")
    own: list[Group] = [*every.filter(owner_id=user_id)]
    return [*own, *every.filter(pk__in=shared)] if shared else own


def document(user_id: int, contact: Contact) -> Card:
    """What this person may see of the contact."""
    return through(user_id, contact, Stored.objects.get(pk=contact.pk).document)


def through(user_id: int, contact: Contact, card: Card) -> Card:
    """What this person may see of a document of this contact, of today or of before."""
    found = grant(user_id, contact)
    return seen(card, found.sees) if found.right else Card()


def documents(user_id: int, contacts: Collection[Contact]) -> dict[int, Card]:
    """The same for many, by their ids."""
    return Viewer(user_id).documents(contacts)
