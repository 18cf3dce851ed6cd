from __future__ import annotations

from collections.abc import Callable

import structlog
from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

log = structlog.get_logger(__name__)


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Database and cache answer too. It says which one does not, and nothing else about it."""
    checks = {"database": _works("database", _ask_database), "cache": _works("cache", _ask_cache)}
    ready = all(checks.values())
    body = {"status": "ok" if ready else "unavailable"} | {
        name: "ok" if works else "unavailable" for name, works in checks.items()
    }
    return JsonResponse(body, status=200 if ready else 503)


def _works(name: str, ask: Callable[[], None]) -> bool:
    try:
        ask()
    except Exception as error:  # noqa: BLE001 - whatever a driver raises means "not ready"; Redis has its own tree
        log.error("not_ready", part=name, error=type(error).__name__)
        return False
    return True


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _ask_cache() -> None:
    cache.set("portal.ready", 1, 10)
    if cache.get("portal.ready") != 1:
        raise LookupError
