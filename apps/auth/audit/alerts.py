"""Tells people what may not have been them: a notice on their home page, and a line in the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from apps.auth.audit.models import AuditEvent
from portal import notices, security_events
from portal.core_prefs import LANGUAGE
from portal.prefs import Prefs

log = structlog.get_logger(__name__)

#: Which events are told to the person they are about, and in which words.
TOLD: dict[str, Callable[[], str]] = {
    "new_device": lambda: _("Somebody has signed in as you from a new browser."),
    "new_country": lambda: _("Somebody has signed in as you from another country."),
    "factor_added": lambda: _("A factor for signing in has been added to your account."),
    "factor_removed": lambda: _("A factor for signing in has been removed from your account."),
    "factor_disabled": lambda: _("A factor for signing in has been disabled."),
    "recovery_code_used": lambda: _("A recovery code of yours has been used."),
    "password_changed": lambda: _("Your portal password has been changed."),
    "data_exported": lambda: _("All that the portal keeps of you has been exported."),
}


def consider(row: AuditEvent, *, request: Any) -> None:
    """Before ``row`` is saved: is it the first sign-in from its country, and is there something to tell?"""
    if row.kind not in ("signed_in", *TOLD) or row.user is None:
        return
    if row.kind == "signed_in" and _is_new_country(row):
        security_events.tell(request, kind="new_country", user=row.user, country=row.country)
    if row.kind in TOLD:
        with translation.override(Prefs(row.user)[LANGUAGE] or translation.get_language()):
            notices.alert(user_id=row.user.pk, title=TOLD[row.kind](), text=_about(row), url=reverse("auth:activity"))
        log.warning("alert", about=row.kind, user=row.user.pk)


def _is_new_country(row: AuditEvent) -> bool:
    """Those who have been seen nowhere yet are new themselves."""
    if not row.country:
        return False
    before = AuditEvent.objects.filter(user=row.user, kind="signed_in").exclude(country="")
    return before.exists() and not before.filter(country=row.country).exists()


def _about(row: AuditEvent) -> str:
    when = date_format(timezone.localtime(row.time), "SHORT_DATETIME_FORMAT")
    place = f"{row.address} ({row.country})" if row.country else row.address
    name = row.facts.get("name", "")
    return " · ".join(part for part in (name, row.browser_label, place, when) if part)
