from __future__ import annotations

import hashlib

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.ldap import names


class DirectoryGroup(models.Model):
    """A group of the directory, and the portal's group whose members are its members."""

    group = models.OneToOneField(Group, models.CASCADE, verbose_name=_("group of the portal"), related_name="+")
    dn = models.CharField(
        _("name in the directory"),
        max_length=500,
        help_text=_("The distinguished name of the group: cn=editors,ou=groups,dc=example,dc=org"),
    )
    key = models.CharField(max_length=64, unique=True, editable=False)  # names of 500 letters are too long for an index

    class Meta:
        verbose_name = _("group from the directory")
        verbose_name_plural = _("groups from the directory")
        ordering = ["dn"]

    def __str__(self) -> str:
        return self.dn

    @staticmethod
    def key_of(dn: str) -> str:
        """However it is written it is one name. Raises ``ValueError`` for what is none."""
        if not (text := names.folded(dn)):
            raise ValueError(dn)
        return hashlib.sha256(text.encode()).hexdigest()

    def clean(self) -> None:
        super().clean()
        try:
            self.key = self.key_of(self.dn)
        except ValueError:
            raise ValidationError({"dn": _("This is no distinguished name.")}) from None
        if DirectoryGroup.objects.filter(key=self.key).exclude(pk=self.pk).exists():
            raise ValidationError({"dn": _("This group feeds another group of the portal already.")})
