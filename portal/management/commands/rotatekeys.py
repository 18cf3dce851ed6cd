from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from portal.registry import get_registry


class Command(BaseCommand):
    help = (
        "After DELEGATION_KEY has been changed (and the former one stands in DELEGATION_KEY_FALLBACKS): seals anew "
        "what is kept under the former key, and tells what still needs it."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DELEGATION_KEY_FALLBACKS:
            raise CommandError("DELEGATION_KEY_FALLBACKS is empty: there is no former key whose seals could be opened.")
        lost = 0
        for app in get_registry().apps:
            for kind in app.sealed:
                report = kind.reseal()
                lost += report.lost
                self.stdout.write(
                    f"{kind.label}: {report.done} sealed anew, {report.waiting} still under the former key, "
                    f"{report.lost} that open no more"
                )
        if lost:
            raise CommandError("Some seals open under none of the keys.", returncode=1)
