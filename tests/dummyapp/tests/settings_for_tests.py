"""The portal with this app switched on, and everything it writes in a folder that goes when the tests end."""

import os
import tempfile

_scratch = tempfile.TemporaryDirectory(prefix="portal-app-")
os.environ |= {
    "ENV_FILE": "",
    "DATA_DIR": _scratch.name,
    "SECRET_KEY": "tests only " * 8,
    "ALLOWED_HOSTS": "testserver",
    "PORTAL_APPS": "dummyapp",
}

from portal.settings import *  # noqa: E402, F403

STORAGES = STORAGES | {  # noqa: F405
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
}
