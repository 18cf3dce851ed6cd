from __future__ import annotations

from django.apps import AppConfig


class DummyappConfig(AppConfig):
    name = "dummyapp"
    default_auto_field = "django.db.models.BigAutoField"
