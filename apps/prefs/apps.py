from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PrefsConfig(AppConfig):
    name = "apps.prefs"
    label = "portal_prefs"
    verbose_name = _("Preferences")
