from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.auth.certificates.diagnostics import certificates
from apps.auth.certificates.pages import CERTIFICATES
from portal.registry import Diagnostic, PortalApp

PORTAL_APP = PortalApp(
    id="auth",
    title=_("Security"),
    urls="apps.auth.urls",
    pref_pages=(CERTIFICATES,),
    diagnostics=(Diagnostic(id="auth.certificates", label=_("Certificates"), run=certificates, order=60),),
)
