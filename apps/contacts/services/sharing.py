"""Books, groups and contacts are shared here, and taken back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group as Team
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.contacts.lenses import FIELDS, NOTHING
from apps.contacts.models import Book, Contact, Group, Hidden, Share, Subscription
from apps.contacts.services import access, groups
from apps.contacts.services.access import Grant, Right, Viewer
from apps.contacts.services.errors import NotKept

if TYPE_CHECKING:
    from apps.auth.models import User

Thing: TypeAlias = Book | Group | Contact
MOST = 100  # shares of one thing
MOST_OFFERED = 200  # people and groups that the form offers by name


def of(thing: Thing) -> list[Share]:
    """Who sees it by a share of its own."""
    return list(Share.objects.filter(**_of(thing)).select_related("user", "group", "by"))


def _of(thing: Thing) -> dict[str, Thing]:
    return {"book" if isinstance(thing, Book) else "circle" if isinstance(thing, Group) else "contact": thing}


def reaching(contact: Contact) -> list[Share]:
    """Who sees this contact by whatever share: for those who may manage it."""
    holding = set(contact.memberships.filter(group__owner_id=contact.owner_id).values_list("group_id", flat=True))
    every = Share.objects.filter(owner_id=contact.owner_id).select_related("user", "group", "book", "circle")
    found = list(every.filter(Q(book_id=contact.book_id) | Q(contact=contact)))
    circles = list(every.filter(circle__isnull=False)) if holding else []
    if circles:
        found += [each for each in circles if holding & groups.within(contact.owner_id, each.circle_id or 0)]
    return found


@transaction.atomic
def give(
    thing: Thing, *, by: User, level: int, fields: Collection[str] | None, user: User | None, team: Team | None
) -> Share:
    """To a person or to a group, instead of what they had of it. ``fields`` None: all. Raises ``NotKept``."""
    if access.standing(by.pk, thing) < Right.MANAGE:
        raise NotKept(_("You may not share this."))
    if (user is None) == (team is None):
        raise NotKept(_("Choose a person or a group."))
    if user is not None and user.pk in {by.pk, thing.owner_id}:
        raise NotKept(_("This person has it already."))
    if team is not None and not teams(by).filter(pk=team.pk).exists():
        raise NotKept(_("There is no such group."))
    if level not in Share.Level.values:
        raise NotKept(_("Choose what they may do."))
    if fields is not None:
        fields = [name for name in FIELDS if name in fields]
        if level == Share.Level.MANAGE:
            raise NotKept(_("Who manages contacts sees all of them: choose all fields, or another right."))
    same = Share.objects.filter(**_of(thing), user=user, group=team)
    if not same.exists() and Share.objects.filter(**_of(thing)).count() >= MOST:
        raise NotKept(_("This is shared with %(most)d already: share it with a group.") % {"most": MOST})
    same.delete()
    return Share.objects.create(
        owner_id=thing.owner_id, **_of(thing), user=user, group=team, level=level, fields=fields, by=by
    )


def take_back(share: Share, *, by: User) -> None:
    """At once. Raises ``NotKept``."""
    if access.standing(by.pk, share.thing) < Right.MANAGE:
        raise NotKept(_("You may not share this."))
    share.delete()


def hide(share: Share, user: User) -> None:
    """Until it is wanted again, nothing of it is there for this person."""
    Hidden.objects.get_or_create(user=user, share=share)


def show(share: Share, user: User) -> None:
    Hidden.objects.filter(user=user, share=share).delete()


# --- whom one may share with ------------------------------------------------------------------------------------------


def teams(user: User) -> QuerySet[Team]:
    """Groups of the portal that somebody may share with: their own ones; administrators' any."""
    return Team.objects.all() if user.is_superuser else user.groups.all()


def person(text: str) -> User | None:
    """Who is called so, and nobody else: by login or address, in any case of letters. Raises ``NotKept``."""
    text = text.strip()
    people = get_user_model().objects.filter(is_active=True).annotate(folded=Lower("email"))
    # by LOWER: where a database compares octets, "iexact" does too
    found = list(people.filter(Q(login=text) | Q(folded=text.lower()))[:2]) if text else []
    exact = [each for each in found if each.login == text or each.email.casefold() == text.casefold()]
    if len(exact) > 1:
        raise NotKept(_("Several people are called so: write the mail address."))
    return exact[0] if exact else None


# --- words ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """A share as pages show it."""

    share: Share
    name: str
    right: str
    fields: str
    whole: str = ""  # the book or group by which it is shared, where that is another thing than the page's
    hidden: bool = False


def line(share: Share, *, hidden: bool = False) -> Line:
    return Line(share, share.with_whom, str(Share.Level(share.level).label), fields_text(share.fields), hidden=hidden)


def lines_of(user_id: int, contact: Contact) -> list[Line]:
    """Who sees this contact, and by what, for those who may manage it; else nothing."""
    if access.right(user_id, contact) < Right.MANAGE:
        return []
    mine = contact.owner_id == user_id
    found = []
    for share in reaching(contact):
        by = share.book or share.circle
        found.append(replace(line(share), whole=by.name if by is not None and mine else ""))
    return found


