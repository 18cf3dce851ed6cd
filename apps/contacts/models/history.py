"""What has been done to contacts, and what somebody has said of two of them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.contacts.models.people import Book, Contact

HISTORY_DAYS = 90  # a change can be undone, unless ``Rules`` say otherwise


class Change(models.Model):
    """What was done to a contact, with the document as it was before."""

    class Kind(models.TextChoices):
        CREATED = "created", _("Created")
        EDITED = "edited", _("Changed")
        MERGED = "merged", _("Merged with another contact")
        MOVED = "moved", _("Moved to another address book")
        DELETED = "deleted", _("Deleted")
        RESTORED = "restored", _("Taken back from the trash")
        UNDONE = "undone", _("A change was undone")

    contact = models.ForeignKey(Contact, models.CASCADE, related_name="changes")
    kind = models.CharField(max_length=10, choices=Kind)
    at = models.DateTimeField(default=timezone.now)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    by_name = models.CharField(max_length=190, blank=True)
    source = models.CharField(max_length=10)  # ``Source.kind``
    text = models.CharField(max_length=190, blank=True)  # ``Source.text``, or the book it was in before
    version = models.PositiveIntegerField()  # that it led to
    before = models.JSONField(null=True)  # None where the document stayed as it was, or was not there
    book = models.ForeignKey(Book, models.SET_NULL, null=True, related_name="+")  # before it was moved
    whole = models.ForeignKey("Undertaking", models.CASCADE, null=True, related_name="changes")
    undone = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("change")
        verbose_name_plural = _("changes")
        ordering = ["-pk"]
        indexes = [models.Index(fields=["contact", "-id"], name="contacts_change_newest")]

    def __str__(self) -> str:
        return f"{self.contact_id} {self.kind}"


class Different(models.Model):
    """Two contacts of which somebody has said that they are not the same person."""

    one = models.ForeignKey(Contact, models.CASCADE, related_name="+")  # the one with the smaller id
    other = models.ForeignKey(Contact, models.CASCADE, related_name="+")

    class Meta:
        verbose_name = _("pair of different contacts")
        verbose_name_plural = _("pairs of different contacts")
        constraints = [models.UniqueConstraint(fields=["one", "other"], name="contacts_different_once")]

    def __str__(self) -> str:
        return f"{self.one_id} {self.other_id}"
