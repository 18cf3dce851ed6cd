"""The database under load: 32 request threads and a worker write at once, and nobody is turned away."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
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
WORKER = """
import django
django.setup()
from portal.models import WorkerPing
from portal.tasks import ping
for row in WorkerPing.objects.order_by("pk"):
    ping(row.pk)
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


def test_32_threads_and_a_worker_write_at_once() -> None:
    people = [get_user_model().objects.create_user(f"user{number}", None) for number in range(THREADS)]
    questions = [WorkerPing.objects.create().pk for _ in range(200)]
    start = threading.Barrier(THREADS + 1)

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

    with ThreadPoolExecutor(THREADS) as threads:
        jobs = [threads.submit(request, person) for person in people]
        worker = subprocess.Popen(
            [sys.executable, "-c", WORKER],
            cwd=ROOT,
            env=os.environ | {"DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "portal.settings"},
            stderr=subprocess.PIPE,
            text=True,
        )
        start.wait()
        for job in jobs:
            job.result()
        _out, complaint = worker.communicate()
    assert (worker.returncode, complaint) == (0, "")
    assert WorkerPing.objects.filter(pk__in=questions, answered=None).count() == 0
    for person in people:
        rows = dict(Preference.objects.filter(user=person).values_list("key", "value"))
        assert rows.pop("portal.theme") == "dark"
        assert len(rows) == ROUNDS
