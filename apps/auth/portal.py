from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.auth import prefs
from apps.auth.certificates.diagnostics import certificates
from apps.auth.certificates.pages import CERTIFICATES
from apps.auth.factors import resealing
from apps.auth.first_level import FirstLevel
from portal.registry import Diagnostic, PortalApp, Sealed

PORTAL_APP = PortalApp(
    id="auth",
    title=_("Account"),
    urls="apps.auth.urls",
    gate=FirstLevel(),
    pref_pages=(prefs.SECURITY, CERTIFICATES),
    diagnostics=(Diagnostic(id="auth.certificates", label=_("Certificates"), run=certificates, order=60),),
    sealed=(
        Sealed(label="keys of one-time codes", reseal=resealing.codes),
        Sealed(label="mail passwords in passkeys", reseal=resealing.passkeys),
        Sealed(label="recovery codes, invitations, app passwords, remembered browsers", reseal=resealing.digests),
    ),
)
