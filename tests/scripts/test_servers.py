"""The servers that the other tests stand on do what those tests believe of them."""

from __future__ import annotations

import gc
import imaplib
import shutil
import smtplib
import socket
import ssl
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page

from scripts.servers.base import alive
from scripts.servers.exim import DELAYED, FOREIGN, OVER_QUOTA, REFUSED, SIZE_LIMIT
from scripts.servers.mariadb import MariaDB
from scripts.servers.redis import Redis
from scripts.servers.slapd import Slapd, dn
from tests.support.mailserver import DovecotServer, MailServer, PymapServer
from tests.support.servers import SubmissionServer, running_dovecot

MESSAGE = b"From: bob@example.test\r\nTo: alice@example.test\r\nSubject: Lunch\r\n\r\nAt noon?\r\n"


@pytest.fixture(params=["dovecot", "cyrus", "pymap_server"])
def mail_server(request: pytest.FixtureRequest) -> MailServer:
    server: MailServer = request.getfixturevalue(request.param)
    return server


def test_append_stores_the_message_with_flags_and_date(mail_server: MailServer) -> None:
    login = mail_server.new_user()
    uids = mail_server.append(
        login, MESSAGE, MESSAGE, mailbox="Projects", flags="\\Seen", date=datetime(2020, 5, 17, 12, tzinfo=UTC)
    )
    assert len(set(uids)) == 2
    assert mail_server.messages(login, "Projects") == [MESSAGE, MESSAGE]
    assert mail_server.flags(login, uids[0], "Projects") == {"\\Seen"}
    assert mail_server.messages(login) == []
    with mail_server.session(login) as client:
        client.select("Projects")
        assert b"17-May-2020" in client.uid("FETCH", str(uids[0]), "(INTERNALDATE)")[1][0]


def test_wrong_password_and_unknown_person_are_refused(mail_server: MailServer) -> None:
    for login, password in (("alice", "wrong"), ("mallory", "secret")):
        client = imaplib.IMAP4("127.0.0.1", mail_server.imap_port)
        with pytest.raises(imaplib.IMAP4.error):
            client.login(login, password)
        client.shutdown()


def test_a_changed_password_holds_at_once(dovecot: DovecotServer) -> None:
    login = dovecot.new_user()
    with dovecot.session(login):
        pass
    dovecot.set_password(login, "changed")
    client = imaplib.IMAP4("127.0.0.1", dovecot.imap_port)
    with pytest.raises(imaplib.IMAP4.error):
        client.login(login, "secret")
    client.login(login, "changed")
    client.logout()


def test_fill_writes_many_messages_in_uid_order(dovecot: DovecotServer) -> None:
    login = dovecot.new_user()
    dovecot.fill(
        login,
        ((b"Subject: %d\n\nx\n" % n, datetime(2021, 1, 1 + n % 28, tzinfo=UTC)) for n in range(300)),
        mailbox="Big",
        flags="S",
    )
    stored = dovecot.messages(login, "Big")
    assert [m.split(b"\r\n")[0] for m in stored] == [b"Subject: %d" % n for n in range(300)]
    assert dovecot.flags(login, 300, "Big") == {"\\Seen"}


def test_deliver_puts_mail_into_inbox(dovecot: DovecotServer) -> None:
    login = dovecot.new_user()
    dovecot.deliver(login, MESSAGE)
    assert dovecot.messages(login)[0].endswith(MESSAGE)


def test_tls_is_checked_against_the_test_authority(dovecot: DovecotServer) -> None:
    trusting = ssl.create_default_context(cafile=str(dovecot.ca_file))
    with imaplib.IMAP4_SSL("localhost", dovecot.imaps_port, ssl_context=trusting) as client:
        client.login("alice", "secret")
    with pytest.raises(ssl.SSLCertVerificationError):
        imaplib.IMAP4_SSL("localhost", dovecot.imaps_port, ssl_context=ssl.create_default_context())


def test_dovecot_offers_what_the_wild_has(dovecot: DovecotServer) -> None:
    with dovecot.session("alice") as client:
        client.create("Dummy")
        capabilities = set(client.capability()[1][0].decode().split())
        folders = b"\n".join(client.list()[1])
    assert {"SORT", "THREAD=REFERENCES", "CONDSTORE", "QRESYNC", "SPECIAL-USE", "LIST-STATUS", "QUOTA"} <= capabilities
    for use in (b"\\Drafts", b"\\Sent", b"\\Junk", b"\\Trash", b"\\Archive"):
        assert use in folders


def test_pymap_is_poor(pymap_server: PymapServer) -> None:
    with pymap_server.session("alice") as client:
        capabilities = set(client.capability()[1][0].decode().split())
    assert capabilities.isdisjoint({"SORT", "ESEARCH", "CONDSTORE", "SPECIAL-USE", "LIST-STATUS", "NAMESPACE"})


def test_pymap_keeps_its_connections_when_memory_is_tidied(pymap_server: PymapServer) -> None:
    with pymap_server.session("alice") as client:
        for _ in range(3):
            gc.collect()
            assert client.noop()[0] == "OK"


def test_eleventh_connection_is_refused_by_default_and_fourth_where_asked() -> None:
    with running_dovecot(connections_per_user=3) as server:
        clients = [imaplib.IMAP4("127.0.0.1", server.imap_port) for _ in range(4)]
        for client in clients[:3]:
            client.login("alice", "secret")
        with pytest.raises(imaplib.IMAP4.error, match="Maximum number of connections"):
            clients[3].login("alice", "secret")
        for client in clients:
            client.shutdown()


