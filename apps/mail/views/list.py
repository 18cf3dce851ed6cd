"""The list of a mailbox: its page, and the part of it that htmx asks for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from apps.mail.list_prefs import SWIPE_LEFT, SWIPE_RIGHT
from apps.mail.mailbox.store import CONVERSATIONS, FLAT, MODES, MailStore, Sort
from apps.mail.models import own_address
from apps.mail.prefs import CHECK, ENDLESS, LIST_MODE, PAGE_SIZE
from apps.mail.services import (
    everything,
    filters,
    folders,
    identities,
    layouts,
    list_orders,
    listing,
    news,
    other_accounts,
    reminders,
    searching,
    standing,
)
from apps.mail.services.actions import PINNED
from apps.mail.services.listing import Listing
from apps.mail.services.searching import Place
from apps.mail.services.view import INBOXES, SNOOZED, View
from apps.mail.views import works
from apps.mail.views.common import column, with_store
from apps.mail.views.rows import RowLook, look_for
from portal.contracts import Text
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
        context: dict[str, Any] = {
            "mailbox": mailbox,
            "role": (said := folders.known_role(request.GET.get("role"))),
            "mailbox_label": label_for(view, said, mailbox),
        }
        below = uid_of(request.GET.get("below", "")) if view.v and not view.q else 0
        template = "mail/_stretch.html" if rows_only else "mail/_more_rows.html" if below else "mail/_list.html"
    else:
        context = column(request, store, mailbox)
        if view.where == INBOXES and not view.q:
            context |= {"mailbox_label": label_for(view, "", mailbox), "tree": folders.with_none_open(context["tree"])}
        below, template = 0, "mail/list.html"
    place = Place.parse(request.GET) if rows_only else Place()
    shown = load(request, store, mailbox, view, role=str(context["role"]), below=below, place=place)
    context |= list_context(request, shown, str(context["role"]))
    if request.GET.get("all") and not rows_only and not below:
        try:
            context["chosen"] = everything.of(store, mailbox, shown, user_id=request.user.pk)
        except everything.Uncounted:
            context["uncounted"] = True
        role = {"role": str(context["role"])} if context["role"] else {}
        context["list_url"] = reverse("mail:mailbox", args=(mailbox,)) + shown.view.encoded(**role)
    return render(request, template, context)


def label_for(view: View, role: str, mailbox: str) -> Text:
    """What stands above the list."""
    if view.where == INBOXES and not view.q:
        return _("All inboxes")
    return folders.ROLE_LABELS.get(role) or folders.label_of(mailbox)


def uid_of(text: str) -> int:
    """0 for what is none."""
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 11 and int(text) < 2**32 else 0


def load(
    request: PortalRequest,
    store: MailStore,
    mailbox: str,
    view: View,
    *,
    role: str,
    below: int = 0,
    place: Place | None = None,
) -> Listing:
    """The list in the order that was chosen for the folder; what a search finds comes newest first in any case."""
    size = int(request.prefs[PAGE_SIZE])

    def look(name: str, its_role: str) -> RowLook:
        return look_for(request, name, its_role, view)

    if {"me", "contacts"} & set(view.filters):
        mine = [identity.address.email for identity in identities.all_of(request)]
        view = filters.filled(store, mailbox, view, user=request.user, mine=[*mine, own_address(request.user)])
    if view.is_scanned:
        return searching.load(store, mailbox, view, place=place or Place(), limit=size, role=role, look_for=look)
    shape = look(mailbox, role)
    if view.show == SNOOZED:
        return standing.away(store, mailbox, view, size=size, look=shape)
    view = as_chosen(request, mailbox, view)
    mode = mode_of(view, role)

    def rows(without: frozenset[int]) -> Listing:
        if below:
            return listing.load_more(
                *(store, mailbox, view), below=below, size=size, look=shape, mode=mode, without=without
            )
        return listing.load(store, mailbox, view, size=size, look=shape, mode=mode, without=without)

    return standing.dressed(store, rows(frozenset()), role=role, look=shape, load=rows)


def as_chosen(request: PortalRequest, mailbox: str, view: View) -> View:
    """With what was chosen for this folder, where the view does not say it. In a view ``sort`` and ``mode`` are "" for
    what is usual."""
    if view.q or (view.sort and view.mode):
        return view
    sort, mode = list_orders.remembered(request.user.pk, mailbox)
    mode = view.mode or mode or request.prefs[LIST_MODE]
    return replace(
        view,
        sort=view.sort or ("" if sort.is_usual else str(sort)),
        mode=view.mode or ("" if mode == CONVERSATIONS else mode),
    )


def mode_of(view: View, role: str) -> str:
    """What is put together in a list of this view, as ``as_chosen`` gives it. Drafts are written on one by one."""
    return FLAT if view.is_scanned or role == "drafts" else view.mode or CONVERSATIONS


def list_context(request: PortalRequest, shown: Listing, role: str = "") -> dict[str, Any]:
    return {
        "listing": shown,
        "silent": _silent(request, shown),
        "work": works.shown(request),
        "awaited": shown.page.mailbox == "INBOX" and not shown.view.is_search and reminders.are_due(request.user.pk),
        "state": news.of_list(shown),
        "every": int(request.prefs[CHECK]),
        "endless": request.prefs[ENDLESS],
        "view": shown.view,
        "filters": filters.links(shown.view, reverse("mail:mailbox", args=(shown.page.mailbox,))),
        "shows": _shows(shown.view, reverse("mail:mailbox", args=(shown.page.mailbox,))),
        "narrow_url": reverse("mail:narrow", args=(shown.page.mailbox,)) + shown.view.encoded(),
        "layout_url": layout_url(shown.page.mailbox, shown.view, role),
        "layout": (layout := layouts.of(request.prefs)),
        "heads": layouts.heads(layout, shown.view.order, outgoing=shown.outgoing) if layout.shape else [],
        "swipes": f"{request.prefs[SWIPE_RIGHT]} {request.prefs[SWIPE_LEFT]}",
        "keeps_marks": shown.page.status.takes(PINNED),
        "sort": list_orders.SortMenu(shown.view.order, shown.outgoing, "" if role == "drafts" else shown.mode),
    }


def _silent(request: PortalRequest, shown: Listing) -> list[str]:
    """The names of the accounts that have not answered."""
    missing = shown.found.silent if shown.found else ()
    names = (
        {row.pk: row.label for row in other_accounts.of(request.user.pk)} | {0: _("Main account")} if missing else {}
    )
    return [names[number] for number in missing if number in names]


@require_POST
@with_store
def sort(request: PortalRequest, store: MailStore, mailbox: str) -> HttpResponse:
    """Another order for this folder, or something else put together, from now on; the list begins at its top again."""
    mode = request.POST.get("mode", "")
    if mode in MODES:
        list_orders.remember(request.user.pk, mailbox, mode="" if mode == request.prefs[LIST_MODE] else mode)
    else:
        list_orders.remember(request.user.pk, mailbox, sort=Sort.parse(request.POST.get("sort", "")))
    view = View.parse(request.POST).newest
    here = reverse("mail:mailbox", args=(mailbox,)) + view.encoded()
    if not is_fragment(request):
        return redirect(here)
    response = drawn_anew(request, store, mailbox, view, role=folders.known_role(request.POST.get("role")))
    if urlsplit(request.headers.get("HX-Current-URL", "")).path == reverse("mail:mailbox", args=(mailbox,)):
        response["HX-Push-Url"] = here
    return response


def drawn_anew(request: PortalRequest, store: MailStore, mailbox: str, view: View, *, role: str) -> HttpResponse:
    """The list in the place of the one that is shown."""
    label = folders.ROLE_LABELS.get(role) or folders.label_of(mailbox)
    context = {"mailbox": mailbox, "role": role, "mailbox_label": label}
    context |= list_context(request, load(request, store, mailbox, view, role=role), role)
    return render(request, "mail/_list.html", context)


def layout_url(mailbox: str, view: View, role: str) -> str:
    """Of the menu that says how this list is shown."""
    return reverse("mail:layout", args=(mailbox,)) + view.encoded(**({"role": role} if role else {}))


def _shows(view: View, folder_url: str) -> dict[str, str]:
    """The address of this list with one of the usual filters alone, or none."""
    return {
        show: folder_url + View(q=view.q, where=view.where, show=show).encoded()
        for show in ("all", "unread", "flagged")
    }
