"""The ways of proving who one is, by their names in rules, forms and the log."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from portal.contracts import Text

CODE = "code"  # one-time code, of an app or a card
PASSKEY = "passkey"
CERTIFICATE = "certificate"
PASSWORD = "password"  # noqa: S105 - the portal's own, not the mailbox's
RECOVERY = "recovery"
INVITATION = "invitation"  # for enrolling only
REMEMBERED = "remembered"  # a browser that has proved it before

TOTP, HOTP = "totp", "hotp"

#: What rules can ask for.
ALL = (CODE, PASSKEY, CERTIFICATE, PASSWORD, RECOVERY)
LABELS: dict[str, Text] = {
    CODE: _("One-time code"),
    PASSKEY: _("Passkey"),
    CERTIFICATE: pgettext_lazy("way of signing in", "Certificate"),
    PASSWORD: _("Portal password"),
    RECOVERY: _("Recovery code"),
    INVITATION: _("Enrolment code"),
}
ICONS = {
    CODE: "smartphone",
    PASSKEY: "fingerprint-pattern",
    CERTIFICATE: "id-card",
    PASSWORD: "key-round",
    RECOVERY: "life-buoy",
    INVITATION: "ticket",
}
