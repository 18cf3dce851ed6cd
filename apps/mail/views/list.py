"""The list of a mailbox: its page, and the part of it that htmx asks for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from apps.mail.mailbox.store import MailStore, Sort
from apps.mail.prefs import PAGE_SIZE
from apps.mail.services import folders, list_orders, listing
from apps.mail.services.listing import Listing, View
from apps.mail.views.common import column, with_store
from apps.mail.views.rows import RowLook
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
    if is_fragment(request):
        context = {
            "mailbox": mailbox,
            "role": request.GET.get("role", ""),
            "mailbox_label": folders.ROLE_LABELS.get(request.GET.get("role", "")) or folders.label_of(mailbox),
        }
        template = "mail/_list.html"
    else:
        context = column(request, store, mailbox)
        template = "mail/list.html"
    context |= list_context(request, load(request, store, mailbox, view, role=str(context["role"])))
    return render(request, template, context)


def load(request: PortalRequest, store: MailStore, mailbox: str, view: View, *, role: str) -> Listing:
    look = RowLook(request, mailbox, role)
    if not view.sort:
        sort = list_orders.remembered(request.user.pk, mailbox)
        view = replace(view, sort="" if sort.is_usual else str(sort))
    return listing.load(store, mailbox, view, limit=int(request.prefs[PAGE_SIZE]), look=look)


def list_context(request: PortalRequest, shown: Listing) -> dict[str, Any]:
    return {
        "listing": shown,
        "view": shown.view,
        "filters": _filters(shown.view),
        "sort": list_orders.menu(shown.view.order, outgoing=shown.outgoing),
    }


@require_POST
@with_store
def sort(request: PortalRequest, store: MailStore, mailbox: str) -> HttpResponse:
    """Another order for this folder, from now on; the list begins at its top again."""
    list_orders.remember(request.user.pk, mailbox, Sort.parse(request.POST.get("sort", "")))
    asked = View.parse(request.POST)
    view = View(q=asked.q, show=asked.show)
    here = reverse("mail:mailbox", args=(mailbox,)) + view.encoded()
    if not is_fragment(request):
        return redirect(here)
    role = request.POST.get("role", "")
    label = folders.ROLE_LABELS.get(role) or folders.label_of(mailbox)
    context = {"mailbox": mailbox, "role": role, "mailbox_label": label}
    context |= list_context(request, load(request, store, mailbox, view, role=role))
    response = render(request, "mail/_list.html", context)
    if urlsplit(request.headers.get("HX-Current-URL", "")).path == reverse("mail:mailbox", args=(mailbox,)):
        response["HX-Push-Url"] = here
    return response


def _filters(view: View) -> list[dict[str, Any]]:
    return [
        {"id": key, "label": label, "on": view.show == key, "query": View(q=view.q, show=key).encoded()}
        for key, label in listing.FILTER_LABELS.items()
    ]
