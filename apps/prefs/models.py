from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.utils.translation import gettext_lazy as _


class Preference(models.Model):
    """One value of one person: two tabs that change different things never undo each other's change."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=100)
    value = models.JSONField()

    class Meta:
        verbose_name = _("preference")
        verbose_name_plural = _("preferences")
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="portal_prefs_one_value")]

    def __str__(self) -> str:
        return self.key


class Scope(models.TextChoices):
    EVERYBODY = "everybody", _("everybody")
    DOMAIN = "domain", _("everybody with an address in a domain")
    GROUP = "group", _("members of a group")


class PreferenceDefault(models.Model):
    """What the site sets for a preference. The nearest wins: group before domain before everybody."""

    key = models.CharField(_("preference"), max_length=100)
    scope = models.CharField(_("for"), max_length=10, choices=Scope, default=Scope.EVERYBODY)
    group = models.ForeignKey(Group, verbose_name=_("group"), null=True, blank=True, on_delete=models.CASCADE)
    domain = models.CharField(_("domain"), max_length=190, blank=True)
    value = models.JSONField(_("value"))
    locked = models.BooleanField(_("locked"), default=False, help_text=_("People see the value but cannot change it."))
    reason = models.CharField(_("reason"), max_length=200, blank=True, help_text=_("Shown beside a locked preference."))
    # Names key and scope in one unique column: a unique constraint takes two NULL groups for different ones.
    target = models.CharField(max_length=310, unique=True, editable=False)

    class Meta:
        verbose_name = _("site default")
        verbose_name_plural = _("site defaults")
        ordering = ["key", "scope"]

    def __str__(self) -> str:
        return f"{self.key}: {self.get_scope_display()}"

    def save(self, *args: object, **kwargs: object) -> None:
        self.target = self.make_target()
        super().save(*args, **kwargs)  # type: ignore[arg-type]

    def make_target(self) -> str:
        whom = {Scope.GROUP: str(self.group_id), Scope.DOMAIN: self.domain.lower()}.get(Scope(self.scope), "")
        return f"{self.key}|{self.scope}|{whom}"
