"""A contact as a QR code: on a page, and as a picture to keep."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.safestring import mark_safe
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from apps.contacts.properties import label_of
from apps.contacts.services import access, qr
from apps.contacts.views.common import contacts_required, own_contact, side
from portal.http import PortalRequest


@contacts_required
@require_safe
def page(request: PortalRequest, pk: int) -> HttpResponse:
    found = own_contact(request, pk)
    code = qr.of(access.document(request.user.pk, found))
    lines = [(label_of(value.name), value.text) for value in code.values if value.name != "N"]
    svg = mark_safe(code.svg) if code.values else ""  # noqa: S308 - segno draws a path and nothing else
    context = {"contact": found, "svg": svg, "lines": lines, "left_out": code.left_out}
    return render(request, "contacts/qr.html", side(request) | context)


@contacts_required
@require_safe
def picture(request: PortalRequest, pk: int) -> HttpResponse:
    found = own_contact(request, pk)
    code = qr.of(access.document(request.user.pk, found))
    if not code.values:
        raise Http404("nothing for a code")
    answer = HttpResponse(code.file, content_type="image/svg+xml")
    answer["Content-Disposition"] = f'attachment; filename="{slugify(found.name) or "contact"}.svg"'
    return answer
