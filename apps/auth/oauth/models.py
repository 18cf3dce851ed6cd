from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class TokenGrant(models.Model):
    """The tokens of one sign-in (``apps.auth.oauth.grants``), sealed under a key that lies in no table.

    The session and what goes on without it hold the same key: a refresh token that is good once must lie in one place.
    """

    id = models.CharField(max_length=32, primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    sealed = models.BinaryField()
    version = models.PositiveIntegerField(default=0)  # counts what was sealed into it
    lease_until = models.DateTimeField(null=True)  # somebody is at the provider
    renewed = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["renewed"], name="token_grant_renewed")]


class ProviderIdentity(models.Model):
    """Which person of the provider an account belongs to. Logins may be given to somebody else there, subjects may not
    (OpenID Connect Core, section 2)."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", verbose_name=_("person")
    )
    subject = models.CharField(_("subject, hashed"), max_length=64, unique=True, editable=False)
    since = models.DateTimeField(_("since"), auto_now_add=True)

    class Meta:
        verbose_name = _("identity at the provider")
        verbose_name_plural = _("identities at the provider")

    def __str__(self) -> str:
        return str(self.user)
