"""Books, and the people in them.

A person's values are one document (``apps.contacts.card``); ``Contact`` has what lists show and sort by, ``Key`` what
is looked up. Both are made anew from the document whenever it changes (``services.indexing``). Where an account is
deleted administrators see of these rows a number and no more: who is in a book is its owner's business.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator
from datetime import timedelta
from typing import Any, Protocol

from django.conf import settings
from django.db import models
from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.contacts import folding, sounds
from apps.contacts.card import Card as Document
from portal.contracts import Address

TRASH_DAYS = 30  # a deleted contact can come back, unless ``Rules`` say otherwise


def new_uid() -> str:
    return f"urn:uuid:{uuid.uuid4()}"


class BookQuerySet(models.QuerySet["Book"]):
    def counted(self) -> BookQuerySet:
        """With ``n``, the number of contacts. Each count goes along an index: joined, they would read all contacts."""
        kept = Contact.objects.filter(book=OuterRef("pk"), deleted=None).order_by().values("book")
        count = Subquery(kept.annotate(n=Count("*")).values("n"), output_field=models.IntegerField())
        return self.annotate(n=Coalesce(count, 0))


class Book(models.Model):
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, verbose_name=_("owner"), related_name="contact_books"
    )
    name = models.CharField(_("name"), max_length=100)
    key = models.CharField(max_length=100, editable=False)  # of the folded name: the same on every database
    is_default = models.BooleanField(_("new contacts go here"), default=False)
    collects = models.BooleanField(default=False, editable=False)  # people its owner has written to go here
    created = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    most = models.PositiveIntegerField(
        _("most contacts"), null=True, blank=True, help_text=_("Empty: as many as the rules for contacts allow.")
    )

    objects = BookQuerySet.as_manager()

    class Meta:
        verbose_name = _("address book")
        verbose_name_plural = _("address books")
        ordering = ["-is_default", "key", "pk"]
        constraints = [models.UniqueConstraint(fields=["owner", "key"], name="contacts_book_once")]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: object, **kwargs: object) -> None:
        self.key = self.key_of(self.name)
        super().save(*args, **kwargs)  # type: ignore[arg-type]

    @staticmethod
    def key_of(name: str) -> str:
        """Names that look alike are one name: a book is called by it."""
        return folding.key(name)[:100] or name.casefold()[:100]


class Viewer(Protocol):
    """Somebody who looks at contacts: ``services.access.Viewer``."""

    def show(self, contacts: Collection[Contact]) -> None: ...
    def documents(self, contacts: Collection[Contact]) -> dict[int, Document]: ...
    def matching(self, found: ContactQuerySet, query: str) -> ContactQuerySet: ...


#: Columns that say nothing of the document.
PLAIN = frozenset(
    {"pk", "id", "owner", "owner_id", "book", "book_id", "uid", "version", "created", "changed", "deleted"}
)


class ContactQuerySet(models.QuerySet["Contact"]):
    """What ``services.access`` hands out knows who is looking: its contacts come filled with what that person may see.
    Columns of the document cannot be read past it."""

    viewer: Viewer | None = None

    def seen_by(self, viewer: Viewer) -> ContactQuerySet:
        found = self.all()
        found.viewer = viewer
        return found

    def _clone(self) -> ContactQuerySet:
        made: ContactQuerySet = super()._clone()  # type: ignore[misc]
        made.viewer = self.viewer
        return made

    def _fetch_all(self) -> None:
        fresh = self._result_cache is None
        super()._fetch_all()
        if fresh and self.viewer is not None:
            self.viewer.show([each for each in self._result_cache or () if isinstance(each, Contact)])

    def iterator(self, chunk_size: int | None = None) -> Iterator[Contact]:
        for each in super().iterator(chunk_size=chunk_size or 500):
            if self.viewer is not None:
                self.viewer.show([each])
            yield each

    def _values(self, *fields: Any, **expressions: Any) -> ContactQuerySet:
        if self.viewer is not None and (not fields or not PLAIN.issuperset(fields)):
            raise TypeError("take contacts, not columns: what somebody sees of others' is filled in there")
        made: ContactQuerySet = super()._values(*fields, **expressions)  # type: ignore[misc]
        return made

    def of(self, user_id: int) -> ContactQuerySet:
        """All of this person's own. What they may see of others': ``services.access``."""
        return self.filter(owner_id=user_id)

    def kept(self) -> ContactQuerySet:
        return self.filter(deleted=None)

    def thrown_away(self) -> ContactQuerySet:
        from apps.contacts.models.sharing import Rules

        return self.filter(deleted__gt=timezone.now() - timedelta(days=Rules.now().trash_days))

    def matching(self, query: str) -> ContactQuerySet:
        """In which every word stands, as a part of a name or of another value that the viewer may see."""
        if self.viewer is not None:
            return self.viewer.matching(self, query)
        return self.filter(pk__in=Searched.objects.holding(query))


class Contact(models.Model):
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")  # the book's
    book = models.ForeignKey(Book, models.CASCADE, related_name="contacts")
    uid = models.CharField(max_length=190, default=new_uid)
    version = models.PositiveIntegerField(default=1)  # of the document: who saves says which one they have seen
    created = models.DateTimeField(default=timezone.now)
    changed = models.DateTimeField(default=timezone.now)
    deleted = models.DateTimeField(null=True)
    # from here on: made from the document
    name = models.CharField(max_length=190)
    detail = models.CharField(max_length=190, blank=True)  # the second line in lists
    email = models.CharField(max_length=320, blank=True)  # the preferred one
    family_first = models.CharField(max_length=190)  # the name as it is called with the family name first
    photo = models.CharField(max_length=64, blank=True)  # ``Photo.digest``
    private = models.BooleanField(default=False)  # has values that its owner alone may see
    by_given = models.CharField(max_length=100)
    by_family = models.CharField(max_length=100)
    birthday = models.PositiveSmallIntegerField(null=True)  # ``days.Day.number``, as the next one
    anniversary = models.PositiveSmallIntegerField(null=True)

    objects = ContactQuerySet.as_manager()

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        indexes = [
            models.Index(fields=["owner", "deleted", "by_given"], name="contacts_owner_given"),
            models.Index(fields=["owner", "deleted", "by_family"], name="contacts_owner_family"),
            models.Index(fields=["book", "deleted", "by_given"], name="contacts_book_given"),
            models.Index(fields=["book", "deleted", "by_family"], name="contacts_book_family"),
            models.Index(fields=["book", "uid"], name="contacts_book_uid"),
            models.Index(fields=["owner", "birthday"], name="contacts_owner_birthday"),
            models.Index(fields=["owner", "anniversary"], name="contacts_owner_anniversary"),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def face(self) -> Address | str:
        """What the initials and their colour are made of."""
        return Address(self.email, self.name) if self.email else self.name


class SearchedQuerySet(models.QuerySet["Searched"]):
    def holding(self, query: str) -> models.QuerySet[Searched, int]:
        """Ids of the contacts in whose text every word stands; "muhammad" stands in محمد too."""
        found = self
        for word in folding.words(query)[:8]:
            wanted = Q(words__contains=word)
            for consonants in sounds.asked(word)[:2]:
                wanted |= Q(words__contains=f"~{consonants} ")
            found = found.filter(wanted)
        return found.values_list("contact_id", flat=True)


class Searched(models.Model):
    """All that the quick search looks through, folded. In a narrow table, since it reads all rows: a part of a word is
    in no index."""

    contact = models.OneToOneField(Contact, models.CASCADE, primary_key=True, related_name="searched")
    words = models.TextField()

    objects = SearchedQuerySet.as_manager()

    class Meta:
        verbose_name = _("searched text")
        verbose_name_plural = _("searched texts")

    def __str__(self) -> str:
        return str(self.pk)


class Card(models.Model):
    """The document, apart from what lists read."""

    contact = models.OneToOneField(Contact, models.CASCADE, primary_key=True, related_name="card")
    data = models.JSONField()

    class Meta:
        verbose_name = _("card")
        verbose_name_plural = _("cards")

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def document(self) -> Document:
        return Document.from_json(self.data)


class Key(models.Model):
    """What a contact can be looked up by."""

    class Kind(models.TextChoices):
        WORD = "w"  # of the name, or the address: completion goes by their beginnings
        LATELY = "l"  # the same words of those who are written to, with ``heat``
        EMAIL = "e"
        PHONE = "p"
        NAME = "n"  # all words of the name in the order of the alphabet
        TAG = "t"

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    contact = models.ForeignKey(Contact, models.CASCADE, related_name="keys")
    kind = models.CharField(max_length=1, choices=Kind)
    key = models.CharField(max_length=190)
    heat = models.FloatField(default=0.0)  # see ``Correspondent``

    class Meta:
        verbose_name = _("key")
        verbose_name_plural = _("keys")
        indexes = [models.Index(fields=["owner", "kind", "key"], name="contacts_key_lookup")]

    def __str__(self) -> str:
        return str(self.pk)


class Photo(models.Model):
    """A picture drawn anew from what was uploaded. Found by what it is, so the same one is kept once."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64)
    content = models.BinaryField()
    made = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("photo")
        verbose_name_plural = _("photos")
        constraints = [models.UniqueConstraint(fields=["owner", "digest"], name="contacts_photo_once")]

    def __str__(self) -> str:
        return self.digest