def test_a_server_can_hang_die_and_come_back() -> None:
    with running_dovecot() as server:
        server.append("alice", MESSAGE)
        place = ("127.0.0.1", server.imap_port)
        with server.paused(), socket.create_connection(place, timeout=0.3) as client, pytest.raises(TimeoutError):
            client.recv(1)
        server.kill()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(place)
        server.start()
        assert server.messages("alice") == [MESSAGE]


ORPHAN = """
import time
from scripts.servers.base import Workdir
from scripts.servers.dovecot import Dovecot
server = Dovecot(Workdir.create())
server.configure()
server.start()
print(server.pid, server.directory, flush=True)
time.sleep(600)
"""


def test_servers_end_with_a_test_process_that_is_killed(dovecot: DovecotServer) -> None:
    with subprocess.Popen([sys.executable, "-c", ORPHAN], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pid, directory = process.stdout.readline().split()
        assert alive(int(pid))
        process.kill()
    deadline = time.monotonic() + 60
    while alive(int(pid)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not alive(int(pid))
    shutil.rmtree(directory)


@pytest.fixture
def smtp(submission: SubmissionServer) -> smtplib.SMTP:
    client = smtplib.SMTP("localhost", submission.port)
    client.starttls(context=ssl.create_default_context(cafile=str(submission.ca_file)))
    return client


def test_submission_needs_tls_then_a_login(submission: SubmissionServer) -> None:
    with smtplib.SMTP("localhost", submission.port) as client:
        client.ehlo()
        assert not client.has_extn("auth")
        client.starttls(context=ssl.create_default_context(cafile=str(submission.ca_file)))
        client.ehlo()
        assert client.has_extn("auth")
        assert client.has_extn("size")
        assert client.esmtp_features["size"] == str(SIZE_LIMIT)
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            client.sendmail("bob@example.test", ["alice@example.test"], MESSAGE)
        assert refused.value.recipients["alice@example.test"][0] == 530
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("bob", "wrong")
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("mallory", "secret")


@pytest.mark.parametrize("login", ["bob", "Bob@example.test"])
def test_what_is_submitted_arrives(smtp: smtplib.SMTP, submission: SubmissionServer, login: str) -> None:
    reader = submission.dovecot.new_user()
    with smtp as client:
        client.login(login, "secret")
        assert client.sendmail("bob@example.test", [f"{reader}@example.test"], MESSAGE) == {}
    with submission.dovecot.session(reader) as imap:
        while int(imap.select("INBOX")[1][0]) == 0:
            imap.noop()
    assert submission.dovecot.messages(reader)[0].endswith(MESSAGE)


def test_refusals_are_told_per_recipient(smtp: smtplib.SMTP) -> None:
    with smtp as client:
        client.login("bob", "secret")
        refused = client.sendmail(
            "bob@example.test", ["alice@example.test", REFUSED, OVER_QUOTA, DELAYED, FOREIGN], MESSAGE
        )
    assert {address: (code, text[:5]) for address, (code, text) in refused.items()} == {
        REFUSED: (550, b"5.1.1"),
        OVER_QUOTA: (552, b"5.2.2"),
        DELAYED: (451, b"4.2.2"),
        FOREIGN: (550, b"5.7.1"),
    }


def test_an_alias_leads_to_its_login(smtp: smtplib.SMTP, submission: SubmissionServer) -> None:
    with smtp as client:
        client.login("bob", "secret")
        client.sendmail("bob@example.test", ["jane.doe@example.test"], MESSAGE)
    with submission.dovecot.session("jdoe") as imap:
        while int(imap.select("INBOX")[1][0]) == 0:
            imap.noop()


def test_dovecots_own_submission_relays(submission: SubmissionServer) -> None:
    reader = submission.dovecot.new_user()
    with smtplib.SMTP("localhost", submission.dovecot.submission_port) as client:
        client.starttls(context=ssl.create_default_context(cafile=str(submission.ca_file)))
        client.login("bob", "secret")
        client.sendmail("bob@example.test", [f"{reader}@example.test"], MESSAGE)
    with submission.dovecot.session(reader) as imap:
        while int(imap.select("INBOX")[1][0]) == 0:
            imap.noop()


def test_redis_answers(redis: Redis) -> None:
    with socket.create_connection(("127.0.0.1", redis.port)) as client:
        client.sendall(b"PING\r\n")
        assert client.recv(16) == b"+PONG\r\n"


def test_mariadb_takes_four_byte_characters(mariadb: MariaDB) -> None:
    MySQLdb = pytest.importorskip("MySQLdb", reason="mysqlclient is not installed (requirements-mysql.txt)")
    connection = MySQLdb.connect(
        host="127.0.0.1", port=mariadb.port, user="portal", password="secret", database="portal", charset="utf8mb4"
    )
    cursor = connection.cursor()
    cursor.execute("CREATE TEMPORARY TABLE t (name VARCHAR(20))")
    cursor.execute("INSERT INTO t VALUES ('🏕️ Yurt')")
    cursor.execute("SELECT name FROM t")
    assert cursor.fetchone() == ("🏕️ Yurt",)
    connection.close()


def test_chromium_renders(page: Page) -> None:
    page.set_content("<title>Yurt</title><p>felt and wood</p>")
    assert page.title() == "Yurt"
    assert page.inner_text("p") == "felt and wood"


def test_the_directory_takes_passwords_and_changes(slapd: Slapd) -> None:
    login = slapd.new_user(mail="somebody@example.test")
    assert bound(slapd, login, "secret")
    assert not bound(slapd, login, "wrong")
    slapd.change(login, userPassword="changed", userAccountControl="514")
    assert bound(slapd, login, "changed")
    slapd.delete(login)
    assert not bound(slapd, login, "changed")


def bound(slapd: Slapd, login: str, password: str) -> bool:
    words = ["ldapwhoami", "-x", "-H", f"ldap://127.0.0.1:{slapd.ldap}", "-D", dn(login), "-w", password]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0
