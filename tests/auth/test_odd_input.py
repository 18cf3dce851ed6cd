"""What no form of ours sends, at the door: refused like anything else that is wrong."""

from __future__ import annotations

import base64
import json

import pytest
from django.conf import settings
from django.test import Client

from apps.auth.factors import passkeys, ways
from apps.auth.factors.models import Passkey, Rule
from apps.auth.models import User
from tests.auth.proving import app_of, asked, carol, first, patient
from tests.auth.world import SIGN_IN, sign_in, world

__all__ = ["asked", "carol", "patient", "world"]  # the fixtures
DEEP = "[" * 100_000
ODD = [
    "",
    "\0",
    "x" * 1_000_000,
    DEEP,
    '{"token":' + DEEP,
    "null",
    "[]",
    "1e999",
    '"\\ud800"',
    "\u202e\u0661",
    "\ufffd" * 300,
]


@pytest.mark.parametrize("way", [*ways.ALL, ways.INVITATION])
def test_at_the_first_level(carol: User, asked: Rule, way: str) -> None:
    Rule.objects.update(needs=", ".join(ways.ALL))
    app_of(carol)
    client = Client(raise_request_exception=False)
    for text in ODD:
        assert first(client, way, text).status_code == 403, text[:20]
        assert first(client, way, "000000", login=text).status_code == 403, text[:20]
        client.post(SIGN_IN, {"first_level": text, "username": text, "way": text, "next": text, "remember": text})
    assert client.get(SIGN_IN).status_code == 200


def test_where_a_session_proves_more(carol: User) -> None:
    Passkey.objects.create(user=carol, credential="eHg", digest=Passkey.digest_of("eHg"), public_key=b"x")
    app_of(carol)
    client = Client(raise_request_exception=False)
    sign_in(client)
    for text in ODD:
        for way in ("code", "passkey", text):
            answer = client.post("/auth/prove/", {"way": way, "code": text, "passkey": text, "next": text})
            assert answer.status_code == 403, (way[:20], text[:20])
        made = client.post("/auth/security/passkey/", {"passkey": text, "name": text})
        assert made.status_code == 422, text[:20]


def test_an_answer_of_a_passkey_with_a_token_that_is_good(carol: User, rf) -> None:
    """What is inside it is as odd as what it lies in."""
    Passkey.objects.create(user=carol, credential="eHg", digest=Passkey.digest_of("eHg"), public_key=b"x")
    for inside in (DEEP, "null", "{}", "\ud800"):
        data = base64.urlsafe_b64encode(inside.encode("utf-8", "surrogatepass")).decode().rstrip("=")
        response = {"clientDataJSON": data, "authenticatorData": data, "signature": data, "userHandle": data}
        credential = {"id": "eHg", "rawId": "eHg", "type": "public-key", "response": response}
        request = rf.get("/")
        for content in (credential, credential | {"id": inside}, credential | {"response": inside}, inside, None, 7):
            answer = {"token": passkeys.to_prove(request)["token"], "credential": content, "prf": inside}
            with pytest.raises(passkeys.Refused):
                passkeys.prove(request, json.dumps(answer))


@pytest.mark.parametrize("cookie", ["SESSION", "CSRF", "CREDENTIALS", "REMEMBERED", "ACCOUNT", "DEVICE", "LANGUAGE"])
def test_in_cookies(carol: User, asked: Rule, cookie: str) -> None:
    app_of(carol)
    for text in ("\xff\xfe", "\xc3", "x" * 8000, "a:b:c", "%00", '"', "é"):
        client = Client(raise_request_exception=False)
        client.cookies[getattr(settings, f"{cookie}_COOKIE_NAME")] = text
        assert client.get(SIGN_IN).status_code == 200, text[:9]
        assert first(client, proof="000000").status_code == 403
        assert first(client).status_code in (302, 403)
