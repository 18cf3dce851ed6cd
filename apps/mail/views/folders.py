"""The folder column by itself: asked for after something has changed, and by pages that come without it."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.mail.mailbox.store import MailStore
from apps.mail.services import sweeping
from apps.mail.views.common import column, with_store
from portal.http import PortalRequest


@require_safe
@with_store
def tree(request: PortalRequest, store: MailStore) -> HttpResponse:
    sweeping.catch_up(request.user.pk)
    return render(request, "mail/_folders.html", column(request, store, request.GET.get("mailbox", "")))
