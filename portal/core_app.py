"""What the core itself brings into the frame, registered the way any app's is."""

from __future__ import annotations

from collections.abc import Mapping

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from portal import core_diagnostics, core_prefs, preferences, shortcuts
from portal.contracts import Shortcut
from portal.core_holdings import HOLDINGS
from portal.prefs import PrefPage
from portal.registry import Block, Diagnostic, HelpTopic, NavItem, PortalApp, Resealed, Sealed


def is_staff(request: HttpRequest) -> bool:
    return request.user.is_authenticated and request.user.is_staff


def all_notices(request: HttpRequest) -> Mapping[str, object]:
    from portal import notices

    return {"notices": notices.current(request.user)}


def _reseal_delegations() -> Resealed:
    from portal import delegations

    return delegations.reseal_all()


PORTAL_APP = PortalApp(
    id="portal",
    title=_("Portal"),
    nav=(
        NavItem(id="portal.home", label=_("Home"), url_name="portal:home", icon="house", order=0, key="g h"),
        NavItem(
            id="portal.preferences",
            label=_("Preferences"),
            url_name="portal:preferences",
            icon="sliders-horizontal",
            order=900,
            key="g p",
            at_foot=True,
        ),
        NavItem(
            id="portal.admin",
            label=_("Admin"),
            url_name="portal:selftest",
            icon="shield-check",
            order=910,
            at_foot=True,
            visible=is_staff,
        ),
    ),
    blocks=(
        Block(
            id="portal.notices",
            title=_("Notices"),
            template="portal/blocks/notices.html",
            context=all_notices,
            icon="megaphone",
            order=90,
        ),
    ),
    pref_pages=(
        PrefPage(
            id="portal.look",
            title=_("Language and look"),
            help=_("How the portal speaks to you and what it looks like."),
            prefs=(core_prefs.LANGUAGE, core_prefs.TIME_ZONE, core_prefs.THEME),
            icon="sun-moon",
            order=10,
        ),
        PrefPage(
            id="portal.keyboard",
            title=_("Keyboard"),
            help=_("Which keys do what, and which do nothing."),
            prefs=(shortcuts.PRESET, shortcuts.CHANGED),
            icon="keyboard",
            order=15,
            url_name="portal:keyboard",
        ),
        PrefPage(
            id="portal.sessions",
            title=_("Sessions"),
            help=_("Where you are signed in, and what has access to your mail account."),
            prefs=(),
            icon="key-round",
            order=20,
            url_name="portal:sessions",
        ),
        PrefPage(
            id="portal.data",
            title=_("Your data"),
            help=_("What the portal keeps of you: take it with you, or remove it."),
            prefs=(),
            icon="archive",
            order=30,
            url_name="portal:your_data",
        ),
    ),
    help_topics=(HelpTopic(id="portal.home", title=_("Home page and preferences"), template="portal/help/home.html"),),
    sealed=(Sealed(label="delegations", reseal=_reseal_delegations),),
    holdings=HOLDINGS,
    search_providers=(preferences.PreferenceSearch(),),
    shortcuts=(
        Shortcut(key="/", label=_("Search"), roundcube="s"),
        Shortcut(key="Ctrl+K", label=_("Find an action, a folder or a person")),
        Shortcut(key="z", label=_("Undo"), roundcube="Shift+Z"),
        Shortcut(key="?", label=_("Keyboard shortcuts")),
    ),
    diagnostics=(
        Diagnostic(id="portal.database", label=_("Database"), run=core_diagnostics.database, order=10),
        Diagnostic(id="portal.cache", label=_("Cache"), run=core_diagnostics.cache_works, order=20),
        Diagnostic(id="portal.tasks", label=_("Task queue"), run=core_diagnostics.task_queue, order=30),
        Diagnostic(id="portal.clock", label=_("Clock"), run=core_diagnostics.clock, order=70),
        Diagnostic(id="portal.translations", label=_("Translations"), run=core_diagnostics.translations, order=80),
        Diagnostic(id="portal.static", label=_("Static files"), run=core_diagnostics.static_files, order=85),
        Diagnostic(id="portal.security", label=_("Security settings"), run=core_diagnostics.security, order=90),
    ),
)
