from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SpellcheckConfig(AppConfig):
    name = "apps.spellcheck"
    verbose_name = _("Spelling")
    default_auto_field = "django.db.models.BigAutoField"
