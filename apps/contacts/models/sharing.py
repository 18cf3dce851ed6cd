"""Who may see what of whose contacts, and the site's rules for keeping them."""

from __future__ import annotations

from django.conf import settings
from django.core.cache import cache
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.contacts.lenses import EVERYTHING, Lens
from apps.contacts.models.history import HISTORY_DAYS
from apps.contacts.models.people import TRASH_DAYS, Book, Contact, Group, whole

KEPT_FOR = 30  # seconds that the rules are remembered by other processes


class Share(models.Model):
    """A book, a group or a contact of its owner's, for a person or for a group of the portal."""

    class Level(models.IntegerChoices):
        READ = 1, pgettext_lazy("somebody", "can read")
        EDIT = 2, pgettext_lazy("somebody", "can edit")
        MANAGE = 3, pgettext_lazy("somebody", "can manage")

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, verbose_name=_("owner"), related_name="contact_shares"
    )
    book = models.ForeignKey(Book, whole, null=True, related_name="shares", verbose_name=_("address book"))
    circle = models.ForeignKey(Group, whole, null=True, related_name="shares")
    contact = models.ForeignKey(Contact, whole, null=True, related_name="shares")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, whole, null=True, related_name="+", verbose_name=_("person"))
    group = models.ForeignKey("auth.Group", whole, null=True, related_name="+", verbose_name=_("group"))
    level = models.PositiveSmallIntegerField(_("right"), choices=Level, default=Level.READ)
    fields = models.JSONField(_("fields"), null=True)  # a list of ``lenses.FIELDS``; None: all of them
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("by"))
    at = models.DateTimeField(_("since"), default=timezone.now)

    class Meta:
        verbose_name = _("share")
        verbose_name_plural = _("shares")
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(book__isnull=False, circle__isnull=True, contact__isnull=True)
                | Q(book__isnull=True, circle__isnull=False, contact__isnull=True)
                | Q(book__isnull=True, circle__isnull=True, contact__isnull=False),
                name="contacts_share_of_one",
            ),
            models.CheckConstraint(
                condition=Q(user__isnull=False, group__isnull=True) | Q(user__isnull=True, group__isnull=False),
                name="contacts_share_with_one",
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def lens(self) -> Lens:
        return EVERYTHING if self.fields is None else Lens(fields=frozenset(self.fields))

    @property
    def thing(self) -> Book | Group | Contact:
        found = self.book or self.circle or self.contact
        assert found is not None
        return found

    @property
    def with_whom(self) -> str:
        if self.group is not None:
            return self.group.name
        return str(self.user.get_full_name() or self.user) if self.user else ""


class Hidden(models.Model):
    """A share that somebody does not want to see."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    share = models.ForeignKey(Share, models.CASCADE, related_name="hidden")

    class Meta:
        verbose_name = _("hidden share")
        verbose_name_plural = _("hidden shares")
        constraints = [models.UniqueConstraint(fields=["user", "share"], name="contacts_hidden_once")]

    def __str__(self) -> str:
        return str(self.share_id)


class Rules(models.Model):
    """One row: how long what is gone can come back, and how many contacts there may be."""

    trash_days = models.PositiveIntegerField(
        _("days for which deleted contacts can come back"),
        default=TRASH_DAYS,
        validators=[MinValueValidator(1), MaxValueValidator(3650)],
    )
    history_days = models.PositiveIntegerField(
        _("days for which a change can be undone"),
        default=HISTORY_DAYS,
        validators=[MinValueValidator(1), MaxValueValidator(3650)],
    )
    most_of_book = models.PositiveIntegerField(
        _("most contacts of an address book"),
        null=True,
        blank=True,
        help_text=_("Empty: as many as there are. A single address book can have a limit of its own."),
    )
    most_of_owner = models.PositiveIntegerField(
        _("most contacts of a person, in all their address books"),
        null=True,
        blank=True,
        help_text=_("Empty: as many as there are."),
    )

    class Meta:
        verbose_name = _("rules for contacts")
        verbose_name_plural = _("rules for contacts")

    KEY = "contacts.rules"
    COLUMNS = ("trash_days", "history_days", "most_of_book", "most_of_owner")

    def __str__(self) -> str:
        return str(self._meta.verbose_name)

    def save(self, *args: object, **kwargs: object) -> None:
        self.pk = 1
        super().save(*args, **kwargs)  # type: ignore[arg-type]
        cache.delete(self.KEY)

    @classmethod
    def now(cls) -> Rules:
        """Remembered for a while: every list of deleted contacts asks."""
        kept: dict[str, int | None] | None = cache.get(cls.KEY)
        if kept is None:
            kept = cls.objects.values(*cls.COLUMNS).filter(pk=1).first() or {}
            cache.set(cls.KEY, kept, KEPT_FOR)
        return cls(pk=1, **kept)
