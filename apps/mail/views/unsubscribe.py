"""Leaving a mailing list: what will happen, by which way, and the button that does it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from apps.mail.mailbox.store import MailStore
from apps.mail.mime import addresses, lists
from apps.mail.mime.links import host_of
from apps.mail.services import reading, unsubscribing
from apps.mail.services.reading import Opened
from apps.mail.services.unsubscribing import NotLeft
from apps.mail.views.common import column, uidvalidity_of, with_store
from portal.http import PortalRequest


@require_http_methods(["GET", "HEAD", "POST"])
@with_store
def unsubscribe(request: PortalRequest, store: MailStore, mailbox: str, uid: int) -> HttpResponse:
    """GET asks, POST makes the one request that RFC 8058 allows. Nothing is made of what the form says: the address is
    read from the message again, and so is whether it may be asked."""
    uidvalidity = uidvalidity_of(request.GET)
    opened = reading.open_message(store, mailbox, uid, uidvalidity=uidvalidity, prefer="plain")
    context = column(request, store, mailbox)
    ways = unsubscribing.ways_of(opened, role=context["role"])
    if not ways:
        raise Http404("no list to leave")
    back = f"{reverse('mail:message', args=(mailbox, uid))}?v={uidvalidity}"
    context |= _context(opened, ways) | {"back_url": back, "uid": uid, "uidvalidity": uidvalidity}
    if request.method != "POST":
        return render(request, "mail/unsubscribe.html", context)
    if not ways.one_click:
        raise Http404("not with one click")
    try:
        unsubscribing.leave(ways.one_click)
    except NotLeft as error:
        return render(request, "mail/unsubscribe.html", context | {"trouble": str(error)}, status=422)
    messages.success(request, _("%(host)s has accepted that you leave the list.") % {"host": context["host"]})
    return redirect(back)


def _context(opened: Opened, ways: lists.Ways) -> dict[str, Any]:
    people = opened.envelope.from_
    found = lists.list_id(opened.fields)
    to = addresses.parse(ways.mailto.removeprefix("mailto:").partition("?")[0], encoded=False)
    return {
        "ways": ways,
        "list_name": (found.name or found.id) if found else (people[0].label if people else ""),
        "host": host_of(ways.one_click),
        "link_host": host_of(ways.link),
        "mail_to": to[0].email if to else "",
        "compose_url": f"{reverse('mail:compose')}?{urlencode({'mailto': ways.mailto})}" if ways.mailto else "",
        "unproved": not ways.one_click and "List-Unsubscribe-Post" in opened.fields,
    }
