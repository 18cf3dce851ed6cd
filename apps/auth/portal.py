from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from apps.auth import prefs
from apps.auth.certificates.diagnostics import certificates
from apps.auth.certificates.pages import CERTIFICATES
from apps.auth.factors import app_passwords, resealing
from apps.auth.first_level import FirstLevel
from apps.auth.holdings import HOLDINGS
from apps.auth.oauth.role import SignInElsewhere
from portal.contracts import Finding
from portal.registry import Diagnostic, PortalApp, Sealed


def _ldap() -> Iterable[Finding]:
    from apps.auth.ldap.diagnostics import ldap  # the library loads for a while, and few sites have a directory

    return ldap()


def _oidc() -> Iterable[Finding]:
    from apps.auth.oauth.diagnostics import oidc

    return oidc()


_DIRECTORY = (Diagnostic(id="auth.ldap", label=_("Directory"), run=_ldap, order=45),) if settings.LDAP_URL else ()
_PROVIDER = (Diagnostic(id="auth.oidc", label=_("Provider of sign-ins"), run=_oidc, order=46),)

PORTAL_APP = PortalApp(
    id="auth",
    title=_("Account"),
    urls="apps.auth.urls",
    gate=FirstLevel(),
    program_passwords=app_passwords.ForPrograms(),
    provider=SignInElsewhere() if "oidc" in settings.SIGN_IN else None,
    pref_pages=(prefs.SECURITY, CERTIFICATES, prefs.ACTIVITY),
    diagnostics=(
        *_DIRECTORY,
        *(_PROVIDER if settings.OIDC_ISSUER else ()),
        Diagnostic(id="auth.certificates", label=_("Certificates"), run=certificates, order=60),
    ),
    sealed=(
        Sealed(label="keys of one-time codes", reseal=resealing.codes),
        Sealed(label="mail passwords in passkeys", reseal=resealing.passkeys),
        Sealed(label="recovery codes, invitations, app passwords, remembered browsers", reseal=resealing.digests),
    ),
    holdings=HOLDINGS,
    transient=("portal_auth.tokengrant",),
)
