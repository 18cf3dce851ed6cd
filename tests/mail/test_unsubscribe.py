"""Leaving a mailing list: with one request where the sender has signed that, by mail or on the web otherwise."""

from __future__ import annotations

import ipaddress
import re
import ssl
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path

import pytest

from portal import net, outward
from scripts.servers import tls
from tests.mail.conftest import Person, letter
from tests.mail.test_message import opened
from tests.support.scripted import scripted

pytestmark = [pytest.mark.django_db, pytest.mark.parametrize("server", ["dovecot"], indirect=True)]
OWN = "Authentication-Results: mx.example.test; dkim={dkim} header.d=shop.test\r\n"
SIGNED = "DKIM-Signature: v=1; d=shop.test; s=s; b=abc; h=from:list-unsubscribe:list-unsubscribe-post\r\n"
POST = "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"


def newsletter(ways: str, *, dkim: str = "pass", signed: str = SIGNED, post: str = POST, more: str = "") -> bytes:
    head = OWN.format(dkim=dkim) + signed + f"List-Unsubscribe: {ways}\r\n" + post + more
    return head.encode() + letter("The dome opens", sender="Shop <news@shop.test>")


@pytest.fixture(autouse=True)
def trusting(settings) -> None:
    settings.MAIL_AUTHSERV_IDS = ("mx.example.test",)


@pytest.fixture
def web(
    tmp_path: Path, settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[bytes], tuple[str, list[bytes]]]]:
    """A web server with a certificate that says one thing, and what it was asked. It stands where the Internet is."""
    tls.make_authority(tmp_path / "tls")
    tls.issue(tmp_path / "tls")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls/server.pem", tmp_path / "tls/server.key")
    settings.INSIDE_CA_FILE = str(tmp_path / "tls/ca.pem")
    asked: list[bytes] = []
    said = [b""]

    def script(client) -> None:
        with context.wrap_socket(client, server_side=True) as safe:
            heard = b""
            while not heard.endswith(b"One-Click"):
                heard += safe.recv(65536)
            asked.append(heard)
            safe.sendall(said[0])

    with scripted(script) as port:
        monkeypatch.setattr(net, "is_public", lambda address: address.is_loopback)
        monkeypatch.setattr(outward, "PORTS", frozenset({port}))

        def saying(answer: bytes) -> tuple[str, list[bytes]]:
            said[0] = answer
            return f"https://localhost:{port}/leave?id=4711", asked

        yield saying


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def page(person: Person, uid: int) -> str:
    answer = person.client.get(person.url("unsubscribe", "INBOX", uid, v=person.uidvalidity()))
    assert answer.status_code == 200
    return unescape(re.sub(r"<[^>]+>", "", answer.content.decode()))


def test_with_one_request_after_saying_what_will_happen(anna: Person, web) -> None:
    url, asked = web(OK)
    (uid,) = anna.receive(newsletter(f"<mailto:leave@shop.test?subject=out>,\r\n <{url}>"))
    assert f"/{uid}/unsubscribe/?v=" in opened(anna, uid)
    text = page(anna, uid)
    assert "This portal asks localhost once to take you off the list." in text
    assert "shop.test has signed it" in text
    assert asked == []
    address = anna.url("unsubscribe", "INBOX", uid, v=anna.uidvalidity())
    answer = anna.client.post(address, follow=True)
    assert "localhost has accepted that you leave the list." in answer.content.decode()
    (request,) = asked
    head, _empty, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /leave?id=4711 HTTP/1.1\r\n") and body == b"List-Unsubscribe=One-Click"
    assert b"application/x-www-form-urlencoded" in head
    assert not re.search(rb"cookie|referer|authorization", head, re.IGNORECASE)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: https://localhost/x\r\nContent-Length: 0\r\n\r\n", "has not accepted"),
        (b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", "has not accepted"),
        (b"nonsense\r\n\r\n", "no answer that makes sense"),
    ],
)
def test_what_the_server_does_not_say_is_not_told(anna: Person, web, answer: bytes, said: str) -> None:
    url, asked = web(answer)
    (uid,) = anna.receive(newsletter(f"<{url}>"))
    refused = anna.client.post(anna.url("unsubscribe", "INBOX", uid, v=anna.uidvalidity()))
    assert refused.status_code == 422 and len(asked) == 1
    assert "You may still be on the list." in refused.content.decode() and said in refused.content.decode()


