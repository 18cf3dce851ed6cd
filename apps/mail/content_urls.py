"""Addresses of mail on CONTENT_HOST. Everything there begins with a signed token of ``services.laid``."""

from __future__ import annotations

from django.urls import path

from apps.mail.views import laid

app_name = "mail"
urlpatterns = [path("<str:token>/<path:id>", laid.show, name="laid")]
