"""The portal's settings as the tests run them: every file in a directory of this process, nothing from the developer.

PORTAL_APPS and DATABASE_URL may come from the environment: that is how the settings matrix and the MariaDB part run.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_SCRATCH = Path(tempfile.mkdtemp(prefix="yurt-test-"))
atexit.register(shutil.rmtree, _SCRATCH, ignore_errors=True)
_FROM_OUTSIDE = (
    "IMAP_URL",
    "SMTP_URL",
    "SMTP_AUTH",
    "CACHE_URL",
    "BROKER_URL",
    "BASE_URL",
    "CONTENT_HOST",
    "TRUSTED_PROXIES",
    "DEBUG",
)
for _name in _FROM_OUTSIDE:
    os.environ.pop(_name, None)
os.environ |= {
    "ENV_FILE": "",
    "DATA_DIR": str(_SCRATCH),
    "SECRET_KEY": "tests only " * 8,
    "ALLOWED_HOSTS": "testserver, localhost, 127.0.0.1",
    "MAIL_DOMAIN": "example.test",
    "LOG_LEVEL": "WARNING",
}

from portal.settings import *  # noqa: E402, F403
from portal.settings import DATA_DIR, DATABASES, STATIC_ROOT, STORAGES  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, not memory: threads and WAL behave as they do on a site.
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
STORAGES = STORAGES | {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
WHITENOISE_USE_FINDERS = True
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
CELERY_TASK_ALWAYS_EAGER = CELERY_TASK_EAGER_PROPAGATES = True
