"""What events are called. One whose kind is not here is shown by its kind."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

KINDS = {
    "signed_in": _("Signed in"),
    "signed_out": _("Signed out"),
    "sign_in_refused": _("Sign-in refused"),
    "sign_in_throttled": _("Sign-in had to wait"),
    "session_expired": _("Session over"),
    "sessions_ended": _("Signed out elsewhere"),
    "delegation_revoked": _("Work without the browser revoked"),
    "new_device": _("Sign-in from a new browser"),
    "new_country": _("Sign-in from another country"),
    "device_remembered": _("Browser remembered"),
    "device_forgotten": _("Browser no longer remembered"),
    "factor_added": _("Factor added"),
    "factor_removed": _("Factor removed"),
    "factor_disabled": _("Factor disabled"),
    "factor_passed": _("Factor accepted"),
    "factor_refused": _("Factor refused"),
    "factor_throttled": _("Factor had to wait"),
    "program_refused": _("Program refused"),
    "program_throttled": _("Program had to wait"),
    "recovery_code_used": _("Recovery code used"),
    "recovery_codes_made": _("New recovery codes"),
    "password_changed": _("Portal password changed"),
    "app_password_added": _("App password made"),
    "provider_identity_removed": _("Identity at the provider removed"),
    "app_password_removed": _("App password revoked"),
    "data_exported": _("Own data exported"),
    "data_removed": _("Own data removed"),
}


def label(kind: str) -> str:
    return str(KINDS.get(kind, kind))