class Tag(models.Model):
    """The spelling of a tag: the contacts have it as a value, and find it by ``Key``."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    name = models.CharField(max_length=60)
    key = models.CharField(max_length=190)

    class Meta:
        verbose_name = _("tag")
        verbose_name_plural = _("tags")
        ordering = ["key"]
        constraints = [models.UniqueConstraint(fields=["owner", "key"], name="contacts_tag_once")]

    def __str__(self) -> str:
        return str(self.pk)


class Favourite(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    contact = models.ForeignKey(Contact, models.CASCADE, related_name="favoured")

    class Meta:
        verbose_name = _("favourite")
        verbose_name_plural = _("favourites")
        constraints = [models.UniqueConstraint(fields=["user", "contact"], name="contacts_favourite_once")]

    def __str__(self) -> str:
        return str(self.contact_id)


class Group(models.Model):
    """People of any books, and other groups."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    name = models.CharField(_("name"), max_length=100)
    key = models.CharField(max_length=100)
    uid = models.CharField(max_length=190, default=new_uid)

    class Meta:
        verbose_name = _("group of contacts")
        verbose_name_plural = _("groups of contacts")
        ordering = ["key", "pk"]
        constraints = [models.UniqueConstraint(fields=["owner", "key"], name="contacts_group_once")]

    def __str__(self) -> str:
        return str(self.pk)


