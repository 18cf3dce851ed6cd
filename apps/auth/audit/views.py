"""The page on which people see what has happened with their own account."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.auth.audit.models import AuditEvent, Outcome
from portal import preferences
from portal.http import PortalRequest

SHOWN = timedelta(days=90)
PER_PAGE = 50
PAGE = "auth.activity"


@login_required
@require_safe
def activity(request: PortalRequest) -> HttpResponse:
    """The newest events; with ``?before=`` those before the event of that number. Where two accounts have one login,
    both see the tries that were refused."""
    own = Q(user=request.user.pk) | Q(user=None, outcome=Outcome.REFUSED, login=request.user.login)
    events = AuditEvent.objects.filter(own, time__gte=timezone.now() - SHOWN)
    before = request.GET.get("before", "")
    if before.isascii() and before.isdigit() and len(before) < 19:
        events = events.filter(pk__lt=int(before))
    rows = list(events[: PER_PAGE + 1])
    app, page = preferences.find_page(PAGE) or (None, None)
    context = {
        "events": rows[:PER_PAGE],
        "more": rows[PER_PAGE - 1].pk if len(rows) > PER_PAGE else None,
        "sections": preferences.sections(),
        "app": app,
        "page": page,
    }
    return render(request, "auth/activity.html", context)
