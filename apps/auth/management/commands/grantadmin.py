from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from apps.auth.models import User
from portal.management import people


class Command(BaseCommand):
    help = "Make somebody who has signed in before an administrator, or (--revoke) no longer one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        people.add_arguments(parser)
        parser.add_argument("--revoke", action="store_true")

    def handle(self, *args: Any, login: str, server: str | None, local: bool, revoke: bool, **options: Any) -> None:
        user = people.find(login, server=server, local=local)
        User.objects.filter(pk=user.pk).update(is_staff=not revoke, is_superuser=not revoke)
        self.stdout.write(f"{user} is {'no longer' if revoke else 'now'} an administrator.")
