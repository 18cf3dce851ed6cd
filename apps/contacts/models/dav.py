"""Address books as programs see them (CardDAV): names of their own, and what has changed since when."""

from __future__ import annotations

import hashlib
import secrets

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.contacts.models.people import Book, Contact, Group

LONGEST_NAME = 255  # characters of the last part of an address


def new_stamp() -> str:
    return secrets.token_hex(6)


def name_key(name: str) -> str:
    """Names differ by capital letters, which databases compare in ways of their own: this they compare alike."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:40]


class Collection(models.Model):
    """How often something has changed in a book. Each change has the next ``number``, and takes this row first, so
    numbers become visible in their order. Kept in no backup: after a restore the ``stamp`` is another one, and nothing
    that a program remembers of before can be taken for what is here."""

    book = models.OneToOneField(Book, models.CASCADE, primary_key=True, related_name="collection")
    number = models.PositiveBigIntegerField(default=0)
    forgotten = models.PositiveBigIntegerField(default=0)  # what has gone up to here can be told no more
    stamp = models.CharField(max_length=12, default=new_stamp)
    begun = models.BooleanField(default=False)  # a program has asked for the book: its resources are counted

    class Meta:
        verbose_name = _("state of an address book")
        verbose_name_plural = _("states of address books")

    def __str__(self) -> str:
        return f"{self.book_id}: {self.number}"


class Resource(models.Model):
    """A contact or a group in a book, under the name that its first program has chosen. The row stays for a while once
    it is gone, so that programs can be told."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="resources")
    name = models.CharField(max_length=LONGEST_NAME)
    key = models.CharField(max_length=40)  # ``name_key``
    contact = models.ForeignKey(Contact, models.SET_NULL, null=True, related_name="resources")
    group = models.ForeignKey(Group, models.SET_NULL, null=True, related_name="resources")
    uid = models.CharField(
        max_length=190, blank=True
    )  # where it is not the contact's: two of a book have none in common
    number = models.PositiveBigIntegerField()  # of its last change
    gone = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("resource of an address book")
        verbose_name_plural = _("resources of address books")
        constraints = [models.UniqueConstraint(fields=["book", "key"], name="contacts_resource_once")]
        indexes = [
            models.Index(fields=["book", "number", "id"], name="contacts_resource_since"),
            models.Index(fields=["book", "uid"], name="contacts_resource_uid"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class BookAddress(models.Model):
    """The last part of a book's address, where a program has made the book and chosen it."""

    book = models.OneToOneField(Book, models.CASCADE, primary_key=True, related_name="address")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    name = models.CharField(max_length=LONGEST_NAME)
    key = models.CharField(max_length=40)  # ``name_key``

    class Meta:
        verbose_name = _("address of a book")
        verbose_name_plural = _("addresses of books")
        constraints = [models.UniqueConstraint(fields=["owner", "key"], name="contacts_book_address_once")]

    def __str__(self) -> str:
        return str(self.pk)
