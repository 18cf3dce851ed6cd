"""A site whose people sign in with a provider on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from apps.auth.models import User
from apps.auth.oauth import provider as asked
from apps.auth.oauth.role import SignInElsewhere
from portal.registry import PortalApp, Registry, get_registry
from portal.testing import override_registry
from tests.support.provider import Provider, running_provider

BACKEND = "apps.auth.oauth.backend.OidcBackend"
START = "/auth/oauth/start/"


@pytest.fixture
def hall(settings, db: None) -> Iterator[Provider]:
    """The provider, which the site knows."""
    with running_provider() as provider, known(settings, provider):
        yield provider


def known(settings, provider: Provider, *, also: tuple[str, ...] = ()):
    """The site knows it, and signs people in in no other way but ``also``."""
    asked.forget()
    settings.SIGN_IN = [*also, "oidc"]
    settings.AUTHENTICATION_BACKENDS = ["apps.auth.backends.LocalBackend", BACKEND]
    for name, value in provider.settings.items():
        setattr(settings, name, value)
    settings.ALLOWED_HOSTS = ["testserver", "localhost"]
    return override_registry(*with_provider())


def with_provider() -> list[PortalApp]:
    from dataclasses import replace

    registry: Registry = get_registry()
    return [replace(app, provider=SignInElsewhere()) if app.id == "auth" else app for app in registry.apps]


def way(client: Client, provider: Provider, login: str = "alice", **query: str) -> str:
    """Off to the provider as ``login``; the address that the browser is sent back to, without its host."""
    answer = client.get(START, query)
    assert answer.status_code == 302, answer.content
    there = answer["Location"]
    assert there.startswith(f"{provider.issuer}/authorize?"), there
    return local(provider.visit(there, login))


def local(address: str) -> str:
    parts = urlsplit(address)
    assert parts.netloc == "testserver", address
    return f"{parts.path}?{parts.query}"


def asked_for(client: Client) -> dict[str, str]:
    """What the provider is asked when somebody is sent there."""
    there = client.get(START)["Location"]
    return {name: values[0] for name, values in parse_qs(urlsplit(there).query).items()}


def come_in(provider: Provider, login: str = "alice", **query: str) -> Client:
    """In, or not: see ``user_of``."""
    client = Client()
    client.answer = client.get(way(client, provider, login, **query))
    return client


def user_of(client: Client) -> User | None:
    found = client.session.get("_auth_user_id")
    return User.objects.get(pk=found) if found else None


def said(client: Client) -> str:
    """The sign-in page that somebody stands on who was not let in."""
    return client.get("/sign-in/").content.decode()
