"""The rail and the phone's tabs for one request: what is visible, in order, and which entry is the present page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from portal.registry import NavItem, get_registry

RAIL_LENGTH = 7  # entries of the rail before "More"
TAB_COUNT = 4  # of the phone, beside "More"


@dataclass(frozen=True, slots=True)
class Link:
    """A navigation entry with its address, as the templates draw it."""

    id: str
    label: str
    icon: str
    url: str
    current: bool
    has_badge: bool
    key: str


@dataclass(frozen=True, slots=True)
class Nav:
    rail: tuple[Link, ...]
    rail_more: tuple[Link, ...]  # what does not fit into the rail
    foot: tuple[Link, ...]
    tabs: tuple[Link, ...]
    tabs_more: tuple[Link, ...]  # the rest, the foot included


def build(request: HttpRequest) -> Nav:
    """No database and no network: ``visible`` may touch neither, and badges are fetched after the page."""
    items = [item for item in get_registry().nav if item.visible(request)]
    current = _current(request, items)
    links = [(item, link) for item in items if (link := _link(item, item is current)) is not None]
    main = tuple(link for item, link in links if not item.at_foot)
    foot = tuple(link for item, link in links if item.at_foot)
    # "More" takes a place itself, so an eighth entry moves two of them into it.
    cut = RAIL_LENGTH if len(main) <= RAIL_LENGTH else RAIL_LENGTH - 1
    return Nav(main[:cut], main[cut:], foot, main[:TAB_COUNT], main[TAB_COUNT:] + foot)


def _link(item: NavItem, current: bool) -> Link | None:
    try:
        url = reverse(item.url_name)
    except NoReverseMatch:
        return None  # its pages are not mounted on this site
    return Link(item.id, str(item.label), item.icon, url, current, item.badge is not None, item.key)


def _current(request: HttpRequest, items: Iterable[NavItem]) -> NavItem | None:
    """The entry whose page this is: the same URL name, else a page below it, else a page of the same app."""
    match = request.resolver_match
    if match is None:
        return None
    view, namespace = match.view_name, match.namespace
    if _is_preferences(view):
        view, namespace = "portal:preferences", "portal"
    best: NavItem | None = None
    best_rank = 0
    for item in items:
        names = [item.url_name, *(child.url_name for child in item.children)]
        rank = max(_closeness(name, view, namespace) for name in names)
        if rank > best_rank:
            best, best_rank = item, rank
    return best


def _is_preferences(view: str) -> bool:
    """Pages of the preferences that an app draws itself, and those below them."""
    own = (page.url_name for page in get_registry().pref_pages.values() if page.url_name)
    return any(view == name or view.startswith(f"{name}_") for name in own)


def _closeness(name: str, view: str, namespace: str) -> int:
    if name == view:
        return 3
    if view.startswith(f"{name}_"):
        return 2
    # The core's pages share a namespace without belonging together.
    return 1 if namespace and namespace != "portal" and name.partition(":")[0] == namespace else 0
