from __future__ import annotations

import socket
import ssl
import threading
import time
from pathlib import Path

import pytest

from portal import net
from portal.net import BadServerUrl, PlainTextRefused, ServerUrl, connect, is_loopback, parse_server_url
from scripts.servers import tls

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


class TlsServer:
    """Shakes hands with as many clients as come, then waits for them to hang up."""

    def __init__(self, folder: Path, *, stem: str = "server", newest: ssl.TLSVersion | None = None) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(folder / f"{stem}.pem", folder / f"{stem}.key")
        if newest is not None:
            self._context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            self._context.set_ciphers("ALL:@SECLEVEL=0")
            self._context.maximum_version = newest
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            client.settimeout(5)
            try:
                with self._context.wrap_socket(client, server_side=True) as safe:
                    safe.sendall(b"hello")
                    safe.recv(1)
            except OSError:
                client.close()

    def url(self, host: str = "localhost") -> ServerUrl:
        return ServerUrl("imap", host, self.port, "tls")

    def __enter__(self) -> TlsServer:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    certificate = tls.make_authority(tmp_path / "tls")
    tls.issue(certificate.parent)
    return certificate


def test_tls(authority: Path) -> None:
    with TlsServer(authority.parent) as server, connect(server.url(), ca_file=str(authority)) as connection:
        assert isinstance(connection, ssl.SSLSocket)
        assert connection.recv(5) == b"hello"
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert connection.gettimeout() == net.READ_TIMEOUT


def test_an_authority_nobody_told_us_of(authority: Path) -> None:
    with TlsServer(authority.parent) as server, pytest.raises(ssl.SSLCertVerificationError):
        connect(server.url())


def test_a_certificate_for_another_name(authority: Path) -> None:
    tls.issue(authority.parent, "other", names="DNS:mail.example.test")
    with TlsServer(authority.parent, stem="other") as server, pytest.raises(ssl.SSLCertVerificationError):
        connect(server.url(), ca_file=str(authority))


def test_an_expired_certificate(authority: Path) -> None:
    tls.issue(authority.parent, "old", days=-1)
    with TlsServer(authority.parent, stem="old") as server, pytest.raises(ssl.SSLCertVerificationError):
        connect(server.url(), ca_file=str(authority))


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
def test_an_old_protocol(authority: Path) -> None:
    with TlsServer(authority.parent, newest=ssl.TLSVersion.TLSv1_1) as server, pytest.raises(ssl.SSLError):
        connect(server.url(), ca_file=str(authority))


def test_a_server_that_never_speaks() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            connect(ServerUrl("imap", "127.0.0.1", port, "tls"), connect_timeout=0.2)
        plain = connect(ServerUrl("imap", "127.0.0.1", port, "plain"), read_timeout=0.2)
        with plain, pytest.raises(TimeoutError):
            plain.recv(1)
        assert time.monotonic() - began < 3
