"""The proxy for remote images: what it never fetches, and what it never tells."""

from __future__ import annotations

import http.server
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client, RequestFactory

from apps.mail.services import images
from apps.mail.views import images as views
from portal import net
from scripts.servers import tls
from tests.mail.conftest import Person, SignIn
from tests.support.scripted import scripted
from tests.support.vectors import items

VECTORS = items("ssrf_urls")
#: What servers do, by the path below that does it or the test that acts it.
ACTED = {
    "ssrf_urls-054": "/to-private",
    "ssrf_urls-055": "/round",
    "ssrf_urls-056": "test_what_was_checked_is_what_is_connected_to",
    "ssrf_urls-057": "test_one_private_address_among_public_ones_refuses_the_name",
    "ssrf_urls-058": "test_a_name_that_means_the_inside",
    "ssrf_urls-059": "test_a_body_that_trickles_has_an_end",
    "ssrf_urls-060": "/large",
    "ssrf_urls-061": "/zipped",
    "ssrf_urls-062": "/svg",
    "ssrf_urls-063": "/lie",
    "ssrf_urls-064": "test_a_certificate_that_proves_nothing",
    "ssrf_urls-065": "/to-file",
}
#: The classes that are addresses; "settings" is for other clients.
ADDRESSES = [item for item in VECTORS if item["class"] in {"loopback", "private", "scheme", "parser"}]
GIF = b"GIF89a\1\0\1\0\0\0\0;"
PUBLIC = "93.184.215.14"


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Where the proxy would have connected to: nothing is ever sent."""
    tried: list[Any] = []

    def refuse(address: Any, timeout: float = 0) -> socket.socket:
        tried.append(address)
        raise OSError("not in tests")

    monkeypatch.setattr(images.socket, "create_connection", refuse)
    return tried


def resolver(monkeypatch: pytest.MonkeyPatch, answer: Callable[[str], list[str]]) -> None:
    real = socket.getaddrinfo

    def resolve(host: str, port: int, **options: Any) -> list[Any]:
        try:
            ipaddress.ip_address(host)
        except ValueError:
            found = answer(host)
        else:
            return real(host, port, **options)
        if not found:
            raise socket.gaierror("no such name")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(images.socket, "getaddrinfo", resolve)


def wildcard(host: str) -> list[str]:
    """A name server that says what an attacker's would: names with an address inside mean that address."""
    if host.endswith((".nip.io", ".sslip.io")) or "127" in host or host.startswith(("localhost", "0x", "2130", "0")):
        return ["127.0.0.1"]
    return ["169.254.169.254"] if "metadata" in host else [PUBLIC]


@pytest.mark.parametrize("item", ADDRESSES, ids=lambda item: item["id"])
def test_no_address_of_the_inside_is_ever_connected_to(
    item: dict[str, str], connections: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    resolver(monkeypatch, wildcard)
    with pytest.raises(images.Refused):
        images.fetch(item["url"])
    assert [address for address in connections if address[0] != PUBLIC] == []
    if item["class"] != "parser":
        assert connections == []


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "0.0.0.0",
        "10.0.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",
        "100.127.255.255",
        "169.254.169.254",
        "192.0.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "fd12::1",
        "ff02::1",
        "2001:db8::1",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::10.0.0.1",
        "2002:a00:1::",
        "::10.0.0.1",
        "2002:7f00:1::1",
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not net.is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "8.8.8.8", "2606:2800:21f::1", "64:ff9b::808:808", "2002:808:808::1"]
)
def test_addresses_that_are(address: str) -> None:
    assert net.is_public(ipaddress.ip_address(address))


