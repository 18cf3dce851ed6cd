from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal import search as service
from portal.http import PortalRequest

MAX_QUERY = 200


@login_required
@require_safe
def search(request: PortalRequest) -> HttpResponse:
    """Everything the apps find for ``?q=``, app by app."""
    query = request.GET.get("q", "")[:MAX_QUERY].strip()
    results = service.search(request, query=query) if query else []
    context = {"query": query, "results": results, "count": sum(len(result.hits) for result in results)}
    return render(request, "portal/search.html", context)
