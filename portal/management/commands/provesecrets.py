from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.http import HttpRequest

from portal import canary, credentials, delegations


class Command(BaseCommand):
    help = (
        "Proves that mail passwords lie nowhere in the clear: seals a marked one as a sign-in and a message on its way "
        "out do, looks for it (and for SELFTEST_PASSWORD) in every row and every file of DATA_DIR, and removes it. "
        "The exit code is 1 when it was found."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("also", nargs="*", type=Path, metavar="FILE", help="logs, backups and dumps to look into")

    def handle(self, *args: Any, **options: Any) -> None:
        words = {"the marked password": f"canary-{secrets.token_hex(12)}"}
        if settings.SELFTEST_PASSWORD:
            words["SELFTEST_PASSWORD"] = settings.SELFTEST_PASSWORD
        with _planted(words["the marked password"]):
            count = octets = 0
            found: set[tuple[str, str]] = set()
            for place, content in _places(options["also"]):
                count, octets = count + 1, octets + len(content)
                found |= canary.search({place: content}, words)
        for place, word in sorted(found):
            self.stderr.write(f"FOUND {word} in {place}")
        if found:
            raise CommandError("There are secrets in the clear.", returncode=1)
        self.stdout.write(f"{count} tables and files, {octets} octets: nothing in the clear.")


def _places(also: list[Path]) -> Iterator[tuple[str, bytes]]:
    yield from canary.tables()
    yield from canary.files(settings.DATA_DIR)
    for path in also:
        if not path.exists():
            raise CommandError(f"There is no {path}.")
        yield from canary.files(path) if path.is_dir() else [(str(path), canary.octets_of(path))]


@contextmanager
def _planted(secret: str) -> Iterator[None]:
    """Sealed in a session and in a delegation of somebody who is there for so long only."""
    user = get_user_model().objects.create_user(f"canary-{secrets.token_hex(6)}", None, is_active=False)
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore()
    request.user = user
    try:
        credentials.seal(request, secret=secret)
        request.session.save()
        row, _opened = delegations.grant(
            user_id=user.pk, kind="canary", task="canary", account="canary", secret=secret, lifetime=timedelta(hours=1)
        )
        row.save()
        yield
    finally:
        request.session.delete()
        user.delete()
