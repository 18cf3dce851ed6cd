"""Servers whose TLS is wrong in one of seven ways, or right, and who of our clients talks to them.

A client joins by one entry in ``CLIENTS``. The servers speak enough of each protocol to be told a password, and write
down every octet that reaches them, in the clear and after a handshake.
"""

from __future__ import annotations

import base64
import contextlib
import ipaddress
import ssl
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from socket import SHUT_WR, socket
from urllib.parse import quote

import pytest
from django.db import OperationalError
from django.db.utils import ConnectionHandler
from django.test import override_settings

from apps.auth.oauth import transport
from apps.mail import probe, submission
from apps.mail.mailbox import errors
from apps.mail.mailbox.account import Account
from apps.mail.mailbox.imap.connection import Connection
from apps.mail.mailbox.pop.connection import Connection as PopConnection
from portal import outward
from portal.databases import database
from portal.ldap.connection import Unavailable
from portal.ldap.session import Endpoint
from portal.net import ServerUrl
from scripts.servers import tls
from tests.support.scripted import scripted

LOGIN, PASSWORD = "alice", "correct-horse-Battery-%"
#: The same for both ways of making a connection safe; then those that only STARTTLS can have.
CERTIFICATES = ("expired", "wrong host", "self-signed", "unknown authority", "old protocol")
STARTTLS = ("stripped STARTTLS", "early bytes")
_SET_UPS = [(name, how) for name in CERTIFICATES for how in ("tls", "starttls")] + [
    (name, "starttls") for name in STARTTLS
]


# --- the clients ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Client:
    """``sign_in(server, ca_file)`` sends ``LOGIN`` and ``PASSWORD``, and raises one of ``raises`` on a connection that
    is not safe. ``speaker`` makes the server's side of the protocol."""

    module: str
    scheme: str
    speaker: Callable[[], Speaker]
    sign_in: Callable[[ServerUrl, str], object]
    raises: tuple[type[Exception], ...]
    ways: tuple[str, ...] = ("tls", "starttls")


def _imap(server: ServerUrl, ca_file: str) -> None:
    with contextlib.suppress(errors.SignInRefused):
        Connection(Account(server=server, login=LOGIN, password=PASSWORD, ca_file=ca_file))


def _pop3(server: ServerUrl, ca_file: str) -> None:
    with contextlib.suppress(errors.SignInRefused):
        PopConnection(Account(server=server, login=LOGIN, password=PASSWORD, ca_file=ca_file))


def _smtp(server: ServerUrl, ca_file: str) -> None:
    with contextlib.suppress(submission.SignInRefused):
        submission.send(
            server,
            login=LOGIN,
            password=PASSWORD,
            sender="alice@example.test",
            recipients=["bob@example.test"],
            message=b"Subject: x\r\n\r\nx\r\n",
            ca_file=ca_file,
        )


def _smtp_probe(server: ServerUrl, ca_file: str) -> None:
    probe.smtp(server, ca_file=ca_file, allow_plain=False, seconds=5, login=LOGIN, password=PASSWORD)


def _ldap(server: ServerUrl, ca_file: str) -> None:
    """The portal's own password first: somebody's follows on the same connection."""
    directory = Endpoint(server=server, bind_dn=LOGIN, bind_password=PASSWORD, ca_file=ca_file)
    with directory.open() as session:
        session.bind(LOGIN, PASSWORD)


def _provider(server: ServerUrl, ca_file: str) -> None:
    """The site's secret, as each request for tokens carries it."""
    scheme = "https" if server.security == "tls" else "http"
    pair = base64.b64encode(f"{LOGIN}:{PASSWORD}".encode()).decode()
    with override_settings(OIDC_CA_FILE=ca_file):
        transport.ask(f"{scheme}://{server.host}:{server.port}/token", headers={"Authorization": f"Basic {pair}"})


def _address_book(server: ServerUrl, ca_file: str) -> None:
    """A server that somebody has named themselves, inside."""
    scheme = "https" if server.security == "tls" else "http"
    pair = base64.b64encode(f"{LOGIN}:{PASSWORD}".encode()).decode()
    inside = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1"))
    plain = server.security == "plain"
    with override_settings(INSIDE_NETWORKS=inside, INSIDE_CA_FILE=ca_file, ALLOW_PLAINTEXT=plain):
        url = f"{scheme}://{server.host}:{server.port}/book/"
        outward.ask("PROPFIND", url, headers={"Authorization": f"Basic {pair}"}, most=1000)


def _database(server: ServerUrl, ca_file: str) -> None:
    """As for a host elsewhere, where TLS is wanted; then the connection is made to this machine."""
    pytest.importorskip("MySQLdb", reason="mysqlclient is not installed (requirements-mysql.txt)")
    host = "127.0.0.1" if server.security == "plain" else "db.example.test"
    url = f"mysql://{LOGIN}:{quote(PASSWORD)}@{host}:{server.port}/portal?ssl-ca={ca_file}"
    wrapper = ConnectionHandler({"default": database(Path("/"))(url) | {"HOST": "127.0.0.1"}})["default"]
    try:
        with wrapper.wrap_database_errors:
            wrapper.get_new_connection(wrapper.get_connection_params()).close()
    except OperationalError as error:
        if error.args[0] != Mysql.DENIED:
            raise


