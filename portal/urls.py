"""The core's addresses, and one prefix for each app that has some."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from portal.registry import get_registry
from portal.views import account, errors, health

core = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("sign-in/", account.sign_in, name="sign_in"),
    path("sign-out/", account.sign_out, name="sign_out"),
    path("language/", account.set_language, name="set_language"),
]

urlpatterns = [
    path("", include((core, "portal"))),
    path("admin/login/", account.admin_sign_in),
    path("admin/logout/", account.sign_out),
    path("admin/", admin.site.urls),
    *get_registry().urlpatterns(),
]

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.server_error
