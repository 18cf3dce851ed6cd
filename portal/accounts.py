"""People who sign in with an account kept elsewhere (a mail server, a directory), and how logins are compared.

An app that brings an authentication backend uses these functions; the user model behind them is ``apps.auth``'s.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth import get_user_model

from portal import rules
from portal.net import parse_server_url

if TYPE_CHECKING:
    from apps.auth.models import User

MAX_LOGIN = 190


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


def account_server(source: str) -> str:
    """The name of the site's server in people's accounts, for the source "imap" or "ldap": its host, without the port.
    For "oidc" it is the issuer, as one host may serve several, each with its own alice.

    The demo servers are called by a name of their own: on their address a site may later put a real server, whose alice
    is not the demo's.
    """
    if source == "imap" and settings.DEMO_SERVERS:
        return "demo.invalid"
    if source == "oidc":
        return settings.OIDC_ISSUER
    url = {"imap": settings.IMAP_URL, "ldap": settings.LDAP_URL}[source]
    services = {"imap": settings.IMAP_SERVICES, "ldap": settings.LDAP_SERVICES}[source]
    return parse_server_url(url, services=services).host


def mail_address_of(login: str) -> str:
    """The mail address that belongs to a login, by the site's rule (MAIL_DOMAIN, MAIL_ADDRESS_RULE)."""
    local, at, domain = login.partition("@")
    values = {"login": login, "local": local, "domain": settings.MAIL_DOMAIN or domain}
    if settings.MAIL_ADDRESS_RULE != "login":
        return rules.filled(settings.MAIL_ADDRESS_RULE, values)
    if at:
        return login
    return f"{login}@{values['domain']}" if values["domain"] else ""


def external_user(*, source: str, server: str, login: str, email: str = "", name: str = "") -> User:
    """The portal's account of ``login`` on ``server``, made at the first sign-in.

    Call it only after that server has accepted the password. ``source`` names the kind of account ("imap") and can
    never be "local": such a sign-in neither becomes nor inherits an account of the portal's own. ``email`` and
    ``name`` fill what is empty and never overwrite what an administrator has set.
    """
    return get_user_model().objects.external(source=source, server=server, login=login, email=email, name=name)
