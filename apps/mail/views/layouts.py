"""The menu of a list that says how it is shown: sorted by what, put together how, laid out how. A page without
scripts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_http_methods

from apps.mail.list_prefs import COLUMN_NAMES, COLUMNS, COMPACTNESS, PANE, ROWS
from apps.mail.prefs import ENDLESS, PAGE_SIZE
from apps.mail.services import folders
from apps.mail.services.list_orders import Choice, SortMenu
from apps.mail.services.stores import open_store
from apps.mail.services.view import SNOOZED, View
from apps.mail.views.answers import say, toast, with_events
from apps.mail.views.common import mail_required
from apps.mail.views.list import as_chosen, drawn_anew, layout_url, mode_of
from apps.mail.views.rows import OUTGOING
from portal.contracts import Text
from portal.http import PortalRequest, is_fragment
from portal.prefs import LockedPref, Pref


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    label: Text
    choices: tuple[Choice, ...]
    locked: bool


#: What the menu offers, in few words: (field, its name, preference, value -> words).
_OFFERED: tuple[tuple[str, Text, Pref[Any], tuple[tuple[str, Text], ...]], ...] = (
    (
        "pane",
        _("Reading pane"),
        PANE,
        (
            ("beside", pgettext_lazy("reading pane", "Beside")),
            ("below", pgettext_lazy("reading pane", "Below")),
            ("off", pgettext_lazy("reading pane", "Off")),
        ),
    ),
    (
        "rows",
        _("Messages as"),
        ROWS,
        (("cards", pgettext_lazy("rows", "Cards")), ("columns", pgettext_lazy("rows", "Columns"))),
    ),
    (
        "density",
        _("Density"),
        COMPACTNESS,
        (
            ("comfortable", pgettext_lazy("density", "Comfortable")),
            ("normal", pgettext_lazy("density", "Normal")),
            ("compact", pgettext_lazy("density", "Compact")),
        ),
    ),
    (
        "endless",
        _("Older messages"),
        ENDLESS,
        (("no", pgettext_lazy("older messages", "On pages")), ("yes", pgettext_lazy("older messages", "As I scroll"))),
    ),
    ("page_size", _("Messages per page"), PAGE_SIZE, tuple((size, size) for size in ("25", "50", "100", "200"))),
)


@require_http_methods(["GET", "HEAD", "POST"])
@mail_required
def layout(request: PortalRequest, mailbox: str) -> HttpResponse:
    role, view = folders.known_role(request.GET.get("role")), View.parse(request.GET)
    here = reverse("mail:mailbox", args=(mailbox,)) + view.encoded()
    if request.method == "POST":
        try:
            request.prefs.save(_changes(request.POST))
        except LockedPref:
            return _locked(request, here)
        view = replace(view, rows=0)
        if not is_fragment(request):
            return redirect(here)
        with open_store(request) as store:
            return drawn_anew(request, store, mailbox, view, role=role)
    chosen = as_chosen(request, mailbox, view)
    sorts = not view.is_scanned and view.show != SNOOZED
    context = {
        "mailbox": mailbox,
        "role": role,
        "view": view,
        "mailbox_label": folders.ROLE_LABELS.get(role) or folders.label_of(mailbox),
        "list_url": here,
        "layout_url": layout_url(mailbox, view, role),
        "sort": _sort(chosen, role) if sorts else None,
        "groups": [_group(request, *offered) for offered in _OFFERED],
        "columns": _columns(request) if request.prefs[ROWS] == "columns" and not request.prefs.lock(COLUMNS) else [],
    }
    return render(request, "mail/_layout.html" if is_fragment(request) else "mail/layout.html", context)


def _changes(data: QueryDict) -> dict[Pref[Any], Any]:
    """What the form asks for; what is no choice is left out."""
    changes: dict[Pref[Any], Any] = {}
    for name, _label, pref, choices in _OFFERED:
        if (value := data.get(name)) in dict(choices):
            changes[pref] = value == "yes" if pref is ENDLESS else value
    if data.get("choose") == "columns":
        wanted = data.getlist("columns")
        changes[COLUMNS] = tuple(name for name in COLUMN_NAMES if name in wanted)
    return changes


def _sort(chosen: View, role: str) -> SortMenu:
    return SortMenu(chosen.order, role in OUTGOING, "" if role == "drafts" else mode_of(chosen, role))


def _group(
    request: PortalRequest, name: str, label: Text, pref: Pref[Any], choices: tuple[tuple[str, Text], ...]
) -> Group:
    value = request.prefs[pref]
    now = ("yes" if value else "no") if pref is ENDLESS else value
    offered = tuple(Choice(value, words, value == now) for value, words in choices)
    return Group(name=name, label=label, choices=offered, locked=request.prefs.lock(pref) is not None)


def _columns(request: PortalRequest) -> list[Choice]:
    chosen = request.prefs[COLUMNS]
    return [Choice(name, words, name in chosen) for name, words in COLUMN_NAMES.items()]


def _locked(request: PortalRequest, here: str) -> HttpResponse:
    """The list stays as it is, and the reason is said."""
    words = _("Your administrator has set that, and it cannot be changed.")
    if is_fragment(request):
        return with_events(HttpResponse(status=204), toast(str(words), level="error"))
    say(request, str(words), level=messages.ERROR)
    return redirect(here)
