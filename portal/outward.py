"""One request to a server whose address somebody has typed (HTTP, RFC 9110), through ``portal.net``.

Whoever can make a server ask for addresses can look at what only that server sees. So: https, plain http only where
``ALLOW_PLAINTEXT`` says so; ports of the web; public addresses, and those of ``INSIDE_NETWORKS``; the address that was
judged is the one connected to. Time and size have a bound, and no redirect is followed here: who follows one asks anew,
under the same rules.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from portal import net
from portal.hurried import Hurried, seconds_left

#: Of public servers: where web servers and those for contacts and calendars listen. Inside, the site's networks decide.
PORTS = frozenset({80, 443, 2080, 5232, 8080, 8443, 8843})
SECONDS = 30.0  # for one answer
CONNECT_SECONDS = 5.0


class Trouble(Exception):
    """There is no answer that could be used.

    ``what``: ``address`` (none of the web), ``plain`` (not encrypted), ``port``, ``name`` (not found, or of no server
    that may be asked: both look alike to who asks), ``refused``, ``slow``, ``certificate``, ``broken`` (no HTTP),
    ``large``; who reads the answers adds words of their own. ``about``: what the server has said, for people.
    """

    def __init__(self, what: str, about: str = "") -> None:
        super().__init__(what)
        self.what, self.about = what, about


@dataclass(frozen=True, slots=True)
class Answer:
    url: str  # that was asked for
    status: int
    headers: Message = field(repr=False)
    body: bytes = field(repr=False)


@sensitive_variables()
def ask(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    most: int,
    until: float | None = None,
    inside: bool = True,
) -> Answer:
    """``most``: octets of the answer. ``until``: by ``time.monotonic``, if that comes before SECONDS are over.
    ``inside``: whether servers in the site's own networks may be asked; not by an address that a stranger has given.
    Raises ``Trouble``."""
    end = min(time.monotonic() + SECONDS, until or float("inf"))
    parts = parsed(url)
    server = _server(parts)
    addresses = judged(server, inside=inside)
    try:
        return _ask(method, parts, server, addresses, dict(headers or {}), body, most, end)
    except TimeoutError as error:
        raise Trouble("slow") from error
    except ssl.SSLCertVerificationError as error:
        raise Trouble("certificate", error.verify_message) from error
    except ssl.SSLError as error:
        raise Trouble("certificate", error.reason or "") from error
    except OSError as error:
        raise Trouble("refused") from error
    except (http.client.HTTPException, ValueError) as error:
        raise Trouble("broken") from error


@sensitive_variables()
def _ask(
    method: str,
    parts: SplitResult,
    server: net.ServerUrl,
    addresses: list[str],
    headers: dict[str, str],
    body: bytes,
    most: int,
    end: float,
) -> Answer:
    connected = net.connect(
        server,
        ca_file=settings.INSIDE_CA_FILE or None,
        and_system=True,
        connect_timeout=max(0.1, min(CONNECT_SECONDS, seconds_left(end))),
        read_timeout=max(0.1, seconds_left(end)),
        allow_plain=True,  # ``_server`` has asked the site
        addresses=addresses,
    )
    connection = http.client.HTTPConnection(server.host, server.port)
    connection.sock = Hurried(connected, end)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        fixed = {"Host": parts.netloc, "Accept-Encoding": "identity", "Connection": "close"}
        connection.request(method, "".join(map(_quoted, target)), body=body or None, headers={**headers, **fixed})
        answer = connection.getresponse()
        octets = answer.read(most + 1)
    finally:
        connection.close()
        connected.close()
    if len(octets) > most:
        raise Trouble("large")
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise Trouble("broken")  # what it unpacks to has no bound
    return Answer(parts.geturl(), answer.status, answer.headers, octets)


def parsed(url: str) -> SplitResult:
    """Raises ``Trouble`` for what is no address of the web. The host is in ASCII afterwards."""
    if any(char <= " " or char in "\\\x7f" for char in url):
        raise Trouble("address")  # programs disagree about what such an address means
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode("ascii").rstrip(".")
        port = parts.port
    except (ValueError, UnicodeError):
        raise Trouble("address") from None
    if parts.scheme not in ("http", "https") or not host or parts.username is not None or port == 0:
        raise Trouble("address")
    bracketed = f"[{host}]" if ":" in host else host
    return parts._replace(netloc=f"{bracketed}:{port}" if port else bracketed, fragment="")


def _server(parts: SplitResult) -> net.ServerUrl:
    secure = parts.scheme == "https"
    if not secure and not settings.ALLOW_PLAINTEXT:
        raise Trouble("plain")
    return net.ServerUrl(
        "http", parts.hostname or "", parts.port or (443 if secure else 80), "tls" if secure else "plain"
    )


def judged(server: net.ServerUrl, *, inside: bool = True, ports: frozenset[int] | None = None) -> list[str]:
    """All addresses of the name. One that may not be asked among them refuses the whole name. ``ports``: of public
    servers, those of the web unless others are named. Raises ``Trouble``."""
    try:
        found = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
        addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    except (OSError, UnicodeError, ValueError) as error:
        raise Trouble("name") from error
    near = [inside and _is_inside(address) for address in addresses]
    if not addresses or not all(ours or net.is_public(each) for ours, each in zip(near, addresses, strict=True)):
        raise Trouble("name")
    if server.port not in (ports or PORTS) and not all(near):
        raise Trouble("port")
    return list(dict.fromkeys(str(address) for address in addresses))


def _is_inside(address: net.IpAddress) -> bool:
    return any(address in network for network in settings.INSIDE_NETWORKS)


def _quoted(char: str) -> str:
    return char if "!" <= char <= "~" else "".join(f"%{octet:02X}" for octet in char.encode("utf-8", "replace"))
