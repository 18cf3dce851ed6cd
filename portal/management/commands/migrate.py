from __future__ import annotations

from typing import Any

from django.core.management.commands import migrate

from portal.patience import patient


class Command(migrate.Command):
    """Django's own, with more patience: a large table takes longer than any page may."""

    def handle(self, *args: Any, **options: Any) -> None:
        with patient():
            super().handle(*args, **options)
