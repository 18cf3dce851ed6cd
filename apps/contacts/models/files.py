"""Files that belong to a person: a contract, a map, a form."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.contacts.models.people import Contact


class File(models.Model):
    """Goes with its contact. Lists leave ``content`` out."""

    contact = models.ForeignKey(Contact, models.CASCADE, related_name="files")
    name = models.CharField(max_length=190)
    size = models.PositiveIntegerField()  # octets
    content = models.BinaryField()
    added = models.DateTimeField(default=timezone.now)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        verbose_name = _("file of a contact")
        verbose_name_plural = _("files of contacts")
        ordering = ["pk"]

    def __str__(self) -> str:
        return str(self.pk)
