"""People who sign in with an account kept elsewhere (a mail server, a directory), and how logins are compared.

An app that brings an authentication backend uses these functions; the user model behind them is ``apps.auth``'s.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth import get_user_model

from portal import mail_servers
from portal.net import parse_server_url

if TYPE_CHECKING:
    from apps.auth.models import User
    from portal.mail_servers import Backend

MAX_LOGIN = 190


class WhichServer(Exception):
    """A login that may belong to several of the site's mail servers, and nobody has said to which."""


class SignInUnavailable(Exception):
    """An authentication backend could not ask its server: the password is neither right nor wrong. ``unsafe``: for
    want of a safe connection, which does not come back by itself."""

    def __init__(self, message: str = "", *, unsafe: bool = False) -> None:
        super().__init__(message)
        self.unsafe = unsafe


def canonical_login(login: str) -> str:
    """The one spelling of a login: ``Alice``, ``alice`` and ``alice `` are the same person.

    Raises ``ValueError`` for what can be nobody's login: empty, overlong, with control characters or inner blanks.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", login).casefold()).strip()
    if not folded or len(folded) > MAX_LOGIN:
        raise ValueError("empty or overlong login")
    if any(unicodedata.category(char)[0] in "CZ" for char in folded):
        raise ValueError("a login has no blanks or control characters")
    return folded


def account_server(source: str, backend: Backend | None = None) -> str:
    """The name of the site's server in people's accounts, for the source "imap" (any mail server) or "ldap": its host,
    without the port. For "oidc" it is the issuer, as one host may serve several, each with its own alice. Of several
    mail servers ``backend`` says which; it is the first one else.

    The demo servers are called by a name of their own: on their address a site may later put a real server, whose alice
    is not the demo's.
    """
    if source == "imap":
        return backend.account_server if backend else next(iter(mail_servers.backends())).account_server
    if source == "oidc":
        return settings.OIDC_ISSUER
    return parse_server_url(settings.LDAP_URL, services=settings.LDAP_SERVICES).host


def mail_address_of(login: str) -> str:
    """The mail address that belongs to a login, by the rule of the site (MAIL_ADDRESS_RULE) or the backend."""
    found = mail_servers.fitting(login) or (mail_servers.of_settings(),)
    return found[0].address_of(login)


def external_user(*, source: str, server: str, login: str, email: str = "", name: str = "") -> User:
    """The portal's account of ``login`` on ``server``, made at the first sign-in.

    Call it only after that server has accepted the password. ``source`` names the kind of account ("imap") and can
    never be "local": such a sign-in neither becomes nor inherits an account of the portal's own. ``email`` and
    ``name`` fill what is empty and never overwrite what an administrator has set.
    """
    return get_user_model().objects.external(source=source, server=server, login=login, email=email, name=name)
