"""Mailboxes and the server for sending, opened with tokens: Dovecot asks the provider whose a token is (RFC 7662)."""

from __future__ import annotations

import base64
import dataclasses
import socket
import time
from collections.abc import Iterator

import pytest
from django.test import Client

from apps.mail import diagnostics, sasl, submission
from apps.mail.mailbox import errors
from apps.mail.mailbox.account import Account
from apps.mail.mailbox.imap.connection import Connection
from apps.mail.mailbox.pool import Pool
from apps.mail.models import OutboxMessage
from apps.mail.services import outbox_page, stores, sweeping
from portal import net
from portal.net import ServerUrl, parse_server_url
from portal.secret import Bearer
from scripts.servers.exim import Exim
from tests.auth.oauth.signing import BACKEND, come_in, known, user_of, way
from tests.mail.conftest import Person, letter, send_at_once
from tests.mail.desk import Desk
from tests.support.mailserver import DovecotServer
from tests.support.provider import Grant, Provider, running_provider
from tests.support.scripted import scripted
from tests.support.servers import need, running_dovecot

SERVICES = {"imap": 143, "imaps": 993}
REFUSAL = base64.b64encode(b'{"status":"invalid_token"}')


@dataclasses.dataclass
class Halls:
    """A provider, and the mail servers that believe it."""

    provider: Provider
    dovecot: DovecotServer

    def token(self, login: str, *, over: bool = False) -> str:
        given = self.provider._tokens(Grant(f"subject-of-{login}", login, {}))["access_token"]
        if over:
            self.provider.take_back()
        return given


@pytest.fixture(scope="module")
def halls() -> Iterator[Halls]:
    with running_provider() as provider:
        introspection = f"{provider.issuer}/introspect"
        with running_dovecot(introspection=introspection) as dovecot:
            need(Exim)
            exim = Exim(dovecot.server)
            exim.configure()
            exim.start()
            try:
                yield Halls(provider, dovecot)
            finally:
                exim.stop()


@pytest.fixture(params=["oauthbearer", "xoauth2"])
def mechanism(request: pytest.FixtureRequest) -> str:
    return request.param


def account(halls: Halls, login: str, token: str, *, of: str = "one", url: str = "", **how: object) -> Account:
    server = parse_server_url(url or halls.dovecot.tls_url, services=SERVICES)
    ca_file = str(halls.dovecot.ca_file)
    return Account(server=server, login=login, password=Bearer(token, of), ca_file=ca_file, **how)  # type: ignore[arg-type]


# --- IMAP -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("without", [(), ("AUTH=OAUTHBEARER",), ("SASL-IR",), ("AUTH=OAUTHBEARER", "SASL-IR")])
@pytest.mark.parametrize("url", ["tls_url", "starttls_url", "url"])
def test_in_with_either_mechanism(halls: Halls, url: str, without: tuple[str, ...]) -> None:
    target = account(halls, "alice", halls.token("alice"), url=getattr(halls.dovecot, url))
    connection = Connection(dataclasses.replace(target, ignore_capabilities=frozenset(without)))
    assert connection.select("INBOX").exists is not None
    connection.logout()


@pytest.mark.parametrize("without", [(), ("AUTH=OAUTHBEARER",), ("SASL-IR",), ("AUTH=OAUTHBEARER", "SASL-IR")])
@pytest.mark.parametrize("what", ["over", "another's", "none"])
def test_a_token_that_is_not_good_is_refused_at_once(halls: Halls, without: tuple[str, ...], what: str) -> None:
    """The server tells why in a challenge; left without an answer, it would wait for one."""
    tokens = {"over": halls.token("alice", over=True), "another's": halls.token("bob"), "none": "made.up"}
    target = dataclasses.replace(account(halls, "alice", tokens[what]), ignore_capabilities=frozenset(without))
    started = time.monotonic()
    with pytest.raises(errors.SignInRefused):
        Connection(target)
    assert time.monotonic() - started < net.READ_TIMEOUT


def test_a_server_that_takes_no_tokens(halls: Halls, dovecot: DovecotServer) -> None:
    target = account(halls, "alice", halls.token("alice"), url=dovecot.url)
    with pytest.raises(errors.TokensNotTaken):
        Connection(target)


