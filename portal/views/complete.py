"""Completion of addresses while somebody writes: a fragment for htmx, JSON for scripts."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal import addressing, credentials
from portal.http import PortalRequest, is_fragment

MAX_PREFIX = 100
LIMIT = 8


@login_required
@require_safe
def complete(request: PortalRequest) -> HttpResponse:
    """``?q=``: what has been typed so far. JSON: ``{"contacts": [{"name", "email", "source", "url"}]}``.

    A session that was stolen without the browser's half of its key learns nobody's address. Raises
    ``portal.credentials.Locked``.
    """
    if credentials.is_sealed(request):
        credentials.unseal(request)
    prefix = request.GET.get("q", "")[:MAX_PREFIX]
    contacts = addressing.complete(user=request.user, prefix=prefix, limit=LIMIT)
    if is_fragment(request):
        return render(request, "portal/_complete.html", {"contacts": contacts})
    return JsonResponse(
        {
            "contacts": [
                {
                    "name": contact.address.name,
                    "email": contact.address.email,
                    "source": str(contact.source),
                    "url": contact.url,
                }
                for contact in contacts
            ]
        }
    )