def test_an_address_of_the_inside_is_never_asked(anna: Person, settings) -> None:
    """Not even where people may name servers of their own."""
    settings.INSIDE_NETWORKS = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1"))
    with scripted(lambda client: heard.append(client.recv(1))) as port:
        heard: list[bytes] = []
        (uid,) = anna.receive(newsletter(f"<https://localhost:{port}/>"))
        refused = anna.client.post(anna.url("unsubscribe", "INBOX", uid, v=anna.uidvalidity()))
    assert refused.status_code == 422 and heard == []


ONE = "<https://shop.test/leave>"
REFUSED = {
    "not signed": newsletter(ONE, signed=""),
    "not covered": newsletter(ONE, signed=SIGNED.replace(":list-unsubscribe-post", "")),
    "a bad signature": newsletter(ONE, dkim="fail"),
    "somebody else's word": newsletter(ONE).replace(b"mx.example.test", b"mx.evil.test"),
    "a second address above": b"List-Unsubscribe: <https://evil.test/>\r\n" + newsletter(ONE),
    "two addresses": newsletter("<https://shop.test/a>, <https://shop.test/b>"),
    "in the clear": newsletter("<http://shop.test/leave>"),
    "no post": newsletter(ONE, post=""),
    "another post": newsletter(ONE, post="List-Unsubscribe-Post: yes\r\n"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_without_proof_nothing_is_asked(anna: Person, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outward, "ask", None)
    (uid,) = anna.receive(REFUSED[why])
    text = page(anna, uid)
    assert "This portal asks" not in text
    assert "On the web" in text and "opens in a new tab" in text
    assert anna.client.post(anna.url("unsubscribe", "INBOX", uid, v=anna.uidvalidity())).status_code == 404


def test_by_mail_the_message_is_prepared(anna: Person) -> None:
    (uid,) = anna.receive(newsletter("<mailto:leave@shop.test?subject=out%204711>", post=""))
    html = anna.client.get(anna.url("unsubscribe", "INBOX", uid, v=anna.uidvalidity())).content.decode()
    assert "By mail" in html
    address = unescape(re.search(r'href="(/mail/@/compose/\?mailto=[^"]+)"', html)[1])
    written = anna.client.get(address).content.decode()
    assert "leave@shop.test" in written and "out 4711" in written


def test_no_list_no_page(anna: Person) -> None:
    for message in (letter(), newsletter("<javascript:alert(1)>, <ftp://shop.test/>", post="")):
        (uid,) = anna.receive(message)
        assert "unsubscribe" not in opened(anna, uid)
        assert anna.client.get(anna.url("unsubscribe", "INBOX", uid, v=anna.uidvalidity())).status_code == 404


def test_what_can_be_done_with_the_list_stands_in_the_menu(anna: Person) -> None:
    fields = (
        "List-Id: Felt makers <felt.lists.test>\r\nList-Help: <https://lists.test/help> (Instructions)\r\n"
        "List-Post: <mailto:felt@lists.test>\r\nList-Owner: <mailto:owner@lists.test?subject=%3Cb%3E>\r\n"
        "List-Archive: <javascript:alert(1)>, <https://lists.test/archive>\r\nList-Subscribe: NO\r\n"
    )
    (uid,) = anna.receive(fields.encode() + letter())
    html = opened(anna, uid)
    assert '<bdi>Felt makers</bdi> <span dir="ltr">felt.lists.test</span>' in html
    assert 'href="https://lists.test/help" target="_blank" rel="noopener noreferrer"' in html
    assert "/mail/@/compose/?mailto=mailto%3Afelt%40lists.test" in html
    assert "Write to the list’s owner" in html and "Archive of the list" in html
    assert "Subscribe to the list" not in html and "javascript:alert" not in html
