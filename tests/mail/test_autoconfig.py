"""The servers of a mail address: from the file of its domain, from its SRV records, by their usual names."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import dns.name
import dns.resolver
import pytest
from django.core.cache import cache
from django.urls import reverse

from apps.mail.models import Identity, OtherAccount
from apps.mail.services import autoconfig, other_accounts, stores
from tests.mail.conftest import Person
from tests.mail.test_other_accounts import SECRET, _Secret
from tests.support.mailserver import DovecotServer, PymapServer
from tests.support.receiver import SmallPost

FILE = """<?xml version="1.0" encoding="UTF-8"?>
<clientConfig version="1.1"><emailProvider id="choir.test"><domain>choir.test</domain>
  <incomingServer type="pop3"><hostname>pop.choir.test</hostname><port>995</port><socketType>SSL</socketType>
    <username>%EMAILADDRESS%</username><authentication>password-cleartext</authentication></incomingServer>
  <incomingServer type="imap"><hostname>{host}</hostname><port>{imap}</port><socketType>{kind}</socketType>
    <username>%EMAILLOCALPART%</username><authentication>OAuth2</authentication>
    <authentication>password-cleartext</authentication></incomingServer>
  <outgoingServer type="smtp"><hostname>{host}</hostname><port>{smtp}</port><socketType>{kind}</socketType>
    <username>%EMAILLOCALPART%</username><authentication>password-cleartext</authentication></outgoingServer>
