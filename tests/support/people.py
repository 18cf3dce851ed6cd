"""The people of the tests. alice and bob have accounts of the portal's own, carol's lives on a mail server."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from portal.accounts import external_user

PASSWORD = "correct horse battery"


@pytest.fixture
def alice(db):
    return get_user_model().objects.create_user(
        "alice", PASSWORD, email="alice@example.test", display_name="Alice Adams"
    )


@pytest.fixture
def bob(db):
    return get_user_model().objects.create_user("bob", PASSWORD, email="bob@example.test", display_name="Bob Brown")


@pytest.fixture
def admin_user(db):
    return get_user_model().objects.create_superuser("root", PASSWORD)


@pytest.fixture
def carol(db):
    return external_user(source="imap", server="mail.example.test", login="carol", email="carol@example.test")


@pytest.fixture
def as_alice(alice) -> Client:
    client = Client()
    client.force_login(alice)
    return client


@pytest.fixture
def as_admin(admin_user) -> Client:
    client = Client()
    client.force_login(admin_user)
    return client
