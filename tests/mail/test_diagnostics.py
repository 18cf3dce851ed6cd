"""The self-test's checks of the mail servers, against servers that are well, ill, and not there."""

from __future__ import annotations

import base64
import socket
import time
from collections.abc import Callable, Iterable

import pytest

from apps.mail import diagnostics
from portal.contracts import Finding, Level
from tests.support.mailserver import DeafServer, DovecotServer, PymapServer
from tests.support.scripted import answering, scripted
from tests.support.servers import SubmissionServer


def told(check: Callable[[], Iterable[Finding]]) -> tuple[set[Level], str]:
    findings = list(check())
    return {finding.level for finding in findings}, "\n".join(
        f"{finding.message} {finding.cure}" for finding in findings
    )


@pytest.fixture
def safe(dovecot: DovecotServer, settings) -> DovecotServer:
    settings.IMAP_URL, settings.IMAP_TLS_CA_FILE = dovecot.tls_url, str(dovecot.ca_file)
    return dovecot


@pytest.mark.parametrize("kind", ["tls_url", "starttls_url"])
def test_a_server_that_is_well(safe: DovecotServer, settings, kind: str) -> None:
    settings.IMAP_URL = getattr(safe, kind)
    settings.SELFTEST_LOGIN, settings.SELFTEST_PASSWORD = "alice", safe.password
    levels, text = told(diagnostics.imap)
    assert levels == {Level.OK}, text
    assert "TLSv1" in text
    assert "more days" in text
    assert "Signed in" in text
    assert safe.password not in text


def test_what_a_poor_server_lacks(pymap_server: PymapServer, settings) -> None:
    settings.IMAP_URL = pymap_server.url
    settings.SELFTEST_LOGIN, settings.SELFTEST_PASSWORD = "alice", pymap_server.password
    levels, text = told(diagnostics.imap)
    assert levels == {Level.OK, Level.WARNING}
    assert "It does not offer SORT" in text
    assert "on this machine only" in text


def test_an_account_that_is_refused(safe: DovecotServer, settings) -> None:
    settings.SELFTEST_LOGIN, settings.SELFTEST_PASSWORD = "alice", "wrong"
    levels, text = told(diagnostics.imap)
    assert Level.ERROR in levels
    assert "SELFTEST_PASSWORD" in text
    assert "wrong" not in text


def test_an_authority_nobody_knows(safe: DovecotServer, settings) -> None:
    settings.IMAP_TLS_CA_FILE = ""
    levels, text = told(diagnostics.imap)
    assert Level.ERROR in levels
    assert "IMAP_TLS_CA_FILE" in text


def test_limits_that_reach_the_servers(safe: DovecotServer, settings) -> None:
    settings.IMAP_MAX_PER_ACCOUNT = 10
    levels, text = told(diagnostics.imap)
    assert Level.WARNING in levels
    assert "IMAP_MAX_PER_ACCOUNT" in text


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "No IMAP server is set"),
        ("imaps://nowhere.test", "cannot be resolved"),
        ("imap://localhost:1", "No connection to localhost"),
    ],
)
def test_servers_that_are_not_there(settings, url: str, words: str) -> None:
    settings.IMAP_URL = url
    levels, text = told(diagnostics.imap)
    assert Level.ERROR in levels
    assert words in text


def test_a_server_that_hangs_is_left_in_time(deaf_server: DeafServer, settings) -> None:
    settings.IMAP_URL = f"imap://localhost:{deaf_server.port}"
    settings.SMTP_URL = f"smtp://localhost:{deaf_server.port}"
    for check in (diagnostics.imap, diagnostics.smtp):
        started = time.monotonic()
        levels, text = told(check)
        assert time.monotonic() - started < 9  # a check has ten
        assert Level.ERROR in levels
        assert "No answer from localhost" in text


