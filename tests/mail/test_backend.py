"""Signing in with the mail server's word."""

from __future__ import annotations

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.urls import reverse

from apps.auth.models import User
from apps.mail.services import stores
from portal import mail_servers
from portal.accounts import mail_address_of
from portal.credentials import FIELD, VISIT_FIELD
from tests.mail.conftest import Person
from tests.support.mailserver import MailServer, PymapServer

SIGN_IN = "/sign-in/"


def test_whoever_the_server_lets_in_has_an_account(anna: Person) -> None:
    user = User.objects.get()
    assert (user.source, user.server, user.login) == ("imap", "localhost", anna.login)
    assert user.email == f"{anna.login}@example.test"
    assert not user.is_staff
    assert not user.has_usable_password()
    assert anna.client.get("/mail/INBOX/").status_code == 200


def test_the_demos_people_are_nobody_on_a_real_server(server: MailServer, settings, db: None) -> None:
    """Both may listen on the loopback address, one after the other and on any port."""
    login = server.new_user()
    for demo in (True, False, True):
        settings.DEMO_SERVERS = demo
        assert Client().post(SIGN_IN, {"username": login, "password": server.password}).status_code == 302
    assert sorted(user.server for user in User.objects.all()) == ["demo.invalid", "localhost"]


def test_spellings_of_a_login_are_one_account(server: MailServer, db: None) -> None:
    login = server.new_user()
    for spelling in (login, login.upper(), f" {login} "):
        answer = Client().post(SIGN_IN, {"username": spelling, "password": server.password})
        assert answer.status_code == 302
    assert User.objects.count() == 1


@pytest.mark.parametrize(("login", "password"), [("u1", "wrong"), ("nobody", "password"), ("u1", "")])
def test_a_wrong_password_and_an_unknown_login_look_the_same(server: MailServer, db: None, login, password) -> None:
    answer = Client().post(SIGN_IN, {"username": login, "password": password})
    assert answer.status_code in {400, 403}
    assert not User.objects.exists()


def test_a_control_character_reaches_no_server(server: MailServer, db: None) -> None:
    answer = Client().post(SIGN_IN, {"username": "u1\r\nA1 LOGOUT", "password": server.password})
    assert answer.status_code == 403
    assert not User.objects.exists()


def test_a_server_that_does_not_answer_is_neither_right_nor_wrong(settings, db: None) -> None:
    settings.IMAP_URL = "imap://localhost:1"
    answer = Client().post(SIGN_IN, {"username": "alice", "password": "password"})
    assert answer.status_code == 403
    assert "cannot be reached" in answer.content.decode()


def test_the_password_is_sealed_and_nowhere_else(anna: Person) -> None:
    session = anna.client.session
    assert anna.server.password not in repr(dict(session.items()))
    assert django_settings.CREDENTIALS_COOKIE_NAME in anna.client.cookies


def test_without_the_browsers_half_the_password_is_asked_for_again(anna: Person) -> None:
    del anna.client.cookies[django_settings.CREDENTIALS_COOKIE_NAME]
    page = anna.client.get("/mail/INBOX/")
    assert page.status_code == 401
    assert 'type="password"' in page.content.decode()


def test_a_password_that_changed_is_asked_for_and_the_page_comes(pymap_server: PymapServer, settings, db: None) -> None:
    settings.IMAP_URL = pymap_server.url
    login = pymap_server.new_user()
    client = Client()
    client.post(SIGN_IN, {"username": login, "password": pymap_server.password})
    pymap_server.set_password(login, "fresh")
    stores.pool().close_all()
    page = client.get("/mail/INBOX/")
    assert page.status_code == 401
    assert client.get("/mail/INBOX/", headers={"HX-Request": "true"}).status_code == 401
    page = client.post("/mail/INBOX/", {FIELD: "fresh", VISIT_FIELD: "1"}, follow=True)
    assert page.status_code == 200
    assert client.get("/mail/INBOX/").status_code == 200
    stores.pool().close_all()


def test_a_revoked_password_signs_nobody_in_while_connections_are_warm(server: MailServer, db: None) -> None:
    login, old = server.new_user(), server.password
    assert Client().post(SIGN_IN, {"username": login, "password": old}).status_code == 302
    server.set_password(login, "fresh")
    assert Client().post(SIGN_IN, {"username": login, "password": old}).status_code == 403


def test_nor_does_it_where_the_password_is_asked_for_again(anna: Person) -> None:
    del anna.client.cookies[django_settings.CREDENTIALS_COOKIE_NAME]
    old = anna.server.password
    anna.server.set_password(anna.login, "fresh")
    page = anna.client.post("/mail/INBOX/", {FIELD: old, VISIT_FIELD: "1"})
    assert page.status_code == 401
    assert anna.client.post("/mail/INBOX/", {FIELD: "fresh", VISIT_FIELD: "1"}).status_code == 302


def test_signing_out_closes_the_connections(anna: Person) -> None:
    anna.client.get("/mail/INBOX/")
    assert stores.pool().idle_count() > 0
    anna.client.post(reverse("portal:sign_out"))
    assert stores.pool().idle_count() == 0


@pytest.mark.parametrize(
    ("rule", "domain", "login", "address"),
    [
        ("login", "example.test", "jdoe", "jdoe@example.test"),
        ("login", "example.test", "jdoe@corp.test", "jdoe@corp.test"),
        ("login", "", "jdoe", ""),
        ("{local}@mail.test", "example.test", "jdoe@corp", "jdoe@mail.test"),
        ("{login}@{domain}", "example.test", "jdoe", "jdoe@example.test"),
        ("{local}@{domain}", "", "jdoe@corp.test", "jdoe@corp.test"),
        ("{login}@{domain}", "example.test", "{domain}", "{domain}@example.test"),
    ],
)
def test_the_address_follows_the_sites_rule(settings, rule: str, domain: str, login: str, address: str) -> None:
    settings.MAIL_ADDRESS_RULE, settings.MAIL_DOMAIN = rule, domain
    assert mail_address_of(login) == address


@pytest.mark.parametrize(
    ("rule", "login", "mail", "given"),
    [
        ("{login}", "jdoe@corp.test", "jane@mail.test", "jdoe@corp.test"),
        ("{local}", "jdoe@corp.test", "", "jdoe"),
        ("{mail}", "jdoe", "jane@mail.test", "jane@mail.test"),
        ("corp\\{local}", "jdoe", "", "corp\\jdoe"),
        ("{login}@{domain}", "{mail}", "jane@mail.test", "{mail}@example.test"),
    ],
)
def test_what_the_mail_server_is_given_follows_the_sites_rule(settings, rule, login, mail, given) -> None:
    settings.MAIL_LOGIN_RULE, settings.MAIL_DOMAIN = rule, "example.test"
    assert mail_servers.of_settings().login_of(login, mail) == given


def test_by_that_rule_people_sign_in_and_read(server: MailServer, settings, db: None) -> None:
    settings.MAIL_LOGIN_RULE = "{local}"
    login, client = server.new_user(), Client()
    answer = client.post(SIGN_IN, {"username": f"{login}@elsewhere.test", "password": server.password})
    assert answer.status_code == 302
    assert client.get("/mail/INBOX/").status_code == 200
    assert User.objects.get().login == f"{login}@elsewhere.test"


def test_an_account_of_the_portals_own_has_no_mail(as_alice: Client) -> None:
    page = as_alice.get("/mail/INBOX/")
    assert page.status_code == 404
    assert "no mailbox" in page.content.decode()
