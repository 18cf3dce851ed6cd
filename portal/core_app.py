"""What the core itself brings into the frame, registered the way any app's is."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portal import core_prefs
from portal.prefs import PrefPage
from portal.registry import PortalApp

PORTAL_APP = PortalApp(
    id="portal",
    title=_("Portal"),
    pref_pages=(
        PrefPage(
            id="portal.look",
            title=_("Language and look"),
            prefs=(core_prefs.LANGUAGE, core_prefs.TIME_ZONE, core_prefs.THEME),
        ),
    ),
)
