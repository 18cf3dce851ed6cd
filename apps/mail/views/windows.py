"""Messages written in windows of a page of mail: each is the writing page in a frame (``portal.http.FRAMED``)."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.mail.prefs import WRITE_IN
from apps.mail.views.common import mail_required
from portal.http import FRAMED, PortalRequest


@require_safe
@mail_required
def windows(request: PortalRequest) -> HttpResponse:
    """What the windows are made of; fetched with the first of them."""
    return render(request, "mail/_windows.html")


def are_preferred(request: PortalRequest) -> bool:
    return request.prefs[WRITE_IN] == "window"


def within(request: PortalRequest, url: str) -> str:
    """The same address, for the frame that the request has come from."""
    if not request.framed or not url:
        return url
    return f"{url}{'&' if '?' in url else '?'}{FRAMED}=1"


def leave(request: PortalRequest, url: str) -> HttpResponse:
    """The message is written: the page goes on elsewhere, a window tells the page around it and is closed."""
    if request.framed:
        return render(request, "mail/written.html", {"back_url": url})
    return HttpResponseRedirect(url)
