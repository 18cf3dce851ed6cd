"""What happens to a warm connection while nobody waits for it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import pytest

from apps.mail.mailbox import upkeep
from apps.mail.mailbox.imap.connection import Connection
from apps.mail.mailbox.pool import Pool
from tests.mail.mailbox.conftest import Person, account_on, letter
from tests.mail.mailbox.test_pool import OwnDovecot, eventually


@pytest.fixture(autouse=True)
def settle_now(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Nothing settles before this is called."""
    monkeypatch.setattr(upkeep, "SETTLED_AFTER", 3600.0)
    return lambda: monkeypatch.setattr(upkeep, "SETTLED_AFTER", 0.0)


def flag_all(person_pool: Pool, person: Person) -> Connection:
    with person_pool.lease(person.account) as store:
        page = store.page("INBOX")
        uids = [row.uid for row in page.rows]
        store.set_flags("INBOX", uids, uidvalidity=page.status.uidvalidity, add=["\\Flagged"])
        assert store.connection.stirred
        return store.connection


def test_after_a_change_the_server_looks_once_more(person: Person, settle_now: Callable[[], None]) -> None:
    person.server.append(person.login, letter("one"))
    connection = flag_all(person.pool, person)
    said = connection.commands
    settle_now()
    eventually(lambda: not connection.stirred and person.pool.idle_count() == 1)
    assert connection.commands == said + 1
    time.sleep(0.8)  # no more than that
    assert connection.commands == said + 1
    with person.pool.lease(person.account) as store:
        assert store.connection is connection
        assert [row.flagged for row in store.page("INBOX").rows] == [True]


def test_reading_is_no_change(person: Person, settle_now: Callable[[], None]) -> None:
    person.server.append(person.login, letter("one"))
    with person.pool.lease(person.account) as store:
        (row,) = store.page("INBOX").rows
        store.message("INBOX", row.uid, uidvalidity=store.status("INBOX").uidvalidity)
        connection = store.connection
    said = connection.commands
    settle_now()
    time.sleep(0.8)
    assert (connection.commands, connection.stirred) == (said, 0.0)


def test_one_wait_for_a_server_that_hangs(
    own_dovecot: OwnDovecot, pool: Pool, monkeypatch: pytest.MonkeyPatch, settle_now: Callable[[], None]
) -> None:
    monkeypatch.setattr(upkeep, "CHECK_TIMEOUT", 0.5)
    asked: list[Connection] = []

    def settle(connection: Connection, usual: Callable[[Connection], bool] = upkeep.settle) -> bool:
        asked.append(connection)
        return usual(connection)

    monkeypatch.setattr(upkeep, "settle", settle)
    with own_dovecot() as server:
        account = account_on(server, server.new_user())
        leases = contextlib.ExitStack()
        for _ in range(3):
            store = leases.enter_context(pool.lease(account))
            store.append("INBOX", letter("one"))
            store.page("INBOX")
        with server.paused():
            leases.close()
            settle_now()
            eventually(lambda: len(asked) == 1 and pool.idle_count() == 2)
            time.sleep(0.8)
            assert (len(asked), pool.idle_count()) == (1, 2)
        with pool.lease(account) as store:
            assert store.page("INBOX").total == 3
