"""Signing in, safely; and servers that misbehave, which must end in an error of ours and nothing else."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable

import pytest

from apps.mail.mailbox import errors
from apps.mail.mailbox.account import Account
from apps.mail.mailbox.imap.commands import command
from apps.mail.mailbox.imap.connection import Connection
from apps.mail.mailbox.imap.memory import Memory
from apps.mail.mailbox.imap.store import ImapStore
from apps.mail.mailbox.store import Query
from portal.net import parse_server_url
from tests.mail.mailbox.conftest import SERVICES, Person, account_on
from tests.support.mailserver import DovecotServer, PymapServer
from tests.support.scripted import answering, scripted

LITTLE = 0.5  # seconds, for answers that never come


def here(port: int, *, scheme: str = "imap", patience: float = 10.0) -> Account:
    url = parse_server_url(f"{scheme}://localhost:{port}", services=SERVICES)
    return Account(server=url, login="alice", password="secret", connect_timeout=10, read_timeout=patience)


def patience(error: type[errors.MailError]) -> float:
    return LITTLE if error is errors.ServerTimeout else 10.0


@pytest.mark.parametrize("kind", ["url", "tls_url", "starttls_url"])
def test_sign_in(dovecot: DovecotServer, kind: str) -> None:
    connection = Connection(account_on(dovecot, "alice", url=getattr(dovecot, kind)))
    assert connection.has("SORT"), "capabilities are read again after sign-in"
    assert isinstance(connection.session.stream.sock, ssl.SSLSocket) == (kind != "url")
    assert connection.session.stream.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    connection.logout()
    with pytest.raises(errors.ServerUnreachable):
        connection.refresh()


#: AUTHENTICATE in one line, LOGIN, and AUTHENTICATE that waits for the server's word.
WAYS = [frozenset(), frozenset({"AUTH=PLAIN"}), frozenset({"SASL-IR", "LITERAL+"})]


@pytest.mark.parametrize("password", ["wrong", "", "ünïcode", 'with " quote and \\ slash', "x" * 600])
def test_wrong_passwords(dovecot: DovecotServer, pymap_server: PymapServer, password: str) -> None:
    for ignored in WAYS:
        with pytest.raises(errors.SignInRefused):
            Connection(account_on(dovecot, "alice", password=password, ignore_capabilities=ignored))
    if password.isascii():  # at others pymap's comparison raises, and it hangs up
        with pytest.raises(errors.SignInRefused):
            Connection(account_on(pymap_server, "alice", password=password))


@pytest.mark.parametrize("password", ["ünïcode 密码", 'with " quote and \\ slash', "x" * 600, " spaces ", "{5}", "*"])
@pytest.mark.parametrize("ignored", WAYS)
def test_odd_passwords(dovecot: DovecotServer, password: str, ignored: frozenset[str]) -> None:
    login = dovecot.new_user()
    dovecot.set_password(login, password)
    Connection(account_on(dovecot, login, password=password, ignore_capabilities=ignored)).logout()


@pytest.mark.parametrize(
    ("login", "password"), [("alice\r\nY2 LOGOUT", "x"), ("alice", "x\r\n"), ("a\0b", "x"), ("alice", "\ud800")]
)
def test_impossible_credentials_are_not_sent(dovecot: DovecotServer, login: str, password: str) -> None:
    with pytest.raises(errors.BadArgument):
        Connection(account_on(dovecot, login, password=password))


def test_the_clients_address_is_told_where_it_is_asked_for(dovecot: DovecotServer) -> None:
    Connection(account_on(dovecot, "alice", client_address="2001:db8::7")).logout()


OK = b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR STARTTLS] hello\r\n"
SIGNED_IN = {b"AUTHENTICATE": b"%t OK [CAPABILITY IMAP4rev1 CONDSTORE ESEARCH] in\r\n", b"LOGOUT": b""}


@pytest.mark.parametrize(
    ("greeting", "answers"),
    [
        (OK, {b"STARTTLS": b"%t NO not now\r\n"}),
        (OK, {b"STARTTLS": b"%t BAD what\r\n"}),
        (b"* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hello\r\n", {}),
    ],
)
def test_without_tls_no_password(greeting: bytes, answers: dict[bytes, bytes]) -> None:
    heard: list[bytes] = []
    with scripted(answering(greeting, answers, heard)) as port, pytest.raises(errors.TlsFailed):
        Connection(here(port, scheme="imap+starttls"))
    assert not any(b"AUTH" in line or b"LOGIN" in line for line in heard)


def test_plain_text_stays_on_this_machine() -> None:
    url = parse_server_url("imap://mail.example.test", services=SERVICES)
    with pytest.raises(errors.TlsFailed):
        Connection(Account(server=url, login="alice", password="secret"))


def test_preauth_signs_nobody_in() -> None:
    greeting = b"* PREAUTH [CAPABILITY IMAP4rev1] in already\r\n"
    with scripted(answering(greeting, {})) as port, pytest.raises(errors.TlsFailed):
        Connection(here(port))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"%t NO [AUTHENTICATIONFAILED] no\r\n", errors.SignInRefused),
        (b"%t NO no\r\n", errors.SignInRefused),
        (b"%t NO [REFERRAL imap://alice;AUTH=*@elsewhere.test/] go there\r\n", errors.SignInRefused),
        (b"%t NO [UNAVAILABLE] backend\r\n", errors.ServerUnreachable),
        (b"%t NO [LIMIT] Too many connections\r\n", errors.TooManyConnections),
        (b"%t BAD what\r\n", errors.ServerRefused),
        (b"* BYE going down\r\n", errors.ServerUnreachable),
        (b"* BYE Too many connections from you\r\n", errors.TooManyConnections),
        (b"Y999 OK not yours\r\n", errors.NotImap),
        (b"HTTP/1.1 400 Bad Request\r\n", errors.NotImap),
        (b"", errors.ServerTimeout),
        (b"%t OK", errors.ServerTimeout),
    ],
)
def test_answers_to_a_sign_in(answer: bytes, error: type[errors.MailError]) -> None:
    with scripted(answering(OK, {b"AUTHENTICATE": answer})) as port, pytest.raises(error) as caught:
        Connection(here(port, patience=patience(error)))
    assert type(caught.value) is error
    assert "secret" not in str(caught.value) + caught.value.server_text


@pytest.mark.parametrize(
    ("greeting", "error"),
    [
        (b"* BYE not today\r\n", errors.ServerUnreachable),
        (b"* BYE [UNAVAILABLE] Maximum number of connections exceeded\r\n", errors.ServerUnreachable),
        (b"+OK this is POP3\r\n", errors.ServerUnreachable),
        (b"220 this is SMTP\r\n", errors.ServerUnreachable),
        (b"\xff" * 100 + b"\r\n", errors.ServerUnreachable),
        (b"* OK", errors.ServerTimeout),
        (b"", errors.ServerTimeout),
    ],
)
def test_greetings(greeting: bytes, error: type[errors.MailError]) -> None:
    with scripted(answering(greeting, {})) as port, pytest.raises(error):
        Connection(here(port, patience=patience(error)))


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(errors.ServerUnreachable):
        Connection(here(port))


SELECTED = b"* 2 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 9] ok\r\n%t OK [READ-WRITE] selected\r\n"
DEEP = b"(" * 5000 + b")" * 5000
NONSENSE = {
    "hangs up": None,
    "says nothing": b"",
    "bad": b"%t BAD what\r\n",
    "no": b"%t NO no\r\n",
    "an empty answer": b"%t OK done\r\n",
    "somebody else's tag": b"Z1 OK done\r\n",
    "goodbye": b"* BYE farewell\r\n",
    "not IMAP": b"<html>\r\n",
    "unbalanced": b"* 1 FETCH (UID 1 FLAGS ((((\r\n%t OK done\r\n",
    "deep": b"* 1 FETCH (UID 1 FLAGS () BODYSTRUCTURE " + DEEP + b")\r\n%t OK done\r\n",
    "wrong types": b"* 1 FETCH (UID (1) FLAGS x INTERNALDATE NIL ENVELOPE 5 BODYSTRUCTURE y)\r\n%t OK done\r\n",
    "wrong numbers": b"* 0 FETCH (UID 99999999999999999999 RFC822.SIZE -1)\r\n* 99 EXPUNGE\r\n%t OK done\r\n",
    "more gone than there was": b"* 1 EXPUNGE\r\n" * 9 + b"%t OK done\r\n",
    "an impossible literal": b"* 1 FETCH (UID 1 BODY[] {9999999999}\r\n",
    "a literal that never comes": b"* 1 FETCH (UID 1 BODY[] {100}\r\nabc",
    "a set of everything": b'* ESEARCH (TAG "x") UID ALL 1:4294967295\r\n%t OK done\r\n',
    "eight bits everywhere": b"* 1 FETCH (UID 1 FLAGS (\xff) X \xfe)\r\n* \xff\xff\r\n%t OK \xff\r\n",
    "a continuation nobody asked for": b"+ go on\r\n%t OK done\r\n",
    "another life": b"* OK [UIDVALIDITY 8] new\r\n%t OK done\r\n",
}
ACTS: dict[str, Callable[[ImapStore], object]] = {
    "mailboxes": lambda store: store.mailboxes(),
    "status": lambda store: store.status("INBOX"),
    "page": lambda store: store.page("INBOX"),
    "search": lambda store: store.search("INBOX", Query(text="ü x")),
    "message": lambda store: store.message("INBOX", 1, uidvalidity=7),
    "part": lambda store: store.part("INBOX", 1, "1", uidvalidity=7),
    "stream": lambda store: list(store.stream("INBOX", 1, uidvalidity=7)),
    "neighbours": lambda store: store.neighbours("INBOX", 1, uidvalidity=7),
    "move": lambda store: store.move("INBOX", [1], "x", uidvalidity=7),
    "append": lambda store: store.append("INBOX", b"a: b\r\n\r\n"),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_ends_in_a_mail_error(answer: bytes | None, act: Callable[[ImapStore], object]) -> None:
    """Whatever a server says once somebody has signed in, no other kind of error comes out, and nothing hangs."""
    answers = SIGNED_IN | {b"SELECT": SELECTED} | ({} if answer is None else {b" ": answer})
    with scripted(answering(OK, answers)) as port:
        store = ImapStore(Connection(here(port)), Memory())
        try:
            with store.connection.patience(LITTLE):
                act(store)
        except errors.MailError:
            pass
        finally:
            store.connection.close()


def test_a_connection_left_in_mid_command_is_not_used_again() -> None:
    with scripted(answering(OK, SIGNED_IN | {b"NOOP": b"* 1 EXISTS\r\n"})) as port:
        connection = Connection(here(port))
        with pytest.raises(errors.ServerTimeout), connection.patience(LITTLE):
            connection.refresh()
        assert connection.broken
        with pytest.raises(errors.ServerUnreachable):
            connection.refresh()


def test_commands_sent_together_are_told_apart() -> None:
    """Their answers may come in another order (RFC 9051 section 5.5)."""

    def script(client: socket.socket) -> None:
        client.sendall(OK)
        with client.makefile("rb") as lines:
            client.sendall(lines.readline().split()[0] + b" OK [CAPABILITY IMAP4rev1] in\r\n")
            first, second = (lines.readline().split()[0] for _ in range(2))
            client.sendall(second + b" NO second\r\n" + first + b" OK first\r\n")

    with scripted(script) as port:
        result = Connection(here(port)).attempt(command("NOOP"), command("CHECK"))
    assert [completion.text for completion in result.completions] == ["first", "second"]


def test_a_refused_literal_is_not_sent(dovecot: DovecotServer) -> None:
    heard: list[bytes] = []
    answers = SIGNED_IN | {b"NOOP": b"%t OK\r\n", b"APPEND": b"%t NO [OVERQUOTA] full\r\n"}
    with scripted(answering(OK, answers, heard)) as port:
        store = ImapStore(Connection(here(port)), Memory())
        with pytest.raises(errors.QuotaExceeded):
            store.append("INBOX", b"Secret: words\r\n\r\n")
        store.connection.refresh()
        store.connection.close()
    assert not any(b"Secret" in line for line in heard)


def test_the_poor_server_is_poor(pymap_server: PymapServer, rich: Person) -> None:
    """These tests prove the fallbacks only while that holds."""
    poor = Connection(account_on(pymap_server, "alice"))
    assert not poor.capabilities & {"SORT", "ESEARCH", "LIST-STATUS", "CONDSTORE", "PREVIEW", "SPECIAL-USE"}
    poor.logout()
    able = Connection(rich.account)
    wanted = {"SORT", "ESORT", "ESEARCH", "LIST-STATUS", "CONDSTORE", "PREVIEW", "SPECIAL-USE", "MOVE", "UIDPLUS"}
    assert wanted <= able.capabilities
    able.logout()
