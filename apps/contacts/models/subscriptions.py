"""Address books that are copies of somebody else's (CardDAV, RFC 6352)."""

from __future__ import annotations

import secrets

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.contacts.models.people import Book, Contact


def new_task() -> str:
    return secrets.token_hex(16)


class Subscription(models.Model):
    """A book is filled from a server. The password is in no column: a delegation of this task holds it, sealed."""

    book = models.OneToOneField(Book, models.CASCADE, related_name="subscription")
    task = models.CharField(max_length=32, unique=True, default=new_task)
    url = models.CharField(max_length=1000)
    login = models.CharField(max_length=190)
    trusted = models.CharField(max_length=253)  # the domain whose hosts get to see the password
    ctag = models.TextField(blank=True)  # as the server told it before what was fetched last
    sync_token = models.TextField(blank=True)
    asked = models.DateTimeField(null=True)  # a refresh waits for the worker
    busy = models.DateTimeField(null=True)  # a refresh has got on at this time
    total = models.PositiveIntegerField(default=0)  # cards to fetch
    done = models.PositiveIntegerField(default=0)
    tried = models.DateTimeField(null=True)
    succeeded = models.DateTimeField(null=True)
    trouble = models.CharField(max_length=20, blank=True)  # of the last try: a key of ``subscriptions.TROUBLE``
    about = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = _("subscribed address book")
        verbose_name_plural = _("subscribed address books")

    def __str__(self) -> str:
        return str(self.pk)


class Remote(models.Model):
    """A card there, and the contact that it is here; none where it could not be taken over."""

    subscription = models.ForeignKey(Subscription, models.CASCADE, related_name="remotes")
    contact = models.OneToOneField(Contact, models.CASCADE, null=True, related_name="remote")
    path = models.CharField(max_length=1000)
    etag = models.CharField(max_length=190)

    class Meta:
        verbose_name = _("card of a subscribed address book")
        verbose_name_plural = _("cards of subscribed address books")

    def __str__(self) -> str:
        return str(self.pk)