def test_a_token_crosses_no_network_in_the_clear(halls: Halls) -> None:
    target = account(halls, "alice", halls.token("alice"), url="imap://192.0.2.1")
    with pytest.raises(errors.TlsFailed):
        Connection(target)


@pytest.mark.parametrize("what", ["tok\r\nen", "tok\x00en", "tok\x01en"])
def test_nothing_gets_into_the_message(what: str) -> None:
    server = ServerUrl("imap", "localhost", 143, "plain")
    for login, token in ((what, "token"), ("alice", what)):
        with pytest.raises(ValueError, match="control character"):
            sasl.bearer({"OAUTHBEARER"}, server, login, Bearer(token, ""))


def test_the_messages_as_the_standards_have_them() -> None:
    """RFC 7628 section 4.1, and XOAUTH2."""
    server = ServerUrl("imap", "server.example.com", 143, "tls")
    secret = Bearer("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==", "")
    found = sasl.bearer({"PLAIN", "XOAUTH2", "OAUTHBEARER"}, server, "user@example.com", secret)
    assert found is not None
    assert (found[0], found[2]) == ("OAUTHBEARER", "AQ==")
    assert base64.b64decode(found[1]) == (
        b"n,a=user@example.com,\x01host=server.example.com\x01port=143\x01"
        b"auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01"
    )
    name, message, after = sasl.bearer({"XOAUTH2"}, server, "a,b=c", Bearer("t", "")) or ("", "", "x")
    assert (name, base64.b64decode(message), after) == ("XOAUTH2", b"user=a,b=c\x01auth=Bearer t\x01\x01", "")
    found = sasl.bearer({"OAUTHBEARER"}, server, "a,b=c", Bearer("t", ""))
    assert base64.b64decode(found[1]).startswith(b"n,a=a=2Cb=3Dc,\x01")
    assert sasl.bearer({"PLAIN", "LOGIN"}, server, "a", Bearer("t", "")) is None


# --- the pool ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def pool(tmp_path) -> Iterator[Pool]:
    pool = Pool(directory=tmp_path)
    yield pool
    pool.close_all()


def test_a_renewed_token_finds_its_connection(halls: Halls, pool: Pool) -> None:
    login = halls.dovecot.new_user()
    with pool.lease(account(halls, login, halls.token(login))) as store:
        before = store.connection
    with pool.lease(account(halls, login, "one that nobody has asked about")) as store:
        assert store.connection is before
    assert pool.idle_count() == 1


def test_a_connection_that_was_lost_comes_back_with_the_token_of_today(halls: Halls, pool: Pool) -> None:
    login = halls.dovecot.new_user()
    with pool.lease(account(halls, login, halls.token(login))) as store:
        store.page("INBOX", limit=1)
        store.connection._stream.sock.shutdown(socket.SHUT_RDWR)
    halls.provider.take_back()
    with pool.lease(account(halls, login, halls.token(login))) as store:
        assert store.page("INBOX", limit=1).total == 0
        assert store.connection.account.password.of == "one"


@pytest.mark.parametrize("other", [{"of": "two"}, {"login": "bob"}])
def test_another_sign_in_finds_none(halls: Halls, pool: Pool, other: dict[str, str]) -> None:
    """The same person's, or another person with a token of their own that names the same sign-in."""
    with pool.lease(account(halls, "alice", halls.token("alice"))):
        pass
    login, of = other.get("login", "alice"), other.get("of", "one")
    with pytest.raises(errors.SignInRefused), pool.lease(account(halls, login, "made.up", of=of)):
        pass


def test_no_password_finds_it(halls: Halls, pool: Pool) -> None:
    target = account(halls, "alice", halls.token("alice"))
    with pool.lease(target):
        pass
    for password in ("one", "sign-in one", "", "made.up"):
        with pytest.raises(errors.MailError), pool.lease(dataclasses.replace(target, password=password)):
            pass


# --- SMTP -------------------------------------------------------------------------------------------------------------


def send(port: int, login: str, token: str) -> submission.SendResult:
    return submission.send(
        ServerUrl("smtp", "localhost", port, "plain"),
        login=login,
        password=Bearer(token, "one"),
        sender=f"{login}@example.test",
        recipients=["bob@example.test"],
        message=b"Subject: poles\r\n\r\nCut.\r\n",
    )


def test_a_message_goes_out_with_a_token(halls: Halls) -> None:
    assert send(halls.dovecot.submission_port, "alice", halls.token("alice")).accepted == ("bob@example.test",)


