"""All birthdays that are near: the block on the home page shows the first of them."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.contacts import blocks
from apps.contacts.prefs import BIRTHDAY_DAYS
from apps.contacts.views.common import contacts_required, side
from portal.http import PortalRequest

MOST = 200


@contacts_required
@require_safe
def birthdays(request: PortalRequest) -> HttpResponse:
    lines = blocks.lines_of(request, most=MOST + 1)
    context = {"lines": lines[:MOST], "more": len(lines) > MOST, "days": request.prefs[BIRTHDAY_DAYS]}
    return render(request, "contacts/birthdays.html", side(request) | context)