# --- what the servers say ------------------------------------------------------------------------------------------


class Speaker:
    """One side of a protocol: ``take`` is given what has come and returns what is to be said."""

    greeting = b""
    most = 4096  # octets to read at once
    early = b""  # said right behind the answer to STARTTLS

    def __init__(self) -> None:
        self.offers_tls = True
        self.wants_tls = False  # the client has asked, and was told to begin
        self._unread = b""

    def take(self, octets: bytes) -> bytes:
        self._unread += octets
        said = b""
        while (message := self.next_message()) is not None:
            said += self.answer(message)
        return said

    def next_message(self) -> bytes | None:
        line, end, rest = self._unread.partition(b"\n")
        if not end:
            return None
        self._unread = rest
        return line + end

    def answer(self, message: bytes) -> bytes:
        raise NotImplementedError

    def begin(self, yes: bytes, no: bytes) -> bytes:
        self.wants_tls = self.offers_tls
        return yes if self.offers_tls else no


class Imap(Speaker):
    greeting = b"* OK hello\r\n"
    early = b"* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\n"

    def answer(self, message: bytes) -> bytes:
        tag, _, command = message.strip().partition(b" ")
        if command == b"CAPABILITY":
            offer = b" STARTTLS" if self.offers_tls else b""
            return b"* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR%b\r\n%b OK done\r\n" % (offer, tag)
        if command == b"STARTTLS":
            return self.begin(tag + b" OK begin\r\n", tag + b" BAD what\r\n")
        return tag + b" NO [AUTHENTICATIONFAILED] no\r\n"


class Pop3(Speaker):
    greeting = b"+OK hello\r\n"
    early = b"+OK\r\nSASL PLAIN\r\n.\r\n"

    def answer(self, message: bytes) -> bytes:
        command = message.strip().upper()
        if command == b"CAPA":
            return b"+OK\r\n%bUSER\r\nSASL PLAIN\r\n.\r\n" % (b"STLS\r\n" if self.offers_tls else b"")
        if command == b"STLS":
            return self.begin(b"+OK begin\r\n", b"-ERR what\r\n")
        return b"+ \r\n" if command == b"AUTH PLAIN" else b"-ERR [AUTH] no\r\n"


class Smtp(Speaker):
    greeting = b"220 hello\r\n"
    early = b"250-hello\r\n250 AUTH PLAIN\r\n"

    def answer(self, message: bytes) -> bytes:
        if message.startswith(b"EHLO"):
            return b"250-hello\r\n%b250 AUTH PLAIN LOGIN\r\n" % (b"250-STARTTLS\r\n" if self.offers_tls else b"")
        if message.startswith(b"STARTTLS"):
            return self.begin(b"220 begin\r\n", b"500 what\r\n")
        return b"535 no\r\n"


class Http(Speaker):
    def answer(self, message: bytes) -> bytes:
        return b"HTTP/1.1 401 no\r\nContent-Length: 0\r\n\r\n" if not message.strip() else b""


