"""One process with many threads (docs/decisions/0003): requests mostly wait for mail servers, and waiting is cheap."""

import os
import ssl
from collections.abc import Callable
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
from django.conf import settings

_host = f"[{settings.HOST}]" if ":" in settings.HOST else settings.HOST
bind = f"{_host}:{settings.PORT}"
worker_class = "gthread"
workers = 1
threads = settings.WEB_THREADS
worker_connections = 1000
timeout = 60
graceful_timeout = 10
keepalive = 15
limit_request_line = 8190
# Which proxies are believed is TRUSTED_PROXIES' business alone (portal.middleware).
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}
accesslog = None  # the portal writes its own log, without paths
errorlog = "-"
loglevel = "warning"
control_socket_disable = True
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - a heartbeat file, never on a slow disk

if settings.TLS:  # make run TLS=1: the certificate that scripts.launch.prepare has made or renewed
    certfile = str(settings.DATA_DIR / "ca" / "portal.pem")
    keyfile = str(settings.DATA_DIR / "ca" / "portal.key")


def ssl_context(config: Any, default_ssl_context_factory: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    context = default_ssl_context_factory()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
