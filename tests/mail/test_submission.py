"""Sending: through a real submission server, and to scripted ones for what an honest one does not do."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from hypothesis import example, given
from hypothesis import strategies as st

from apps.mail import submission as smtp
from apps.mail.submission import Refusal, SendResult, send, wire_form
from portal.net import ServerUrl, parse_server_url
from scripts.servers import exim
from tests.support.scripted import Script, answering, scripted
from tests.support.servers import SubmissionServer

SERVICES = {"smtp": 587, "smtps": 465}
MESSAGE = b"From: alice@example.test\r\nTo: bob@example.test\r\nSubject: Hello\r\n\r\nSome words.\r\n"


def through(server: SubmissionServer, url: str = "", **options: Any) -> SendResult:
    defaults = {"login": "alice", "password": "secret", "sender": "alice@example.test", "message": MESSAGE}
    address = parse_server_url(url or server.starttls_url, services=SERVICES)
    return send(address, ca_file=str(server.ca_file), **(defaults | {"recipients": ["bob@example.test"]} | options))


def arrived(server: SubmissionServer, login: str, subject: str) -> bytes:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = [raw for raw in server.dovecot.messages(login) if f"Subject: {subject}\r\n".encode() in raw]
        if found:
            return found[-1]
        time.sleep(0.05)
    raise AssertionError(f"{subject} did not arrive: {server.server.log()[-1000:]}")


@pytest.mark.parametrize("kind", ["starttls_url", "tls_url"])
def test_a_message_arrives(submission: SubmissionServer, kind: str) -> None:
    login = submission.dovecot.new_user()
    raw = MESSAGE.replace(b"Hello", kind.encode())
    result = through(submission, getattr(submission, kind), recipients=[f"{login}@example.test"], message=raw)
    assert result == SendResult((f"{login}@example.test",), {})
    assert arrived(submission, login, kind).endswith(b"\r\n\r\nSome words.\r\n")


def test_some_are_refused(submission: SubmissionServer) -> None:
    login = submission.dovecot.new_user()
    good = f"{login}@example.test"
    people = [good, exim.REFUSED, exim.DELAYED, exim.OVER_QUOTA, "no address", "a@b\r\nDATA", good]
    result = through(submission, recipients=people, message=MESSAGE.replace(b"Hello", b"Partly"))
    assert result.accepted == (good,)
    codes = {address: (refusal.code, refusal.permanent) for address, refusal in result.refused.items()}
    assert codes == {
        exim.REFUSED: (550, True),
        exim.DELAYED: (451, False),
        exim.OVER_QUOTA: (552, True),
        "no address": (553, True),
        "a@b\r\nDATA": (553, True),
    }
    assert "No such person here" in result.refused[exim.REFUSED].text
    arrived(submission, login, "Partly")


def test_all_or_nothing(submission: SubmissionServer) -> None:
    login = submission.dovecot.new_user()
    people = [f"{login}@example.test", exim.REFUSED]
    for options in ({"recipients": people}, {"recipients": [people[0], "no address"]}):
        result = through(submission, all_or_nothing=True, message=MESSAGE.replace(b"Hello", b"Nobody"), **options)
        assert (result.accepted, len(result.refused)) == ((), 1)
    through(submission, recipients=people[:1], message=MESSAGE.replace(b"Hello", b"After"))
    arrived(submission, login, "After")
    assert len(submission.dovecot.messages(login)) == 1


def test_everybody_refused(submission: SubmissionServer) -> None:
    result = through(submission, recipients=[exim.REFUSED, exim.FOREIGN])
    assert (result.accepted, list(result.refused)) == ((), [exim.REFUSED, exim.FOREIGN])
    assert through(submission, recipients=["nonsense"]).accepted == ()


@pytest.mark.parametrize("password", ["wrong", "", "ünïcode"])
def test_sign_in_refused(submission: SubmissionServer, password: str) -> None:
    with pytest.raises(smtp.SignInRefused) as caught:
        through(submission, password=password)
    assert caught.value.permanent


def test_without_sign_in(submission: SubmissionServer) -> None:
    assert through(submission, login="").refused["bob@example.test"].code == 530


def test_too_large_is_known_before_it_is_sent(submission: SubmissionServer) -> None:
    began = time.monotonic()
    with pytest.raises(smtp.MessageTooLarge) as caught:
        through(submission, message=MESSAGE + b"x" * 70 + b"\r\n" + (b"y" * 70 + b"\r\n") * 80_000)
    assert (caught.value.limit, caught.value.permanent) == (exim.SIZE_LIMIT, True)
    assert time.monotonic() - began < 60


def test_a_certificate_we_cannot_check(submission: SubmissionServer) -> None:
    for url in (submission.starttls_url, submission.tls_url):
        address = parse_server_url(url, services=SERVICES)
        with pytest.raises(smtp.TlsFailed):
            send(address, login="alice", password="secret", sender="a@b.test", recipients=["b@b.test"], message=MESSAGE)


class Sink:
    """Keeps what it gets; octets as they came off the wire."""

    def __init__(self) -> None:
        self.envelopes: list[Any] = []

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        self.envelopes.append(envelope)
        return "250 kept"


@contextlib.contextmanager
def sink(*, utf8: bool = True, **options: Any) -> Iterator[tuple[Sink, ServerUrl]]:
    kept = Sink()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    controller = Controller(
        kept,
        hostname="127.0.0.1",
        port=port,
        enable_SMTPUTF8=utf8,
        decode_data=False,
        auth_require_tls=False,
        **options,
    )
    controller.start()
    try:
        yield kept, ServerUrl("smtp", "127.0.0.1", port, "plain")
    finally:
        controller.stop()


def simple(server: ServerUrl, **options: Any) -> SendResult:
    return send(
        server, **({"sender": "alice@example.test", "recipients": ["bob@example.test"], "message": MESSAGE} | options)
    )


SMUGGLED = b"MAIL FROM:<evil@x.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\nForged\r\n"


@pytest.mark.parametrize(
    "end",
    [
        b"\n.\n",
        b"\r.\r",
        b"\r\n.\n",
        b"\n.\r\n",
        b"\r\n.\r",
        b"\r.\r\n",
        b"\r\n.\r\n",
        b"\n\n.\n",
        b"\r\n..\r\n",
        b"\r\n. \r\n",
    ],
)
def test_no_line_of_a_message_ends_it(end: bytes) -> None:
    """SMTP smuggling: whatever one side takes for the end of a message, ours has none of it inside."""
    with sink() as (kept, server):
        simple(server, message=MESSAGE + b"before" + end + SMUGGLED)
        assert len(kept.envelopes) == 1
        content = kept.envelopes[0].content
    assert b"before" in content
    assert content.endswith(SMUGGLED)
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert b"\r" not in content.replace(b"\r\n", b"")


@given(st.binary(max_size=300))
@example(b".\n..\r\n.\r.")
@example(b"")
def test_the_wire_form_has_lines_and_no_lone_dot(raw: bytes) -> None:
    if b"\0" in raw:
        with pytest.raises(smtp.BadMessage):
            wire_form(raw)
        return
    wire = wire_form(raw)
    lines = wire.split(b"\r\n")
    assert lines.pop() == b""
    assert all(b"\r" not in line and b"\n" not in line and line != b"." for line in lines)
    assert all(not line.startswith(b".") or line.startswith(b"..") for line in lines)
    undone = b"\n".join(line.removeprefix(b".") for line in lines)
    assert undone.rstrip(b"\n") == raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").rstrip(b"\n")


@pytest.mark.parametrize(
    "sender",
    [
        *(
            "",
            "alice",
            "a@b\r\nRCPT TO:<x@y>",
            "a b@c",
            "<a@b>",
            "a@b>",
            "a@b c",
            "@b",
            "a@",
            "a@b\0",
            "a,b@c",
            "-oQ/tmp@b",
        ),
        *("x" * 310 + "@example.test", "a@b@c", '"a\r\n"@b', "a@b SIZE=1", "\ud800@b"),
    ],
)
def test_addresses_are_checked(sender: str) -> None:
    with sink() as (kept, server):
        with pytest.raises(smtp.BadMessage):
            simple(server, sender=sender)
        result = simple(server, recipients=["bob@example.test", sender])
        assert result.refused == {sender: Refusal(553, "This is no mail address.", permanent=True)}
        assert kept.envelopes[0].rcpt_tos == ["bob@example.test"]


@pytest.mark.parametrize(
    "address", ["a+b@example.test", "o'neil@example.test", '"a b"@example.test', "a@[127.0.0.1]", "a@b"]
)
def test_odd_addresses_are_addresses(address: str) -> None:
    with sink() as (kept, server):
        assert simple(server, recipients=[address]).accepted == (address,)
        assert kept.envelopes[0].rcpt_tos == [address]


def test_addresses_of_all_scripts() -> None:
    with sink() as (kept, server):
        people = ["dörte@example.test", "bob@münchen.example"]
        assert simple(server, recipients=people).accepted == tuple(people)
        assert kept.envelopes[0].smtp_utf8
        assert kept.envelopes[0].rcpt_tos == ["dörte@example.test", "bob@xn--mnchen-3ya.example"]
    with sink(utf8=False) as (kept, server):
        result = simple(server, recipients=people)
        assert result.accepted == ("bob@münchen.example",)
        assert result.refused["dörte@example.test"].permanent
        with pytest.raises(smtp.SenderRefused):
            simple(server, sender="dörte@example.test")


def test_eight_bits_are_announced() -> None:
    with sink() as (kept, server):
        simple(server, message=MESSAGE + "Grüße\r\n".encode())
        simple(server)
        assert [envelope.mail_options for envelope in kept.envelopes] == [
            [f"SIZE={len(MESSAGE) + 9}", "BODY=8BITMIME"],
            [f"SIZE={len(MESSAGE)}"],
        ]


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("password", ["secret", "ünïcode 密码", "", ' =\\" '])
def test_both_ways_to_sign_in(mechanism: str, password: str) -> None:
    seen: list[tuple[bytes, bytes]] = []

    def check(server: SMTP, session: Any, envelope: Any, name: str, data: Any) -> AuthResult:
        assert name == mechanism
        seen.append((data.login, data.password))
        return AuthResult(success=True)

    other = {"PLAIN": "LOGIN", "LOGIN": "PLAIN"}[mechanism]
    with sink(authenticator=check, auth_exclude_mechanism=[other]) as (kept, server):
        simple(server, login="älice", password=password)
        assert seen == [("älice".encode(), password.encode())]
        assert len(kept.envelopes) == 1


@pytest.mark.parametrize(("login", "password"), [("a\r\nb", "x"), ("a", "x\n"), ("a\0b", "x")])
def test_impossible_credentials(login: str, password: str) -> None:
    with sink(authenticator=lambda *_: AuthResult(success=True)) as (kept, server), pytest.raises(smtp.BadMessage):
        simple(server, login=login, password=password)
    assert kept.envelopes == []


def test_our_greeting_names_nobody() -> None:
    heard: list[bytes] = []
    with (
        scripted(answering(b"220 hello\r\n", {b"EHLO": b"550 no\r\n"}, heard)) as port,
        pytest.raises(smtp.ServerUnreachable),
    ):
        simple(ServerUrl("smtp", "127.0.0.1", port, "plain"))
    assert heard == [b"EHLO [127.0.0.1]\r\n"]


EHLO = b"250-x\r\n250-AUTH PLAIN\r\n250-SIZE 1000000\r\n250 8BITMIME\r\n"
FINE = {b"EHLO": EHLO, b"AUTH": b"235 in\r\n", b"MAIL": b"250 ok\r\n", b"RCPT": b"250 ok\r\n", b"DATA": b"354 go\r\n"}


def speaking(greeting: bytes, answers: dict[bytes, bytes]) -> Script:
    """To a line that begins with a key say its answer; the lines of a message hear nothing."""

    def script(client: socket.socket) -> None:
        client.sendall(greeting)
        with client.makefile("rb") as lines:
            for line in lines:
                client.sendall(next((answers[key] for key in answers if line.startswith(key)), b""))

    return script


@pytest.mark.parametrize(
    ("greeting", "answers", "error", "permanent"),
    [
        (b"421 busy\r\n", {}, smtp.ServerUnreachable, False),
        (b"554 never\r\n", {}, smtp.ServerUnreachable, False),
        (b"* OK IMAP\r\n", {}, smtp.ServerUnreachable, False),
        (b"220-" + b"x" * 5000 + b"\r\n", {}, smtp.ServerUnreachable, False),
        (b"220-x\r\n" * 1000, {}, smtp.ServerUnreachable, False),
        (b"220 hi\r\n", {b"EHLO": b"421 bye\r\n"}, smtp.ServerUnreachable, False),
        (b"220 hi\r\n", FINE | {b"EHLO": b"250 x\r\n"}, smtp.SignInRefused, True),
        (b"220 hi\r\n", FINE | {b"AUTH": b"535 wrong\r\n"}, smtp.SignInRefused, True),
        (b"220 hi\r\n", FINE | {b"AUTH": b"454 later\r\n"}, smtp.ServerUnreachable, False),
        (b"220 hi\r\n", FINE | {b"MAIL": b"552 too large\r\n"}, smtp.MessageTooLarge, True),
        (b"220 hi\r\n", FINE | {b"MAIL": b"530 sign in\r\n"}, smtp.SignInRefused, True),
        (b"220 hi\r\n", FINE | {b"MAIL": b"550 not you\r\n"}, smtp.SenderRefused, True),
        (b"220 hi\r\n", FINE | {b"MAIL": b"451 later\r\n"}, smtp.ServerUnreachable, False),
        (b"220 hi\r\n", FINE | {b"RCPT": b"421 bye\r\n"}, smtp.ServerUnreachable, False),
        (b"220 hi\r\n", FINE | {b"DATA": b"554 no\r\n"}, smtp.MessageRefused, True),
        (b"220 hi\r\n", FINE | {b"DATA": b"451 later\r\n"}, smtp.MessageRefused, False),
        (b"220 hi\r\n", {b".\r\n": b"554 spam\r\n"} | FINE, smtp.MessageRefused, True),
        (b"220 hi\r\n", {b".\r\n": b"451 later\r\n"} | FINE, smtp.MessageRefused, False),
        (b"220 hi\r\n", {b".\r\n": b"552 too much\r\n"} | FINE, smtp.MessageTooLarge, True),
        (b"220 hi\r\n", {b".\r\n": b"354 go on\r\n"} | FINE, smtp.OutcomeUnknown, False),
        (b"220 hi\r\n", FINE | {b"MAIL": b"354 go on\r\n"}, smtp.ServerUnreachable, False),
        (b"220 hi\r\n", FINE | {b"MAIL": b""}, smtp.ServerTimeout, False),
        (b"", {}, smtp.ServerTimeout, False),
    ],
)
def test_stages(
    greeting: bytes, answers: dict[bytes, bytes], error: type[smtp.SubmissionError], permanent: bool
) -> None:
    patience = 0.5 if error is smtp.ServerTimeout else 10.0
    with scripted(speaking(greeting, answers)) as port:
        server = ServerUrl("smtp", "127.0.0.1", port, "plain")
        with pytest.raises(error) as caught:
            simple(server, login="alice", password="secret", read_timeout=patience, data_timeout=patience)
    assert type(caught.value) is error
    assert caught.value.permanent == permanent
    assert "secret" not in str(caught.value) + caught.value.server_text


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(smtp.ServerUnreachable):
        simple(ServerUrl("smtp", "127.0.0.1", port, "plain"))


def ends_after(octets: bytes, *, silent: bool = False) -> Script:
    """Follow the script until these octets have come; then hang up, or say nothing more."""

    def script(client: socket.socket) -> None:
        client.sendall(b"220 hi\r\n")
        with client.makefile("rb") as lines:
            for line in lines:
                if line == octets:
                    if silent:
                        lines.read()
                    return
                answer = next((FINE[key] for key in FINE if line.startswith(key)), b"")
                client.sendall(answer)

    return script


@pytest.mark.parametrize("silent", [True, False])
def test_lost_after_the_last_dot(silent: bool) -> None:
    """It may have been sent: said so, for nobody must send it again blindly."""
    with scripted(ends_after(b".\r\n", silent=silent)) as port:
        server = ServerUrl("smtp", "127.0.0.1", port, "plain")
        with pytest.raises(smtp.OutcomeUnknown):
            simple(server, read_timeout=10.0, data_timeout=0.5 if silent else 10.0)


def test_lost_in_the_middle() -> None:
    with scripted(ends_after(b"DATA\r\n")) as port, pytest.raises(smtp.ServerUnreachable):
        simple(ServerUrl("smtp", "127.0.0.1", port, "plain"), read_timeout=10.0)


@pytest.mark.parametrize(
    "answers",
    [
        {b"EHLO": b"250 STARTTLS\r\n"},
        {b"EHLO": b"250-x\r\n250 STARTTLS\r\n", b"STARTTLS": b"454 no\r\n"},
    ],
)
def test_without_tls_no_password(answers: dict[bytes, bytes]) -> None:
    heard: list[bytes] = []
    with scripted(answering(b"220 hi\r\n", answers, heard)) as port, pytest.raises(smtp.TlsFailed):
        simple(ServerUrl("smtp", "127.0.0.1", port, "starttls"), login="alice", password="secret")
    assert not any(b"AUTH" in line for line in heard)


def test_plain_text_stays_on_this_machine() -> None:
    with pytest.raises(smtp.TlsFailed):
        simple(ServerUrl("smtp", "192.0.2.1", 587, "plain"))
