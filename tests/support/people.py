"""The people of the tests. alice and bob have accounts of the portal's own, carol's lives on a mail server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from portal.accounts import external_user

if TYPE_CHECKING:
    from apps.auth.models import User

PASSWORD = "correct horse battery"


@pytest.fixture
def alice(db: None) -> User:
    return get_user_model().objects.create_user(
        "alice", PASSWORD, email="alice@example.test", display_name="Alice Adams"
    )


@pytest.fixture
def bob(db: None) -> User:
    return get_user_model().objects.create_user("bob", PASSWORD, email="bob@example.test", display_name="Bob Brown")


@pytest.fixture
def admin_user(db: None) -> User:
    return get_user_model().objects.create_superuser("root", PASSWORD)


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
