"""Somebody with an app, a site that asks everybody, and the two steps of signing in."""

from __future__ import annotations

import time

import pytest
from django.test import Client

from apps.auth.factors import codes, ways
from apps.auth.factors.models import CodeDevice, Rule
from apps.auth.models import User
from portal.accounts import external_user
from portal.throttle import Throttle
from tests.auth.world import MAIL_PASSWORD, SIGN_IN

KEY = b"12345678901234567890"


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Throttling has tests of its own."""
    monkeypatch.setattr(Throttle, "enter", lambda self: 0)


@pytest.fixture
def carol(db: None) -> User:
    return external_user(source="test", server="mail.example.test", login="carol")


@pytest.fixture
def asked(db: None) -> Rule:
    return Rule.objects.create(title="everybody", needs="code", remember_days=30)


def app_of(user: User, key: bytes = KEY) -> CodeDevice:
    device = CodeDevice(user=user, kind=ways.TOTP, name="phone")
    device.put_key(key)
    device.save()
    return device


def code_now(ahead: int = 0, key: bytes = KEY) -> str:
    return codes.code_at(key, int(time.time()) // 30 + ahead)


def first(client: Client, way: str = "code", proof: str | None = None, login: str = "carol", **more: str):
    proof = code_now() if proof is None else proof
    return client.post(SIGN_IN, {"first_level": "1", "username": login, "way": way, way: proof, **more})


def second(client: Client, password: str | None = None, **more: str):
    return client.post(SIGN_IN, {"password": MAIL_PASSWORD["carol"] if password is None else password, **more})
