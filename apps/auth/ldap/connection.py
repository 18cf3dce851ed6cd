"""LDAP (RFC 4511) by ldap3, on a socket of ``portal.net``. Knows no Django.

The library's own sockets know other rules for TLS: it is given one that is connected and safe already, and can open no
other, neither again nor by a referral.
"""

from __future__ import annotations

import io
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ldap3  # noqa: TID251 - spoken here
from ldap3.protocol.rfc4511 import LDAPMessage  # noqa: TID251 - spoken here
from pyasn1.codec.ber import decoder
from pyasn1.error import PyAsn1Error

from portal import net

#: ExtendedRequest StartTLS as message 1 (RFC 4511 section 4.14.1).
START_TLS = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"


class Unavailable(Exception):
    """The directory could not be asked. ``unsafe``: for want of a safe connection, before any password was sent."""

    def __init__(self, message: str, *, unsafe: bool = False) -> None:
        super().__init__(message)
        self.unsafe = unsafe


@contextmanager
def session(
    server: net.ServerUrl, *, ca_file: str | None, allow_plain: bool, connect_timeout: float, read_timeout: float
) -> Iterator[ldap3.Connection]:
    """A connection on which nobody is signed in yet. Raises ``Unavailable``, also where it is lost in the block."""
    try:
        connected = net.connect(
            server,
            ca_file=ca_file,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            allow_plain=allow_plain,
        )
        with connected if server.security != "starttls" else _start_tls(connected, server, ca_file) as safe:
            safe.settimeout(read_timeout)
            yield _speaking_over(safe)
    except (OSError, PyAsn1Error) as error:
        unsafe = isinstance(error, (ssl.SSLError, net.PlainTextRefused)) and not isinstance(error, ssl.SSLEOFError)
        raise Unavailable(f"{server.host}: {error.__class__.__name__}", unsafe=unsafe) from error


def _start_tls(connected: socket.socket, server: net.ServerUrl, ca_file: str | None) -> socket.socket:
    try:
        connected.sendall(START_TLS)
        reader = connected.makefile("rb")
        message, _rest = decoder.decode(_message(reader), asn1Spec=LDAPMessage())
        operation = message["protocolOp"]
        if operation.getName() != "extendedResp" or int(operation["extendedResp"]["resultCode"]) != 0:
            raise Unavailable(f"{server.host}: no StartTLS", unsafe=True)
    except BaseException:
        connected.close()
        raise
    return net.start_tls(connected, reader, server, ca_file=ca_file)


def _message(reader: io.BufferedReader) -> bytes:
    """One BER element of definite length (X.690 section 8.1.3), shorter than 64 KiB."""
    head = reader.read(2)
    size = int.from_bytes(head[1:])
    if size & 0x80:
        octets = reader.read(min(size & 0x7F, 2))
        head, size = head + octets, int.from_bytes(octets)
    return head + reader.read(size)


def _speaking_over(safe: socket.socket) -> ldap3.Connection:
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
