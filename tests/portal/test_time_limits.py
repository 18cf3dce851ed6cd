"""Servers beside the mail servers that hang: the database and the one for error mails."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core import mail
from django.db import OperationalError
from django.db.utils import ConnectionHandler

from portal import databases, patience
from tests.portal.test_logging import all_sent, failure
from tests.support.mailserver import DeafServer


def handler(url: str, **limits: int) -> ConnectionHandler:
    config = databases.database(Path("/data"))(url)
    assert set(databases.MYSQL_TIMEOUTS) <= set(config["OPTIONS"])
    config["OPTIONS"].update(limits)
    return ConnectionHandler({"default": config})


def test_every_wait_for_mariadb_has_a_limit() -> None:
    assert (
        databases.database(Path("/data"))("mysql://u:p@db.test/x")["OPTIONS"].items()
        >= databases.MYSQL_TIMEOUTS.items()
    )
    assert 0 < min(databases.MYSQL_TIMEOUTS.values()) <= max(databases.MYSQL_TIMEOUTS.values()) <= 30


@pytest.mark.django_db
def test_a_database_that_accepts_and_is_silent_is_given_up(deaf_server: DeafServer) -> None:
    pytest.importorskip("MySQLdb", reason="mysqlclient is not installed")
    connections = handler(f"mysql://u:p@127.0.0.1:{deaf_server.port}/x", connect_timeout=1, read_timeout=1)
    with pytest.raises(OperationalError):
        connections["default"].ensure_connection()


@pytest.mark.django_db
def test_a_statement_that_hangs_is_given_up(mariadb_url: str) -> None:
    connections = handler(mariadb_url, read_timeout=1)
    with connections["default"].cursor() as cursor, pytest.raises(OperationalError):
        cursor.execute("SELECT SLEEP(60)")
    connections["default"].close()


@pytest.mark.django_db
def test_what_an_administrator_runs_may_take_longer(mariadb_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = handler(mariadb_url, read_timeout=1)["default"]
    monkeypatch.setattr(patience, "connection", connection)
    with patience.patient(), connection.cursor() as cursor:
        cursor.execute("SELECT SLEEP(1.5)")
        assert cursor.fetchone() == (0,)
    assert connection.settings_dict["OPTIONS"]["read_timeout"] == 1
    assert connection.connection is None  # the next one has the limits of pages again


def test_error_mails_wait_a_few_seconds_only(deaf_server: DeafServer, settings) -> None:
    assert 0 < settings.EMAIL_TIMEOUT <= 5
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", deaf_server.port, 1
    settings.ADMINS = [("", "root@example.test")]
    with pytest.raises(OSError):
        mail.get_connection().open()
    all_sent(failure())
    assert deaf_server.connections >= 1