def _ber(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return bytes([tag, len(content)]) + content


def _result(number: bytes, operation: int, code: int) -> bytes:
    return _ber(0x30, _ber(2, number), _ber(operation, _ber(0x0A, bytes([code])), _ber(4), _ber(4)))


class Ldap(Speaker):
    """Messages shorter than 128 octets (RFC 4511 section 4.2 and 4.14)."""

    early = _result(b"\2", 0x61, 0)

    def next_message(self) -> bytes | None:
        if len(self._unread) < 2 or len(self._unread) < 2 + self._unread[1]:
            return None
        size = 2 + self._unread[1]
        message, self._unread = self._unread[:size], self._unread[size:]
        return message

    def answer(self, message: bytes) -> bytes:
        size = message[3]
        number, operation = message[4 : 4 + size], message[4 + size]
        if operation == 0x77:
            return self.begin(_result(number, 0x78, 0), _result(number, 0x78, 2))
        return _result(number, 0x61, 0)


class Mysql(Speaker):
    """Asks for the password as it is (plugin mysql_clear_password); the client begins TLS by itself after its first
    packet of 36 octets."""

    DENIED = 1045
    most = 36
    early = b"\x07\0\0\2\0\0\0\2\0\0\0"  # "signed in"

    @property
    def greeting(self) -> bytes:  # type: ignore[override]
        # protocol 4.1, database, secure connection, plugins; TLS
        capabilities = 0x0008_A209 | (0x800 if self.offers_tls else 0)
        low, high = capabilities.to_bytes(4, "little")[:2], capabilities.to_bytes(4, "little")[2:]
        fields = (b"\x0a5.5.5-10.11.6-MariaDB\0", b"\1\0\0\0", b"a" * 8, b"\0", low, b"\x2d", b"\2\0", high)
        return self.packet(0, b"".join(fields) + b"\x15" + b"\0" * 10 + b"b" * 12 + b"\0mysql_clear_password\0")

    def packet(self, number: int, payload: bytes) -> bytes:
        return len(payload).to_bytes(3, "little") + bytes([number]) + payload

    def next_message(self) -> bytes | None:
        size = 4 + int.from_bytes(self._unread[:3], "little")
        if len(self._unread) < max(size, 5):
            return None
        message, self._unread = self._unread[:size], self._unread[size:]
        return message

    def answer(self, message: bytes) -> bytes:
        if len(message) == self.most:
            return self.begin(b"", b"")
        self.most = 4096
        return self.packet(message[3] + 1, b"\xff" + self.DENIED.to_bytes(2, "little") + b"#28000no")


CLIENTS = {
    "IMAP": Client("apps.mail.mailbox.imap.transport", "imap", Imap, _imap, (errors.TlsFailed,)),
    "POP3": Client("apps.mail.mailbox.pop.connection", "pop3", Pop3, _pop3, (errors.TlsFailed,)),
    "SMTP": Client("apps.mail.submission", "smtp", Smtp, _smtp, (submission.TlsFailed,)),
    "self-test": Client("apps.mail.probe", "smtp", Smtp, _smtp_probe, (OSError, probe.NoStartTls)),
    "database": Client("portal.databases", "mysql", Mysql, _database, (OperationalError,), ("starttls",)),
    "LDAP": Client("portal.ldap.connection", "ldap", Ldap, _ldap, (Unavailable,)),
    "provider": Client("apps.auth.oauth.transport", "http", Http, _provider, (transport.Unavailable,), ("tls",)),
    "address book": Client("portal.outward", "http", Http, _address_book, (outward.Trouble,), ("tls",)),
}

CASES = [(name, fault, how) for name in CLIENTS for fault, how in _SET_UPS if how in CLIENTS[name].ways]


# --- the set-ups ---------------------------------------------------------------------------------------------------


class Certificates:
    """What the servers show; made once."""

    def __init__(self, folder: Path) -> None:
        self.authority = tls.make_authority(folder / "ours")
        ours = self.authority.parent
        other = tls.make_authority(folder / "other").parent
        self.good = tls.issue(ours)
        self.chains = {
            "expired": tls.issue(ours, "expired", days=-1),
            "wrong host": tls.issue(ours, "wrong", names="DNS:mail.example.test"),
            "self-signed": tls.self_sign(ours, "own"),
            "unknown authority": tls.issue(other),
        }

    def context(self, set_up: str) -> ssl.SSLContext:
        chain = self.chains.get(set_up, self.good)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, chain.with_suffix(".key"))
        if set_up == "old protocol":
            with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
                context.set_ciphers("ALL:@SECLEVEL=0")
                context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        return context


@dataclass
class Server:
    """Does everything right but for its one fault."""

    client: Client
    context: ssl.SSLContext
    security: str
    fault: str
    port: int = 0
    heard: bytearray = field(default_factory=bytearray)
    handshakes: int = 0

    @property
    def url(self) -> ServerUrl:
        return ServerUrl(self.client.scheme, "localhost", self.port, self.security)  # type: ignore[arg-type]

    def serve(self, connected: socket) -> None:
        speaker = self.client.speaker()
        if self.security == "starttls":
            speaker.offers_tls = self.fault != "stripped STARTTLS"
            connected.sendall(speaker.greeting)
            self._listen(connected, speaker)
            if not speaker.wants_tls:
                return
        safe = self.context.wrap_socket(connected, server_side=True, do_handshake_on_connect=False)
        try:
            safe.do_handshake()
        except OSError:  # whatever follows in the clear is heard as well
            with socket(fileno=safe.detach()) as bare:
                bare.settimeout(5)
                self._listen(bare, speaker)
            return
        self.handshakes += 1
        speaker.offers_tls = False
        if self.security == "tls":
            safe.sendall(speaker.greeting)
        self._listen(safe, speaker)
        safe.close()

    def _listen(self, connected: socket, speaker: Speaker) -> None:
        """Until it hangs up, or wants TLS."""
        begun = speaker.wants_tls
        while octets := connected.recv(speaker.most):
            self.heard += octets
            said = speaker.take(octets)
            if speaker.wants_tls and not begun:
                connected.sendall(said + (speaker.early if self.fault == "early bytes" else b""))
                return
            connected.sendall(said)
        with contextlib.suppress(OSError):
            connected.shutdown(SHUT_WR)


@contextlib.contextmanager
def serving(client: Client, certificates: Certificates, set_up: str, security: str) -> Iterator[Server]:
    server = Server(client, certificates.context(set_up), security, set_up)
    with scripted(server.serve) as server.port:
        yield server
