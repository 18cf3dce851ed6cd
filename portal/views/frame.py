"""What the frame itself asks for."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from portal import core_prefs, preferences
from portal.http import PortalRequest, is_fragment, safe_next
from portal.prefs import BadValue, LockedPref


@login_required
@require_POST
def set_theme(request: PortalRequest) -> HttpResponse:
    """Keep the theme chosen in the account menu and return to the page. A script has changed the colours already; where
    the site has locked the theme meanwhile, it gets 409 and the reason as text, and changes them back."""
    try:
        request.prefs.save({core_prefs.THEME: request.POST.get("theme", "")})
    except BadValue as error:
        raise BadRequest from error
    except LockedPref as error:
        reason = preferences.locked_message(error.keys)
        if is_fragment(request):
            return HttpResponse(reason, status=409, content_type="text/plain; charset=utf-8")
        messages.error(request, reason)
    if is_fragment(request):
        return HttpResponse(status=204)
    return redirect(safe_next(request, request.POST.get("next", ""), reverse("portal:home")))


@csrf_exempt
@require_http_methods(["GET", "HEAD", "OPTIONS", "PROPFIND"])
def well_known(request: HttpRequest, url_name: str) -> HttpResponse:
    """To what an app has registered by this name (RFC 8615, RFC 6764 section 5). It changes nothing, and asks nobody
    who they are: the view does."""
    return HttpResponsePermanentRedirect(reverse(url_name))
