"""What apps.auth brings into the preferences area: pages of its own."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portal.prefs import PrefPage

SECURITY = PrefPage(
    id="auth.security",
    title=_("Security"),
    help=_("Codes and other proofs that it is you, and where you are signed in."),
    prefs=(),
    icon="shield-check",
    order=10,
    url_name="auth:security",
)

ACTIVITY = PrefPage(
    id="auth.activity",
    title=_("Recent activity"),
    help=_("What has happened with your account in the last 90 days. Was it not you? Tell your administrator."),
    prefs=(),
    icon="activity",
    order=90,
    url_name="auth:activity",
)
