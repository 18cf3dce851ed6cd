"""The list of a mailbox: its page, and the part of it that htmx asks for."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from apps.mail.mailbox.store import MailStore
from apps.mail.prefs import PAGE_SIZE
from apps.mail.services import folders, listing, searching
from apps.mail.services.listing import Listing, View
from apps.mail.services.searching import Place
from apps.mail.views.common import frame, with_store
from apps.mail.views.rows import RowLook, look_for
from portal.http import PortalRequest, is_fragment


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    return redirect("mail:mailbox", "INBOX")


@require_safe
@vary_on_headers("HX-Request")
@with_store
def mailbox(request: PortalRequest, store: MailStore, mailbox: str) -> HttpResponse:
    """A page of the list. The whole page lists the folders too; the fragment takes the folder's role from the link."""
    view = View.parse(request.GET)
    rows_only = is_fragment(request) and request.GET.get("part") == "rows"
    if is_fragment(request):
        context = {
            "mailbox": mailbox,
            "role": request.GET.get("role", ""),
            "mailbox_label": folders.ROLE_LABELS.get(request.GET.get("role", "")) or folders.label_of(mailbox),
        }
        template = "mail/_stretch.html" if rows_only else "mail/_list.html"
    else:
        context = frame(list(store.mailboxes()), mailbox)
        template = "mail/list.html"
    place = Place.parse(request.GET) if rows_only else Place()
    context |= list_context(request, load(request, store, mailbox, view, role=str(context["role"]), place=place))
    return render(request, template, context)


def load(
    request: PortalRequest, store: MailStore, mailbox: str, view: View, *, role: str, place: Place | None = None
) -> Listing:
    limit = int(request.prefs[PAGE_SIZE])
    if not view.q:
        return listing.load(store, mailbox, view, limit=limit, look=look_for(request, mailbox, role, view))

    def look(name: str, its_role: str) -> RowLook:
        return look_for(request, name, its_role, view)

    return searching.load(store, mailbox, view, place=place or Place(), limit=limit, role=role, look_for=look)


def list_context(request: PortalRequest, shown: Listing) -> dict[str, Any]:
    return {"listing": shown, "view": shown.view, "filters": _filters(shown.view)}


def _filters(view: View) -> list[dict[str, Any]]:
    return [
        {
            "id": key,
            "label": label,
            "on": view.show == key,
            "query": View(q=view.q, where=view.where, show=key).encoded(),
        }
        for key, label in listing.FILTER_LABELS.items()
    ]
