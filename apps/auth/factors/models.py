"""What people prove themselves with before any server is asked, and what a site demands of them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_otp.models import Device

from apps.auth.factors import policy, ways
from portal import sealing

if TYPE_CHECKING:
    from apps.auth.models import User

PURPOSE = "one-time code"


class CodeDevice(Device):  # type: ignore[misc]
    """Something that shows one-time codes: an app (TOTP, RFC 6238) or a card (HOTP, RFC 4226).

    A card that an administrator has read in has nobody yet.
    """

    user: models.ForeignKey[User | None, User | None] = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("person")
    )
    name = models.CharField(_("name"), max_length=64, blank=True)
    kind = models.CharField(
        _("kind"), max_length=8, choices=[(ways.TOTP, _("authenticator app")), (ways.HOTP, _("card"))]
    )
    serial = models.CharField(_("serial number"), max_length=64, blank=True, db_index=True)
    sealed = models.BinaryField(editable=False)
    algorithm = models.CharField(max_length=8, default="sha1", editable=False)
    digits = models.PositiveSmallIntegerField(default=6, editable=False)
    period = models.PositiveSmallIntegerField(default=30, editable=False)  # seconds; TOTP only
    counter = models.BigIntegerField(default=0, editable=False)  # the first step or count that is still good
    created = models.DateTimeField(_("since"), default=timezone.now, editable=False)
    used = models.DateTimeField(_("last used"), null=True, editable=False)

    class Meta:
        verbose_name = _("code device")
        verbose_name_plural = _("code devices")

    def __str__(self) -> str:
        return self.name or self.serial or str(self.get_kind_display())

    def put_key(self, key: bytes) -> None:
        """Before the first ``save``: a box is bound to what it is for, not to a row that has no number yet."""
        self.sealed = sealing.seal(key, purpose=PURPOSE, bound=self._bound())

    def key(self) -> bytes:
        """Raises ``portal.sealing.Broken``."""
        return sealing.unseal(bytes(self.sealed), purpose=PURPOSE, bound=self._bound())

    def _bound(self) -> str:
        # a card's key comes before its owner; whoever it is given to, it stays that card's
        return f"{self.kind} {self.serial}" if self.kind == ways.HOTP else f"{self.kind} of {self.user_id}"


class Passkey(Device):  # type: ignore[misc]
    """A passkey or security key (WebAuthn). The key itself never leaves its device."""

    user: models.ForeignKey[User, User] = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("person")
    )
    name = models.CharField(_("name"), max_length=64, blank=True)
    credential = models.TextField(editable=False)  # its id, base64url
    digest = models.CharField(max_length=64, unique=True, editable=False)  # of the id, which may be long
    public_key = models.BinaryField(editable=False)  # COSE
    sign_count = models.PositiveBigIntegerField(default=0, editable=False)
    sealed = models.BinaryField(default=b"", editable=False)  # the mail password, where it opens the mailbox alone
    created = models.DateTimeField(_("since"), default=timezone.now, editable=False)
    used = models.DateTimeField(_("last used"), null=True, editable=False)

    class Meta:
        verbose_name = _("passkey")
        verbose_name_plural = _("passkeys")

    def __str__(self) -> str:
        return self.name or str(_("Passkey"))

    @staticmethod
    def digest_of(credential: str) -> str:
        return hashlib.sha256(credential.encode()).hexdigest()


class RecoveryCode(models.Model):
    """One of a sheet that is printed: good once. Only a keyed digest is kept."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    digest = models.CharField(max_length=64)
    created = models.DateTimeField(default=timezone.now)
    used = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "digest"], name="portal_auth_recovery_code")]


class Invitation(models.Model):
    """A code, good once, with which somebody comes in who has nothing yet, and enrols. Only a keyed digest is kept."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, verbose_name=_("person"))
    digest = models.CharField(max_length=64, editable=False)
    created = models.DateTimeField(_("made"), default=timezone.now, editable=False)
    expires = models.DateTimeField(_("good until"))
    used = models.DateTimeField(_("used"), null=True, editable=False)

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")

    def __str__(self) -> str:
        return str(self.user)


class RememberedBrowser(models.Model):
    """A browser that need not prove anything for a while. The cookie's content is kept as a keyed digest only."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    digest = models.CharField(max_length=64, unique=True)
    label = models.CharField(max_length=120, blank=True)
    created = models.DateTimeField(default=timezone.now)
    expires = models.DateTimeField()


class AppPassword(models.Model):
    """A password for one program that cannot be asked for codes. Made here at random; only a keyed digest is kept."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, verbose_name=_("person"))
    name = models.CharField(_("program"), max_length=64)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created = models.DateTimeField(_("since"), default=timezone.now, editable=False)
    used = models.DateTimeField(_("last used"), null=True, editable=False)

    class Meta:
        verbose_name = _("app password")
        verbose_name_plural = _("app passwords")

    def __str__(self) -> str:
        return self.name


class Rule(models.Model):
    """What the site asks for, of whom and from where. Of all that fit, the one with the lowest number counts."""

    order = models.PositiveSmallIntegerField(_("order"), default=100)
    title = models.CharField(_("title"), max_length=100)
    enabled = models.BooleanField(_("in force"), default=True)
    group = models.ForeignKey(
        Group, models.CASCADE, null=True, blank=True, verbose_name=_("group"), help_text=_("Left out: everybody.")
    )
    networks = models.TextField(
        _("networks"),
        blank=True,
        help_text=_("Addresses or networks from which it counts, separated by blanks. Left out: from everywhere."),
    )
    scope = models.CharField(
        _("for"),
        max_length=8,
        default=policy.SIGN_IN,
        choices=[(policy.SIGN_IN, _("signing in")), (policy.ADMIN, _("the administration pages"))],
    )
    needs = models.CharField(
        _("needs"),
        max_length=200,
        blank=True,
        help_text=_(
            "Ways joined by + are needed together, those separated by a comma are alternatives: "
            "“code, passkey, certificate+password”. The ways are code, passkey, certificate, password (of the portal) "
            "and recovery. Left out: nothing is asked."
        ),
    )
    remember_days = models.PositiveSmallIntegerField(
        _("remember a browser for"), default=0, help_text=_("Days; 0: never. People choose it for their own computer.")
    )
    enrol_by = models.DateTimeField(
        _("enrolled by"),
        null=True,
        blank=True,
        help_text=_("Until then, whoever has nothing of these comes in with the mail password and is asked to enrol."),
    )

    class Meta:
        verbose_name = _("rule of the first level")
        verbose_name_plural = _("rules of the first level")
        ordering = ["order", "pk"]

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        super().clean()
        wrong: dict[str, str] = {}
        for name, read in (("needs", policy.parse_needs), ("networks", policy.parse_networks)):
            try:
                read(getattr(self, name))
            except ValueError as error:
                wrong[name] = str(error)
        if wrong:
            raise ValidationError(wrong)