@pytest.mark.parametrize("token", ["made.up", None])
def test_a_token_that_the_server_for_sending_refuses(halls: Halls, token: str | None) -> None:
    with pytest.raises(submission.SignInRefused) as refusal:
        send(halls.dovecot.submission_port, "alice", token or halls.token("alice", over=True))
    assert refusal.value.code == 535


@pytest.mark.parametrize(("offered", "answer"), [(b"OAUTHBEARER XOAUTH2", b"AQ=="), (b"XOAUTH2 PLAIN", b"")])
def test_the_challenge_is_answered(offered: bytes, answer: bytes) -> None:
    heard: list[bytes] = []

    def serve(client: socket.socket) -> None:
        client.sendall(b"220 here\r\n")
        with client.makefile("rb") as lines:
            for line in lines:
                heard.append(line.strip())
                if line.startswith(b"EHLO"):
                    client.sendall(b"250-here\r\n250 AUTH " + offered + b"\r\n")
                elif line.startswith(b"AUTH"):
                    client.sendall(b"334 " + REFUSAL + b"\r\n")
                else:
                    client.sendall(b"535 5.7.8 no\r\n")

    with scripted(serve) as port, pytest.raises(submission.SignInRefused):
        send(port, "alice", "token")
    assert heard[1].split()[1] == offered.split()[0]
    assert heard[2] == answer


def test_a_server_for_sending_that_takes_no_tokens(dovecot: DovecotServer) -> None:
    with pytest.raises(submission.SignInRefused, match="takes no tokens"):
        send(dovecot.submission_port, "alice", "token")


# --- the portal -------------------------------------------------------------------------------------------------------


@pytest.fixture
def site(halls: Halls, settings, db: None, tmp_path) -> Iterator[Halls]:
    """The portal in front of them."""
    stores.pool()  # it outlives the test, and so has to be made outside of its folder
    settings.DATA_DIR = tmp_path
    settings.IMAP_URL, settings.IMAP_TLS_CA_FILE = halls.dovecot.tls_url, str(halls.dovecot.ca_file)
    settings.SMTP_URL = f"smtp://localhost:{halls.dovecot.submission_port}"
    provider = halls.provider
    provider.lifetime, provider.delay = 300, 0.0
    provider.broken.clear()
    provider.heard.clear()
    with known(settings, provider):
        assert BACKEND in settings.AUTHENTICATION_BACKENDS
        yield halls
    stores.pool().close_all()


@pytest.fixture
def anna(site: Halls) -> Person:
    login = site.dovecot.new_user()
    person = Person(site.dovecot, login, come_in(site.provider, login))
    assert user_of(person.client) is not None
    return person


def write(person: Person, subject: str, *, seconds: int = 0) -> Desk:
    send_at_once(person, seconds=seconds)
    desk = Desk(person).open("/mail/@/compose/")
    return desk.press(to="bob@example.test", subject=subject, text="We raise the felt.")


def subjects(site: Halls, login: str, mailbox: str = "INBOX") -> bytes:
    return b"".join(site.dovecot.messages(login, mailbox))


def wait_for(site: Halls, subject: str) -> None:
    until = time.monotonic() + 60
    while subject.encode() not in subjects(site, "bob"):
        assert time.monotonic() < until, site.dovecot.log()[-2000:]
        time.sleep(0.1)


def test_a_mailbox_opens(site: Halls, anna: Person) -> None:
    anna.receive(letter("The poles are cut"))
    assert "The poles are cut" in anna.client.get("/mail/INBOX/").content.decode()


def test_a_message_goes_out(site: Halls, anna: Person) -> None:
    desk = write(anna, "Poles of anna")
    assert desk.status == 200, desk.errors
    wait_for(site, "Poles of anna")
    assert b"Poles of anna" in subjects(site, anna.login, "Sent")


def test_a_token_that_was_taken_back_is_renewed_without_a_word(site: Halls, anna: Person, monkeypatch) -> None:
    anna.receive(letter("The poles are cut"))
    monkeypatch.setattr("apps.auth.oauth.grants.JUST_NOW", 0.0)
    site.provider.take_back()
    before = site.provider.renewals
    assert "The poles are cut" in anna.client.get("/mail/INBOX/").content.decode()
    assert site.provider.renewals == before + 1


