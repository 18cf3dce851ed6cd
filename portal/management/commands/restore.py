from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal import backup
from portal.patience import patient


class Command(BaseCommand):
    help = "Puts a backup into this site, which has to be empty. The database may be another one than it came from."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="what `manage.py backup` has written")
        parser.add_argument("--force", action="store_true", help="delete what is in this site and put the backup there")

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", verbosity=0, interactive=False)
        try:
            with patient():
                summary = backup.read(options["file"], force=options["force"])
        except backup.BackupError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Restored {summary.rows} rows and {summary.files} uploaded files. Everybody signs in anew.")
        self.stdout.write(
            f"The settings of the old site are in {Path(settings.DATA_DIR) / backup.RESTORED_SETTINGS}: "
            "take over what holds here too. Its keys and passwords were not in the backup; enter them again."
        )
