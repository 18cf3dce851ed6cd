"""What a request is in the portal: Django's, with what our middleware has added."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

if TYPE_CHECKING:
    from apps.auth.models import User
    from portal.prefs import Prefs

View = TypeVar("View", bound=Callable[..., object])
FRAMED = "framed"  # in the query of an address: a page of ours shows the answer in a frame
_MAY_BE_FRAMED = "_may_be_framed"


class PortalRequest(HttpRequest):
    """For annotations only: requests are made by Django and completed by ``portal.middleware``."""

    user: User
    prefs: Prefs
    id: str  # in the log, on error pages and in the X-Request-Id header
    client_address: str  # as far as trusted proxies tell; "" on a Unix socket
    framed: bool  # shown in a frame of one of our own pages


def is_fragment(request: HttpRequest) -> bool:
    """True when htmx asks: the answer is a part of a page."""
    return request.headers.get("HX-Request") == "true"


def may_be_framed(view: View) -> View:
    """The outermost decorator of a view whose answers our own pages may show in a frame, where ``?framed=1`` asks for
    that. All answers, also those of the portal (the password is asked for again): a form in it must not get lost."""
    setattr(view, _MAY_BE_FRAMED, True)
    return view


def is_framed(request: HttpRequest, view: object) -> bool:
    return getattr(view, _MAY_BE_FRAMED, False) and request.GET.get(FRAMED) == "1"


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