def test_who_is_gone_is_asked_to_sign_in_and_comes_back_to_the_page(site: Halls, anna: Person, monkeypatch) -> None:
    monkeypatch.setattr("apps.auth.oauth.grants.JUST_NOW", 0.0)
    site.provider.take_back()
    site.provider.end_all()
    answer = anna.client.get("/mail/INBOX/?sort=subject")
    page = answer.content.decode()
    assert answer.status_code == 401
    assert 'type="password"' not in page
    assert 'href="/auth/oauth/start/?next=%2Fmail%2FINBOX%2F%3Fsort%3Dsubject"' in page
    back = anna.client.get(way(anna.client, site.provider, anna.login, next="/mail/INBOX/?sort=subject"))
    assert back["Location"] == "/mail/INBOX/?sort=subject"
    assert anna.client.get(back["Location"]).status_code == 200


def test_nothing_is_lost_of_what_somebody_was_writing(site: Halls, anna: Person, monkeypatch) -> None:
    """Without scripts: the form waits on a page of its own, while the provider is visited in another tab."""
    send_at_once(anna)
    desk = Desk(anna).open("/mail/@/compose/")
    monkeypatch.setattr("apps.auth.oauth.grants.JUST_NOW", 0.0)
    stores.pool().close_all()
    site.provider.take_back()
    site.provider.end_all()
    form = {**desk.fields, "to": "bob@example.test", "subject": "Kept poles", "text": "Felt.", "action": "send"}
    answer = anna.client.post("/mail/@/compose/", form)
    page = answer.content.decode()
    assert answer.status_code == 401
    assert "Kept poles" in page
    waits = kept_fields(page)
    again = anna.client.post("/mail/@/compose/", waits)
    assert again.status_code == 401
    assert "You are not signed in yet" in again.content.decode()
    assert anna.client.get(way(anna.client, site.provider, anna.login, beside="1"))["Location"] == "/auth/oauth/done/"
    assert "You are signed in again" in anna.client.get("/auth/oauth/done/").content.decode()
    assert anna.client.post("/mail/@/compose/", waits).status_code == 302
    wait_for(site, "Kept poles")


def kept_fields(page: str) -> dict[str, object]:
    from html import unescape

    from selectolax.lexbor import LexborHTMLParser

    form = next(form for form in LexborHTMLParser(page).css("form") if form.attributes["action"] != "/sign-out/")
    found: dict[str, object] = {}
    for node in form.css("textarea, input"):
        value = node.attributes.get("value") if node.tag == "input" else unescape(node.text()).removeprefix("\n")
        found.setdefault(str(node.attributes["name"]), []).append(value or "")  # type: ignore[attr-defined]
    return found


def test_the_form_is_nobody_elses(site: Halls, anna: Person, monkeypatch) -> None:
    form = {"to": "bob@example.test", "subject": "Not mine", "text": "x", "action": "send", "portal_signed_in": "1"}
    answer = anna.client.post("/mail/@/compose/", form)
    assert answer["Location"] == "/"
    assert b"Not mine" not in subjects(site, anna.login, "Sent")


def test_somebody_else_does_not_get_into_the_session(site: Halls, anna: Person) -> None:
    before = user_of(anna.client)
    anna.client.get(way(anna.client, site.provider, "charlie"))
    assert user_of(anna.client) == before
    page = anna.client.get("/auth/oauth/done/").content.decode()
    assert "signed in here as somebody else" in page
    assert "Sign in with Hall" in page
    assert "You are signed in again" in anna.client.get("/auth/oauth/done/").content.decode()


def test_a_message_that_waits_is_sent_when_its_writer_has_left(site: Halls, anna: Person) -> None:
    """With a token that is renewed for it: the sign-out leaves it that."""
    write(anna, "Waiting poles", seconds=10)
    anna.client.post("/sign-out/")
    site.provider.take_back()
    renew_with(site)
    send_all()
    wait_for(site, "Waiting poles")
    assert OutboxMessage.objects.get().state == OutboxMessage.State.DONE


def test_a_message_whose_tokens_are_over_waits_and_says_so(site: Halls, anna: Person) -> None:
    write(anna, "Late poles", seconds=10)
    stores.pool().close_all()
    site.provider.take_back()
    site.provider.end_all()
    renew_with(site)
    send_all()
    row = OutboxMessage.objects.get()
    assert row.state == OutboxMessage.State.WAITING
    (entry,) = outbox_page.entries(row.user_id)
    assert "Sign in again" in str(entry.text)
    anna.client.get(way(anna.client, site.provider, anna.login))
    send_all()
    wait_for(site, "Late poles")


