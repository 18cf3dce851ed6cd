"""The tools that the other tests are made with."""

from __future__ import annotations

import hashlib
import json
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import Page

from scripts.suite import PREPARED
from tests.support import axe, site
from tests.support.mailserver import DeafServer
from tests.support.site import Site


def test_axe_is_the_file_that_was_published() -> None:
    versions = dict(line.split(": ", 1) for line in (axe.SCRIPT.parent / "VERSIONS").read_text().splitlines())
    assert hashlib.sha256(axe.SCRIPT.read_bytes()).hexdigest() == versions["sha256"]


def test_axe_finds_and_is_content(page: Page) -> None:
    page.set_content("<!doctype html><html lang=en><title>T</title><main><h1>H</h1><img src='data:,'></main>")
    assert [line.partition(":")[0] for line in axe.violations(page)] == ["image-alt"]
    page.set_content("<!doctype html><html lang=en><title>T</title><main><h1>H</h1><img src='data:,' alt=''></main>")
    assert axe.violations(page) == []


def test_a_deaf_server_holds_its_clients(deaf_server: DeafServer) -> None:
    import socket

    with socket.create_connection(("127.0.0.1", deaf_server.port), timeout=0.2) as client:
        client.sendall(b"a001 NOOP\r\n")
        try:
            answer = client.recv(1)
        except TimeoutError:
            answer = None
    assert answer is None
    assert deaf_server.connections == 1


def test_a_site_runs_and_can_be_managed(site: Site) -> None:
    with urllib.request.urlopen(f"{site.url}/healthz") as answer:
        assert json.load(answer)
    assert "Migrations" not in site.manage("migrate", "--check")


def test_a_fresh_site_is_made_once_for_all_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, str]] = []

    def prepare(directory: Path, settings: dict[str, str]) -> None:
        made.append(settings)
        (directory / "portal.sqlite3").write_text("rows")

    def breaks_off(directory: Path, settings: dict[str, str]) -> None:
        (directory / "half").touch()
        raise RuntimeError

    monkeypatch.setenv(PREPARED, str(tmp_path))
    monkeypatch.setattr(site, "_prepare", prepare)
    once = site._prepared.__wrapped__  # as each process has it, without what this one remembers
    first = once(PORTAL_APPS="none")
    assert (first / "portal.sqlite3").read_text() == "rows" and first.stat().st_mode & 0o777 == 0o700
    assert once(PORTAL_APPS="none") == first and len(made) == 1
    assert once(PORTAL_APPS="contacts") != first and len(made) == 2
    with pytest.raises(RuntimeError), monkeypatch.context() as broken:
        broken.setattr(site, "_prepare", breaks_off)
        once(PORTAL_APPS="mail")
    assert not (once(PORTAL_APPS="mail") / "half").exists() and len(made) == 3
