"""Signing in with the directory's word, against OpenLDAP."""

from __future__ import annotations

import base64
import contextlib
import random
import subprocess
import threading
from collections.abc import Callable

import pytest

from apps.auth.ldap import backend, diagnostics
from apps.auth.ldap.directory import Directory
from apps.auth.models import User
from portal.ldap.connection import Unavailable
from portal.ldap.filters import escaped
from scripts.servers import slapd as ldap
from scripts.servers.slapd import Slapd
from tests.auth.directory import IMAP_BACKEND, LDAP_BACKEND, ask, sign_in, signed_in, site, use
from tests.support.mailserver import DeafServer, DovecotServer
from tests.support.scripted import scripted
from tests.support.vectors import Collection

__all__ = ["ask", "site"]  # fixtures
Ask = Callable[..., Directory]
VECTORS = Collection("ldap_search")


@pytest.mark.parametrize("kind", ["tls_url", "starttls_url"])
def test_whoever_the_directory_lets_in_has_an_account(site: Slapd, settings, kind: str) -> None:
    use(settings, site, url=getattr(site, kind))
    user = signed_in(sign_in("jdoe"))
    assert (user.source, user.server, user.login) == ("ldap", "localhost", "jdoe")
    assert (user.email, user.display_name) == ("jane.doe@example.test", "Jane Doe")
    assert not user.is_staff
    assert not user.has_usable_password()


def test_however_somebody_writes_their_login_it_is_one_account(site: Slapd, settings) -> None:
    settings.LDAP_USER_FILTER = "(|(uid={login})(mail={login}))"
    for spelling in ("jdoe", "JDoe", " jdoe ", "jane.doe@example.test"):
        assert signed_in(sign_in(spelling)).login == "jdoe", spelling
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("login", "password"),
    [("jdoe", "wrong"), ("nobody", "secret"), ("jdoe", " "), ("jdoe", "sécret"), ("jdo", "secret")],
)
def test_wrong_passwords_and_unknown_people_look_the_same(site: Slapd, login: str, password: str) -> None:
    client = sign_in(login, password)
    assert signed_in(client) is None
    assert "The user name or the password is wrong." in client.page
    assert not User.objects.exists()


def test_no_password_is_no_proof(site: Slapd, ask: Ask) -> None:
    """RFC 4513 section 5.1.2: the server says yes to a name without a password."""
    words = ["ldapwhoami", "-x", "-H", f"ldap://127.0.0.1:{site.ldap}", "-D", ldap.dn("jdoe"), "-w", ""]
    assert subprocess.run(words, capture_output=True, check=False).returncode == 0
    assert signed_in(sign_in("jdoe", "")) is None
    with ask().open() as session:
        entry = session.find("jdoe")
        assert session.check(entry, ldap.PASSWORD)
        assert not session.check(entry, "")
    with pytest.raises(Unavailable, match="own sign-in"), ask(bind_password="").open():
        pass


@pytest.mark.parametrize("password", ["ünïcode 密码", "e\u0301", "½", " spaces ", "x" * 600, "\u00ad"])
def test_odd_passwords_are_taken_as_they_are(site: Slapd, password: str) -> None:
    login = site.new_user()
    site.modify(
        f"dn: {ldap.dn(login)}\nchangetype: modify\nreplace: userPassword\n"
        f"userPassword:: {base64.b64encode(password.encode()).decode()}\n"
    )
    assert signed_in(sign_in(login, password)).login == login
    assert signed_in(sign_in(login, password + "x")) is None


def test_what_is_typed_never_becomes_a_part_of_the_question(site: Slapd, ask: Ask) -> None:
    """Each vector finds the one entry that holds these very characters, or nobody; and signs nobody in."""
    texts = [item["input"] for item in VECTORS.items]
    assert len(texts) == 27
    entries = {text: f"vector{number}" for number, text in enumerate(texts) if text != "\0"}
    site.add(
        *(
            ldap.person(login, "A Vector", **{"title:": base64.b64encode(text.encode()).decode()})  # a colon: as base64
            for text, login in entries.items()
        )
    )
    with ask(user_filter="(title={login})").open() as session:
        for text in texts:
            found = session.find(text)
            assert (found and found.login) == entries.get(text), text
    with ask().open() as session:
        assert [text for text in texts if session.find(text)] == []
    for text in texts:
        assert signed_in(sign_in(text)) is None, text


