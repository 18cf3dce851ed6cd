"""The list, the chart and somebody's own page."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from apps.directory.services import cards, chart, directories, listing, me, people, photos, places, shown
from apps.directory.services.places import View
from apps.directory.views.common import directory_required
from portal.http import PortalRequest, is_fragment
from portal.ldap.connection import Unavailable


@directory_required
@require_safe
def index(request: PortalRequest) -> HttpResponse:
    """``?q=``, ``in=``, ``unit=``, ``building=``, ``place=``, ``speaks=``, ``as=``, ``page=``: see ``places.View``."""
    context = beside(request, View.parse(request.GET))
    return render(request, "directory/index.html", context)


@directory_required
@require_safe
def person(request: PortalRequest, key: str) -> HttpResponse:
    """Somebody, beside the list they were found in."""
    view = View.parse(request.GET)
    context: dict[str, Any] = {"view": view, "key": key}
    try:
        found = people.get(key, who=directories.who_asks(request))
        context |= shown.card(request, found, view)
    except LookupError:
        raise Http404("nobody of this key") from None
    except Unavailable as error:
        context["missing"] = people.note(directories.client_of(key), error)
    if is_fragment(request):
        return render(request, "directory/_person.html", context)
    return render(request, "directory/index.html", beside(request, view) | context)


@directory_required
@require_safe
def photo(request: PortalRequest, key: str) -> HttpResponse:
    """``?s=``: the side in pixels, one of those that are drawn."""
    side = next((each for each in photos.SIDES if request.GET.get("s") == str(each)), photos.SIDES[0])
    try:
        octets = photos.small(key, side, who=directories.who_asks(request))
    except (LookupError, Unavailable):
        octets = b""
    if not octets:
        raise Http404("no photo")
    answer = HttpResponse(octets, content_type=photos.TYPE)
    answer["Cache-Control"] = "private, max-age=3600"
    return answer


@directory_required
@require_safe
def vcard(request: PortalRequest, key: str) -> HttpResponse:
    try:
        found = people.get(key, who=directories.who_asks(request))
    except (LookupError, Unavailable):
        raise Http404("nobody of this key") from None
    answer = HttpResponse(cards.vcard(found), content_type="text/vcard; charset=utf-8")
    name = content_disposition_header(as_attachment=True, filename=f"{found.name or 'contact'}.vcf")
    answer["Content-Disposition"] = name or "attachment"
    return answer


def beside(request: PortalRequest, view: View) -> dict[str, Any]:
    """The list and the side column."""
    who = directories.who_asks(request)
    page = listing.page(view, who=who) if view.shape != "chart" else chart.page(view)
    return side(request, view) | {
        "page": page,
        "crumbs": places.crumbs(view),
        "chart": chart.of(view) if view.shape == "chart" else None,
        "shapes": [
            ("list", _("List"), "list", replace(view, shape="list", page=1).url),
            ("cards", _("Cards"), "blocks", replace(view, shape="cards", page=1).url),
            ("chart", _("Chart"), "network", replace(view, shape="chart", page=1).url),
        ],
        "previous": replace(view, page=view.page - 1).url if 1 < view.page <= page.pages else "",
        "next": replace(view, page=view.page + 1).url if view.page < page.pages else "",
        "whole": view.everywhere().url,
        "hidden_narrow": [pair for pair in view.fields if pair[0] in {"q", "in", "unit", "as"}],
    }


def side(request: PortalRequest, view: View) -> dict[str, Any]:
    """The side column and the search box."""
    tree = places.tree(view)
    own = me.own(request)
    near = View(buildings=(own.building,)) if own and own.building else None
    return {
        "view": view,
        "tree": tree,
        "everyone": View(shape=view.shape),
        "everyone_here": view == View(q=view.q, shape=view.shape, page=view.page) and request.path == view.path,
        "everyone_count": sum(node.count for node in tree),
        "near": near,
        "near_here": near is not None and replace(view, shape="list", page=1) == near,
        "near_count": me.near(own) if own and near else 0,
        "own": own,
        "clear_url": replace(view, q="", page=1).url,
        "without_unit": replace(view, unit=(), directory="", page=1).url,
        "hidden": [pair for pair in view.fields if pair[0] in {"in", "unit", "as"}],
        "unit_name": view.unit[-1] if view.unit else "",
    }
