"""What to do when signing in does not work: for people who are not signed in, so it tells nothing about anybody."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.auth.certificates import store
from apps.auth.factors import policy, ways
from portal.http import PortalRequest


@require_safe
def signing_in(request: PortalRequest) -> HttpResponse:
    """About the ways that the site asks for, as seen from here; and whom to ask, where the site says it."""
    asked = policy.ways_asked(address=request.client_address)
    context = {
        "asked": bool(asked),
        "code": ways.CODE in asked,
        "passkey": ways.PASSKEY in asked,
        "certificate": ways.CERTIFICATE in asked and store.exists(),
        "helpdesk": settings.HELPDESK,
    }
    return render(request, "auth/help.html", context)