def whole(collector: Any, field: Any, sub_objs: Any, using: str) -> None:
    """CASCADE for rows in which one of several references is set: where a database checks at once (MariaDB), Django's
    own empties the reference before the row goes, and that is what the constraint forbids."""
    collector.collect(sub_objs, source=field.remote_field.model, source_attr=field.name, fail_on_restricted=False)


class Member(models.Model):
    """One of the two is set."""

    group = models.ForeignKey(Group, models.CASCADE, related_name="members")
    contact = models.ForeignKey(Contact, whole, null=True, related_name="memberships")
    child = models.ForeignKey(Group, whole, null=True, related_name="parents")

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        constraints = [
            models.UniqueConstraint(fields=["group", "contact"], name="contacts_member_once"),
            models.UniqueConstraint(fields=["group", "child"], name="contacts_subgroup_once"),
            models.CheckConstraint(
                condition=Q(contact__isnull=True, child__isnull=False) | Q(contact__isnull=False, child__isnull=True),
                name="contacts_member_one",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.group_id}: {self.contact_id or self.child_id}"


class Correspondent(models.Model):
    """An address that somebody has written to: never one that has only written to them.

    ``heat`` orders by uses of which those of three months ago count half. It is the logarithm of that number at the
    beginning of 2000, so it stays what it is while time goes by.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    key = models.CharField(max_length=190)  # ``folding.email_key``
    uses = models.PositiveIntegerField(default=1)
    last = models.DateTimeField(default=timezone.now)
    heat = models.FloatField(default=0.0)

    class Meta:
        verbose_name = _("address written to")
        verbose_name_plural = _("addresses written to")
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="contacts_correspondent_once")]
        indexes = [models.Index(fields=["user", "-last"], name="contacts_correspondent_last")]

    def __str__(self) -> str:
        return str(self.pk)
