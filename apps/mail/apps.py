from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MailConfig(AppConfig):
    name = "apps.mail"
    label = "mail"
    verbose_name = _("Mail")

    def ready(self) -> None:
        from apps.mail import signals

        signals.connect()
