from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apps.directory import person_part
from apps.directory.offers import Cards, Colleagues, DirectorySearch
from portal.contracts import Finding, Shortcut
from portal.registry import Diagnostic, HelpTopic, NavItem, PersonPart, PortalApp, signed_in


def _seen(request: HttpRequest) -> bool:
    return bool(settings.DIRECTORIES) and signed_in(request)


def _check() -> Iterable[Finding]:
    from apps.directory.diagnostics import check  # the library loads for a while

    return check()


BOOKS = (Colleagues(),)
SOURCES = (Cards(),)
PARTS = (
    PersonPart(
        id="directory.entries",
        title=_("In the directory"),
        template="directory/parts/person.html",
        context=person_part.entries,
        order=20,
        icon="network",
    ),
)

PORTAL_APP = PortalApp(
    id="directory",
    title=_("Directory"),
    urls="apps.directory.urls",
    nav=(
        NavItem(
            id="directory.index",
            label=_("Directory"),
            url_name="directory:index",
            icon="network",
            order=30,
            key="g o",
            visible=_seen,
        ),
    ),
    help_topics=(HelpTopic(id="directory.people", title=_("Directory"), template="directory/help/directory.html"),)
    if settings.DIRECTORIES
    else (),
    shortcuts=(Shortcut(key="c", label=_("Write")), Shortcut(key="e", label=_("Edit"))) if settings.DIRECTORIES else (),
    address_books=BOOKS if settings.DIRECTORIES else (),
    card_sources=SOURCES if settings.DIRECTORIES else (),
    person_parts=PARTS if settings.DIRECTORIES else (),
    search_providers=(DirectorySearch(),),
    diagnostics=(Diagnostic(id="directory.people", label=_("Staff directory"), run=_check, order=46),)
    if settings.DIRECTORIES
    else (),
)
