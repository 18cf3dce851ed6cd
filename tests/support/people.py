"""The people of the tests. alice and bob have accounts of the portal's own, carol's lives on a mail server."""

from __future__ import annotations

import pytest
from django.test import Client

from apps.auth.models import User
from portal.accounts import external_user

PASSWORD = "correct horse battery"


@pytest.fixture
def alice(db: None) -> User:
    return User.objects.create_user("alice", PASSWORD, email="alice@example.test", display_name="Alice Adams")


@pytest.fixture
def bob(db: None) -> User:
    return User.objects.create_user("bob", PASSWORD, email="bob@example.test", display_name="Bob Brown")


@pytest.fixture
def admin_user(db: None) -> User:
    return User.objects.create_superuser("root", PASSWORD)


@pytest.fixture
def carol(db: None) -> User:
    return external_user(source="imap", server="mail.example.test", login="carol", email="carol@example.test")


@pytest.fixture
def as_alice(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


@pytest.fixture
def as_admin(admin_user: User) -> Client:
    client = Client()
    client.force_login(admin_user)
    return client
