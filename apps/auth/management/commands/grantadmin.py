from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.auth.models import User
from portal.accounts import canonical_login


class Command(BaseCommand):
    help = "Make somebody who has signed in before an administrator, or (--revoke) no longer one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("login")
        parser.add_argument("--server", help="the account's server, where several accounts have this login")
        parser.add_argument("--local", action="store_true", help="the portal's own account of this login")
        parser.add_argument("--revoke", action="store_true")

    def handle(self, *args: Any, login: str, server: str | None, local: bool, revoke: bool, **options: Any) -> None:
        user = self._find(login, "" if local else server)
        User.objects.filter(pk=user.pk).update(is_staff=not revoke, is_superuser=not revoke)
        self.stdout.write(f"{user} is {'no longer' if revoke else 'now'} an administrator.")

    def _find(self, login: str, server: str | None) -> User:
        try:
            canonical = canonical_login(login)
        except ValueError as error:
            raise CommandError(f"{login!r}: {error}") from None
        found = [user for user in User.objects.filter(login=canonical) if user.login == canonical]
        if server is not None:
            found = [user for user in found if user.server == server]
        if not found:
            raise CommandError(f"Nobody has signed in as {canonical} yet. An account is made at the first sign-in.")
        if len(found) > 1:
            names = ", ".join(user.server or "local" for user in found)
            raise CommandError(f"{canonical} is several accounts ({names}): say which by --server NAME or --local.")
        return found[0]
