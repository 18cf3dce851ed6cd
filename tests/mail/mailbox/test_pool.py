"""Connections: whose, how many, for how long."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from apps.mail.mailbox import errors
from apps.mail.mailbox.account import Account
from apps.mail.mailbox.imap.connection import Connection
from apps.mail.mailbox.pool import Pool
from apps.mail.mailbox.slots import Slots
from portal.net import parse_server_url
from tests.mail.mailbox.conftest import SERVICES, Person, account_on, letter
from tests.support.mailserver import DeafServer, DovecotServer

MakePool = Callable[..., Pool]
OwnDovecot = Callable[..., contextlib.AbstractContextManager[DovecotServer]]


def eventually(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.01)


def test_a_connection_is_used_again(rich: Person) -> None:
    with rich.pool.lease(rich.account) as store:
        store.page("INBOX")
        first = store.connection
    with rich.pool.lease(rich.account) as store:
        assert store.connection is first
        store.page("INBOX")
        assert store.commands == 2, "STATUS and NOOP in the open mailbox, which is empty"


def test_two_leases_never_share(rich: Person) -> None:
    with rich.pool.lease(rich.account) as one, rich.pool.lease(rich.account) as two:
        assert one.connection is not two.connection
    assert rich.pool.idle_count() == 2


def test_people_never_share(dovecot: DovecotServer, pool: Pool) -> None:
    alice, bob = dovecot.new_user(), dovecot.new_user()
    dovecot.append(alice, letter("for alice"))
    with pool.lease(account_on(dovecot, alice)) as store:
        assert store.page("INBOX").total == 1
    with pool.lease(account_on(dovecot, bob)) as store:
        assert store.page("INBOX").total == 0


def test_another_password_is_another_connection(rich: Person) -> None:
    """A warm connection of the right user is no way in for somebody with a wrong password."""
    with rich.pool.lease(rich.account):
        pass
    wrong = account_on(rich.server, rich.login, password="wrong")
    with pytest.raises(errors.SignInRefused), rich.pool.lease(wrong):
        pass
    assert rich.pool.key(rich.account) != rich.pool.key(wrong)
    assert rich.server.password.encode() not in repr(rich.pool.key(rich.account)).encode()


def test_keys_say_nothing_about_the_password(rich: Person, make_pool: MakePool) -> None:
    assert rich.pool.key(rich.account)[2] != make_pool().key(rich.account)[2]


def test_a_lease_that_fails_gives_everything_back(rich: Person, make_pool: MakePool) -> None:
    pool = make_pool(per_account=1, patience=0.0)
    wrong = account_on(rich.server, rich.login, password="wrong")
    for _ in range(3):
        with pytest.raises(errors.SignInRefused), pool.lease(wrong):
            pass
    with pytest.raises(ZeroDivisionError), pool.lease(rich.account):
        1 / 0  # noqa: B018
    with pool.lease(rich.account) as store:
        store.page("INBOX")


def test_the_account_has_its_limit(rich: Person, make_pool: MakePool) -> None:
    pool = make_pool(per_account=2, patience=0.1)
    one, two = pool.lease(rich.account), pool.lease(rich.account)
    with one, two, pytest.raises(errors.TooManyConnections), pool.lease(rich.account):
        pass
    with pool.lease(rich.account), pool.lease(rich.account):
        pass


def test_the_server_has_its_limit(dovecot: DovecotServer, make_pool: MakePool) -> None:
    pool = make_pool(per_server=2, patience=0.1)
    people = [account_on(dovecot, dovecot.new_user()) for _ in range(3)]
    one, two = pool.lease(people[0]), pool.lease(people[1])
    with one, two, pytest.raises(errors.TooManyConnections), pool.lease(people[2]):
        pass


def test_the_idle_one_unused_for_longest_makes_room(dovecot: DovecotServer, make_pool: MakePool) -> None:
    pool = make_pool(per_server=2, patience=0.1)
    first, second, third = (account_on(dovecot, dovecot.new_user()) for _ in range(3))
    for account in (first, second):
        with pool.lease(account) as store:
            store.page("INBOX")
    with pool.lease(second) as store:
        kept = store.connection
    with pool.lease(third), pool.lease(second) as store:
        assert store.connection is kept


def test_who_waits_gets_the_connection_that_comes_back(rich: Person, make_pool: MakePool) -> None:
    """Every time: neither the waiting request itself nor the reaper closes it to make room."""
    pool = make_pool(per_account=1, patience=10.0)
    got: list[Connection] = []

    def wait() -> None:
        with pool.lease(rich.account) as store:
            got.append(store.connection)

    with pool.lease(rich.account) as store:
        mine = store.connection
    for _ in range(60):
        with pool.lease(rich.account):
            threads = [threading.Thread(target=wait) for _ in range(3)]
            for thread in threads:
                thread.start()
        for thread in threads:
            thread.join(10)
    assert got == [mine] * 180


def test_no_thread_is_started_while_the_pool_is_locked(
    rich: Person, make_pool: MakePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new thread is waited for; in it the garbage collector may close a forgotten stream, which wants the lock."""
    pool = make_pool()
    start, asked = threading.Thread.start, []

    def start_beside_somebody(thread: threading.Thread) -> None:
        if thread.name == "mail connections":
            somebody = threading.Thread(target=lambda: asked.append(pool.idle_count()))
            start(somebody)
            somebody.join(10)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_beside_somebody)
    with pool.lease(rich.account) as store:
        store.page("INBOX")
    assert asked == [1]


