"""The task queue as a site runs it: a real worker with its clock on the filesystem broker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from queue import Empty

import pytest
from django.utils import timezone
from kombu import Connection

from portal import conf
from portal.celery import app
from portal.models import Session, WorkerPing
from portal.tasks import clean_up

ROOT = Path(__file__).resolve().parents[2]
ASK = """
import django
django.setup()
from portal.tasks import ping
import sys
ping.delay(int(sys.argv[1]))
"""


@pytest.mark.django_db(transaction=True)
def test_a_worker_answers_across_processes(tmp_path: Path) -> None:
    from tests.portal.test_database import database_url

    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "DATABASE_URL": database_url(),
        "DATA_DIR": str(tmp_path),
        "LOG_LEVEL": "ERROR",
    }
    question = WorkerPing.objects.create()
    command = [sys.executable, "-m", "celery", "-A", "portal.celery", "worker", "--beat", "--pool=threads"]
    log = (tmp_path / "log").open("w")
    worker = subprocess.Popen([*command, "--concurrency=2"], cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        asked = subprocess.run([sys.executable, "-c", ASK, str(question.pk)], cwd=ROOT, env=environment, timeout=200)
        assert asked.returncode == 0
        deadline = time.monotonic() + 200
        while WorkerPing.objects.filter(pk=question.pk, answered=None).exists():
            assert worker.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.05)  # asks again; nothing depends on how long
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0
    finally:
        worker.kill()
        worker.wait()
        log.close()
    assert not list(tmp_path.glob("**/*.db")), "beat keeps its schedule in memory"


@pytest.mark.django_db
def test_cleaning_up_removes_what_has_expired() -> None:
    now = timezone.now()
    Session.objects.create(session_key="old", session_data="", expire_date=now - timedelta(minutes=1))
    Session.objects.create(session_key="new", session_data="", expire_date=now + timedelta(minutes=1))
    ping = WorkerPing.objects.create()
    WorkerPing.objects.filter(pk=ping.pk).update(asked=now - timedelta(hours=2))
    clean_up()
    assert list(Session.objects.values_list("session_key", flat=True)) == ["new"]
    assert not WorkerPing.objects.exists()


def test_nothing_but_json_travels() -> None:
    assert app.conf.accept_content == ["json"]
    assert (app.conf.task_serializer, app.conf.result_serializer) == ("json", "json")
    assert app.conf.task_ignore_result
    assert app.conf.beat_scheduler == "celery.beat:Scheduler"


def test_every_task_on_the_clock_exists() -> None:
    for entry in app.conf.beat_schedule.values():
        assert entry["task"] in app.tasks


def test_a_message_is_in_the_queue_whole_or_not_at_all(tmp_path: Path) -> None:
    """A worker that looks while it is being put there goes on looking."""
    _url, options = conf.broker(tmp_path)("filesystem://")
    for folder in ("queue", "control"):
        (tmp_path / folder).mkdir()
    with Connection("filesystem://localhost", transport_options=options) as connection:
        channel = connection.channel()

        class Task:
            def __json__(self) -> dict[str, str]:
                with pytest.raises(Empty):
                    channel._get("celery")
                return {"body": "x"}

        channel._put("celery", Task())
        assert channel._get("celery") == {"body": "x"}
        with pytest.raises(Empty):
            channel._get("celery")
