"""What CONTENT_HOST answers: a document and its pictures to whoever has their address, until it is too old."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from django.contrib.staticfiles import finders
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from apps.mail.services.laid import LIFETIME, Gone, Place
from apps.mail.views.images import fetched

_OF_FILES = "default-src 'none'; frame-ancestors 'none'; sandbox"


@require_safe
def show(request: HttpRequest, token: str, id: str) -> HttpResponse:
    try:
        place = Place.of(token)
        if id == "message.css":
            return HttpResponse(_sheet(), content_type="text/css; charset=utf-8")
        if id == "remote" and place.remote:
            response = fetched(request, owner=token)
            response["Content-Security-Policy"] = _OF_FILES
            return response
        found, octets = place.read(id)
    except Gone as error:
        raise Http404("too old, or never there") from error
    response = HttpResponse(octets, content_type=found.type)
    response["Content-Security-Policy"] = found.filename or _OF_FILES
    response["Cache-Control"] = f"private, max-age={LIFETIME}"
    return response


@cache
def _sheet() -> bytes:
    found = finders.find("mail/css/message.css")
    return Path(str(found)).read_bytes()
