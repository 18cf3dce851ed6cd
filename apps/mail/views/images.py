"""The proxy for remote images. What it refuses looks the same from outside, whatever the reason."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import structlog
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from apps.mail.services import images
from apps.mail.services.remote import owner
from portal import content_host
from portal.http import PortalRequest

log = structlog.get_logger(__name__)


@cache
def _room() -> threading.BoundedSemaphore:
    """Who fetches and who waits for it: together never more than half of the request threads."""
    return threading.BoundedSemaphore(max(1, settings.WEB_THREADS // 2))


@cache
def _gate() -> threading.BoundedSemaphore:
    """Who fetches: never more than a quarter of the request threads."""
    return threading.BoundedSemaphore(max(1, settings.WEB_THREADS // 4))


@contextmanager
def _turn() -> Iterator[None]:
    """Raises ``images.Refused`` where slow image servers hold all that they may hold."""
    if not _room().acquire(blocking=False):
        raise images.Refused("too many wait")
    try:
        if not _gate().acquire(timeout=images.CONNECT_SECONDS):
            raise images.Refused("waited too long")
        try:
            yield
        finally:
            _gate().release()
    finally:
        _room().release()


@require_safe
@login_required
def image(request: HttpRequest) -> HttpResponse:
    portal_request: PortalRequest = request  # type: ignore[assignment]  # completed by portal.middleware
    if content_host.is_used():
        return _refused()  # its documents ask there
    return fetched(request, owner=owner(portal_request))


def fetched(request: HttpRequest, *, owner: str) -> HttpResponse:
    """The picture that the address asks for, if it was made for this owner."""
    url = request.GET.get("u", "")
    if not images.is_signed(url, request.GET.get("s", ""), owner=owner):
        return _refused()
    try:
        with _turn():
            found = images.fetch(url)
    except images.Refused as reason:
        log.info("remote_image_refused", reason=str(reason))
        return _refused()
    response = HttpResponse(found.content, content_type=found.type)
    response["Content-Disposition"] = "inline"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = "private, max-age=86400"
    return response


def _refused() -> HttpResponse:
    return HttpResponse("No image.", status=404, content_type="text/plain; charset=utf-8")
