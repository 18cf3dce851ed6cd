"""The database under load: 32 request threads and a worker write at once, and nobody is turned away."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, connections, transaction

from apps.prefs.models import Preference
from portal.core_prefs import THEME
from portal.models import WorkerPing
from portal.prefs import for_user

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]
THREADS, ROUNDS = 32, 15
ASK = """
import django
django.setup()
import sys
from portal.tasks import ping
for question in sys.argv[1:]:
    ping.apply_async((int(question),), expires=600)  # however long the worker takes to come up
print("asked")
"""


SET_UP = {
    "sqlite": {"PRAGMA journal_mode": "wal", "PRAGMA busy_timeout": 20_000, "PRAGMA synchronous": 1},
    "mysql": {
        "SELECT @@character_set_client": "utf8mb4",
        "SELECT @@collation_database": "utf8mb4_bin",
        "SELECT @@tx_isolation": "READ-COMMITTED",
        "SELECT @@sql_mode LIKE '%STRICT_ALL_TABLES%'": 1,
    },
}


def test_the_connection_is_set_up_for_it() -> None:
    for question, answer in SET_UP[connection.vendor].items():
        with connection.cursor() as cursor:
            cursor.execute(question)
            assert cursor.fetchone() == (answer,), question


def database_url() -> str:
    """The test database, for another process."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()


@contextlib.contextmanager
def worker(data: Path) -> Iterator[dict[str, str]]:
    """A Celery worker as `make run` starts it, on the test database and a broker of its own; yields its environment."""
    environment = os.environ | {
        "DATABASE_URL": database_url(),
        "DATA_DIR": str(data),
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "LOG_LEVEL": "ERROR",
    }
    command = [sys.executable, "-m", "celery", "-A", "portal.celery", "worker", "--pool=threads", "--concurrency=2"]
    with (data / "worker.log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            yield environment
            assert process.poll() is None, (data / "worker.log").read_text()
        finally:
            process.kill()
            process.wait()


def test_32_threads_and_a_worker_write_at_once(tmp_path: Path) -> None:
    people = [get_user_model().objects.create_user(f"user{number}", None) for number in range(THREADS)]
    questions = [WorkerPing.objects.create().pk for _ in range(60)]  # a ping expires after 30 s
    start = threading.Barrier(THREADS + 1, timeout=180)

    def request(person) -> None:
        try:
            start.wait()
            for number in range(ROUNDS):
                with transaction.atomic():  # reads, then writes: what a deferred transaction fails at
                    before = Preference.objects.filter(user=person).count()
                    Preference.objects.create(user=person, key=f"test.{number}", value=before)
                for_user(person).save({THEME: ["dark", "light"][number % 2]})
        finally:
            connections.close_all()

    with worker(tmp_path) as environment, ThreadPoolExecutor(THREADS) as threads:
        jobs = [threads.submit(request, person) for person in people]
        words = [sys.executable, "-c", ASK, *map(str, questions)]
        asked = subprocess.Popen(words, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        waiting = WorkerPing.objects.filter(pk__in=questions, answered=None)
        deadline = time.monotonic() + 120
        while waiting.count() > len(questions) - 5:  # the worker is in the middle of it when the threads begin
            assert time.monotonic() < deadline, (tmp_path / "worker.log").read_text()
            time.sleep(0.02)
        start.wait()
        for job in jobs:
            job.result()
        while waiting.exists():
            assert time.monotonic() < deadline, (tmp_path / "worker.log").read_text()
            time.sleep(0.02)  # asks again; nothing depends on how long
        assert asked.communicate() == ("asked\n", None)
    assert "locked" not in (tmp_path / "worker.log").read_text()
    for person in people:
        rows = dict(Preference.objects.filter(user=person).values_list("key", "value"))
        assert rows.pop("portal.theme") == "dark"
        assert len(rows) == ROUNDS