def test_a_provider_that_is_away_holds_a_message_up_and_no_more(site: Halls, anna: Person) -> None:
    write(anna, "Patient poles", seconds=10)
    stores.pool().close_all()
    renew_with(site)
    site.provider.broken["/token"] = (503, {}, b"")
    send_all()
    (entry,) = outbox_page.entries(OutboxMessage.objects.get().user_id)
    assert "provider with which you sign in does not answer" in str(entry.text)
    page = anna.client.get("/mail/INBOX/")
    assert page.status_code == 503
    assert "renewed just now" in page.content.decode()
    site.provider.broken.clear()
    send_all()
    wait_for(site, "Patient poles")


def renew_with(site: Halls) -> None:
    """All tokens are over by our own clock too."""
    from apps.auth.oauth import grants
    from apps.auth.oauth.models import TokenGrant
    from portal import delegations

    secret = delegations.unseal(OutboxMessage.objects.get().delegation).secret
    row = TokenGrant.objects.get(pk=secret.row)
    old = grants._open(row, secret)
    key = base64.b64decode(secret.key)
    TokenGrant.objects.update(sealed=grants._seal(row, key, dataclasses.replace(old, until=time.time() - 1)))


def send_all() -> None:
    from datetime import timedelta

    from django.utils import timezone

    OutboxMessage.objects.filter(state=OutboxMessage.State.WAITING).update(due=timezone.now())
    sweeping.sweep(now=timezone.now() + timedelta(seconds=1))


def test_a_mail_server_that_takes_no_tokens_says_so(
    site: Halls, anna: Person, dovecot: DovecotServer, settings
) -> None:
    settings.IMAP_URL = dovecot.url
    page = anna.client.get("/mail/INBOX/")
    assert page.status_code == 502
    assert "accepts none of its tokens" in page.content.decode()


def test_out_means_that_no_connection_stays(site: Halls, anna: Person) -> None:
    anna.client.get("/mail/INBOX/")
    assert stores.pool().idle_count() > 0
    heard = len(site.provider.heard)
    anna.client.post("/sign-out/")
    assert stores.pool().idle_count() == 0
    assert len(site.provider.heard) == heard


def test_a_page_in_place(site: Halls, anna: Person, monkeypatch) -> None:
    """What the dialog asks: a link, and a form without a token, which would be an old one."""
    monkeypatch.setattr("apps.auth.oauth.grants.JUST_NOW", 0.0)
    stores.pool().close_all()
    site.provider.take_back()
    site.provider.end_all()
    fragment = {"HX-Request": "true"}
    assert anna.client.get("/mail/INBOX/", headers=fragment).status_code == 401
    form = anna.client.get("/sign-in/?inplace=1", headers=fragment).content.decode()
    assert "beside=1" in form
    assert 'method="get"' in form
    ask = "/sign-in/?inplace=1&portal_signed_in=1"
    assert anna.client.get(ask, headers=fragment).status_code == 422
    anna.client.get(way(anna.client, site.provider, anna.login, beside="1"))
    answer = anna.client.get(ask, headers=fragment)
    assert answer.status_code == 204
    assert answer["X-Portal-Account"] == str(user_of(anna.client).pk)


def test_a_stranger_learns_nothing_in_place(site: Halls) -> None:
    answer = Client().get("/sign-in/?inplace=1&portal_signed_in=1")
    assert answer.status_code == 422
    assert "X-Portal-Account" not in answer.headers


@pytest.mark.parametrize("check", [diagnostics.imap, diagnostics.smtp])
def test_the_self_test_looks_whether_tokens_are_taken(site: Halls, dovecot: DovecotServer, settings, check) -> None:
    found = {str(finding.message): finding.level for finding in check()}
    assert any("takes tokens of the provider: OAUTHBEARER, XOAUTH2" in text for text in found), found
    settings.IMAP_URL, settings.SMTP_URL = dovecot.url, f"smtp://localhost:{dovecot.submission_port}"
    found = {str(finding.message): finding.level for finding in check()}
    assert found["It takes no tokens of the provider with which people sign in."] == "error"
