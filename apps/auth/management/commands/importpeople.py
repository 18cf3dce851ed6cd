from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from apps.auth import importing
from apps.auth.importing import Importer, Person
from portal import mail_servers
from portal.accounts import account_server


class Command(BaseCommand):
    help = "Make accounts, without passwords, for people from a CSV file or from the directory."

    def add_arguments(self, parser: ArgumentParser) -> None:
        kinds = parser.add_subparsers(dest="kind", required=True)
        from_csv = kinds.add_parser("csv", help="columns: login, email, name, groups (with | between them)")
        from_csv.add_argument("file", type=Path)
        sources = ["imap", "ldap", "oidc"]
        from_csv.add_argument("--source", choices=sources, help="where they sign in; the first of SIGN_IN")
        for kind in (from_csv, kinds.add_parser("ldap", help="everybody whom the directory would let in")):
            kind.add_argument("--group", action="append", default=[], help="put all of them into this group as well")
            kind.add_argument("--backend", default="", help="of several mail servers, theirs; the first one else")
            kind.add_argument("--dry-run", action="store_true", help="only say what would be done")

    def handle(self, *args: Any, kind: str, group: list[str], backend: str, dry_run: bool, **options: Any) -> None:
        source = "ldap" if kind == "ldap" else options["source"] or settings.SIGN_IN[0]
        found = {each.name: each for each in mail_servers.backends()}
        if not (found if source == "imap" else getattr(settings, f"{source.upper()}_URL")):
            raise CommandError(f"{source.upper()}_URL is not set: on which server are their accounts?")
        if backend and backend not in found:
            raise CommandError(f"There is no backend {backend}; there are {', '.join(filter(None, found)) or 'none'}.")
        people = self._directory() if kind == "ldap" else self._file(options["file"])
        importer = Importer(source, account_server(source, found.get(backend)), tuple(group))
        counts: Counter[str] = Counter()
        with transaction.atomic():
            for person in people:
                try:
                    said = str(importer.take(person))
                except ValueError as error:
                    said = f"wrong: {error}"
                counts[said.partition(":")[0]] += 1
                login = person.login if person.login.isprintable() else ascii(person.login)
                self.stdout.write(f"{person.where}: {login}: {said}")
            transaction.set_rollback(dry_run)
        total = ", ".join(f"{counts[name]} {name}" for name in (*importing.Outcome, "wrong"))
        self.stdout.write(f"{total}." + (" Nothing was changed." if dry_run else ""))
        if counts["wrong"]:
            raise CommandError("Some could not be taken.")

    def _file(self, path: Path) -> list[Person]:
        try:
            return list(importing.read_csv(path.read_text(encoding="utf-8-sig")))
        except (OSError, ValueError) as error:
            raise CommandError(f"{path}: {error}") from None

    def _directory(self) -> list[Person]:
        from apps.auth.ldap.backend import WHOLE, site_directory
        from portal.ldap.connection import Unavailable

        try:
            with site_directory(patience=WHOLE).open() as session:
                return [Person("directory", entry.login, entry.email, entry.name) for entry in session.everybody()]
        except Unavailable as error:
            raise CommandError(f"The directory cannot be asked: {error}") from None
