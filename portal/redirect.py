"""What answers plain HTTP beside ``make run TLS=1``: every request is sent to the same page over https."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
from django.conf import settings


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Where to is BASE_URL's business: no header of the request has a say in it."""
    path = quote(environ.get("PATH_INFO", "/").encode("latin-1"), safe="/~!$&'()*+,;=:@")
    query = environ.get("QUERY_STRING", "")
    target = f"{settings.BASE_URL.origin}/{path.lstrip('/')}" + (f"?{query}" if query else "")
    start_response("301 Moved Permanently", [("Location", target), ("Content-Length", "0")])
    return []
