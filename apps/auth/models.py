from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import IntegrityError, models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.auth.certificates.models import IssuedCertificate as IssuedCertificate
from portal.accounts import MAX_LOGIN, canonical_login

LOCAL = "local"


class UserManager(BaseUserManager["User"]):
    def identified(self, *, source: str, server: str, login: str) -> User | None:
        """The account with exactly this identity.

        The database's collation has no say: where it takes ``résumé`` for ``resume``, nobody is found rather than
        somebody else.
        """
        login = canonical_login(login)
        user = self.filter(source=source, server=server, login=login).first()
        return user if user is not None and user.login == login else None

    def local(self, login: str) -> User | None:
        return self.identified(source=LOCAL, server="", login=login)

    def external(self, *, source: str, server: str, login: str, email: str, name: str) -> User:
        """See ``portal.accounts.external_user``."""
        if source == LOCAL or not source or not server:
            raise ValueError("an external account has a source and a server of its own")
        user = self.identified(source=source, server=server, login=login)
        if user is None:
            user = self._insert(source=source, server=server, login=canonical_login(login))
        fill = {
            field: value for field, value in {"email": email, "display_name": name}.items() if not getattr(user, field)
        }
        changed = {field: value for field, value in fill.items() if value}
        if changed:
            self.filter(pk=user.pk).update(**changed)
            for field, value in changed.items():
                setattr(user, field, value)
        return user

    def _insert(self, **identity: str) -> User:
        user = self.model(**identity)
        user.set_unusable_password()
        try:
            with transaction.atomic(using=self.db):
                user.save(using=self.db)
        except IntegrityError:
            found = self.identified(**identity)  # two first sign-ins at once
            if found is None:
                raise
            return found
        return user

    def create_user(self, login: str, password: str | None = None, **fields: Any) -> User:
        """A local account. Raises ``ValueError`` for an impossible login."""
        user = self.model(source=LOCAL, server="", login=canonical_login(login), **fields)
        user.set_password(password)
        user.save(using=self.db)
        return user

    def create_superuser(self, login: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(login, password, **(fields | {"is_staff": True, "is_superuser": True}))

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(source=LOCAL, server="", login=canonical_login(username or ""))


class User(AbstractBaseUser, PermissionsMixin):
    """A person, identified by where the account lives and the login there. Only local accounts have a password here."""

    source = models.CharField(_("account kind"), max_length=16, default=LOCAL, editable=False)
    server = models.CharField(_("server"), max_length=190, blank=True, default="", editable=False)
    login = models.CharField(_("login"), max_length=MAX_LOGIN)
    email = models.EmailField(_("mail address"), blank=True)
    display_name = models.CharField(_("name"), max_length=190, blank=True)
    is_staff = models.BooleanField(_("administrator"), default=False, help_text=_("May use the administration pages."))
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("Untick this to lock somebody out without deleting anything.")
    )
    gone_since = models.DateTimeField(
        _("gone since"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("Gone from the directory, or disabled there. Who comes back is active again."),
    )
    date_joined = models.DateTimeField(_("first seen"), default=timezone.now, editable=False)

    objects = UserManager()

    USERNAME_FIELD = "login"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = []

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        ordering = ["login"]
        constraints = [models.UniqueConstraint(fields=["source", "server", "login"], name="portal_auth_user_identity")]

    def __str__(self) -> str:
        return self.login if self.source == LOCAL else f"{self.login} ({self.server})"

    @property
    def is_local(self) -> bool:
        return self.source == LOCAL

    def clean(self) -> None:
        super().clean()
        from django.core.exceptions import ValidationError

        try:
            self.login = canonical_login(self.login)
        except ValueError:
            raise ValidationError({"login": _("A login cannot contain spaces or control characters.")}) from None

    def get_full_name(self) -> str:
        return self.display_name or self.email or self.login

    def get_short_name(self) -> str:
        return self.display_name.partition(" ")[0] or self.login


# Django looks for an app's models here.
from apps.auth.audit.models import AuditEvent  # noqa: E402
from apps.auth.factors.models import (  # noqa: E402
    AppPassword,
    CodeDevice,
    Invitation,
    Passkey,
    RecoveryCode,
    RememberedBrowser,
    Rule,
)
from apps.auth.ldap.models import DirectoryGroup  # noqa: E402
from apps.auth.oauth.models import ProviderIdentity, TokenGrant  # noqa: E402

__all__ = [
    "AppPassword",
    "AuditEvent",
    "CodeDevice",
    "DirectoryGroup",
    "Invitation",
    "Passkey",
    "ProviderIdentity",
    "RecoveryCode",
    "RememberedBrowser",
    "Rule",
    "TokenGrant",
    "User",
    "UserManager",
]
