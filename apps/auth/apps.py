from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AuthConfig(AppConfig):
    name = "apps.auth"
    label = "portal_auth"  # "auth" is django.contrib.auth's
    verbose_name = _("People")

    def ready(self) -> None:
        from apps.auth.audit.record import record
        from portal.security_events import security_event

        security_event.connect(record, dispatch_uid="auth.audit")
