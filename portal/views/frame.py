"""What the frame itself asks for: the theme and the badges of the rail."""

from __future__ import annotations

import structlog
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.utils.html import escape
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from portal import core_prefs
from portal.http import PortalRequest, is_fragment, safe_next
from portal.prefs import BadValue, LockedPref
from portal.registry import get_registry

log = structlog.get_logger(__name__)


@login_required
@require_POST
def set_theme(request: PortalRequest) -> HttpResponse:
    """Keep the theme chosen in the account menu and return to the page; a script has changed the colours already."""
    try:
        request.prefs.save({core_prefs.THEME: request.POST.get("theme", "")})
    except (BadValue, LockedPref):
        return HttpResponseBadRequest()
    if is_fragment(request):
        return HttpResponse(status=204)
    return redirect(safe_next(request, request.POST.get("next", ""), "portal:home"))


@login_required
@never_cache
@require_safe
def badge(request: PortalRequest, item_id: str) -> HttpResponse:
    """The text of one entry's badge, asked for after the page so that a slow server holds nobody up."""
    item = next((item for item in get_registry().nav if item.id == item_id), None)
    if item is None or item.badge is None or not item.visible(request):
        raise Http404
    try:
        text = item.badge(request)
    except Exception:  # noqa: BLE001 - an app's badge may fail in its own way; the rail stands without it
        log.warning("badge_failed", item=item_id, exc_info=True)
        return HttpResponse(status=204)
    return HttpResponse(escape(text))
