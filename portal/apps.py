from __future__ import annotations

from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "portal"
    label = "portal"

    def ready(self) -> None:
        from django.core.signals import request_finished
        from django.db.models.signals import post_delete, post_save

        from portal import checks, devices  # noqa: F401 - checks registers the system checks
        from portal.memory import keeper
        from portal.models import Notice
        from portal.notices import remember_urgent
        from portal.security_events import security_event

        request_finished.connect(keeper.tidy_up, dispatch_uid="portal.memory")
        security_event.connect(devices.greet, dispatch_uid="portal.devices")
        post_save.connect(remember_urgent, sender=Notice, dispatch_uid="portal.urgent")
        post_delete.connect(remember_urgent, sender=Notice, dispatch_uid="portal.urgent")
