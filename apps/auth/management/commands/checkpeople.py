from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.auth.ldap import people
from portal.ldap.connection import Unavailable


class Command(BaseCommand):
    help = "Ask the directory about everybody whose account is there; who is gone or disabled is locked out."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.LDAP_URL:
            raise CommandError("LDAP_URL is not set: there is no directory.")
        try:
            changes = people.check()
        except Unavailable as error:
            raise CommandError(f"The directory cannot be asked: {error}") from None
        for login in changes.gone:
            self.stdout.write(f"{login}: locked out")
        for login in changes.back:
            self.stdout.write(f"{login}: back")
        self.stdout.write(f"{changes.asked} accounts, {len(changes.gone)} locked out, {len(changes.back)} back.")
