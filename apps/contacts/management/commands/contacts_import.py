from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from apps.contacts import tasks
from apps.contacts.models import Book, Row, Undertaking
from apps.contacts.services import access, books, importing, keeping
from portal.management import people


class Command(BaseCommand):
    help = "Import a vCard, CSV or LDIF file into somebody's address book. Under Imports they can undo the whole of it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        people.add_arguments(parser)
        parser.add_argument("file", type=Path)
        parser.add_argument("--book", help="its name; made where it is not there. Left out: where new contacts go")
        parser.add_argument(
            "--existing",
            choices=importing.EXISTING,
            default="update",
            help="what becomes of cards that the book has already",
        )
        parser.add_argument("--dry-run", action="store_true", help="only say what would be done")

    def handle(self, *args: Any, file: Path, dry_run: bool, **options: Any) -> None:
        user = people.find(options["login"], server=options["server"], local=options["local"])
        name = options["book"]
        found = access.books(user.pk).filter(key=Book.key_of(name), owner=user).first() if name else None
        made = bool(name) and found is None
        whole = None
        try:
            book = found or (books.make(user.pk, name) if made else keeping.default_book(user.pk, _("Personal")))
            with file.open("rb") as octets:
                whole = importing.begin(
                    user.pk,
                    octets,
                    name=file.name,
                    size=file.stat().st_size,
                    book=book,
                    existing=options["existing"],
                )
            tasks.do_import(whole.pk, "look")
            if not dry_run:
                Undertaking.objects.filter(pk=whole.pk, state=Undertaking.State.READ).update(
                    state=Undertaking.State.RUNNING
                )
                tasks.do_import(whole.pk, "take")
            self._report(whole, dry_run=dry_run)
        except (keeping.NotKept, OSError) as error:
            raise CommandError(f"{file}: {error}") from None
        finally:
            if dry_run and whole is not None:
                importing.discard(whole)
                whole.delete()
            if made and (dry_run or whole is None):
                Book.objects.filter(owner=user, key=Book.key_of(name)).delete()

    def _report(self, whole: Undertaking, *, dry_run: bool) -> None:
        whole.refresh_from_db()
        counts: Counter[str] = Counter()
        for row in whole.rows.order_by("number", "pk").iterator():
            counts[row.state] += 1
            remark = f" ({row.remark})" if row.remark else ""
            line = f"{row.number}: {row.name or '–'}: {row.get_state_display()}{remark}"
            self.stdout.write("".join(sign if sign.isprintable() else " " for sign in line))
        total = ", ".join(f"{counts[state]} {label}" for state, label in Row.State.choices if counts[state])
        self.stdout.write(f"{total or 'nothing'}." + (" Nothing was changed." if dry_run else ""))
        if whole.state == Undertaking.State.FAILED:
            raise CommandError("The import broke off; the log has the reason. What was imported can be undone.")
        if counts[Row.State.BAD]:
            raise CommandError("Some could not be taken.")
