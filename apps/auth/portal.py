from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from portal.contracts import Finding
from portal.registry import Diagnostic, PortalApp


def _ldap() -> Iterable[Finding]:
    from apps.auth.ldap.diagnostics import ldap  # the library loads for a while, and few sites have a directory

    return ldap()


PORTAL_APP = PortalApp(
    id="auth",
    title=_("People"),
    diagnostics=(Diagnostic(id="auth.ldap", label=_("Directory"), run=_ldap, order=45),) if settings.LDAP_URL else (),
)