</emailProvider></clientConfig>"""


def file_of(*, host: str = "mail.choir.test", imap: int = 993, smtp: int = 465, kind: str = "SSL") -> bytes:
    return FILE.format(host=host, imap=imap, smtp=smtp, kind=kind).encode()


@dataclass
class Web:
    """A web server of the domain: what it has, by path."""

    pages: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.asked.append(self.path)
                status, body = web.pages.get(self.path, (404, b"no"))
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", body.decode())
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def web(settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    found = Web()
    cache.clear()
    settings.ALLOW_PLAINTEXT = True
    settings.INSIDE_NETWORKS = (ipaddress.ip_network("127.0.0.0/8"),)
    monkeypatch.setattr(autoconfig, "places", lambda _domain: [f"{found.url}/first.xml", f"{found.url}/second.xml"])
    yield found
    found.server.shutdown()
    found.server.server_close()


class Records:
    """What a name server says: (priority, weight, port, target) by service."""

    def __init__(self, **told: list[tuple[int, int, int, str]]) -> None:
        self.told = told

    def resolve(self, name: str, _type: str, **_how: object) -> list[SimpleNamespace]:
        found = self.told.get(name.split(".")[0])
        if found is None:
            raise dns.resolver.NXDOMAIN
        return [
            SimpleNamespace(priority=priority, weight=weight, port=port, target=dns.name.from_text(target))
            for priority, weight, port, target in found
        ]


@pytest.fixture
def records(monkeypatch: pytest.MonkeyPatch) -> Records:
    known = Records()
    monkeypatch.setattr(autoconfig, "resolver", lambda: known)
    return known


@pytest.fixture(autouse=True)
def no_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autoconfig, "_answers", lambda _url: "")


def test_the_file_of_the_domain(web: Web, records: Records, db: None) -> None:
    web.pages = {"/first.xml": (302, b"/moved.xml"), "/moved.xml": (200, file_of())}
    found = autoconfig.look("anna@choir.test")
    assert (found.incoming, found.login) == ("imaps://mail.choir.test:993", "anna")
    assert (found.outgoing, found.outgoing_login) == ("smtps://mail.choir.test:465", "anna")
    assert found.steps[0].good and all("anna" not in path for path in web.asked)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"<html><p>not found",
        b"<clientConfig/>",
        b'<!DOCTYPE x [<!ENTITY a "imap.evil.test">]>' + file_of(),
        file_of(kind="gopher"),
        file_of(host="a b"),
        file_of(imap=99999).replace(b"995", b"0"),
    ],
)
def test_files_that_say_nothing(octets: bytes, settings) -> None:
    found = autoconfig.parsed(octets, "anna@choir.test")
    assert found.incoming in ("", "pop3s://pop.choir.test:995")


def test_plain_servers_are_left_out(settings) -> None:
    settings.ALLOW_PLAINTEXT = False
    assert autoconfig.parsed(file_of(kind="plain"), "anna@choir.test").incoming == "pop3s://pop.choir.test:995"


def test_no_file_leads_into_the_inner_network(web: Web, records: Records, settings, db: None) -> None:
    web.pages = {"/first.xml": (200, file_of())}
    settings.INSIDE_NETWORKS = ()
    assert not autoconfig.look("anna@choir.test").incoming and web.asked == []


def test_records_of_the_domain(web: Web, records: Records, db: None) -> None:
    records.told = {
        "_imap": [(0, 1, 143, "plain.choir.test.")],
        "_imaps": [(20, 1, 993, "second.choir.test."), (10, 1, 9993, "first.choir.test.")],
        "_pop3s": [(0, 0, 0, ".")],
        "_submission": [(0, 1, 587, "out.choir.test.")],
    }
    found = autoconfig.look("anna@choir.test")
    assert (found.incoming, found.outgoing) == ("imaps://first.choir.test:9993", "smtp+starttls://out.choir.test:587")
    assert found.certain and found.login == ""
    records.told |= {"_imaps": [(0, 0, 993, "mail.elsewhere.test.")]}
    assert not autoconfig.look("anna@choir.test").certain


def test_usual_names(web: Web, records: Records, monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    there = {"imap+starttls://mail.choir.test:143", "smtps://smtp.choir.test:465"}
    monkeypatch.setattr(autoconfig, "_answers", lambda url: url if url in there else "")
    found = autoconfig.look("anna@choir.test")
    assert {found.incoming, found.outgoing} == there
    monkeypatch.setattr(autoconfig, "_answers", lambda _url: "")
    nothing = autoconfig.look("anna@choir.test")
    assert nothing.incoming == "" and [step.good for step in nothing.steps] == [False] * 4


@pytest.mark.parametrize("server", ["dovecot"], indirect=True)
def test_an_address_and_a_password_are_enough(
    anna: Person, web: Web, records: Records, pymap_server: PymapServer, dovecot: DovecotServer
) -> None:
    """Found by the file, really signed in at both servers, and only then kept."""
    login = f"auto{pymap_server.new_user()}"
    pymap_server.set_password(login, SECRET)
    post = SmallPost(SECRET)
    post.start()
    try:
        smtp = int(post.url.rpartition(":")[2])
        web.pages = {
            "/second.xml": (200, file_of(host="127.0.0.1", imap=pymap_server.imap_port, smtp=smtp, kind="plain"))
        }
        url, typed = reverse("mail:new_account"), {"email": f"{login}@choir.test", "password": "wrong"}
        wrong = anna.client.post(url, typed)
        assert wrong.status_code == 422 and not OtherAccount.objects.exists()
        page = wrong.content.decode()
        assert f"{web.url}/first.xml" in page and "does not accept this user name and password" in page
        assert f'value="{pymap_server.imap_port}"' in page  # to be looked at, and changed
        assert anna.client.post(url, typed | {"password": SECRET}).status_code == 302
    finally:
        post.stop()
    row = OtherAccount.objects.get()
    assert (row.login, row.label) == (login, f"{login}@choir.test")
    assert Identity.objects.get(account=row).address.email == f"{login}@choir.test"
    assert _Secret(pymap_server).messages(login) == []


@pytest.mark.parametrize("server", ["dovecot"], indirect=True)
def test_who_only_dns_has_named_is_shown_first(
    anna: Person, web: Web, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody may have answered: no password is sent to a server outside of the address's domain before that."""
    records.told = {"_imaps": [(0, 0, 993, "mail.elsewhere.test.")]}
    monkeypatch.setattr(stores.Pool, "sign_in", lambda *_args: pytest.fail("the password was sent"))
    answer = anna.client.post(reverse("mail:new_account"), {"email": "anna@choir.test", "password": SECRET})
    page = answer.content.decode()
    assert "lie outside of its domain" in page and 'value="mail.elsewhere.test"' in page
    assert SECRET not in page and not OtherAccount.objects.exists()
    assert other_accounts.of(1) == []
