"""Stores on all kinds of server: Dovecot and Cyrus, which can do much, and pymap, which can do almost nothing."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from apps.mail.mailbox.account import Account
from apps.mail.mailbox.imap.store import ImapStore
from apps.mail.mailbox.pool import Pool
from portal.net import parse_server_url
from tests.support.mailserver import MailServer

SERVICES = {"imap": 143, "imaps": 993}
#: Without these, Dovecot is a server of 1996 with some manners.
_OFFERED = """
    ID ENABLE SORT SORT=DISPLAY ESORT ESEARCH SEARCHRES LIST-EXTENDED LIST-STATUS SPECIAL-USE CONDSTORE QRESYNC MOVE
    UIDPLUS PREVIEW PREVIEW=FUZZY SNIPPET=FUZZY LITERAL+ UNSELECT NAMESPACE I18NLEVEL=1 SASL-IR
"""
EVERYTHING = frozenset(_OFFERED.split())


def account_on(server: MailServer, login: str, **options: Any) -> Account:
    options = {
        "read_timeout": 120.0,
        "password": server.password,
        "ca_file": str(server.ca_file) if server.ca_file else None,
    } | options
    url = options.pop("url", server.url)
    return Account(server=parse_server_url(url, services=SERVICES), login=login, **options)


@dataclass
class Person:
    """Somebody with a mailbox of their own, a store that looks into it, and the server behind it."""

    server: MailServer
    login: str
    pool: Pool
    options: dict[str, Any] = field(default_factory=dict)
    stack: ExitStack = field(default_factory=ExitStack)

    @property
    def account(self) -> Account:
        return account_on(self.server, self.login, **self.options)

    def lease(self) -> ImapStore:
        """A store until the end of the test."""
        return self.stack.enter_context(self.pool.lease(self.account))

    def deliver(self, *messages: bytes, **options: Any) -> list[int]:
        return self.server.append(self.login, *messages, **options)


def letter(
    subject: str = "Hello", *, sender: str = "bob@example.test", text: str = "Some words.", extra: str = ""
) -> bytes:
    number = zlib.crc32(f"{subject}\n{text}".encode())
    head = f"From: {sender}\nTo: alice@example.test\nSubject: {subject}\nMessage-ID: <{number}@x.test>\n"
    head += f"Date: Mon, 6 Jan 2025 10:00:00 +0000\n{extra}"
    if "Content-Type" not in extra:
        head += "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n"
    return f"{head}\n{text}\n".encode()


@pytest.fixture
def make_pool(tmp_path: Path) -> Iterator[Callable[..., Pool]]:
    pools: list[Pool] = []

    def make(**options: Any) -> Pool:
        pool = Pool(**({"directory": tmp_path / "places"} | options))
        pools.append(pool)
        return pool

    yield make
    for pool in pools:
        pool.close_all()


@pytest.fixture
def pool(make_pool: Callable[..., Pool]) -> Pool:
    return make_pool()


#: Parameters of `person`, and the fixtures behind them.
SERVERS = {"dovecot": "dovecot", "bare dovecot": "dovecot", "cyrus": "cyrus", "pymap": "pymap_server"}


@pytest.fixture(params=SERVERS)
def person(request: pytest.FixtureRequest, pool: Pool) -> Iterator[Person]:
    """The same story on each server; "bare" is Dovecot with its extensions ignored."""
    options: dict[str, Any] = {"ignore_capabilities": EVERYTHING} if request.param == "bare dovecot" else {}
    server: MailServer = request.getfixturevalue(SERVERS[request.param])
    somebody = Person(server, server.new_user(), pool, options)
    with somebody.stack:
        yield somebody


@pytest.fixture
def store(person: Person) -> ImapStore:
    return person.lease()


@pytest.fixture
def rich(dovecot: MailServer, pool: Pool) -> Iterator[Person]:
    """Somebody on Dovecot with all it offers."""
    somebody = Person(dovecot, dovecot.new_user(), pool)
    with somebody.stack:
        yield somebody
