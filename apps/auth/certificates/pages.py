"""The page among the preferences, drawn by ``views``; there while the site has an authority."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.auth.certificates import store
from portal.prefs import PrefPage

CERTIFICATES = PrefPage(
    id="auth.certificates",
    title=_("Certificates"),
    help=_("Let your devices trust this site's servers, and show the site who you are."),
    icon="id-card",
    order=50,
    url_name="auth:certificates",
    prefs=(),
    visible=store.exists,
)
