from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.prefs.store import DatabasePrefStore
from portal.registry import Holding, PortalApp, Table

PORTAL_APP = PortalApp(
    id="prefs",
    title=_("Preferences"),
    pref_store=DatabasePrefStore(),
    holdings=(
        Holding(id="prefs.values", label=_("Preferences"), tables=(Table(model="portal_prefs.preference"),), order=20),
    ),
)
