"""The tools that the other tests are made with."""

from __future__ import annotations

import hashlib
import json
import urllib.request

from playwright.sync_api import Page

from tests.support import axe
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
