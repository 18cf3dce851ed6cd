from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from portal import core_prefs, preferences
from portal.http import PortalRequest, is_fragment
from portal.prefs import LockedPref, Pref, PrefPage

MAX_QUERY = 100


@login_required
@require_safe
def index(request: PortalRequest) -> HttpResponse:
    """All pages; with ``?q=`` the preferences that fit. For htmx the list of hits alone."""
    query = request.GET.get("q", "")[:MAX_QUERY].strip()
    context = {"sections": preferences.sections(), "query": query, "hits": preferences.find(query)}
    template = "portal/_preferences_hits.html" if is_fragment(request) else "portal/preferences.html"
    return render(request, template, context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: PortalRequest, page_id: str) -> HttpResponse:
    found = preferences.find_page(page_id)
    if found is None:
        raise Http404
    app, pref_page = found
    if pref_page.url_name:
        return HttpResponseRedirect(pref_page.url)
    status = 200
    if request.method == "POST":
        if "reset" in request.POST:
            return _reset(request, pref_page, request.POST["reset"])
        form = preferences.PageForm(pref_page, request.prefs, request.POST)
        if form.is_valid() and _save(request, form.changes()):
            return _back(request, pref_page)
        status = 400
    else:
        form = preferences.PageForm(pref_page, request.prefs)
    context = {"sections": preferences.sections(), "app": app, "page": pref_page, "form": form}
    return render(request, "portal/preferences_page.html", context, status=status)


def _save(request: PortalRequest, changes: dict[Pref[Any], Any]) -> bool:
    """Store and say so; False when the site has locked one of them since the page was drawn."""
    try:
        if changes:
            request.prefs.save(changes)
    except LockedPref as error:
        messages.error(request, preferences.locked_message(error.keys))
        return False
    with translation.override(request.prefs[core_prefs.LANGUAGE] or translation.get_language()):
        messages.success(request, _("Saved.") if changes else _("Nothing was changed."))
    return True


def _reset(request: PortalRequest, pref_page: PrefPage, key: str) -> HttpResponse:
    """``key``: one preference of the page, or "" for all of them."""
    prefs = [pref for pref in pref_page.shown if key in ("", pref.key)]
    if not prefs:
        raise Http404
    request.prefs.reset([pref for pref in prefs if request.prefs.lock(pref) is None])
    with translation.override(request.prefs[core_prefs.LANGUAGE] or translation.get_language()):
        messages.success(request, _("Back to the default."))
    return _back(request, pref_page, preferences.anchor(prefs[0]) if key else "")


def _back(request: PortalRequest, pref_page: PrefPage, anchor: str = "") -> HttpResponse:
    return HttpResponseRedirect(f"{pref_page.url}#{anchor}" if anchor else pref_page.url)