@pytest.mark.parametrize(
    ("text", "value"), [("a*", r"a\2a"), ("(a)", r"\28a\29"), ("\\", r"\5c"), ("ä", r"\c3\a4"), ("\0", r"\00")]
)
def test_values_are_escaped(text: str, value: str) -> None:
    assert escaped(text) == value


def test_a_login_of_several_people_is_nobodys(site: Slapd, ask: Ask) -> None:
    with ask(user_filter="(userAccountControl=512)").open() as session:
        assert session.find("jdoe") is None


def test_who_is_disabled_there_cannot_come_in(site: Slapd) -> None:
    login = site.new_user(userAccountControl="514")
    assert signed_in(sign_in(login)) is None
    site.change(login, userAccountControl="512")
    assert signed_in(sign_in(login)).login == login


def test_a_directory_that_is_away_is_neither_right_nor_wrong(site: Slapd, settings) -> None:
    settings.LDAP_URL = "ldaps://localhost:1"
    client = sign_in("jdoe")
    assert signed_in(client) is None
    assert "cannot be reached" in client.page


def test_nor_is_one_that_does_not_trust_the_portal(site: Slapd, settings) -> None:
    settings.LDAP_BIND_PASSWORD = "wrong"
    assert "cannot be reached" in sign_in("jdoe").page


def test_nor_is_one_without_a_safe_connection(site: Slapd, settings) -> None:
    settings.LDAP_TLS_CA_FILE = ""
    assert "no safe connection" in sign_in("jdoe").page


def test_one_that_is_silent_is_given_up(ask: Ask, deaf_server: DeafServer) -> None:
    server = ask().server
    for security in ("plain", "tls", "starttls"):
        silent = type(server)("ldap", "127.0.0.1", deaf_server.port, security)
        with (
            pytest.raises(Unavailable, match=r"127\.0\.0\.1"),
            ask(server=silent, connect_timeout=0.2, read_timeout=0.2).open() as session,
        ):
            session.find("jdoe")


def test_a_lost_connection_is_never_made_anew_behind_our_back(ask: Ask) -> None:
    """The library would open a plain one and send the password over it."""
    with ask().open() as session:
        session.opened.connected.strategy.close()
        with pytest.raises(ConnectionResetError):
            session.opened.bind(ldap.dn("jdoe"), ldap.PASSWORD)


NO_ANSWERS = [
    b"\0",
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
    b"\x30\x84\xff\xff\xff\xff",
    b"\x30\x00",
    b"\x30\x03\x02\x01\x01",
]


def test_whatever_a_server_says_the_portal_does_not_fall_over(ask: Ask) -> None:
    """Answers to a bind with a few octets changed: each is taken for right or wrong, or for no LDAP."""
    chance, rounds, opened = random.Random(4), 300, 0

    def answer(question: bytes) -> bytes:
        if chance.random() < 0.1:
            return chance.choice(NO_ANSWERS)
        number = question[2 : 4 + question[3]]
        said = bytearray(b"\x30" + bytes([len(number) + 9]) + number + bytes.fromhex("61070a010004000400"))
        for _ in range(chance.randint(0, 3)):
            said[chance.randrange(len(said))] = chance.randrange(256)
        return bytes(said)

    with scripted(lambda client: client.sendall(answer(client.recv(200)))) as port:
        server = type(ask().server)("ldap", "127.0.0.1", port, "plain")
        for _ in range(rounds):
            with contextlib.suppress(Unavailable), ask(server=server, read_timeout=0.5).open():
                opened += 1
    assert 0 < opened < rounds


