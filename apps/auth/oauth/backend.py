"""Django's way to the accounts of the provider. Nobody signs in with a password through it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from portal.account_backend import AccountBackend


class OidcBackend(AccountBackend):
    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> None:
        return None
