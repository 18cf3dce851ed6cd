from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from portal import your_data
from portal.management import people
from portal.patience import patient


class Command(BaseCommand):
    help = "Removes all that the portal keeps of a person, and the account. Without --yes it tells what would go."

    def add_arguments(self, parser: ArgumentParser) -> None:
        people.add_arguments(parser)
        parser.add_argument(
            "--keep-account", action="store_true", help="login, name, address, password, groups and permissions stay"
        )
        parser.add_argument("--yes", action="store_true", help="do it; nothing brings it back")

    def handle(
        self,
        *args: Any,
        login: str,
        server: str | None,
        local: bool,
        keep_account: bool,
        yes: bool,
        **options: Any,
    ) -> None:
        user = people.find(login, server=server, local=local)
        if not (keep_account or user.is_active or user.is_local or user.gone_since):
            raise CommandError(
                f"{user} is locked out. Without its account it would come in again as somebody new: say --keep-account."
            )
        for count in your_data.counts(user):
            if count.goes(account=not keep_account):
                self.stdout.write(f"{count.holding.id}: {count.n}")
        for text in your_data.stays():
            self.stdout.write(f"Stays: {text}")
        if not yes:
            self.stdout.write("Nothing was removed. Say --yes to do it.")
            return
        name = str(user)
        try:
            with patient():
                your_data.remove(user, account=not keep_account)
        except (your_data.NotRemoved, DatabaseError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{name}: removed{', the account stays' if keep_account else ' with the account'}.")