def test_something_else_that_answers(settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        settings.IMAP_URL, settings.SMTP_URL = f"imap://localhost:{port}", f"smtp://localhost:{port}"
        import threading

        def serve() -> None:
            for _number in range(2):
                client, _address = listener.accept()
                client.sendall(b"SSH-2.0-other\r\n")
                client.close()

        thread = threading.Thread(target=serve)
        thread.start()
        for check in (diagnostics.imap, diagnostics.smtp):
            _levels, text = told(check)
            assert "SSH-2.0-other" in text
        thread.join()


@pytest.fixture
def out(submission: SubmissionServer, settings) -> SubmissionServer:
    settings.SMTP_URL, settings.SMTP_TLS_CA_FILE = submission.tls_url, str(submission.ca_file)
    settings.MAX_MESSAGE_MB = 4  # less than this server takes
    return submission


@pytest.mark.parametrize("kind", ["tls_url", "starttls_url"])
def test_a_submission_server_that_is_well(out: SubmissionServer, settings, kind: str) -> None:
    settings.SMTP_URL = getattr(out, kind)
    levels, text = told(diagnostics.smtp)
    assert levels == {Level.OK}, text
    assert "TLSv1" in text
    assert "It offers 8BITMIME, AUTH" in text
    assert "Signed in" not in text


@pytest.mark.parametrize("auth", ["user", "fixed"])
def test_who_may_send_signs_in(out: SubmissionServer, settings, auth: str) -> None:
    _account(settings, auth, out.dovecot.password)
    levels, text = told(diagnostics.smtp)
    assert levels == {Level.OK}, text
    assert "Signed in" in text
    assert out.dovecot.password not in text


@pytest.mark.parametrize(("auth", "name"), [("user", "SELFTEST_PASSWORD"), ("fixed", "SMTP_PASSWORD")])
def test_a_wrong_password_for_sending_is_told(out: SubmissionServer, settings, auth: str, name: str) -> None:
    _account(settings, auth, "wr0ng")
    levels, text = told(diagnostics.smtp)
    assert Level.ERROR in levels
    assert name in text
    assert "535" in text
    assert "wr0ng" not in text


def _account(settings, auth: str, password: str) -> None:
    settings.SMTP_AUTH = auth
    login = ("SMTP_LOGIN", "SMTP_PASSWORD") if auth == "fixed" else ("SELFTEST_LOGIN", "SELFTEST_PASSWORD")
    for name, value in zip(login, ("alice", password), strict=True):
        setattr(settings, name, value)


def test_a_server_that_takes_less_than_people_may_write(out: SubmissionServer, settings) -> None:
    settings.MAX_MESSAGE_MB = 6
    levels, text = told(diagnostics.smtp)
    assert levels == {Level.OK, Level.WARNING}
    assert "MAX_MESSAGE_MB" in text


def test_a_server_that_knows_auth_login_only(settings) -> None:
    answers = {
        b"EHLO": b"250-there\r\n250 AUTH LOGIN\r\n",
        b"AUTH LOGIN": b"334 VXNlcm5hbWU6\r\n",
        base64.b64encode(b"alice"): b"334 UGFzc3dvcmQ6\r\n",
        base64.b64encode(b"secret"): b"235 yes\r\n",
    }
    with scripted(answering(b"220 there\r\n", answers)) as port:
        settings.SMTP_URL = f"smtp://localhost:{port}"
        _account(settings, "user", "secret")
        levels, text = told(diagnostics.smtp)
    assert levels == {Level.OK}, text
    assert "Signed in" in text


def test_tls_where_there_is_none(pymap_server: PymapServer, settings) -> None:
    settings.IMAP_URL = f"imap+starttls://localhost:{pymap_server.imap_port}"
    _levels, text = told(diagnostics.imap)
    assert "does not offer STARTTLS" in text


def test_whose_word_about_senders_counts(dovecot: DovecotServer, settings) -> None:
    """Where nobody's does, the newest mail tells whose might."""
    levels, text = told(diagnostics.senders)
    assert levels == {Level.WARNING}
    assert "Set MAIL_AUTHSERV_IDS" in text
    login = dovecot.new_user()
    settings.IMAP_URL, settings.SELFTEST_LOGIN, settings.SELFTEST_PASSWORD = dovecot.url, login, dovecot.password
    dovecot.append(login, b"Authentication-Results: mx.example.test; spf=pass\r\nSubject: x\r\n\r\ny\r\n")
    (finding,) = diagnostics.senders()
    assert "mx.example.test" in str(finding.message) and finding.command == "MAIL_AUTHSERV_IDS=mx.example.test"
    settings.MAIL_AUTHSERV_IDS = ("mx.example.test",)
    assert told(diagnostics.senders) == ({Level.OK}, "Believed about who has written a message: mx.example.test ")
