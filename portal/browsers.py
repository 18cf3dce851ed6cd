"""Which browser on which system, from the User-Agent header: enough for people to know their own again.

It is a claim of the browser and decides nothing. Versions stay out: they would make an update look like another device.
"""

from __future__ import annotations

import re

from django.utils.translation import gettext as _

# The first that is found counts: nearly everybody also claims to be Mozilla, Safari and, on a phone, Linux.
_FAMILIES = (
    (r"Edg(?:e|A|iOS)?/", "Edge"),
    (r"OPR/|Opera|OPT/", "Opera"),
    (r"Vivaldi/", "Vivaldi"),
    (r"SamsungBrowser/", "Samsung Internet"),
    (r"YaBrowser/", "Yandex Browser"),
    (r"Thunderbird/", "Thunderbird"),
    (r"SeaMonkey/", "SeaMonkey"),
    (r"Firefox/|FxiOS/", "Firefox"),
    (r"Chromium/", "Chromium"),
    (r"(?:Headless)?Chrome/|CriOS/", "Chrome"),
    (r"Epiphany/", "GNOME Web"),
    (r"Version/[\d.]+ .*Safari/|iP(?:hone|ad).*AppleWebKit/", "Safari"),
    (r"MSIE |Trident/", "Internet Explorer"),
    (r"Konqueror", "Konqueror"),
    (r"Lynx/", "Lynx"),
    (r"w3m/", "w3m"),
    (r"curl/", "curl"),
)
_SYSTEMS = (
    (r"Windows Phone", "Windows Phone"),
    (r"Windows", "Windows"),
    (r"iPhone|iPod", "iPhone"),
    (r"iPad", "iPad"),
    (r"Android", "Android"),
    (r"CrOS", "ChromeOS"),
    (r"Macintosh|Mac OS X", "macOS"),
    (r"FreeBSD", "FreeBSD"),
    (r"OpenBSD", "OpenBSD"),
    (r"Linux|X11; Ubuntu", "Linux"),
)
MAX_HEADER = 500  # longer ones are nobody's
MAX_SUMMARY = 40  # the longest family, a slash, the longest system


def summary(user_agent: str) -> str:
    """``Firefox/Linux``; either part may be empty. To be kept; ``label`` makes words of it."""
    head = user_agent[:MAX_HEADER]
    return f"{_first(_FAMILIES, head)}/{_first(_SYSTEMS, head)}"


def label(kept: str) -> str:
    """What people read of a ``summary``."""
    family, _slash, system = kept.partition("/")
    if family and system:
        return _("%(browser)s on %(system)s") % {"browser": family, "system": system}
    return family or (_("A browser on %(system)s") % {"system": system} if system else _("An unknown browser"))


def _first(table: tuple[tuple[str, str], ...], text: str) -> str:
    return next((name for pattern, name in table if re.search(pattern, text)), "")
