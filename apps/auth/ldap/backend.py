"""Signing in with the directory's word."""

from __future__ import annotations

import threading
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from apps.auth.ldap import groups
from apps.auth.ldap.directory import Directory, Entry
from apps.auth.models import User
from portal.account_backend import AccountBackend
from portal.accounts import SignInUnavailable, account_server, canonical_login, external_user
from portal.ldap.connection import Unavailable
from portal.net import READ_TIMEOUT, parse_server_url

log = structlog.get_logger(__name__)
SOURCE = "ldap"
WHOLE = 600.0  # seconds for a look at everybody
PATIENCE = 1.0  # seconds to wait for one of the slots
_slots = threading.BoundedSemaphore(max(1, settings.WEB_THREADS // 4))


def site_directory(*, read_timeout: float = READ_TIMEOUT, patience: float = READ_TIMEOUT) -> Directory:
    """The site's directory, as its settings say; see ``Directory`` for the times."""
    return Directory(
        server=parse_server_url(settings.LDAP_URL, services=settings.LDAP_SERVICES),
        base=settings.LDAP_BASE,
        bind_dn=settings.LDAP_BIND_DN,
        bind_password=settings.LDAP_BIND_PASSWORD,
        user_filter=settings.LDAP_USER_FILTER,
        disabled_filter=settings.LDAP_DISABLED_FILTER,
        login_attribute=settings.LDAP_LOGIN_ATTRIBUTE,
        mail_attribute=settings.LDAP_MAIL_ATTRIBUTE,
        name_attribute=settings.LDAP_NAME_ATTRIBUTE,
        ca_file=settings.LDAP_TLS_CA_FILE or None,
        allow_plain=settings.ALLOW_PLAINTEXT,
        read_timeout=read_timeout,
        patience=patience,
    )


class LdapBackend(AccountBackend):
    """Looks for the person, then signs in to the directory as them. The account has the login of the entry that was
    found, however the person wrote it."""

    @sensitive_variables("password")
    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        """None for somebody the directory does not know: another backend may. Raises ``PermissionDenied`` for somebody
        it knows or knew and does not let in, so that none behind it does, and ``SignInUnavailable``."""
        if not username or not password or not settings.LDAP_URL:
            return None
        try:
            login = canonical_login(username)
        except ValueError:
            return None
        entry, right, found = self._ask(login, password)
        server = account_server(SOURCE)
        if entry is None:
            if User.objects.identified(source=SOURCE, server=server, login=login) is not None:
                raise PermissionDenied
            return None
        if not right:
            raise PermissionDenied
        user = external_user(source=SOURCE, server=server, login=entry.login, email=entry.email, name=entry.name)
        if not self.user_can_authenticate(user):
            raise PermissionDenied
        if found is not None:
            groups.apply(user, found)
        return user

    @sensitive_variables("password")
    def _ask(self, login: str, password: str) -> tuple[Entry | None, bool, list[groups.Found] | None]:
        """Who it is, whether that is the password, and the groups, where they are known. A directory that hangs holds a
        quarter of the request threads and no more."""
        if not _slots.acquire(timeout=PATIENCE):
            raise SignInUnavailable("too many at once")
        try:
            with site_directory().open() as session:
                entry = session.find(login)
                right = session.check(entry, password)
                return entry, right, groups.at_sign_in(session, entry) if entry and right else None
        except Unavailable as error:
            log.warning("directory_unavailable", reason=str(error))
            raise SignInUnavailable(str(error), unsafe=error.unsafe) from error
        finally:
            _slots.release()
