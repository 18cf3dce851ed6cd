from __future__ import annotations

import socket
import ssl
import time
from pathlib import Path

import pytest

from portal import net
from portal.net import BadServerUrl, PlainTextRefused, ServerUrl, connect, is_loopback, parse_server_url
from scripts.servers import tls
from tests.support.scripted import scripted

IMAP = {"imap": 143, "imaps": 993}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("imaps://mail.example.org", ServerUrl("imap", "mail.example.org", 993, "tls")),
        (" imaps://mail.example.org:1993/ ", ServerUrl("imap", "mail.example.org", 1993, "tls")),
        ("imap+starttls://mail.example.org", ServerUrl("imap", "mail.example.org", 143, "starttls")),
        ("imap://127.0.0.1:3143", ServerUrl("imap", "127.0.0.1", 3143, "plain")),
        ("imaps://[2001:db8::1]:993", ServerUrl("imap", "2001:db8::1", 993, "tls")),
        ("IMAPS://Mail.Example.Org", ServerUrl("imap", "mail.example.org", 993, "tls")),
    ],
)
def test_addresses(text: str, expected: ServerUrl) -> None:
    assert parse_server_url(text, services=IMAP) == expected
    assert parse_server_url(str(expected), services=IMAP) == expected


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "mail.example.org",
            "smtp://mail.example.org",
            "imaps://",
            "imaps://:993",
            "imaps+starttls://h",
            "imap+tls://h",
        ),
        *("imaps://h:0", "imaps://h:65536", "imaps://h:x", "imaps://h/INBOX", "imaps://h?x=1", "imaps://h#x"),
        *("imaps://user:secret@h", "imaps://a b", "imaps://h\r\nx", "imaps://[::1", "imaps://-h", "imaps://h_/../x"),
    ],
)
def test_no_addresses(text: str) -> None:
    with pytest.raises(BadServerUrl) as caught:
        parse_server_url(text, services=IMAP)
    assert "secret" not in str(caught.value), "what was typed may hold a password"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "localhost.", "127.0.0.1", "127.9.9.9", "::1"])
def test_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["mail.example.org", "10.0.0.1", "localhost.example.org", "127.0.0.1.nip.io", "0.0.0.0", "", "::"]
)
def test_other_machines(host: str) -> None:
    assert not is_loopback(host)


def test_plain_text_needs_permission() -> None:
    url = ServerUrl("imap", "192.0.2.1", 143, "plain")
    with pytest.raises(PlainTextRefused):
        connect(url)
    with pytest.raises(OSError, match="tests do not connect"):
        connect(url, allow_plain=True)


def test_no_old_tls_and_names_are_checked() -> None:
    context = net.tls_context()
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.check_hostname
    assert context.verify_mode == ssl.CERT_REQUIRED


def test_tls(tmp_path: Path) -> None:
    """What goes wrong with it: tests/portal/test_bad_tls.py."""
    authority = tls.make_authority(tmp_path)
    chain = tls.issue(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, chain.with_suffix(".key"))

    def hello(client: socket.socket) -> None:
        with context.wrap_socket(client, server_side=True) as safe:
            safe.sendall(b"hello")
            safe.recv(1)

    with scripted(hello) as port:
        url = ServerUrl("imap", "localhost", port, "tls")
        with connect(url, ca_file=str(authority)) as connection:
            assert isinstance(connection, ssl.SSLSocket)
            assert connection.recv(5) == b"hello"
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert connection.gettimeout() == net.READ_TIMEOUT


def test_a_server_that_never_speaks() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            connect(ServerUrl("imap", "127.0.0.1", port, "tls"), connect_timeout=0.2)
        plain = connect(ServerUrl("imap", "127.0.0.1", port, "plain"), read_timeout=0.2)
        with plain, pytest.raises(TimeoutError):
            plain.recv(1)
        assert time.monotonic() - began < net.READ_TIMEOUT
