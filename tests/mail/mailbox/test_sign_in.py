"""Asking the server about a password: always anew, and at nobody's expense."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from apps.mail.mailbox import errors
from apps.mail.mailbox import pool as pool_module
from apps.mail.mailbox.account import Account
from apps.mail.mailbox.pool import Pool
from portal.net import parse_server_url
from tests.mail.mailbox.conftest import SERVICES, Person, account_on
from tests.mail.mailbox.test_pool import MakePool, eventually
from tests.support.mailserver import MailServer


@pytest.fixture(params=["dovecot", "pymap_server"])
def server(request: pytest.FixtureRequest) -> MailServer:
    found: MailServer = request.getfixturevalue(request.param)
    return found


def test_a_password_that_was_changed_signs_nobody_in(server: MailServer, pool: Pool) -> None:
    login = server.new_user()
    before = account_on(server, login)
    pool.sign_in(before)
    assert pool.idle_count() == 1
    server.set_password(login, "fresh")
    with pytest.raises(errors.SignInRefused):
        pool.sign_in(before)
    assert pool.idle_count() == 0, "nor is what it opened of use any longer"
    pool.sign_in(account_on(server, login, password="fresh"))


def test_what_signed_in_is_used_by_the_requests_that_follow(rich: Person) -> None:
    rich.pool.sign_in(rich.account)
    assert rich.pool.idle_count() == 1
    with rich.pool.lease(rich.account) as store:
        store.page("INBOX")
        assert rich.pool.idle_count() == 0


def test_a_proved_password_makes_room_in_its_own_account(rich: Person, make_pool: MakePool) -> None:
    pool = make_pool(per_account=2, patience=0.1)
    with pool.lease(rich.account), pool.lease(rich.account):
        pass
    pool.sign_in(rich.account)
    assert pool.idle_count() == 2
    with pool.lease(rich.account), pool.lease(rich.account):
        pool.sign_in(rich.account)
        assert pool.idle_count() == 0, "no place, but the password is right"


def test_no_connection_is_used_for_ever(rich: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    with rich.pool.lease(rich.account) as store:
        first = store.connection
    with rich.pool.lease(rich.account) as store:
        assert store.connection is first
        monkeypatch.setattr(pool_module, "OLDEST", 0.0)
    assert first.broken


@dataclass
class Thoughtful:
    """Takes the password "right", and thinks about every other one until it is told to refuse it."""

    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0), backlog=64))
    refuse: threading.Event = field(default_factory=threading.Event)
    thinking: list[bytes] = field(default_factory=list)

    def account(self, login: str, password: str) -> Account:
        url = f"imap://127.0.0.1:{self.listener.getsockname()[1]}"
        return Account(server=parse_server_url(url, services=SERVICES), login=login, password=password)

    def serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _address = self.listener.accept()
                threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, client: socket.socket) -> None:
        with client, client.makefile("rb") as lines, contextlib.suppress(OSError):
            client.sendall(b"* OK [CAPABILITY IMAP4rev1] hi\r\n")
            for line in lines:
                answer = b"OK [CAPABILITY IMAP4rev1]"
                if b"LOGIN" in line and b'"right"' not in line:
                    self.thinking.append(line)
                    self.refuse.wait(20)
                    answer = b"NO [AUTHENTICATIONFAILED]"
                client.sendall(line.split()[0] + b" " + answer + b" so be it\r\n")


@pytest.fixture
def thoughtful() -> Iterator[Thoughtful]:
    server = Thoughtful()
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    yield server
    server.refuse.set()
    server.listener.shutdown(socket.SHUT_RDWR)
    server.listener.close()
    thread.join(10)


@contextlib.contextmanager
def guessing(server: Thoughtful, pool: Pool, logins: list[str], *, heard: int) -> Iterator[None]:
    """Inside the block, the server thinks about so many of these."""

    def guess(number: int, login: str) -> None:
        with contextlib.suppress(errors.SignInRefused, errors.TooManyConnections):
            pool.sign_in(server.account(login, f"wrong{number}"))

    threads = [threading.Thread(target=guess, args=item) for item in enumerate(logins)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(server.thinking) == heard)
    yield
    server.refuse.set()
    for thread in threads:
        thread.join(10)


@pytest.mark.parametrize("who", ["strangers", "one login"])
def test_who_guesses_takes_nothing_from_those_who_are_signed_in(
    thoughtful: Thoughtful, make_pool: Callable[..., Pool], who: str
) -> None:
    pool = make_pool(per_account=1, per_server=2, threads=1, sign_ins=2, patience=0.2)
    alice = thoughtful.account("alice", "right")
    with pool.lease(alice) as store:
        mine = store.connection
    logins = ["alice"] * 4 if who == "one login" else [f"nobody{number}" for number in range(4)]
    with guessing(thoughtful, pool, logins, heard=1 if who == "one login" else 2):
        for _ in range(3):
            with pool.lease(alice) as store:
                assert store.connection is mine
                store.connection.refresh()


def test_more_than_its_share_is_refused_at_once(thoughtful: Thoughtful, make_pool: Callable[..., Pool]) -> None:
    pool = make_pool(sign_ins=2, patience=20.0)
    with guessing(thoughtful, pool, ["a", "b"], heard=2), pytest.raises(errors.TooManyConnections):
        pool.sign_in(thoughtful.account("alice", "right"))
    pool.sign_in(thoughtful.account("alice", "right"))
