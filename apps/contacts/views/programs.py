"""How phones and other programs get at the address books."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from apps.contacts.dav import addresses
from apps.contacts.services import access
from apps.contacts.views.common import contacts_required, side
from portal.http import PortalRequest, absolute_url
from portal.registry import get_registry


@contacts_required
@require_safe
def programs(request: PortalRequest) -> HttpResponse:
    """The addresses to type into them, and where their passwords are made."""
    passwords, user_id = get_registry().program_passwords, request.user.pk
    around = side(request)
    books = access.books(user_id).select_related("address", "owner").distinct()
    # programs that know the host alone ask at its root (RFC 6764), where the portal is only without a path
    server = addresses.root() if settings.BASE_URL.path else "/"
    context = {
        "tidy": "programs",
        "server": absolute_url(request, server),
        "login": request.user.get_username(),
        "passwords_url": reverse(passwords.url_name) if passwords is not None else "",
        "addresses": [(book, absolute_url(request, addresses.book(user_id, book))) for book in books],
    }
    return render(request, "contacts/programs.html", around | context)
