"""What gunicorn serves."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application

from portal.memory import keeper

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def under_path(serve: Wsgi, prefix: str) -> Wsgi:
    """Serve below ``prefix``, whether or not the front has taken it off the path already."""

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if prefix and (path == prefix or path.startswith(f"{prefix}/")):
            environ["PATH_INFO"] = path[len(prefix) :] or "/"
        return serve(environ, start_response)

    return application


def _make() -> Wsgi:
    keeper.limit()
    serve = get_wsgi_application()
    from django.conf import settings

    from portal.checks import require_valid_settings

    require_valid_settings()
    return under_path(serve, settings.BASE_URL.path)


application = _make()
