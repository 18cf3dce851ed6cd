from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from portal import backup
from portal.patience import patient


class Command(BaseCommand):
    help = "Writes database, uploads and site settings into one file. Keys and passwords are not in it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="where to write; an existing file is replaced")

    def handle(self, *args: Any, **options: Any) -> None:
        target: Path = options["file"]
        try:
            with patient():
                summary = backup.write(target)
        except OSError as error:
            raise CommandError(f"{target} cannot be written: {error}") from error
        except (backup.BackupError, DatabaseError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{target}: {summary.rows} rows, {summary.files} uploaded files and the site's settings.")
        self.stdout.write(
            "Not in it: SECRET_KEY (or the file secret_key in DATA_DIR), passwords in settings, and sessions. "
            "Keep the key apart from the backup: who has both can open more than who has one."
        )
