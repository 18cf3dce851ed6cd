"""Seven bad set-ups of TLS, and no client of the portal that tells such a server a password."""

from __future__ import annotations

import ast
import base64
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.net import ServerUrl
from tests.portal.bad_tls import CASES, CLIENTS, LOGIN, PASSWORD, Certificates, serving

ROOT = Path(__file__).resolve().parents[2]
#: Fetches pictures from anywhere in the world, and has no password to tell.
WITHOUT_PASSWORDS = {"apps.mail.services.images"}
#: Connect by a library that opens its own sockets, so no such call is there to be found.
BY_LIBRARY = {"portal.databases"}
OPENERS = {
    *(
        "net.connect",
        "socket.socket",
        "create_connection",
        "wrap_socket",
        "HTTPConnection",
        "HTTPSConnection",
        "urlopen",
    ),
}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("tls"))


def traces() -> Iterator[bytes]:
    """The password as it is, and in each base64 that could hold it."""
    secret = PASSWORD.encode()
    yield secret
    for text in (secret, f"\0{LOGIN}\0{PASSWORD}".encode()):
        yield base64.b64encode(text)
    for shift in range(3):  # inside something longer: what does not depend on its neighbours
        yield base64.b64encode(b"x" * shift + secret)[4 * bool(shift) : -4]


def told(heard: bytes) -> bool:
    return any(trace in heard for trace in traces())


@pytest.mark.parametrize(("name", "set_up", "security"), CASES)
def test_a_bad_set_up_is_told_no_password(certificates: Certificates, name: str, set_up: str, security: str) -> None:
    client = CLIENTS[name]
    with serving(client, certificates, set_up, security) as server, pytest.raises(client.raises):
        client.sign_in(server.url, str(certificates.authority))
    assert not told(server.heard)


@pytest.mark.parametrize(("name", "security"), [(name, how) for name in CLIENTS for how in CLIENTS[name].ways])
def test_the_good_set_up_is_told_it(certificates: Certificates, name: str, security: str) -> None:
    """Else the test above would prove nothing."""
    client = CLIENTS[name]
    with serving(client, certificates, "good", security) as server:
        client.sign_in(server.url, str(certificates.authority))
    assert told(server.heard)
    assert server.handshakes == 1


@pytest.mark.parametrize("set_up", ["stripped STARTTLS", "early bytes"])
@pytest.mark.parametrize("name", CLIENTS)
def test_a_careless_client_would_be_caught(certificates: Certificates, name: str, set_up: str) -> None:
    """These two servers take a password from whoever gives it."""
    client = CLIENTS[name]
    with serving(client, certificates, set_up, "starttls") as server, contextlib.suppress(*client.raises):
        client.sign_in(ServerUrl(client.scheme, "localhost", server.port, "plain"), "")
    assert told(server.heard)


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def opens_connections(text: str) -> bool:
    """By ``portal.net``, or by ways of its own."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module == "portal.net":
            found = {alias.name for alias in node.names} & {"connect", "start_tls", "tls_context"}
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            found = {called, called.rpartition(".")[2]} & OPENERS
        else:
            continue
        if found:
            return True
    return False


def test_every_client_is_in_the_table() -> None:
    found = {
        name_of(path)
        for folder in ("portal", "apps")
        for path in (ROOT / folder).rglob("*.py")
        if opens_connections(path.read_text())
    }
    allowed = WITHOUT_PASSWORDS | {"portal.net"}
    assert found - allowed == {client.module for client in CLIENTS.values()} - BY_LIBRARY


@pytest.mark.parametrize(
    "text",
    ["net.connect(url)", "from portal.net import connect", "socket.create_connection(x)", "context.wrap_socket(x)",
     "http.client.HTTPSConnection(host)", "urllib.request.urlopen(url)", "s = socket.socket()"],
)  # fmt: skip
def test_a_client_of_whatever_kind_is_found(text: str) -> None:
    assert opens_connections(text)
    assert not opens_connections("net.parse_server_url(text); signal.connect(x)")
