from __future__ import annotations

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.contacts.models import Book, Group
from apps.contacts.services import access, exporting
from portal.management import people


class Command(BaseCommand):
    help = "Write somebody's contacts into a file, or to standard output."

    def add_arguments(self, parser: ArgumentParser) -> None:
        people.add_arguments(parser)
        parser.add_argument("--format", choices=[*exporting.FORMATS], default="vcard4")
        parser.add_argument("--book", help="only this one, by its name")
        parser.add_argument("--output", type=Path, help="a new file, readable by its owner only")
        parser.add_argument("--dry-run", action="store_true", help="only say how many there are")

    def handle(self, *args: Any, format: str, output: Path | None, dry_run: bool, **options: Any) -> None:
        user = people.find(options["login"], server=options["server"], local=options["local"])
        found = access.contacts(user.pk).kept().filter(owner=user)
        groups = list(Group.objects.filter(owner=user))
        if options["book"]:
            book = Book.objects.filter(owner=user, key=Book.key_of(options["book"])).first()
            if book is None:
                names = ", ".join(Book.objects.filter(owner=user).values_list("name", flat=True)) or "none"
                raise CommandError(f"There is no address book {options['book']!r}. There are: {names}.")
            found, groups = found.filter(book=book), []
        count = found.count()
        if dry_run:
            self.stdout.write(f"{count} contacts. Nothing was written.")
            return
        pieces = exporting.pieces(found, format, own_groups=groups)
        if output is None:
            for piece in pieces:
                self.stdout.write(piece, ending="")
            return
        try:
            descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise CommandError(f"{output}: {error.strerror}") from None
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.writelines(pieces)
        self.stderr.write(f"{count} contacts written to {output}.")
