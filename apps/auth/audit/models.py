"""What the audit log keeps."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.auth.audit.kinds import label
from portal import browsers


class Outcome(models.TextChoices):
    DONE = "done", _("done")
    REFUSED = "refused", _("refused")


class AuditEvent(models.Model):
    """One event; or, where strangers come by the thousand, how many of one kind came in a minute (``record``)."""

    time = models.DateTimeField(_("time"), db_index=True)
    kind = models.CharField(_("what"), max_length=40, db_index=True)
    outcome = models.CharField(_("outcome"), max_length=8, choices=Outcome)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("person"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    login = models.CharField(_("login"), max_length=190, blank=True)  # see record
    address = models.CharField(_("address"), max_length=45, blank=True)
    country = models.CharField(_("country"), max_length=2, blank=True)
    browser = models.CharField(_("browser"), max_length=browsers.MAX_SUMMARY, blank=True)
    way = models.CharField(_("way"), max_length=40, blank=True)
    session = models.CharField(_("session"), max_length=16, blank=True, db_index=True)
    facts = models.JSONField(_("more"), default=dict)
    count = models.PositiveIntegerField(_("times"), default=1)
    bucket = models.CharField(max_length=110, null=True, unique=True)  # noqa: DJ001 - rows of their own have none

    class Meta:
        verbose_name = _("audit event")
        verbose_name_plural = _("audit events")
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["user", "time"], name="portal_auth_audit_of_user"),
            models.Index(fields=["login", "time"], name="portal_auth_audit_of_login"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.time:%Y-%m-%d %H:%M:%S}"

    @property
    def label(self) -> str:
        return label(self.kind)

    @property
    def browser_label(self) -> str:
        return browsers.label(self.browser) if self.browser.strip("/") else ""