def test_the_self_test_names_the_cure(site: Slapd, settings) -> None:
    def told() -> list[tuple[str, str]]:
        return [(finding.level, str(finding.cure)) for finding in diagnostics.ldap()]

    assert told() == [("ok", ""), ("ok", "")]
    for name, wrong, named in (
        ("LDAP_USER_FILTER", "(&(uid={login})(o=none))", "LDAP_USER_FILTER"),
        ("LDAP_BASE", "ou=typo,dc=example,dc=test", "LDAP_BASE"),
        ("LDAP_TLS_CA_FILE", "", "LDAP_TLS_CA_FILE"),
        ("LDAP_BIND_PASSWORD", "wrong", "LDAP_BIND_PASSWORD"),
        ("LDAP_URL", "ldaps://localhost:1", "LDAP_URL"),
    ):
        before = getattr(settings, name)
        setattr(settings, name, wrong)
        assert told()[-1][0] == "error"
        assert named in told()[-1][1]
        setattr(settings, name, before)


def test_a_directory_that_hangs_holds_some_of_the_threads_only(site: Slapd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "_slots", slots := threading.BoundedSemaphore(1))
    monkeypatch.setattr(backend, "PATIENCE", 0.01)
    with slots:
        assert "cannot be reached" in sign_in("jdoe").page
    assert signed_in(sign_in("jdoe")) is not None
    assert slots.acquire(blocking=False), "it was given back"


# --- several sources, and the mail server --------------------------------------------------------------------------


@pytest.fixture
def office(site: Slapd, settings, dovecot: DovecotServer) -> Slapd:
    """The mail server knows everybody with the password "secret"."""
    settings.IMAP_URL, settings.IMAP_TLS_CA_FILE = dovecot.tls_url, str(dovecot.ca_file)
    return site


@pytest.mark.needs_app("mail")
def test_the_first_that_knows_somebody_decides(office: Slapd, settings, dovecot: DovecotServer) -> None:
    use(settings, office, order=(LDAP_BACKEND, IMAP_BACKEND))
    only_mail = dovecot.new_user()
    assert signed_in(sign_in(only_mail)).source == "imap"
    office.add(ldap.person(both := dovecot.new_user(), "In Both", userPassword="other"))
    assert signed_in(sign_in(both)) is None, "the mail server's word does not count for who is in the directory"
    assert signed_in(sign_in(both, "other")).source == "ldap"
    use(settings, office, order=(IMAP_BACKEND, LDAP_BACKEND))
    assert signed_in(sign_in(both)).source == "imap"
    assert signed_in(sign_in(both, "other")).source == "ldap"


@pytest.mark.needs_app("mail")
def test_who_is_shut_out_of_the_first_does_not_come_in_by_the_second(office: Slapd, settings, dovecot) -> None:
    use(settings, office, order=(LDAP_BACKEND, IMAP_BACKEND))
    login = dovecot.new_user()
    office.add(ldap.person(login, "To Leave"))
    assert signed_in(sign_in(login)).source == "ldap"
    office.change(login, userAccountControl="514")
    assert signed_in(sign_in(login)) is None
    office.delete(login)
    assert signed_in(sign_in(login)) is None
    use(settings, office, order=(IMAP_BACKEND, LDAP_BACKEND))
    office.add(ldap.person(login, "Back"))
    assert signed_in(sign_in(login)).source == "imap"
    User.objects.filter(source="imap").update(is_active=False)
    assert signed_in(sign_in(login)) is None


@pytest.mark.needs_app("mail")
@pytest.mark.parametrize("rule", ["{login}", "{mail}", "{local}@example.test", "{login}@{domain}"])
def test_mail_opens_with_the_directorys_password(office: Slapd, settings, dovecot: DovecotServer, rule: str) -> None:
    settings.MAIL_LOGIN_RULE, settings.MAIL_DOMAIN = rule, "example.test"
    login = dovecot.new_user()
    uid = f"staff.{login}" if rule == "{mail}" else login
    office.add(ldap.person(uid, "With Mail", mail=f"{login}@example.test"))
    dovecot.deliver(login, b"From: bob@example.test\r\nSubject: For the one with this mailbox\r\n\r\nx\r\n")
    client = sign_in(uid)
    assert "For the one with this mailbox" in client.get("/mail/INBOX/").content.decode()
    client.post("/sign-out/")
