"""Outgoing connections: server addresses, TLS, time-outs. Every client of the portal connects through here.

Standard library only. Errors are ``OSError`` and its subclasses (``ssl.SSLError``, ``TimeoutError``) as the operating
system raises them; the protocol clients turn them into their own.
"""

from __future__ import annotations

import functools
import io
import ipaddress
import re
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

Security = Literal["tls", "starttls", "plain"]

CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 20.0

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.IPv6Network("64:ff9b:1::/48")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,253}[A-Za-z0-9_.])?")


class BadServerUrl(ValueError):
    """The text is not an address of a server. The message says what is wrong in one sentence, without the text."""


class PlainTextRefused(OSError):
    """A password would cross the network unencrypted, and nobody has allowed that."""


class SpokeEarly(ssl.SSLError):
    """More came than the answer that TLS may begin: an attacker's words, to be taken for the protected server's."""


@dataclass(frozen=True, slots=True)
class ServerUrl:
    """Where a server listens and how the connection is made safe."""

    scheme: str  # of the protocol, without its security: "imap", "smtp"
    host: str  # name or address, without brackets
    port: int
    security: Security

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        scheme = {"tls": f"{self.scheme}s", "starttls": f"{self.scheme}+starttls", "plain": self.scheme}[self.security]
        return f"{scheme}://{host}:{self.port}"


def parse_server_url(text: str, *, services: Mapping[str, int]) -> ServerUrl:
    """Read ``imaps://mail.example.org``, ``imap+starttls://…`` or ``imap://…:143``; raises ``BadServerUrl``.

    ``services`` names the plain and the TLS service with their usual ports: ``{"imap": 143, "imaps": 993}``.
    """
    text = text.strip()
    if any(char <= " " or char == "\x7f" for char in text):  # urlsplit would drop some of them without a word
        raise BadServerUrl("The address has a blank or control character in it.")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise BadServerUrl("The address or its port cannot be read.") from None
    scheme, plus, security = parts.scheme.partition("+")
    plain = min(services, key=len)
    if scheme not in services or (plus and (security != "starttls" or scheme != plain)):
        known = [*services, f"{plain}+starttls"]
        raise BadServerUrl("The address must begin with one of " + ", ".join(f"{name}://" for name in known) + ".")
    if parts.username is not None or parts.path.strip("/") or parts.query or parts.fragment:
        raise BadServerUrl("The address has more than a scheme, a host and a port.")
    host = parts.hostname or ""
    if not _is_host(host):
        raise BadServerUrl("The address names no valid host.")
    if port == 0:
        raise BadServerUrl("The port must be between 1 and 65535.")
    kind: Security = "starttls" if plus else "plain" if scheme == plain else "tls"
    return ServerUrl(plain, host, port or services[scheme], kind)


def _is_host(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return _HOST.fullmatch(host) is not None
    return True


def is_loopback(host: str) -> bool:
    """Whether the host is this machine, judged by its text: a name server is never asked."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_public(address: IpAddress) -> bool:
    """True for an address anybody on the Internet could reach. What wraps an IPv4 address is judged by that."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = unwrapped(address)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def unwrapped(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address inside: mapped, 6to4, Teredo, NAT64, IPv4-compatible."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64 or address in _NAT64_LOCAL or address in _COMPATIBLE:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


@functools.lru_cache(maxsize=16)
def tls_context(ca_file: str | None = None, *, and_system: bool = False) -> ssl.SSLContext:
    """TLS 1.2 or later, chain and name checked, against the system's authorities or those of ``ca_file``; both with
    ``and_system``."""
    context = ssl.create_default_context(cafile=None if and_system else ca_file or None)
    if and_system and ca_file:
        context.load_verify_locations(ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def connect(
    url: ServerUrl,
    *,
    ca_file: str | None = None,
    connect_timeout: float = CONNECT_TIMEOUT,
    read_timeout: float = READ_TIMEOUT,
    allow_plain: bool = False,
    addresses: Sequence[str] = (),
    and_system: bool = False,
) -> socket.socket:
    """A connected socket without Nagle's delay, wrapped in TLS where the address says so.

    With ``starttls`` the socket is still plain: speak the protocol's command, then call ``start_tls``. Each later read
    waits at most ``read_timeout``. ``addresses``: where the host is, for who has looked that up and judged it; no name
    server is asked again. ``and_system``: see ``tls_context``.
    """
    if url.security == "plain" and not allow_plain and not is_loopback(url.host):
        raise PlainTextRefused(f"{url} is neither encrypted nor on this machine")
    raw = _reached(addresses or (url.host,), url.port, connect_timeout)
    try:
        # Two small writes in a row cost 40 ms each time otherwise.
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection = _wrapped(raw, url, ca_file, and_system=and_system) if url.security == "tls" else raw
        connection.settimeout(read_timeout)
    except BaseException:
        raw.close()
        raise
    return connection


def _reached(addresses: Sequence[str], port: int, timeout: float) -> socket.socket:
    """The first of them that answers; raises what the last one said."""
    for address in addresses[:-1]:
        try:
            return socket.create_connection((address, port), timeout=timeout)
        except OSError:
            continue
    return socket.create_connection((addresses[-1], port), timeout=timeout)


def start_tls(
    connection: socket.socket,
    reader: io.BufferedReader[Any],
    url: ServerUrl,
    *,
    ca_file: str | None = None,
    and_system: bool = False,
) -> ssl.SSLSocket:
    """Wrap a connected socket; on failure it is closed. The caller has read the server's answer that TLS may begin,
    through ``reader``, and reads through another one afterwards."""
    patience = connection.gettimeout()
    connection.setblocking(False)
    try:
        early = bool(reader.peek(1))
    except OSError:  # nothing there
        early = False
    if early:
        connection.close()
        raise SpokeEarly("the server spoke before the connection was safe")
    connection.settimeout(patience)
    return _wrapped(connection, url, ca_file, and_system=and_system)


def _wrapped(
    connection: socket.socket, url: ServerUrl, ca_file: str | None, *, and_system: bool = False
) -> ssl.SSLSocket:
    try:
        return tls_context(ca_file, and_system=and_system).wrap_socket(connection, server_hostname=url.host)
    except BaseException:
        connection.close()
        raise
