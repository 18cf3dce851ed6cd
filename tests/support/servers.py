"""Fixtures for real servers: each test process has its own, started on first use and ended with the process.

Where a server is not installed, its tests are skipped with the reason naming the Debian packages; in CI that skip is a
failure (tests/conftest.py).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from scripts.servers import chromium
from scripts.servers.base import NotInstalled, Server, Workdir, require
from scripts.servers.cyrus import Cyrus
from scripts.servers.dovecot import Dovecot
from scripts.servers.exim import Exim
from scripts.servers.mariadb import MariaDB
from scripts.servers.radicale import Radicale
from scripts.servers.redis import Redis
from scripts.servers.slapd import Slapd
from scripts.servers.staff import Staff
from tests.support.hands import wait_for_pages
from tests.support.mailserver import CyrusServer, DeafServer, DovecotServer, PymapServer


@dataclass(frozen=True)
class SubmissionServer:
    """The submission server before ``dovecot``'s mailboxes. `scripts.servers.exim` names who is refused, and how."""

    server: Exim
    dovecot: DovecotServer

    @property
    def port(self) -> int:
        return self.server.smtp

    @property
    def tls_port(self) -> int:
        return self.server.smtps

    @property
    def tls_url(self) -> str:
        return f"smtps://localhost:{self.server.smtps}"

    @property
    def starttls_url(self) -> str:
        return f"smtp+starttls://localhost:{self.server.smtp}"

    @property
    def ca_file(self) -> Path:
        return self.server.ca_file


def need(kind: type[Server]) -> None:
    try:
        require(kind)
    except NotInstalled as missing:
        pytest.skip(str(missing))


@contextlib.contextmanager
def running_dovecot(**how: Any) -> Iterator[DovecotServer]:
    """A Dovecot for this block alone, for tests that break it or set it up differently (as ``Dovecot`` says)."""
    need(Dovecot)
    workdir = Workdir.create()
    server = Dovecot(workdir, **how)
    try:
        server.configure()
        server.start()
        yield DovecotServer(server)
    finally:
        server.stop()
        workdir.remove()


@pytest.fixture(scope="session")
def dovecot() -> Iterator[DovecotServer]:
    with running_dovecot() as server:
        yield server


@pytest.fixture
def own_dovecot() -> Callable[..., contextlib.AbstractContextManager[DovecotServer]]:
    """``with own_dovecot(connections_per_user=3) as server:`` for tests that stop, kill or pause their server."""
    return running_dovecot


@pytest.fixture(scope="session")
def cyrus() -> Iterator[CyrusServer]:
    with running(Cyrus) as server:
        yield CyrusServer(server)


@pytest.fixture(scope="session")
def submission(dovecot: DovecotServer) -> Iterator[SubmissionServer]:
    need(Exim)
    server = Exim(dovecot.server)
    server.configure()
    server.start()
    yield SubmissionServer(server, dovecot)
    server.stop()


@contextlib.contextmanager
def running_pymap() -> Iterator[PymapServer]:
    workdir = Workdir.create()
    server = PymapServer(workdir.free_port())
    server.start()
    yield server
    server.stop()
    workdir.remove()


@pytest.fixture(scope="session")
def pymap_server() -> Iterator[PymapServer]:
    with running_pymap() as server:
        yield server


DataServer = TypeVar("DataServer", Cyrus, MariaDB, Radicale, Redis, Slapd, Staff)


@contextlib.contextmanager
def running(kind: type[DataServer]) -> Iterator[DataServer]:
    need(kind)
    workdir = Workdir.create()
    server = kind(workdir)
    try:
        server.configure()
        server.start()
        yield server
    finally:
        server.stop()
        workdir.remove()


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    with running(MariaDB) as server:
        yield server


@pytest.fixture(scope="session")
def mariadb_url(mariadb: MariaDB) -> str:
    """DATABASE_URL of an empty database "portal"."""
    return mariadb.url


@pytest.fixture(scope="session")
def redis() -> Iterator[Redis]:
    with running(Redis) as server:
        yield server


@pytest.fixture(scope="session")
def redis_url(redis: Redis) -> str:
    return redis.url


@pytest.fixture(scope="session")
def slapd() -> Iterator[Slapd]:
    with running(Slapd) as server:
        yield server


@pytest.fixture(scope="session")
def staff() -> Iterator[Staff]:
    """A directory with the 300 people of an institute, for tests that change nothing in it."""
    with running(Staff) as server:
        yield server


@pytest.fixture
def own_slapd() -> Callable[[], contextlib.AbstractContextManager[Slapd]]:
    """``with own_slapd() as server:`` for tests that stop or pause their directory."""
    return lambda: running(Slapd)


@pytest.fixture(scope="session")
def radicale() -> Iterator[Radicale]:
    with running(Radicale) as server:
        yield server


@pytest.fixture
def deaf_server() -> Iterator[DeafServer]:
    """Accepts connections and never answers."""
    server = DeafServer()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium per test process. Tests take `page`, or contexts of their own from ``browser.new_context()``."""
    if not chromium.PROGRAM.exists():
        pytest.skip(f"chromium is not installed (Debian packages: {' '.join(chromium.PACKAGES)})")
    # Playwright's event loop runs in this thread while the browser lives; Django would take that for async code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    wait_for_pages()
    expect.set_options(timeout=30_000)  # as all else waits: how long a page takes is no matter of these tests
    with sync_playwright() as playwright:
        chrome = playwright.chromium.launch(executable_path=str(chromium.PROGRAM), args=chromium.arguments())
        yield chrome
        chrome.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh browser profile: no cookies, English, UTC. Asking for anything but loopback is refused."""
    fresh = browser.new_context(locale="en", timezone_id="UTC", viewport={"width": 1280, "height": 800})
    yield fresh
    fresh.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page that fails its test when one of its scripts throws."""
    fresh = context.new_page()
    errors: list[str] = []
    fresh.on("pageerror", lambda error: errors.append(str(error)))
    yield fresh
    assert errors == []
