"""What a request is in the portal: Django's, with what our middleware has added."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

if TYPE_CHECKING:
    from apps.auth.models import User
    from portal.prefs import Prefs


class PortalRequest(HttpRequest):
    """For annotations only: requests are made by Django and completed by ``portal.middleware``."""

    user: User
    prefs: Prefs
    id: str  # in the log, on error pages and in the X-Request-Id header
    client_address: str  # as far as trusted proxies tell; "" on a Unix socket


def is_fragment(request: HttpRequest) -> bool:
    """True when htmx asks: the answer is a part of a page."""
    return request.headers.get("HX-Request") == "true"


def absolute_url(request: HttpRequest, path: str) -> str:
    """``path`` as people can use it elsewhere. BASE_URL decides where the site has said it, never a Host header."""
    if settings.BASE_URL.origin:
        return f"{settings.BASE_URL.origin}{path}"
    return request.build_absolute_uri(path)


def safe_next(request: HttpRequest, url: str, default: str) -> str:
    """``url`` if it leads to a page of this site, else ``default``."""
    hosts = {request.get_host()}
    if settings.BASE_URL.origin:
        hosts.add(urlsplit(settings.BASE_URL.origin).netloc)
    if url.startswith("/") and url_has_allowed_host_and_scheme(url, allowed_hosts=hosts):
        return url
    return default
