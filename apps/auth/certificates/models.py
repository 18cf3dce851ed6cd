from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class IssuedCertificate(models.Model):
    """What the authority has signed. A row outlives its person: the serial number stays in the revocation list."""

    class Kind(models.TextChoices):
        SERVER = "server", _("server")
        CLIENT = "client", _("person")

    serial = models.CharField(_("serial number"), max_length=40, unique=True, help_text=_("In hexadecimal."))
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    subject = models.CharField(_("names in it"), max_length=1000)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("person"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="certificates",
    )
    device = models.CharField(_("device"), max_length=60, blank=True)
    issued = models.DateTimeField(_("issued"), default=timezone.now)
    expires = models.DateTimeField(_("valid until"))
    revoked = models.DateTimeField(_("revoked"), null=True, blank=True)

    class Meta:
        verbose_name = _("certificate")
        verbose_name_plural = _("certificates")
        ordering = ["-issued", "-pk"]

    def __str__(self) -> str:
        return f"{self.subject} ({self.serial})"

    @property
    def holds(self) -> bool:
        return self.revoked is None and self.expires > timezone.now()
