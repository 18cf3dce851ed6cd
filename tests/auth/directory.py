"""A site whose people are in a directory (``slapd``), and in part on a mail server too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from apps.auth.ldap import backend
from apps.auth.ldap.directory import Directory
from apps.auth.models import User
from scripts.servers import slapd as ldap
from scripts.servers.slapd import Slapd

DISABLED = "(userAccountControl:1.2.840.113556.1.4.803:=2)"
LDAP_BACKEND = "apps.auth.ldap.backend.LdapBackend"
IMAP_BACKEND = "apps.mail.backends.ImapBackend"


def use(settings: Any, server: Slapd, *, url: str = "", order: tuple[str, ...] = (LDAP_BACKEND,)) -> None:
    settings.LDAP_URL, settings.LDAP_TLS_CA_FILE = url or server.tls_url, str(server.ca_file)
    settings.LDAP_BASE = ldap.BASE
    settings.LDAP_BIND_DN, settings.LDAP_BIND_PASSWORD = ldap.ADMIN, ldap.ADMIN_PASSWORD
    settings.LDAP_DISABLED_FILTER = DISABLED
    settings.AUTHENTICATION_BACKENDS = ["apps.auth.backends.LocalBackend", *order]


@pytest.fixture
def site(settings: Any, slapd: Slapd, db: None) -> Slapd:
    """Everybody signs in with the directory's word."""
    use(settings, slapd)
    return slapd


@pytest.fixture
def ask(site: Slapd) -> Callable[..., Directory]:
    """The site's directory, with other values for some of its fields."""
    return lambda **other: replace(backend.site_directory(), **other)


def sign_in(login: str, password: str = ldap.PASSWORD, client: Client | None = None) -> Client:
    """The client; ``signed_in`` tells whether it worked."""
    client = client or Client()
    answer = client.post("/sign-in/", {"username": login, "password": password})
    assert answer.status_code in {302, 400, 403}, answer.status_code
    client.page = answer.content.decode()  # type: ignore[attr-defined]
    return client


def signed_in(client: Client) -> User | None:
    pk = client.session.get("_auth_user_id")
    return User.objects.get(pk=pk) if pk and client.get("/").status_code == 200 else None
