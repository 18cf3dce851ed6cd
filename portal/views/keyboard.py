"""The preferences' page of keys, and the palette: any action, place or person by what it is called."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from portal import addressing, credentials, fanout, nav, people, preferences, shortcuts
from portal.contracts import Contact, Place
from portal.http import PortalRequest
from portal.prefs import LockedPref
from portal.registry import get_registry
from portal.shortcuts import Line

BUDGET = 1.0  # seconds that apps have to say where one can go
MOST_PLACES = 2000
MOST_PEOPLE = 6
MOST_QUERY = 100


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def keyboard(request: PortalRequest) -> HttpResponse:
    """Preset and keys; POST with ``reset`` brings all back, else saves what ``preset`` and ``key-…`` say."""
    status = 200
    errors: dict[str, str] = {}
    chosen = shortcuts.lines(request.prefs)
    preset = request.prefs[shortcuts.PRESET]
    if request.method == "POST":
        preset, chosen, errors = _asked(request)
        if not errors and _save(request, preset, chosen):
            return HttpResponseRedirect(reverse("portal:keyboard"))
        status = 400
    found = preferences.find_page("portal.keyboard")
    context = {
        "sections": preferences.sections(),
        "page": found[1] if found else None,
        "presets": [(value, label, value == preset) for value, label in _presets()],
        "apps": _by_app((line for line in chosen if _has(request, line)), errors),
        "lock": request.prefs.lock(shortcuts.PRESET),
        "errors": errors,
    }
    return render(request, "portal/keyboard.html", context, status=status)


def _presets() -> list[tuple[str, Any]]:
    field = shortcuts.PRESET.form_field()
    return list(field.choices)  # type: ignore[attr-defined]


def _asked(request: PortalRequest) -> tuple[str, list[Line], dict[str, str]]:
    """What the form says, and by id what is wrong with it. Another preset than the one before brings its own keys."""
    before = request.prefs[shortcuts.PRESET]
    known = {value for value, _label in _presets()}
    preset = request.POST.get("preset", before)
    preset = preset if preset in known else before
    if "reset" in request.POST or preset != before:
        return ("yurt" if "reset" in request.POST else preset), shortcuts.lines(request.prefs, preset, {}), {}
    own = {line.id: " ".join(request.POST.get(f"key-{line.id}", line.keys).split())[:40] for line in _all(request)}
    chosen = shortcuts.lines(request.prefs, preset, own)
    errors = {
        line.id: _("Write it like e, Shift+I, Ctrl+Enter or g h. Some keys never leave the browser.")
        for line in chosen
        if line.keys and not shortcuts.good(line.keys)
    }
    for key, other in shortcuts.clashes(chosen).items():
        errors.setdefault(key, _("The same keys are taken by “%(name)s”.") % {"name": other.shortcut.label})
    return preset, chosen, errors


def _all(request: PortalRequest) -> list[Line]:
    return shortcuts.lines(request.prefs)


def _save(request: PortalRequest, preset: str, chosen: Iterable[Line]) -> bool:
    own = () if "reset" in request.POST else tuple((line.id, line.keys) for line in chosen if line.keys != line.usual)
    try:
        request.prefs.save({shortcuts.PRESET: preset, shortcuts.CHANGED: own})
    except LockedPref as error:
        messages.error(request, preferences.locked_message(error.keys))
        return False
    messages.success(request, _("Saved."))
    return True


def _has(request: PortalRequest, line: Line) -> bool:
    """Pages that are not there for this person have no keys to be shown."""
    found = [item for item in get_registry().nav if item.key == line.shortcut.key and line.app.id == shortcuts.FRAME]
    return not found or any(item.visible(request) for item in found)


def _by_app(chosen: Iterable[Line], errors: dict[str, str]) -> list[tuple[Any, list[tuple[Line, str]]]]:
    found: dict[str, tuple[Any, list[tuple[Line, str]]]] = {}
    for line in chosen:
        found.setdefault(line.app.id, (line.app.title, []))[1].append((line, errors.get(line.id, "")))
    return list(found.values())


@login_required
@require_safe
def palette(request: PortalRequest) -> HttpResponse:
    """A fragment: places to go to; with ``?q=`` the people that fit. Raises ``portal.credentials.Locked``."""
    query = request.GET.get("q", "")[:MOST_QUERY].strip()
    if credentials.is_sealed(request):
        credentials.unseal(request)
    if not query:
        return render(request, "portal/_palette.html", {"groups": _places(request)})
    found = addressing.complete(user=request.user, prefix=query, limit=MOST_PEOPLE)
    return render(
        request, "portal/_palette_people.html", {"people": [_person(each) for each in found if not each.group]}
    )


def _person(contact: Contact) -> tuple[Contact, str]:
    return contact, people.url([contact.address.email])


def _places(request: PortalRequest) -> list[tuple[str, list[Place]]]:
    """By app. Who does not answer in time is left out: nobody waits for a folder they may not want."""
    links = nav.build(request)
    every = [*links.rail, *links.rail_more, *links.foot]
    groups = [(_("Pages"), [Place(link.label, link.url, link.icon) for link in every])]
    apps = {app.id: app for app in get_registry().apps if app.places is not None}
    calls = {app_id: _asking(request, app.places) for app_id, app in apps.items() if app.places is not None}
    for answer in fanout.collect(calls, budget=BUDGET, what="places"):
        if answer.value:
            groups.append((str(apps[answer.id].title), list(answer.value)))
    pages = [
        Place(str(page.title), page.url, page.icon) for section in preferences.sections() for page in section.pages
    ]
    return [*groups, (_("Preferences"), pages)]


def _asking(request: HttpRequest, places: Callable[[HttpRequest], Iterable[Place]]) -> Callable[[], tuple[Place, ...]]:
    return lambda: tuple(places(request))[:MOST_PLACES]