def test_what_was_checked_is_what_is_connected_to(connections: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([[PUBLIC], ["127.0.0.1"]])
    resolver(monkeypatch, lambda host: next(answers))
    with pytest.raises(images.Refused):
        images.fetch("http://rebind.test/a.gif")
    assert connections == [(PUBLIC, 80)]


def test_one_private_address_among_public_ones_refuses_the_name(connections, monkeypatch) -> None:
    resolver(monkeypatch, lambda host: [PUBLIC, "10.0.0.1"])
    with pytest.raises(images.Refused):
        images.fetch("http://mixed.test/a.gif")
    assert connections == []


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers by path; keeps what it was asked with."""

    seen: list[dict[str, str]] = []

    def do_GET(self) -> None:
        self.seen.append(dict(self.headers))
        base = f"http://localhost:{self.server.server_address[1]}"  # type: ignore[attr-defined]
        redirects = {
            "/to-private": f"http://10.0.0.1:{self.server.server_address[1]}/",  # type: ignore[attr-defined]
            "/to-file": "file:///etc/passwd",
            "/to-port": "http://localhost:25/",
            "/round": f"{base}/round",
            "/once": "/image",
        }
        bodies = {
            "/image": ("image/gif", GIF),
            "/svg": ("image/svg+xml", b"<svg/>"),
            "/html": ("text/html", b"<p>"),
            "/lie": ("image/png", b"<html><script>"),
            "/large": ("image/gif", GIF + b"\0" * images.MOST_OCTETS),
            "/zipped": ("image/png", b"\x1f\x8b" + b"\0" * 100),
        }
        if self.path in redirects:
            self.send_response(302)
            self.send_header("Location", redirects[self.path])
            self.end_headers()
            return
        kind, body = bodies.get(self.path, ("image/gif", b""))
        self.send_response(200 if self.path in bodies else 404)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def web() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def fetch(port: int, path: str) -> images.Image:
    return images.fetch(f"http://localhost:{port}{path}", is_allowed=lambda address: address.is_loopback, ports=[port])


@pytest.mark.parametrize("path", ["/image", "/once"])
def test_an_image_comes_through(web: int, path: str) -> None:
    assert fetch(web, path) == images.Image("image/gif", GIF)


@pytest.mark.parametrize(
    "path",
    ["/to-private", "/to-file", "/to-port", "/round", "/svg", "/html", "/lie", "/large", "/zipped", "/nothing"],
)
def test_everything_else_does_not(web: int, path: str) -> None:
    with pytest.raises(images.Refused):
        fetch(web, path)


def test_nothing_of_the_reader_goes_along(web: int) -> None:
    Handler.seen.clear()
    fetch(web, "/image")
    (headers,) = Handler.seen
    assert set(headers) == {"Host", "Accept-Encoding", "Accept", "User-Agent"}
    assert headers["User-Agent"] == "Mozilla/5.0"


def test_a_slow_server_does_not_hold_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "READ_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as deaf, pytest.raises(images.Refused):
        fetch(deaf.getsockname()[1], "/")


def proxied(person: Person, url: str, *, signature: str | None = None) -> Any:
    owner = f"{person.client.session['_auth_user_id']}:{person.client.session.session_key}"
    signed = images.sign(url, owner=owner) if signature is None else signature
    return person.client.get(person.url("image", u=url, s=signed))


def test_the_view_passes_images_on(anna: Person, web: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "is_public", lambda address: address.is_loopback)
    monkeypatch.setattr(images, "_PORTS", {"http": web})
    monkeypatch.setattr(images.fetch, "__kwdefaults__", {"is_allowed": None, "ports": (web,)})
    answer = proxied(anna, "http://localhost/image")
    assert answer.status_code == 200
    assert answer.content == GIF
    assert answer["Content-Type"] == "image/gif"
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "private" in answer["Cache-Control"]


def test_all_refusals_look_alike(anna: Person) -> None:
    urls = ["http://127.0.0.1/", "http://10.0.0.1/", "file:///etc/passwd", "http://nowhere.test/", "nonsense"]
    answers = {(proxied(anna, url).status_code, proxied(anna, url).content) for url in urls}
    assert answers == {(404, b"No image.")}


def test_only_addresses_we_made_for_this_person(sign_in: SignIn, request: pytest.FixtureRequest) -> None:
    anna, bert = sign_in(), sign_in()
    connections: list[Any] = request.getfixturevalue("connections")  # from here on: signing in needs its own
    url = f"http://{PUBLIC}/a.gif"
    owner = f"{anna.client.session['_auth_user_id']}:{anna.client.session.session_key}"
    theirs = images.sign(url, owner=owner)
    assert proxied(bert, url, signature=theirs).status_code == 404
    assert proxied(anna, url, signature="").status_code == 404
    assert proxied(anna, url + "?x", signature=theirs).status_code == 404
    assert connections == []
    proxied(anna, url, signature=theirs)
    assert connections == [(PUBLIC, 80)]


def test_strangers_get_nothing(anna: Person) -> None:
    assert Client().get(anna.url("image", u="http://x.test/", s="x")).status_code == 302


def test_slow_image_servers_hold_half_of_the_request_threads_at_most(settings, monkeypatch) -> None:
    """32 requests at once and servers that do not answer: half are refused at once, and who waits for a turn counts."""
    settings.WEB_THREADS = 32
    views._room.cache_clear()
    views._gate.cache_clear()
    answer = threading.Event()
    monkeypatch.setattr(images, "CONNECT_SECONDS", 60.0)  # nobody gives up waiting during this test

    def fetch(url: str) -> images.Image:
        answer.wait()
        return images.Image("image/gif", GIF)

    monkeypatch.setattr(images, "fetch", fetch)
    url = f"http://{PUBLIC}/a.gif"

    def ask(_number: int) -> int:
        request = RequestFactory().get("/", {"u": url, "s": images.sign(url, owner="1:session")})
        request.user = SimpleNamespace(is_authenticated=True, pk=1)  # type: ignore[assignment]
        request.session = SimpleNamespace(session_key="session")  # type: ignore[assignment]
        return views.image(request).status_code

    with ThreadPoolExecutor(32) as threads:
        asked = [threads.submit(ask, number) for number in range(32)]
        try:
            refused = [done.result() for done in islice(as_completed(asked, timeout=30), 16)]
            assert refused == [404] * 16
            assert sum(not request.done() for request in asked) == 16
        finally:
            answer.set()
    assert [request.result() for request in asked].count(200) == 16


def test_a_name_that_means_the_inside(connections: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """However it comes to mean that: by an address of its own, or as another name for one (CNAME)."""
    resolver(monkeypatch, lambda host: ["127.0.0.1"])
    with pytest.raises(images.Refused):
        images.fetch("http://alias.test/a.gif")
    assert connections == []


def test_a_body_that_trickles_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "WHOLE_SECONDS", 0.3)
    never = threading.Event()

    def script(client: socket.socket) -> None:
        client.recv(4096)
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: image/gif\r\nContent-Length: 100000\r\n\r\nGIF89a")
        while not never.wait(0.05):
            client.sendall(b"\0")  # ends with our hanging up

    with scripted(script) as port, pytest.raises(images.Refused, match="too slow"):
        fetch(port, "/")


def test_a_certificate_that_proves_nothing(tmp_path: Path) -> None:
    authority = tls.make_authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls.issue(tmp_path), tmp_path / "server.key")
    heard: list[bytes] = []

    def script(client: socket.socket) -> None:
        with context.wrap_socket(client, server_side=True) as safe:
            heard.append(safe.recv(4096))

    assert authority.exists()
    with scripted(script) as port, pytest.raises(images.Refused, match="Verification"):
        images.fetch(f"https://localhost:{port}/", is_allowed=lambda address: address.is_loopback, ports=[port])
    assert heard in ([], [b""])


def test_every_line_is_run() -> None:
    assert len(VECTORS) == 77
    acted = {item["id"] for item in VECTORS if item["class"] == "dynamic"}
    assert acted == set(ACTED)
    assert all(how.startswith("/") or how in globals() for how in ACTED.values())
    #: The rest is about addresses that people would type: there is no setting for one.
    assert len(ADDRESSES) + len(acted) + sum(item["class"] == "settings" for item in VECTORS) == 77
