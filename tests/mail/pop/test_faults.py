"""What goes wrong between the portal and a POP3 server: cuts in the middle, silence, somebody else in the maildrop."""

from __future__ import annotations

import contextlib
import poplib
import socket
import threading
from collections.abc import Iterator

import pytest

from apps.mail.mailbox import errors
from apps.mail.mailbox.pop.connection import Connection
from apps.mail.models import PopMessage
from apps.mail.services import pop_files, stores
from portal.mail_servers import incoming_url
from portal.secret import Bearer
from tests.mail.conftest import letter
from tests.mail.pop.conftest import Maildrop
from tests.support.mailserver import DovecotServer
from tests.support.scripted import answering, scripted


class Wire:
    """A way to Dovecot that breaks when the client says ``cut``: before the server hears it, or ``after`` it has."""

    def __init__(self, port: int) -> None:
        self._there = port
        self.cut = self.after = b""
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"pop3://127.0.0.1:{self.listener.getsockname()[1]}"

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _address = self.listener.accept()
                threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._there)) as server, contextlib.suppress(OSError):
            threading.Thread(target=self._back, args=(server, client), daemon=True).start()
            for line in client.makefile("rb"):
                if self.cut and line.startswith(self.cut):
                    break
                if self.after and line.startswith(self.after):
                    client.shutdown(socket.SHUT_RDWR)
                    server.sendall(line)
                    server.shutdown(socket.SHUT_WR)
                    return  # what it says nobody hears
                server.sendall(line)
            for end in (client, server):
                end.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def _back(server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(4096):
                client.sendall(data)
            client.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def wire(pop3: DovecotServer, settings) -> Iterator[Wire]:
    found = Wire(pop3.pop3_port)
    settings.POP3_URL = found.url
    yield found
    found.listener.close()


def subjects(drop: Maildrop, mailbox: str) -> list[str]:
    with drop.store() as store:
        return [row.envelope.subject for row in store.page(mailbox).rows]


@pytest.mark.parametrize("where", ["cut", "after"])
@pytest.mark.parametrize("command", [b"DELE", b"QUIT"])
def test_a_move_is_whole_wherever_the_connection_breaks(wire: Wire, drop: Maildrop, command: bytes, where: str) -> None:
    drop.receive(letter("Precious"), letter("Other"))
    with drop.store() as store:
        page = store.page("INBOX")
        uid = next(row.uid for row in page.rows if row.envelope.subject == "Precious")
        store.door.close()
        setattr(wire, where, command)
        went = store.move("INBOX", [uid], "Archive", uidvalidity=page.status.uidvalidity)
        assert went.done == 1
    wire.cut = wire.after = b""
    assert subjects(drop, "Archive") == ["Precious"]  # once, and nowhere else
    assert subjects(drop, "INBOX") == ["Other"]  # and by this look it is gone at the server, too
    assert len(drop.on_server()) == 1
    assert not PopMessage.objects.filter(state=PopMessage.State.LEAVING).exists()


def test_a_cut_while_messages_are_fetched_moves_nothing_that_has_not_come(wire: Wire, drop: Maildrop) -> None:
    large = "y" * 70 + "\n"
    drop.receive(letter("First", text=large * 2000), letter("Second", text=large * 2001))
    with drop.store() as store:
        page = store.page("INBOX")
        store.door.close()
        stores.pool().maildrops.memory.contents.clear()
        wire.cut = b"RETR"
        with pytest.raises(errors.ServerUnreachable):
            store.move("INBOX", [row.uid for row in page.rows], "Archive", uidvalidity=page.status.uidvalidity)
    wire.cut = b""
    assert subjects(drop, "Archive") == []
    assert sorted(subjects(drop, "INBOX")) == ["First", "Second"]
    assert not list(pop_files.root().glob("*/*"))


def test_the_first_look_goes_on_where_it_broke_off(wire: Wire, drop: Maildrop) -> None:
    drop.receive(*(letter(f"Number {number}") for number in range(30)))
    wire.cut = b"RETR 5"  # newest first: it comes late
    with pytest.raises(errors.ServerUnreachable):
        subjects(drop, "INBOX")
    wire.cut = b""
    assert len(subjects(drop, "INBOX")) == 30
    assert len({row.uid for row in PopMessage.objects.all()}) == 30


def test_a_dead_server_leaves_the_portals_own_folders(drop: Maildrop, settings) -> None:
    settings.POP3_URL = "pop3://127.0.0.1:9"
    with drop.store() as store:
        assert store.mailboxes()[0].name == "INBOX"
        store.append("Drafts", letter("Half a thought"), flags=["\\Draft"])
        assert [row.envelope.subject for row in store.page("Drafts").rows] == ["Half a thought"]
        with pytest.raises(errors.ServerUnreachable):
            store.page("INBOX")


def test_somebody_else_in_the_maildrop_is_waited_for_and_then_told(drop: Maildrop) -> None:
    other = poplib.POP3("localhost", drop.server.pop3_port)
    other.user(drop.login), other.pass_(drop.server.password)
    with pytest.raises(errors.MaildropInUse), drop.store() as store:
        store.page("INBOX")
    waiting = threading.Timer(1.0, other.quit)
    waiting.start()
    drop.receive(letter("Came meanwhile"))
    assert subjects(drop, "INBOX") == ["Came meanwhile"]
    waiting.join()
    drop.receive(letter("Later"))
    other = poplib.POP3("localhost", drop.server.pop3_port)
    other.user(drop.login), other.pass_(drop.server.password)
    assert subjects(drop, "INBOX") == ["Came meanwhile"]  # the list is as it was last
    stores.check_password(stores.account(login=drop.login, password=drop.server.password))  # and who signs in gets in
    with pytest.raises(errors.SignInRefused):
        stores.check_password(stores.account(login=drop.login, password="wrong"))
    other.quit()


def test_a_password_that_is_wrong_by_now_opens_nothing(drop: Maildrop) -> None:
    target = stores.account(login=drop.login, password="wrong", owner=drop.user.pk)
    with pytest.raises(errors.SignInRefused), stores.open_account(target) as store:
        store.mailboxes()


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ({b"CAPA": b"-ERR\r\n", b"USER": b"+OK\r\n", b"PASS": b"-ERR [LOGIN-DELAY] soon\r\n"}, errors.MaildropInUse),
        ({b"CAPA": b"-ERR\r\n", b"USER": b"+OK\r\n", b"PASS": b"-ERR [SYS/TEMP] ill\r\n"}, errors.ServerUnreachable),
        ({b"CAPA": b"-ERR\r\n", b"USER": b"+OK\r\n", b"PASS": b"-ERR no\r\n"}, errors.SignInRefused),
        ({b"CAPA": b"+OK\r\nSTLS\r\n.\r\n"}, errors.PrivacyRequired),
        ({b"CAPA": b"250 hello\r\n"}, errors.ServerUnreachable),
        (
            {b"CAPA": b"-ERR\r\n", b"USER": b"+OK\r\n", b"PASS": b"+OK\r\n", b"UIDL": b"-ERR what?\r\n"},
            errors.NoUniqueIds,
        ),
        (
            {b"CAPA": b"-ERR\r\n", b"USER": b"+OK\r\n", b"PASS": b"+OK\r\n", b"UIDL": b"+OK\r\n1 a\r\n"},
            errors.ServerTimeout,
        ),
    ],
)
def test_what_servers_say_becomes_an_error_of_ours(answers: dict[bytes, bytes], error: type[Exception]) -> None:
    with scripted(answering(b"+OK hello\r\n", answers)) as port:
        account = stores.Account(
            server=incoming_url(f"pop3://127.0.0.1:{port}"), login="anna", password="secret", read_timeout=1.0
        )
        with pytest.raises(error) as caught, Connection(account) as connection:
            connection.listing()
        assert caught.type is error
        with pytest.raises(errors.MailError):  # and it is no proof of a password
            if error in (errors.NoUniqueIds, errors.ServerTimeout):
                raise errors.MailError
            stores.pool().sign_in(account)


