"""The task queue. Tasks are declared on ``app`` here (not as ``shared_task``), so the web process sends them to the
site's broker without loading Celery at start-up.

Worker with its clock: ``celery -A portal.celery worker --beat --pool=threads --concurrency=2``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_init
from kombu.transport import TRANSPORT_ALIASES

from portal.memory import keeper

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
TRANSPORT_ALIASES["filesystem"] = "portal.broker:Transport"
app = Celery("yurt")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
for _key in ("data_folder_in", "control_folder"):
    if _folder := app.conf.broker_transport_options.get(_key):
        Path(_folder).mkdir(mode=0o700, parents=True, exist_ok=True)  # the filesystem broker expects them to be there


@setup_logging.connect  # type: ignore[untyped-decorator, unused-ignore]
def keep_django_logging(**kwargs: Any) -> None:
    """Being connected is all: Celery then leaves the log as the settings made it."""


@worker_init.connect  # type: ignore[untyped-decorator, unused-ignore]
def limit_memory(**kwargs: Any) -> None:
    keeper.limit()


@worker_init.connect  # type: ignore[untyped-decorator, unused-ignore]
def refuse_wrong_settings(**kwargs: Any) -> None:
    from portal.checks import require_valid_settings

    require_valid_settings()
