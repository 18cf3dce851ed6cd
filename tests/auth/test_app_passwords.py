from __future__ import annotations

import re

import pytest
from django.test import Client

from apps.auth.factors import app_passwords, gate
from apps.auth.factors.models import AppPassword
from apps.auth.models import User
from portal.accounts import external_user
from tests.auth.world import MAIL_PASSWORD, sign_in, user_of, world

__all__ = ["world"]  # the fixture


@pytest.fixture
def carol(db: None) -> User:
    return external_user(source="test", server="mail.example.test", login="carol")


def made(client: Client, name: str = "Phone") -> str:
    page = client.post("/auth/security/app-password/", {"name": name}).content.decode()
    return re.search(r'<code dir="ltr"[^>]*>([\w-]+)</code>', page)[1]


def test_one_is_made_used_and_revoked(client: Client, carol: User) -> None:
    sign_in(client)
    password = made(client)
    assert password not in str(list(AppPassword.objects.values()))
    assert app_passwords.check("Carol", password) == carol
    assert app_passwords.check("carol", password.replace("-", "").upper()) == carol
    assert AppPassword.objects.get().used is not None
    assert app_passwords.check("dora", password) is None
    assert app_passwords.check("carol", "guess") is None
    page = client.get("/auth/security/").content.decode()
    assert "Phone" in page
    assert password not in page
    client.post(f"/auth/security/app-password/{AppPassword.objects.get().pk}/revoke/")
    assert app_passwords.check("carol", password) is None


def test_it_opens_neither_portal_nor_mailbox_and_the_mail_password_does_not_serve(client: Client, carol: User) -> None:
    sign_in(client)
    password = made(client)
    other = Client()
    assert sign_in(other, "carol", password).status_code == 403
    assert user_of(other) is None
    assert app_passwords.check("carol", MAIL_PASSWORD["carol"]) is None


def test_it_stops_with_the_account(client: Client, carol: User) -> None:
    password = app_passwords.make(carol, name="Phone")
    User.objects.filter(pk=carol.pk).update(is_active=False)
    assert app_passwords.check("carol", password) is None


def test_nobody_revokes_another_persons(client: Client, carol: User, bob: User) -> None:
    app_passwords.make(bob, name="Phone")
    sign_in(client)
    client.post(f"/auth/security/app-password/{AppPassword.objects.get().pk}/revoke/")
    assert AppPassword.objects.count() == 1


def test_it_wants_a_proof_that_is_fresh_and_has_bounds(client: Client, carol: User, monkeypatch) -> None:
    sign_in(client)
    session = client.session
    session[gate.PASSED] |= {"at": 0}
    session.save()
    answer = client.post("/auth/security/app-password/", {"name": "x"})
    assert answer["Location"] == "/auth/prove/?next=%2Fauth%2Fsecurity%2F"
    client.post("/auth/prove/", {"way": "mailbox", "mailbox": "guess"})
    assert client.post("/auth/security/app-password/", {"name": "x"}).status_code == 302
    client.post("/auth/prove/", {"way": "mailbox", "mailbox": MAIL_PASSWORD["carol"]})
    monkeypatch.setattr(app_passwords, "MOST", 1)
    made(client)
    assert client.post("/auth/security/app-password/", {"name": "x"}).status_code == 302
    assert client.post("/auth/security/app-password/", {"name": " "}).status_code == 302
    assert AppPassword.objects.count() == 1