def test_tokens_are_shown_as_rfc_5034_has_it() -> None:
    heard: list[bytes] = []
    told = b"+OK\r\nSASL PLAIN XOAUTH2\r\nPIPELINING\r\n.\r\n"
    answers = {b"CAPA": told, b"AUTH XOAUTH2": b"+ \r\n", b"dXNlcj1hbm5h": b"+OK\r\n", b"QUIT": b"+OK\r\n"}
    with scripted(answering(b"+OK hello\r\n", answers, heard)) as port:
        account = stores.Account(
            server=incoming_url(f"pop3://127.0.0.1:{port}"), login="anna", password=Bearer("token", "1")
        )
        with Connection(account):
            pass
    assert [line.split()[0] for line in heard] == [b"CAPA", b"AUTH", heard[2].strip(), b"CAPA", b"QUIT"]


def test_lines_that_begin_with_dots_and_messages_called_alike(drop: Maildrop) -> None:
    drop.receive(letter("Dots", text=".\n..\n.hidden\nend"))
    with drop.store() as store:
        page = store.page("INBOX")
        body = store.part("INBOX", page.rows[0].uid, "1", uidvalidity=page.status.uidvalidity)
    assert body.replace(b"\r\n", b"\n").strip() == b".\n..\n.hidden\nend"
    said = b"+OK\r\n1 same\r\n2 same\r\n3 other\r\n.\r\n"
    answers = {b"CAPA": b"-ERR\r\n", b"USER": b"+OK\r\n", b"PASS": b"+OK\r\n", b"UIDL": said}
    answers |= {b"LIST": b"+OK\r\n1 10\r\n2 10\r\n3 12\r\n.\r\n", b"QUIT": b"+OK\r\n"}
    with scripted(answering(b"+OK hello\r\n", answers)) as port:
        account = stores.Account(server=incoming_url(f"pop3://127.0.0.1:{port}"), login="anna", password="secret")
        with Connection(account) as connection:
            assert [each.uidl for each in connection.listing()] == ["same", "same 2", "other"]


def test_two_at_once_neither_lose_nor_double_anything(drop: Maildrop, db: None) -> None:
    """Two leases of one process: each has its own store, the folder is one."""
    drop.receive(*(letter(f"Letter {number}") for number in range(6)))
    with drop.store() as one:
        page = one.page("INBOX")
        valid, uids = page.status.uidvalidity, [row.uid for row in page.rows]
        one.door.close()
        with drop.store() as other:
            other.move("INBOX", uids[:4], "Archive", uidvalidity=valid)
            other.door.close()
            went = one.move("INBOX", uids[2:], "Trash", uidvalidity=valid)
    assert went.done == 2  # the others had gone
    assert (len(subjects(drop, "Archive")), len(subjects(drop, "Trash")), subjects(drop, "INBOX")) == (4, 2, [])
    assert drop.on_server() == []
