"""The preferences of the frame itself. Its middleware reads them, so they stand apart from the pages that show them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from zoneinfo import available_timezones

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from portal.prefs import Choices, choice_pref


def _languages() -> Choices:
    return [("", _("The browser’s language")), *settings.LANGUAGES]


@cache
def time_zones() -> Mapping[str, str]:
    """The zones of the IANA list that are places, by name. Asked once: looking them up walks a directory tree."""
    zones = sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "SystemV/")))
    return MappingProxyType({"UTC": "UTC"} | {zone: zone.replace("_", " ") for zone in zones})


@cache
def _time_zones() -> Choices:
    return [("", _("The browser’s time zone")), *time_zones().items()]


LANGUAGE = choice_pref(
    "portal.language",
    _("Language"),
    "",
    choices=_languages,
    help=_("For the pages and everything else the portal says."),
)
TIME_ZONE = choice_pref(
    "portal.time_zone",
    _("Time zone"),
    "",
    choices=_time_zones,
    help=_("For dates and times."),
    words=_("clock hours"),
)
THEME = choice_pref(
    "portal.theme",
    _("Theme"),
    "system",
    choices=[("system", _("Like the system")), ("light", _("Light")), ("dark", _("Dark"))],
    help=_("Also in the menu behind your initials."),
    words=_("dark mode colours"),
)
