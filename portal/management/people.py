"""How commands name a person: by login, and where several accounts have it by the account's server too."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError

from portal.accounts import canonical_login

if TYPE_CHECKING:
    from apps.auth.models import User


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("login")
    parser.add_argument("--server", help="the account's server, where several accounts have this login")
    parser.add_argument("--local", action="store_true", help="the portal's own account of this login")


def find(login: str, *, server: str | None, local: bool) -> User:
    """Raises ``CommandError`` for nobody and for several."""
    try:
        canonical = canonical_login(login)
    except ValueError as error:
        raise CommandError(f"{login!r}: {error}") from None
    found = [user for user in get_user_model().objects.filter(login=canonical) if user.login == canonical]
    if local or server is not None:
        found = [user for user in found if user.server == ("" if local else server)]
    if not found:
        raise CommandError(f"Nobody has signed in as {canonical} yet. An account is made at the first sign-in.")
    if len(found) > 1:
        names = ", ".join(user.server or "local" for user in found)
        raise CommandError(f"{canonical} is several accounts ({names}): say which by --server NAME or --local.")
    return found[0]
