"""The self-test's words about the provider."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import Any

import pytest

from apps.auth.oauth.diagnostics import oidc
from portal.contracts import Level
from tests.auth.oauth.signing import hall
from tests.support.provider import Provider

__all__ = ["hall"]


def found() -> dict[str, str]:
    return {str(finding.message): finding.level for finding in oidc()}


def test_all_is_well(hall: Provider) -> None:
    said = found()
    assert said[f"It answers, and describes itself as {hall.issuer}."] == Level.OK
    assert set(said.values()) == {Level.OK}
    assert any("clock" in text for text in said)


@pytest.mark.parametrize(
    ("described", "words", "level"),
    [
        ({"issuer": "https://evil.test"}, "another issuer", Level.ERROR),
        ({"id_token_signing_alg_values_supported": ["HS256", "none"]}, "signs ID tokens in no way", Level.ERROR),
        ({"code_challenge_methods_supported": ["plain"]}, "PKCE", Level.WARNING),
        ({"claims_supported": ["sub"]}, "does not list the claim preferred_username", Level.WARNING),
        ({"end_session_endpoint": ""}, "people stay signed in there", Level.OK),
    ],
)
def test_what_is_wrong_is_named(hall: Provider, described: dict[str, Any], words: str, level: Level) -> None:
    hall.described = described
    assert [seen for text, seen in found().items() if words in text] == [level]


def test_a_clock_that_is_wrong(hall: Provider) -> None:
    def late(handler: Any) -> None:
        handler.date_time_string = lambda: formatdate(time.time() - 3600, usegmt=True)
        handler._send(200, {}, b'{"keys": []}')

    hall.broken["/keys"] = late
    said = found()
    assert [level for text, level in said.items() if "differ by" in text] == [Level.WARNING]
    assert said["It shows no key that signs."] == Level.ERROR


def test_nobody_is_there(hall: Provider, settings) -> None:
    settings.OIDC_ISSUER = "http://127.0.0.1:9"
    assert [level for text, level in found().items() if "cannot be asked" in text] == [Level.ERROR]
