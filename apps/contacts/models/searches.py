"""What is looked for by single fields, searches that somebody keeps, and the card that is somebody's own."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.contacts.models.people import Contact


class Fielded(models.Model):
    """The words of a contact, each with the letter of its field: see ``services.fields``."""

    contact = models.OneToOneField(Contact, models.CASCADE, primary_key=True, related_name="fielded")
    words = models.TextField()

    class Meta:
        verbose_name = _("words by field")
        verbose_name_plural = _("words by field")

    def __str__(self) -> str:
        return str(self.pk)


class SavedSearch(models.Model):
    """A search that stands beside the address books, and shows whoever fits it at the moment."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    name = models.CharField(_("name"), max_length=100)
    key = models.CharField(max_length=100)
    query = models.CharField(max_length=2000)  # as in an address: see ``listing.View``

    class Meta:
        verbose_name = _("saved search")
        verbose_name_plural = _("saved searches")
        ordering = ["key", "pk"]
        constraints = [models.UniqueConstraint(fields=["owner", "key"], name="contacts_search_once")]

    def __str__(self) -> str:
        return str(self.pk)


class OwnCard(models.Model):
    """The contact that is the person themselves."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+")
    contact = models.ForeignKey(Contact, models.CASCADE, related_name="+")

    class Meta:
        verbose_name = _("own card")
        verbose_name_plural = _("own cards")

    def __str__(self) -> str:
        return str(self.pk)

    @classmethod
    def of(cls, user_id: int) -> Contact | None:
        """None where there is none, or where it is deleted."""
        found = cls.objects.filter(user_id=user_id, contact__deleted=None).select_related("contact").first()
        return found.contact if found is not None else None


class Sorting(models.Model):
    """By which language's rules the names of somebody's contacts are sorted (``collating``). Who has none has those of
    the Latin alphabet."""

    owner = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+")
    language = models.CharField(max_length=8, blank=True)
    stale = models.BooleanField(default=False)  # some names still stand where other rules have put them

    class Meta:
        verbose_name = _("order of names")
        verbose_name_plural = _("orders of names")

    def __str__(self) -> str:
        return self.language
