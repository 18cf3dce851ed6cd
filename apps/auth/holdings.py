"""What accounts, their proofs and the audit log hold of a person (``portal.your_data``)."""

from __future__ import annotations

import contextlib
from typing import cast

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from portal.registry import Holding, Table

NEEDED = _("Where your organisation asks for a proof, you then need a new enrolment code to come in again.")


def take_back(user: AbstractBaseUser) -> None:
    """Certificates hold no more, and cards go back to the administration, which may give them to somebody else."""
    from apps.auth.certificates import services
    from apps.auth.certificates.store import AuthorityError
    from apps.auth.factors import ways
    from apps.auth.models import CodeDevice, User

    held = services.held_by(cast("User", user)).select_related("user")
    with contextlib.suppress(AuthorityError):  # the portal knows at once; the list for the web server comes later
        services.revoke(*held)
    CodeDevice.objects.filter(user=user.pk, kind=ways.HOTP).update(user=None, name="")


HOLDINGS = (
    Holding(
        id="auth.passkeys",
        label=_("Passkeys"),
        tables=(Table(model="portal_auth.passkey", secret=("credential", "digest")),),
        goes=NEEDED,
        order=850,
    ),
    Holding(
        id="auth.codes",
        label=_("Code devices"),
        tables=(Table(model="portal_auth.codedevice"),),
        before=take_back,
        goes=NEEDED,
        order=851,
    ),
    Holding(
        id="auth.recovery",
        label=_("Recovery codes"),
        tables=(Table(model="portal_auth.recoverycode", secret=("digest",)),),
        order=852,
    ),
    Holding(
        id="auth.browsers",
        label=_("Remembered browsers"),
        tables=(Table(model="portal_auth.rememberedbrowser", secret=("digest",)),),
        order=853,
    ),
    Holding(
        id="auth.app_passwords",
        label=_("App passwords"),
        tables=(Table(model="portal_auth.apppassword", secret=("digest",)),),
        goes=_("Programs that use them come in no more."),
        order=854,
    ),
    Holding(
        id="auth.grants",
        label=_("Sign-ins at the provider"),
        tables=(Table(model="portal_auth.tokengrant", secret=("id",)),),
        order=855,
    ),
    Holding(
        id="auth.certificates",
        label=_("Certificates"),
        tables=(Table(model="portal_auth.issuedcertificate", clear=("user", "subject", "device")),),
        goes=_("They are revoked. Their numbers stay, without your name."),
        order=860,
    ),
    Holding(
        id="auth.audit",
        label=_("Audit log"),
        tables=(Table(model="portal_auth.auditevent", keep=True),),
        stays=format_lazy(
            _("What the audit log says of your account stays for {days} days: it shows who came in and from where."),
            days=settings.AUDIT_DAYS,
        ),
        order=870,
    ),
    Holding(
        id="auth.account",
        label=_("Account"),
        tables=(
            Table(model="portal_auth.invitation", secret=("digest",), with_account=True),
            Table(model="portal_auth.provideridentity", with_account=True),
            Table(model="portal_auth.user_groups", with_account=True),
            Table(model="portal_auth.user_user_permissions", with_account=True),
            Table(model="portal_auth.user", owner="pk", secret=("password",), with_account=True),
        ),
        order=900,
    ),
)
