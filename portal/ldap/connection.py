"""The wire: ldap3 on a socket of ``portal.net``.

The library's own sockets know other rules for TLS: it is given one that is connected and safe already, and can open no
other, neither again nor by a referral. Whoever is sent elsewhere is not followed: a password would go along.
"""

from __future__ import annotations

import io
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ldap3  # noqa: TID251 - spoken here
from ldap3.protocol.rfc4511 import LDAPMessage  # noqa: TID251 - spoken here
from pyasn1.codec.ber import decoder
from pyasn1.error import PyAsn1Error

from portal import net

MOST_OCTETS = 256 * 1024 * 1024  # that a server may say in one session: nearly a million people
#: ExtendedRequest StartTLS as message 1 (RFC 4511 section 4.14.1).
START_TLS = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"


class Unavailable(Exception):
    """The directory could not be asked. ``unsafe``: for want of a safe connection, before any password was sent.
    ``refused``: it does not let this asker in."""

    def __init__(self, message: str, *, unsafe: bool = False, refused: bool = False) -> None:
        super().__init__(message)
        self.unsafe, self.refused = unsafe, refused


class Bounded:
    """A socket whose whole use has an end, in time and in octets: its own limit holds for each read anew, and a server
    that says a little each time would never come to it."""

    def __init__(self, inner: socket.socket, *, until: float, read_timeout: float) -> None:
        """``until``: of ``time.monotonic``."""
        self._inner, self._until, self._read_timeout = inner, until, read_timeout
        self._left = MOST_OCTETS

    def give(self, seconds: float) -> None:
        """Another use of the same connection begins now."""
        self._until, self._left = time.monotonic() + seconds, MOST_OCTETS

    def hurry(self) -> None:
        """Give what comes next no longer than there is. Raises ``TimeoutError``."""
        rest = self._until - time.monotonic()
        if rest <= 0:
            raise TimeoutError("the server is too slow")
        self._inner.settimeout(min(rest, self._read_timeout))

    def recv(self, size: int) -> bytes:
        self.hurry()
        said = self._inner.recv(size)
        self._left -= len(said)
        if self._left < 0:
            raise ConnectionAbortedError("the server says more than anybody asked for")
        return said

    def sendall(self, data: bytes) -> None:
        self.hurry()
        self._inner.sendall(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


@contextmanager
def session(
    server: net.ServerUrl,
    *,
    ca_file: str | None,
    allow_plain: bool,
    connect_timeout: float,
    read_timeout: float,
    patience: float,
) -> Iterator[ldap3.Connection]:
    """A connection on which nobody is signed in yet. Raises ``Unavailable``, also where it is lost in the block or the
    block asks for longer than ``patience`` (seconds, from before the connection)."""
    until = time.monotonic() + patience
    try:
        connected = net.connect(
            server,
            ca_file=ca_file,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            allow_plain=allow_plain,
        )
        bounded = Bounded(connected, until=until, read_timeout=read_timeout)
        with connected if server.security != "starttls" else _start_tls(bounded, connected, server, ca_file) as safe:
            yield _speaking_over(Bounded(safe, until=until, read_timeout=read_timeout))
    except (OSError, PyAsn1Error) as error:
        unsafe = isinstance(error, (ssl.SSLError, net.PlainTextRefused)) and not isinstance(error, ssl.SSLEOFError)
        raise Unavailable(f"{server.host}: {error.__class__.__name__}", unsafe=unsafe) from error


def _start_tls(bounded: Bounded, connected: socket.socket, server: net.ServerUrl, ca_file: str | None) -> socket.socket:
    try:
        bounded.sendall(START_TLS)
        reader = connected.makefile("rb")
        message, _rest = decoder.decode(_message(bounded, reader), asn1Spec=LDAPMessage())
        operation = message["protocolOp"]
        if operation.getName() != "extendedResp" or int(operation["extendedResp"]["resultCode"]) != 0:
            raise Unavailable(f"{server.host}: no StartTLS", unsafe=True)
        bounded.hurry()
    except BaseException:
        connected.close()
        raise
    return net.start_tls(connected, reader, server, ca_file=ca_file)


def _message(bounded: Bounded, reader: io.BufferedReader) -> bytes:
    """One BER element of definite length (X.690 section 8.1.3), shorter than 64 KiB."""

    def octets(count: int) -> bytes:
        found = b""
        while len(found) < count:
            bounded.hurry()
            if not (more := reader.read1(count - len(found))):
                break
            found += more
        return found

    head = octets(2)
    size = int.from_bytes(head[1:])
    if size & 0x80:
        length = octets(min(size & 0x7F, 2))
        head, size = head + length, int.from_bytes(length)
    return head + octets(size)


def _speaking_over(safe: Bounded) -> ldap3.Connection:
    connection = ldap3.Connection(
        ldap3.Server("directory", get_info=ldap3.NONE),  # the name counts for nothing: it is connected
        auto_referrals=False,
        check_names=False,
        raise_exceptions=False,
    )
    connection.open = _open_no_other
    connection.strategy._outstanding = {}  # what its own open() would do beside connecting
    connection.socket, connection.closed, connection.listening = safe, False, True
    return connection


def _open_no_other(*_: Any, **__: Any) -> None:
    raise ConnectionResetError("the server closed the connection")
