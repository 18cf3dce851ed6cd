"""What is wrong with something that was typed as a mail address, in words."""

from __future__ import annotations

from django.utils.translation import gettext as _

from apps.mail.mime import wire


def why(text: str) -> str:
    """Of what cannot be written to: that it is no address, and the first thing that would have to be changed."""
    said = _("“%(text)s” is not a mail address.") % {"text": text}
    reason = _reason(text)
    return f"{said} {reason}" if reason else said


def _reason(text: str) -> str:
    local, at, domain = text.rpartition("@")
    if not at:
        return _("The “@” is missing.")
    if any(char.isspace() for char in text):
        return _("It contains a space.")
    if not local:
        return _("There is nothing before the “@”.")
    if not domain:
        return _("There is nothing after the “@”.")
    if "@" in local and not local.startswith('"'):
        return _("It has more than one “@”.")
    if not wire.can_be_written_to(f"a@{domain}"):
        return _("“%(domain)s” is not the name of a mail server.") % {"domain": domain}
    return ""
