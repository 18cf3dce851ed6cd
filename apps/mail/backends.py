"""Signing in with the mail server's word: whoever the IMAP server lets in has an account here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from apps.mail.mailbox.errors import BadArgument, MailError, SignInRefused, TlsFailed
from apps.mail.services.stores import account, check_password
from portal import mail_servers
from portal.account_backend import AccountBackend
from portal.accounts import SignInUnavailable, WhichServer, account_server, canonical_login, external_user
from portal.mail_servers import FIELD, Backend

if TYPE_CHECKING:
    from apps.auth.models import User

SOURCE = "imap"


class ImapBackend(AccountBackend):
    """The canonical login is what the server is asked with, so two spellings of it can never be two mailboxes."""

    @sensitive_variables("password")
    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        """The account behind a login that the server has accepted; None when it refuses.

        Raises ``SignInUnavailable`` when the server cannot be asked, and ``WhichServer`` where nobody has said which of
        several it is.
        """
        if not username or not password:
            return None
        try:
            login = canonical_login(username)
        except ValueError:
            return None
        backend = _backend(request, login)
        if backend is None:
            return None
        server, email = account_server(SOURCE, backend), backend.address_of(login)
        known = get_user_model().objects.identified(source=SOURCE, server=server, login=login)
        target = account(
            backend,
            login=backend.login_of(login, known.email if known and known.email else email),
            password=password,
            client_address=getattr(request, "client_address", ""),
        )
        try:
            check_password(target)
        except (SignInRefused, BadArgument):
            return None
        except MailError as error:
            detail = f"{target.server.host}: {error.__class__.__name__}"
            raise SignInUnavailable(detail, unsafe=isinstance(error, TlsFailed)) from error
        user = external_user(source=SOURCE, server=server, login=login, email=email)
        if not self.user_can_authenticate(user):
            raise PermissionDenied  # nor may a backend behind this one let them in
        return user


def _backend(request: HttpRequest | None, login: str) -> Backend | None:
    """The mail server that a login belongs to: that of whoever is signed in and enters the password again; that of its
    domain; the one that was chosen, now or on this device before. None where there is none."""
    user: Any = getattr(request, "user", None)
    if user is not None and user.is_authenticated and user.source == SOURCE and user.login == login:
        try:
            return mail_servers.of_user(user)
        except mail_servers.NoBackend:
            return None
    if not mail_servers.fitting(login):
        return None
    name = ""
    if request is not None:
        name = request.POST.get(FIELD) or request.COOKIES.get(settings.BACKEND_COOKIE_NAME, "")
    found = mail_servers.chosen(login, name)
    if found is None:
        raise WhichServer
    return found
