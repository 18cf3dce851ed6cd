from __future__ import annotations

import pytest
from django.test import Client


def test_it_lives_without_a_database(client: Client) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.django_db
def test_it_is_ready_when_database_and_cache_answer(client: Client) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "database": "ok", "cache": "ok"})


@pytest.mark.django_db
def test_it_says_which_part_is_missing_and_nothing_about_it(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ConnectionError("redis://:hunter2@cache.internal refused")

    monkeypatch.setattr("portal.views.health._ask_cache", broken)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "unavailable", "database": "ok", "cache": "unavailable"}


@pytest.mark.django_db
def test_a_database_that_is_away(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise OSError("mysql at db.internal is gone")

    monkeypatch.setattr("portal.views.health._ask_database", broken)
    answer = client.get("/readyz")
    assert answer.json()["database"] == "unavailable"
    assert "internal" not in answer.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
@pytest.mark.parametrize("host", ["10.0.0.7:8000", "[fd00::7]", "portal.internal", "not a host"])
def test_probes_come_by_address_and_without_https(client: Client, settings, path: str, host: str) -> None:
    settings.ALLOWED_HOSTS = ["webmail.example.test"]
    answer = client.get(path, HTTP_HOST=host, REMOTE_ADDR="10.0.0.1")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    assert "default-src 'none'" in answer["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_only_reading(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405
