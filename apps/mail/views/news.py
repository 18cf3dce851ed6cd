"""What an open list asks on a timer."""

from __future__ import annotations

import time

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.mail.mailbox.store import MailStore
from apps.mail.services import folders
from apps.mail.services import news as services
from apps.mail.services.view import INBOXES, View
from apps.mail.views.common import with_store
from apps.mail.views.list import label_for, list_context, load
from portal.http import PortalRequest

MARK, FOLDERS = "X-Mail-Mark", "X-Mail-Folders"


@require_safe
@with_store
def news(request: PortalRequest, store: MailStore, mailbox: str) -> HttpResponse:
    """204 while the list is as its page shows it (``state``, or the ``mark`` of an earlier answer), else the list anew.

    What a search has found is left as it is found. The headers carry the mark and the state of the folder column. Pages
    send ``X-Portal-Background`` along: nobody is here just because a page asks.
    """
    view, role = View.parse(request.GET), folders.known_role(request.GET.get("role"))
    listed = services.counts(store)
    given = request.GET.get("mark", "")
    until = services.until(given)  # something that was snoozed is back
    several = view.where == INBOXES  # whose marks nobody has in one answer
    mark = "" if several else services.with_until(services.mark(listed, mailbox), until)
    response = HttpResponse(status=204)
    if not view.is_search and (not mark or mark != given or 0 < until <= time.time()):
        shown = load(request, store, mailbox, view, role=role)
        listed = services.counts(store) if listed and shown.standing else listed  # what was due may be unread now
        until = shown.standing.until if shown.standing else 0
        mark = "" if several else services.with_until(services.mark(listed, mailbox), until)
        if services.of_list(shown) != request.GET.get("state"):
            label = label_for(view, role, mailbox)
            context = {"mailbox": mailbox, "role": role, "mailbox_label": label}
            response = render(request, "mail/_list.html", context | list_context(request, shown, role))
    response[MARK] = mark
    if listed:
        response[FOLDERS] = services.of_folders(listed)
    return response
