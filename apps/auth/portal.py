from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.auth import prefs
from apps.auth.first_level import FirstLevel
from portal.registry import PortalApp

PORTAL_APP = PortalApp(
    id="auth",
    title=_("Account"),
    urls="apps.auth.urls",
    gate=FirstLevel(),
    pref_pages=(prefs.SECURITY,),
)