def test_a_process_ends_while_a_stream_still_holds_its_lease(rich: Person, tmp_path: Path) -> None:
    """The generator of an answer that nobody read to its end gives its connection back when the interpreter goes."""
    program = """if True:
        import sys
        from pathlib import Path
        from apps.mail.mailbox.account import Account
        from apps.mail.mailbox.pool import Pool
        from portal.net import parse_server_url
        url, login, password, ca_file, directory = sys.argv[1:]
        server = parse_server_url(url, services={"imap": 143, "imaps": 993})
        account = Account(server=server, login=login, password=password, ca_file=ca_file or None)
        def stream():
            with Pool(directory=Path(directory)).lease(account) as store:
                yield store.page("INBOX")
        held = stream()
        next(held)
    """
    account = rich.account
    words = [str(account.server), account.login, account.password, account.ca_file or "", str(tmp_path / "places")]
    subprocess.run(
        [sys.executable, "-c", program, *words], cwd=Path(__file__).resolve().parents[3], check=True, timeout=60
    )


def test_another_process_gives_an_idle_one_up(rich: Person, make_pool: MakePool, tmp_path: Path) -> None:
    """Two pools with one directory are what two processes are to each other."""
    places = tmp_path / "shared"
    ours, theirs = (make_pool(directory=places, per_account=1, patience=5.0) for _ in range(2))
    with theirs.lease(rich.account) as store:
        store.page("INBOX")
    with ours.lease(rich.account) as store:
        store.page("INBOX")
        assert theirs.idle_count() == 0


