from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portal.prefs import PrefPage
from portal.registry import PortalApp

PORTAL_APP = PortalApp(
    id="auth",
    title=_("Security"),
    urls="apps.auth.urls",
    pref_pages=(
        PrefPage(
            id="auth.activity",
            title=_("Recent activity"),
            help=_("What has happened with your account in the last 90 days. Was it not you? Tell your administrator."),
            prefs=(),
            icon="activity",
            order=90,
            url_name="auth:activity",
        ),
    ),
)
