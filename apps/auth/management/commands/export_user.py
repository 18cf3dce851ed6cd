from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError

from portal import your_data
from portal.management import people
from portal.patience import patient
from portal.security_events import tell


class Command(BaseCommand):
    help = (
        "Writes all that the portal keeps of a person into one ZIP file. What is sealed for its owner alone (messages "
        "waiting to be sent) is not in it, nor are passwords and keys. The person is told."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        people.add_arguments(parser)
        parser.add_argument("--out", required=True, help="the file, which must not be there yet; - is standard output")

    def handle(self, *args: Any, login: str, server: str | None, local: bool, out: str, **options: Any) -> None:
        user = people.find(login, server=server, local=local)
        tell(None, kind="data_exported", user=user, by="administrator")
        pieces = your_data.archive(user, present=False)
        try:
            with patient(), _opened(out) as file:
                for piece in pieces:
                    file.write(piece)
                file.flush()
        except OSError as error:
            raise CommandError(f"{out} cannot be written: {error}") from error
        self.stderr.write(f"{user}: exported to {out}.")


def _opened(out: str) -> BinaryIO:
    """Readable by its owner only."""
    if out == "-":
        return os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    return os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
