from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal.http import PortalRequest
from portal.registry import get_registry


@login_required
@require_safe
def help_page(request: PortalRequest, topic_id: str = "") -> HttpResponse:
    """The help topics of all apps; the first one where none is named."""
    topics = get_registry().help_topics
    topic = topics.get(topic_id) if topic_id else next(iter(topics.values()), None)
    if topic is None:
        raise Http404
    return render(request, "portal/help.html", {"topics": topics.values(), "topic": topic})
