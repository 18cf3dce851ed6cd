"""Where copies of other people's cards come from."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.contacts.models.people import Contact


class Origin(models.Model):
    """A card of a source (``portal.contracts.CardSource``) that a contact is a copy of, and keeps fresh with."""

    contact = models.ForeignKey(Contact, models.CASCADE, related_name="origins")
    source = models.CharField(max_length=60)  # ``CardSource.id``
    key = models.CharField(max_length=190)  # what the source calls the card
    said = models.JSONField(default=list)  # the values that it had when last looked at
    checked = models.DateTimeField(default=timezone.now)
    gone = models.DateTimeField(null=True)  # since when the source has it no more

    class Meta:
        verbose_name = _("origin of a contact")
        verbose_name_plural = _("origins of contacts")
        constraints = [models.UniqueConstraint(fields=["contact", "source", "key"], name="contacts_origin_once")]
        indexes = [models.Index(fields=["source", "key"], name="contacts_origin_key")]

    def __str__(self) -> str:
        return f"{self.contact_id}: {self.source}"