def lines_around(user_id: int, thing: Thing) -> list[Line]:
    """Of a contact: who sees it by its book or a group, and not by a share of its own."""
    every = lines_of(user_id, thing) if isinstance(thing, Contact) else []
    return [each for each in every if each.share.contact_id is None]


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside a card: whom it is shared with, or by whom and what one may do."""

    lines: list[Line]
    manages: bool
    by: str = ""
    right: str = ""
    partly: bool = False


def beside(user_id: int, contact: Contact, grant: Grant) -> Beside:
    if grant.right == Right.OWN:
        return Beside(lines_of(user_id, contact), True)
    whole = grant.sees.everything and (grant.edits.everything or grant.edits == NOTHING)
    label = str(Share.Level(int(grant.right)).label)
    return Beside(
        lines_of(user_id, contact), grant.right == Right.MANAGE, contact.owner.get_full_name(), label, not whole
    )


def fields_text(fields: Sequence[str] | None) -> str:
    """“Email at work, Photo”; "" for all of them."""
    if fields is None:
        return ""
    if not fields:
        return _("the name only")
    names = [str(FIELDS[name]) for name in fields if name in FIELDS]
    if len(names) <= 3:
        return ", ".join(names)
    rest = len(names) - 2
    return ngettext("%(names)s and %(n)d more field", "%(names)s and %(n)d more fields", rest) % {
        "names": ", ".join(names[:2]),
        "n": rest,
    }


# --- the side column --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """A book or a group in the side column."""

    pk: int
    name: str
    n: int  # contacts in it that this person sees
    by: str = ""  # whose it is, where it is somebody else's
    out: bool = False  # its owner shares it
    reads: bool = False  # nothing can be changed in it
    subscription: Subscription | None = None  # it is a copy of a book elsewhere


@dataclass(frozen=True, slots=True)
class Places:
    books: list[Place]
    groups: list[Place]
    total: int  # contacts
    ready: bool  # there is a book for new contacts


def places(viewer: Viewer) -> Places:
    user_id = viewer.user_id
    rights: dict[tuple[str, int], int] = {}
    for share in viewer.shares:
        key = ("book", share.book_id) if share.book_id else ("circle", share.circle_id or 0)
        rights[key] = max(rights.get(key, 0), share.level)
    shared_books = [pk for kind, pk in rights if kind == "book"]
    books = (
        Book.objects.counted()
        .filter(Q(owner_id=user_id) | Q(pk__in=shared_books))
        .select_related("owner", "subscription")
    )
    books = books.annotate(out=Exists(Share.objects.filter(book=OuterRef("pk"))))
    counted = groups.counts(user_id, viewer)

    def place(thing: Book | Group, kind: str, n: int) -> Place:
        mine = thing.owner_id == user_id
        by = "" if mine else thing.owner.get_full_name()
        reads = not mine and rights.get((kind, thing.pk), 0) < Share.Level.EDIT
        subscription = getattr(thing, "subscription", None)
        return Place(thing.pk, thing.name, n, by, mine and getattr(thing, "out", False), reads, subscription)

    rows = sorted(books, key=lambda book: book.owner_id != user_id)
    own = [place(book, "book", getattr(book, "n", 0)) for book in rows]
    circles = [place(group, "circle", counted.get(group.pk, 0)) for group in access.groups(user_id, viewer)]
    total = sum(each.n for each in own if not each.by)
    if viewer.shares:
        total += Contact.objects.kept().filter(viewer.others).count()
    for_new = (book for book in rows if book.owner_id == user_id and not book.collects)
    return Places(own, circles, total, ready=any(not hasattr(book, "subscription") for book in for_new))


# --- what others share with somebody ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Received:
    share: Share
    name: str
    url: str
    by: str
    right: str
    fields: str
    hidden: bool


def received(user: User) -> list[Received]:
    """All that others share with this person, what they have hidden too."""
    hidden = set(Hidden.objects.filter(user=user).values_list("share_id", flat=True))
    found = []
    shares = access.shares_with(user.pk).select_related("book", "circle", "contact", "owner")
    seen = access.contacts(user.pk).in_bulk([share.contact_id for share in shares if share.contact_id])
    for share in shares:
        words = (share.owner.get_full_name(), str(Share.Level(share.level).label), fields_text(share.fields))
        if share.contact_id:
            contact = seen.get(share.contact_id)
            if contact is None and share.pk not in hidden:
                continue  # deleted
            name = contact.name if contact else _("A contact")
            url = reverse("contacts:contact", args=[share.contact_id])
        else:
            place = f"book-{share.book_id}" if share.book_id else f"group-{share.circle_id}"
            name, url = str(share.thing.name), f"{reverse('contacts:index')}?in={place}"
        found.append(Received(share, name, "" if share.pk in hidden else url, *words, share.pk in hidden))
    return found