HOLDER = """
import sys
from pathlib import Path
from apps.mail.mailbox.account import Account
from apps.mail.mailbox.pool import Pool
from portal.net import parse_server_url
url, login, password, places = sys.argv[1:]
account = Account(server=parse_server_url(url, services={"imap": 143, "imaps": 993}), login=login, password=password)
with Pool(directory=Path(places), per_account=3).lease(account) as store:
    store.page("INBOX")
    print("held", flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def holder(person: Person, places: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that leases one connection and keeps it."""
    words = [sys.executable, "-c", HOLDER, person.server.url, person.login, person.server.password, str(places)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_limits_hold_over_processes_and_survive_a_kill(rich: Person, make_pool: MakePool, tmp_path: Path) -> None:
    places = tmp_path / "shared"
    pool = make_pool(directory=places, per_account=3, patience=0.1)
    with holder(rich, places) as one, holder(rich, places), pool.lease(rich.account):
        with pytest.raises(errors.TooManyConnections), pool.lease(rich.account):
            pass
        one.kill()
        one.wait(10)
        with pool.lease(rich.account) as store:
            store.page("INBOX")


def test_a_forked_child_lets_go(rich: Person) -> None:
    with rich.pool.lease(rich.account) as store:
        store.page("INBOX")
        kept = store.connection
    child = os.fork()
    if not child:
        os._exit(rich.pool.idle_count())
    assert os.waitpid(child, 0)[1] == 0
    with rich.pool.lease(rich.account) as store:
        assert store.connection is kept
        store.page("INBOX")


def test_a_forked_child_lets_go_of_what_is_leased_too(rich: Person, make_pool: MakePool) -> None:
    """Else the server would not hear that the parent has hung up, and the place would stay taken."""
    pool = make_pool(per_account=1, patience=0.1)
    lease = pool.lease(rich.account)
    store = lease.__enter__()
    store.page("INBOX")
    ready, goes_on = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        os.write(ready[1], b"x" if store.connection.broken else b"-")
        os.read(goes_on[0], 1)
        os._exit(0)
    assert os.read(ready[0], 1) == b"x"
    store.page("INBOX")
    store.connection.close()
    lease.__exit__(None, None, None)
    with pool.lease(rich.account) as again:
        assert again.connection is not store.connection
    os.write(goes_on[1], b"x")
    os.waitpid(child, 0)


def test_idle_connections_close(rich: Person, make_pool: MakePool) -> None:
    pool = make_pool(idle_seconds=0.05)
    with pool.lease(rich.account) as store:
        connection = store.connection
    eventually(lambda: pool.idle_count() == 0)
    eventually(lambda: connection.broken)


def test_sign_out_closes(rich: Person, make_pool: MakePool) -> None:
    with rich.pool.lease(rich.account) as store:
        idle = store.connection
    with rich.pool.lease(rich.account), rich.pool.lease(rich.account) as store:
        busy = store.connection
        rich.pool.close_account(rich.pool.key(rich.account))
        store.page("INBOX")
    assert (idle.broken, busy.broken, rich.pool.idle_count()) == (True, True, 0)
    with rich.pool.lease(rich.account) as store:
        store.page("INBOX")
    assert rich.pool.idle_count() == 1


def test_a_server_that_was_restarted(own_dovecot: OwnDovecot, pool: Pool) -> None:
    with own_dovecot() as server:
        server.append("alice", letter("still there"))
        account = account_on(server, "alice")
        with pool.lease(account) as store:
            assert store.page("INBOX").total == 1
        server.kill()
        server.start()
        with pool.lease(account) as store:
            assert store.page("INBOX").total == 1, "on a new connection, and nobody noticed"
        server.kill()
        with pytest.raises(errors.ServerUnreachable), pool.lease(account) as store:
            store.page("INBOX")
        server.start()
        with pool.lease(account) as store:
            assert store.page("INBOX").total == 1


def test_a_change_is_never_made_twice(own_dovecot: OwnDovecot, pool: Pool) -> None:
    """After the first command of a lease nothing is repeated by itself: nobody knows how far it came."""
    with own_dovecot() as server:
        uid = server.append("alice", letter())[0]
        with pool.lease(account_on(server, "alice")) as store:
            validity = store.page("INBOX").status.uidvalidity
            server.kill()
            server.start()
            with pytest.raises(errors.ServerUnreachable):
                store.move("INBOX", [uid], "Trash", uidvalidity=validity)
        assert len(server.messages("alice")) == 1


def test_a_server_that_hangs(own_dovecot: OwnDovecot, pool: Pool) -> None:
    with own_dovecot() as server:
        account = account_on(server, "alice", connect_timeout=2.0, read_timeout=2.0)
        with pool.lease(account) as store:
            store.page("INBOX")
        with server.paused():
            began = time.monotonic()
            with pytest.raises(errors.ServerTimeout), pool.lease(account) as store:
                store.page("INBOX")
            with pytest.raises(errors.ServerUnreachable), pool.lease(account):
                pass
            assert time.monotonic() - began < 15  # the usual patience is twenty seconds
        assert pool.idle_count() == 0
        with pool.lease(account_on(server, "alice")) as store:
            store.page("INBOX")


@pytest.mark.parametrize(
    ("patience", "said"), [(60.0, errors.TooManyConnections), (0.0, errors.ServerTimeout)], ids=["at first", "later"]
)
def test_a_server_that_hangs_holds_so_many_threads(
    deaf_server: DeafServer, make_pool: MakePool, patience: float, said: type[errors.MailError]
) -> None:
    """Who finds no place then hears that it is busy; once it has kept others waiting, that it does not answer."""
    pool = make_pool(threads=2, patience=patience)
    server = parse_server_url(f"imap://127.0.0.1:{deaf_server.port}", services=SERVICES)
    account = Account(server=server, login="alice", password="x", read_timeout=60.0)
    stuck = [threading.Thread(target=lambda: lease_and_fail(pool, account)) for _ in range(2)]
    for thread in stuck:
        thread.start()
    eventually(lambda: deaf_server.connections == 2)
    began = time.monotonic()
    with pytest.raises(said), pool.lease(account):
        pass
    assert time.monotonic() - began < 20, "it does not wait for those who are stuck"
    deaf_server.stop()
    for thread in stuck:
        thread.join(10)


def lease_and_fail(pool: Pool, account: Account) -> None:
    with contextlib.suppress(errors.MailError), pool.lease(account):
        pass


def test_dovecots_own_limit_is_our_error(own_dovecot: OwnDovecot, make_pool: MakePool) -> None:
    with own_dovecot(connections_per_user=1) as server:
        account = account_on(server, "alice")
        pool = make_pool(per_account=5, patience=0.1)
        with pool.lease(account), pytest.raises(errors.TooManyConnections), pool.lease(account):
            pass


def test_slots(tmp_path: Path) -> None:
    slots, others = Slots(tmp_path / "s", 2), Slots(tmp_path / "s", 2)
    one, two = slots.take(), others.take()
    assert one is not None
    assert two is not None
    assert slots.take() is None
    one.release()
    one.release()
    assert others.take() is not None
    wish = slots.wish()
    assert not others.claim_wish()
    wish.renew()
    assert others.claim_wish()
    assert not slots.claim_wish(), "each wish is granted once"
    wish.withdraw()
    assert (tmp_path / "s").stat().st_mode & 0o077 == 0
