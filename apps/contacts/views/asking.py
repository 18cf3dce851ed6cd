"""Searches by single fields: their form, and those that are kept."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import dates
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from apps.contacts.models import SavedSearch
from apps.contacts.services import access, criteria, searches
from apps.contacts.services.keeping import NotKept
from apps.contacts.services.listing import View, saved_view
from apps.contacts.views.common import contacts_required, side
from portal.http import PortalRequest


@contacts_required
@require_safe
def search(request: PortalRequest) -> HttpResponse:
    """The form, with what the address already asks for; it leads to the list. ``saved=3``: what that one asks for."""
    view = View.parse(request.GET)
    if request.GET.get("saved"):
        view = saved_view(own_search(request, request.GET["saved"]))
    asked = view.criteria
    context: dict[str, Any] = {
        "texts": [(f"{criteria.PREFIX}{name}", label, asked.get(name)) for name, (_l, label) in criteria.TEXTS.items()],
        "months": [(str(number), name) for number, name in dates.MONTHS.items()],
        "there": list(criteria.THERE.items()),
        "places": [(str(book.pk), book.name) for book in access.books(request.user.pk)],
        "asked": {name: asked.get(name) for name in criteria.NAMES},
        "any": asked.any,
        "tidy": "search",
        "q": view.q,
    }
    return render(request, "contacts/search.html", context | side(request))


def asked(request: PortalRequest, view: View) -> dict[str, Any]:
    """What the list says of the search that it shows."""
    if view.kind == "search":
        return {"change_url": f"{reverse('contacts:search')}?saved={view.number}"}
    if not view.criteria:
        return {}
    books = {str(book.pk): book.name for book in access.books(request.user.pk)}
    kept = View(view.place, view.q, criteria=view.criteria).query.removeprefix("?")
    return {
        "asked_for": list(view.criteria.said(books)),
        "asked_any": view.criteria.any,
        "change_url": f"{reverse('contacts:search')}?{urlencode(view.criteria.encoded())}",
        "keep": kept,
    }


@contacts_required
@require_http_methods(["GET", "HEAD", "POST"])
def saved(request: PortalRequest) -> HttpResponse:
    """``do``: new (``query``, ``name``), rename, delete."""
    if request.method != "POST":
        rows = SavedSearch.objects.filter(owner=request.user)
        return render(request, "contacts/searches.html", side(request) | {"rows": rows, "tidy": "searches"})
    do, name = request.POST.get("do", ""), request.POST.get("name", "")
    try:
        if do == "new":
            return _keep(request, name)
        found = own_search(request, request.POST.get("search", ""))
        if do == "rename":
            searches.rename(found, name)
        elif do == "delete":
            found.delete()
            messages.success(request, _("The saved search is gone. No contact was touched."))
        else:
            raise Http404("no such action")
    except NotKept as error:
        messages.error(request, str(error))
    return redirect("contacts:searches")


def _keep(request: PortalRequest, name: str) -> HttpResponse:
    """Raises ``NotKept``."""
    view = View.parse(QueryDict(request.POST.get("query", "")[:2000]).dict())
    query = View(view.place, view.q, criteria=view.criteria).query
    if not view.asks or view.kind == "search":
        raise NotKept(_("Say what to look for."))
    kept = searches.save(request.user.pk, name, query.removeprefix("?"))
    messages.success(request, _("The search stands beside the address books."))
    return redirect(f"{reverse('contacts:index')}?in=search-{kept.pk}")


def own_search(request: PortalRequest, pk: str) -> SavedSearch:
    """Raises ``Http404``."""
    number = int(pk) if pk.isascii() and pk.isdecimal() and len(pk) < 16 else 0
    found = SavedSearch.objects.filter(owner=request.user, pk=number).first()
    if found is None:
        raise Http404("no such search")
    return found
