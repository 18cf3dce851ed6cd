"""The addresses of CONTENT_HOST: those of the apps, and none of the core's (``portal.content_host``)."""

from __future__ import annotations

from portal.registry import get_registry

urlpatterns = get_registry().content_urlpatterns()
