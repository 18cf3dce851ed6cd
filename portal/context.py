"""The template variable ``frame``: what every page of the portal needs around its content."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property

import structlog
from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from django.utils.translation import get_language, get_language_bidi

from portal import core_prefs, nav, notices, shortcuts
from portal.contracts import Address
from portal.models import Notice
from portal.prefs import Locked, Pref, Prefs
from portal.registry import get_registry
from portal.staticfiles import FRAME_SHEET

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Menu:
    """What the account menu shows."""

    account: Address | None
    theme: str
    theme_lock: Locked | None
    language: str
    language_name: str
    languages: tuple[tuple[str, str], ...]
    language_lock: Locked | None
    has_help: bool


class Frame:
    """Everything is computed when a template asks for it: fragments ask for nothing and pay nothing.

    It must hold on error pages too, where the middleware that adds ``user`` and ``prefs`` may not have run.
    """

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @cached_property
    def nav(self) -> nav.Nav:
        return nav.build(self._request)

    @property
    def site_name(self) -> str:
        return settings.SITE_NAME

    @property
    def language(self) -> str:
        return get_language() or settings.LANGUAGE_CODE

    @property
    def direction(self) -> str:
        return "rtl" if get_language_bidi() else "ltr"

    @property
    def languages(self) -> list[tuple[str, str]]:
        """Code and name of each language, named in itself."""
        return list(settings.LANGUAGES)

    @property
    def language_name(self) -> str:
        return dict(settings.LANGUAGES).get(self.language, self.language)

    @cached_property
    def theme(self) -> str:
        """``system``, ``light`` or ``dark``."""
        prefs = getattr(self._request, "prefs", None)
        return prefs[core_prefs.THEME] if prefs is not None else "system"

    @property
    def keys(self) -> str:
        """JSON: which keys somebody has put in the place of others on this page; "" for none."""
        prefs = self._signed_in_prefs()
        match = getattr(self._request, "resolver_match", None)
        changed = shortcuts.changed(prefs, match.namespace if match else "") if prefs is not None else {}
        return json.dumps(changed) if changed else ""

    @property
    def letters_off(self) -> bool:
        prefs = self._signed_in_prefs()
        return prefs is not None and prefs[shortcuts.PRESET] == shortcuts.ARROWS

    def _signed_in_prefs(self) -> Prefs | None:
        return getattr(self._request, "prefs", None) if self.account is not None else None

    @cached_property
    def theme_lock(self) -> Locked | None:
        return self._lock(core_prefs.THEME)

    @cached_property
    def language_lock(self) -> Locked | None:
        return self._lock(core_prefs.LANGUAGE)

    def _lock(self, pref: Pref[str]) -> Locked | None:
        """For a control of the account menu: what the site has locked there is disabled, and says why."""
        prefs = getattr(self._request, "prefs", None)
        return prefs.lock(pref) if prefs is not None else None

    @cached_property
    def account(self) -> Address | None:
        """Who is signed in."""
        user = getattr(self._request, "user", None)
        if user is None or not user.is_authenticated:
            return None
        return Address(user.email or user.get_username(), user.get_full_name())

    @property
    def menu(self) -> Menu:
        return Menu(
            account=self.account,
            theme=self.theme,
            theme_lock=self.theme_lock,
            language=self.language,
            language_name=self.language_name,
            languages=tuple(self.languages),
            language_lock=self.language_lock,
            has_help=self.has_help,
        )

    @cached_property
    def banner(self) -> Notice | None:
        """An urgent notice. Where database or cache is away, the page says so itself."""
        user = getattr(self._request, "user", None)
        if user is None or not user.is_authenticated:
            return None
        try:
            return notices.banner(user)
        except Exception:  # whatever the driver of a database or cache raises
            log.exception("banner_failed")
            return None

    @property
    def has_help(self) -> bool:
        return bool(get_registry().help_topics)

    @property
    def stylesheets(self) -> list[str]:
        """Addresses of the apps' style sheets, as far as they are not collected into the frame's."""
        apart = dict.fromkeys(static(path) for app in get_registry().apps for path in app.stylesheets)
        apart.pop(static(FRAME_SHEET), None)
        return list(apart)

    @property
    def scripts(self) -> list[str]:
        return [path for app in get_registry().apps for path in app.scripts]


def frame(request: HttpRequest) -> dict[str, Frame]:
    return {"frame": Frame(request)}
