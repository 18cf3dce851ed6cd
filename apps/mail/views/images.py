"""The proxy for remote images. What it refuses looks the same from outside, whatever the reason."""

from __future__ import annotations

import threading
from functools import cache

import structlog
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from apps.mail.services import images
from apps.mail.services.remote import owner
from portal.http import PortalRequest

log = structlog.get_logger(__name__)


@cache
def _gate() -> threading.BoundedSemaphore:
    """Slow image servers never hold more than a quarter of the request threads."""
    return threading.BoundedSemaphore(max(1, settings.WEB_THREADS // 4))


@require_safe
@login_required
def image(request: HttpRequest) -> HttpResponse:
    portal_request: PortalRequest = request  # type: ignore[assignment]  # completed by portal.middleware
    url = request.GET.get("u", "")
    if not images.is_signed(url, request.GET.get("s", ""), owner=owner(portal_request)):
        return _refused()
    if not _gate().acquire(timeout=images.CONNECT_SECONDS):
        return _refused()
    try:
        found = images.fetch(url)
    except images.Refused as reason:
        log.info("remote_image_refused", reason=str(reason))
        return _refused()
    finally:
        _gate().release()
    response = HttpResponse(found.content, content_type=found.type)
    response["Content-Disposition"] = "inline"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = "private, max-age=86400"
    return response


def _refused() -> HttpResponse:
    return HttpResponse("No image.", status=404, content_type="text/plain; charset=utf-8")
