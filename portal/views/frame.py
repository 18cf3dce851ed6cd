"""What the frame itself asks for."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from portal import core_prefs
from portal.http import PortalRequest, is_fragment, safe_next
from portal.prefs import BadValue, LockedPref


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
    return redirect(safe_next(request, request.POST.get("next", ""), reverse("portal:home")))
