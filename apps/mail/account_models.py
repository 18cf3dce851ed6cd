"""Somebody's other mail accounts beside the main one, with their passwords sealed (``services.account_keys``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from apps.mail.models import Identity


class OtherAccount(models.Model):
    """An account at any server. Its mailboxes are named with its number: see ``mailbox.names.qualified``."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    position = models.PositiveSmallIntegerField(default=0)
    label = models.CharField(_("label"), max_length=60)
    colour = models.CharField(_("colour"), max_length=10, blank=True)  # of ``folders.COLOURS``
    email = models.CharField(_("mail address"), max_length=254)
    incoming = models.CharField(_("server for reading"), max_length=300)  # as ``net.ServerUrl`` is written
    login = models.CharField(_("user name"), max_length=254)
    outgoing = models.CharField(_("server for sending"), max_length=300, blank=True)  # "": nothing is sent from it
    outgoing_login = models.CharField(_("user name for sending"), max_length=254, blank=True)  # "": the same
    sealed = models.BinaryField(default=b"")  # the password; b"" where it is kept for each session only

    if TYPE_CHECKING:
        identities: models.Manager[Identity]

    class Meta:
        verbose_name = _("further mail account")
        verbose_name_plural = _("further mail accounts")
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["user", "incoming", "login"], name="mail_other_account_once"),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def sending_login(self) -> str:
        return self.outgoing_login or self.login


class AccountKey(models.Model):
    """The key that the passwords of somebody's other accounts are sealed under, itself sealed under the password that
    they sign in with, and the site's key around that."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    salt = models.BinaryField()
    sealed = models.BinaryField()

    class Meta:
        verbose_name = _("key to further mail accounts")
        verbose_name_plural = _("keys to further mail accounts")

    def __str__(self) -> str:
        return str(self.user_id)
