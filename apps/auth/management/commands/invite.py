"""Enrolment codes for many people at once."""

from __future__ import annotations

import csv
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from apps.auth.factors import invitations, proofs
from apps.auth.models import User
from portal.accounts import canonical_login


class Command(BaseCommand):
    help = (
        "Make enrolment codes and write them as CSV (login, name, code): for whoever is named, a group, or everybody."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("login", nargs="*")
        parser.add_argument("--group", help="everybody in this group")
        parser.add_argument("--all", action="store_true", help="everybody who has no proof yet")
        parser.add_argument("--days", type=int, default=invitations.LIFETIME.days, help="how long they are good")
        parser.add_argument("--output", help="file to write to; the terminal otherwise")

    def handle(self, *args: Any, **options: Any) -> None:
        people = self._people(options)
        if not people:
            raise CommandError("That is nobody.")
        with transaction.atomic():
            lifetime = timedelta(days=options["days"])
            rows = [(user.login, user.get_full_name(), invitations.invite(user, lifetime=lifetime)) for user in people]
        if options["output"]:
            with open(options["output"], "x", newline="", encoding="utf-8", opener=_private) as file:
                csv.writer(file).writerows([("login", "name", "code"), *rows])
            self.stderr.write(f"{len(rows)} codes written.")
        else:
            csv.writer(self.stdout).writerows(rows)

    def _people(self, options: dict[str, Any]) -> list[User]:
        found = User.objects.filter(is_active=True).order_by("login")
        if options["group"]:
            return list(found.filter(groups__name=options["group"]))
        if options["all"]:
            return [user for user in found if not proofs.has(user) & {"code"}]
        try:
            wanted = {canonical_login(login) for login in options["login"]}
        except ValueError as error:
            raise CommandError(str(error)) from None
        people = list(found.filter(login__in=wanted))
        if missing := wanted - {user.login for user in people}:
            raise CommandError(f"There is no account {', '.join(sorted(missing))}.")
        return people


def _private(path: str, flags: int) -> int:
    import os

    return os.open(path, flags, 0o600)
