"""Remote images of messages, fetched by the portal so that the sender learns nothing about the reader's browser.

Whoever can make a server fetch addresses can look at what only that server sees. So: only addresses that we have
signed for this person, only http and https on their usual ports, only public IP addresses; and the address that was
checked is the one connected to, for each redirect anew. Nothing of the reader goes along.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from django.conf import settings

from portal.net import IpAddress, is_public

#: What is passed on. Raster only: an SVG is a document that can hold scripts.
TYPES = frozenset(
    {
        "image/png",
        "image/jpeg",
        "image/gif",
        "image/webp",
        "image/avif",
        "image/bmp",
        "image/x-icon",
        "image/vnd.microsoft.icon",
    }
)
#: How their files begin. What is called an image and is something else is not passed on.
_BEGINNINGS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM", b"\0\0\1\0", b"\0\0\2\0")
MOST_OCTETS = 5 * 1024 * 1024
REDIRECTS = 3
CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0  # of silence
WHOLE_SECONDS = 20.0
_PORTS = {"http": 80, "https": 443}


class Refused(Exception):
    """Not fetched, or not an image. Why is for the log: the answer is the same for every reason."""


@dataclass(frozen=True, slots=True)
class Image:
    type: str
    content: bytes


def sign(url: str, *, owner: str) -> str:
    """The proof that we have made this address for this owner (a person's session)."""
    mac = hmac.new(_key(), f"{owner}\n{url}".encode("utf-8", "surrogatepass"), hashlib.sha256)
    return base64.urlsafe_b64encode(mac.digest()[:18]).decode()


def is_signed(url: str, signature: str, *, owner: str) -> bool:
    return hmac.compare_digest(sign(url, owner=owner).encode(), signature.encode("utf-8", "surrogatepass"))


def _key() -> bytes:
    return hashlib.sha256(b"yurt remote images\n" + settings.SECRET_KEY.encode()).digest()


def fetch(
    url: str, *, is_allowed: Callable[[IpAddress], bool] | None = None, ports: Iterable[int] = (80, 443)
) -> Image:
    """The image at ``url``. Raises ``Refused``. The keywords are for tests, whose servers are on loopback."""
    allowed = is_allowed or is_public
    deadline = time.monotonic() + WHOLE_SECONDS
    for _hop in range(REDIRECTS + 1):
        answer = _get(url, allowed, frozenset(ports), deadline)
        if isinstance(answer, Image):
            return answer
        url = answer
    raise Refused("too many redirects")


def _get(url: str, allowed: Callable[[IpAddress], bool], ports: frozenset[int], deadline: float) -> Image | str:
    """One request: the image, or the address it redirects to."""
    scheme, host, port, target = _parse(url, ports)
    sock = _connect(_resolve(host, port, allowed), port, deadline)
    try:
        if scheme == "https":
            sock = ssl.create_default_context().wrap_socket(sock, server_hostname=host)
        connection = http.client.HTTPConnection(host, port)
        connection.sock = sock
        connection.request("GET", target, headers={"Accept": "image/*", "User-Agent": "Mozilla/5.0"})
        return _read(connection.getresponse(), url, deadline)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Refused(error.__class__.__name__) from error
    finally:
        sock.close()


def _parse(url: str, ports: frozenset[int]) -> tuple[str, str, int, str]:
    if any(char <= " " or char in "\\\x7f" for char in url):
        raise Refused("not an address")  # programs disagree about what such an address means
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 0)
        host = (parts.hostname or "").encode("idna").decode("ascii").rstrip(".")
    except (ValueError, UnicodeError):
        raise Refused("not an address") from None
    if parts.scheme not in _PORTS or not host or port not in ports or parts.username is not None:
        raise Refused("not an address of the web")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parts.scheme, host, port, "".join(_quoted(char) for char in target)


def _quoted(char: str) -> str:
    if "!" <= char <= "~":
        return char
    return "".join(f"%{octet:02X}" for octet in char.encode("utf-8", "replace"))


def _resolve(host: str, port: int, allowed: Callable[[IpAddress], bool]) -> list[IpAddress]:
    """All addresses of the name; one that is not allowed among them refuses the whole name."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Refused("name not found") from error
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    if not addresses or not all(allowed(address) for address in addresses):
        raise Refused("not a public address")
    return list(dict.fromkeys(addresses))


def _connect(addresses: Iterable[IpAddress], port: int, deadline: float) -> socket.socket:
    """To one of the addresses that were checked, never to a name that might resolve to something else by now."""
    for address in addresses:
        left = deadline - time.monotonic()
        if left <= 0:
            break
        try:
            sock = socket.create_connection((str(address), port), timeout=min(CONNECT_SECONDS, left))
        except OSError:
            continue
        sock.settimeout(READ_SECONDS)
        return sock
    raise Refused("no connection")


def _read(response: http.client.HTTPResponse, url: str, deadline: float) -> Image | str:
    if response.status in {301, 302, 303, 307, 308}:
        return urljoin(url, response.headers.get("Location", ""))
    kind = response.headers.get_content_type()
    if response.status != 200 or kind not in TYPES:
        raise Refused(f"status {response.status}, {kind}")
    pieces: list[bytes] = []
    size = 0
    while chunk := response.read1(65536):
        pieces.append(chunk)
        size += len(chunk)
        if size > MOST_OCTETS:
            raise Refused("too large")
        if time.monotonic() > deadline:
            raise Refused("too slow")
    content = b"".join(pieces)
    if not content.startswith(_BEGINNINGS) and content[4:8] != b"ftyp":  # AVIF is a box file
        raise Refused("not an image")
    return Image(kind, content)
