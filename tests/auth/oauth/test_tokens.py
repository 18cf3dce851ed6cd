"""The tokens of a sign-in: where they lie, that they are renewed once, and what follows when they are no more."""

from __future__ import annotations

import base64
import threading
import time
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.test import Client
from django.utils import timezone

from apps.auth.audit.models import AuditEvent
from apps.auth.models import User
from apps.auth.oauth import grants, session
from apps.auth.oauth.models import TokenGrant
from apps.auth.oauth.provider import Granted
from apps.auth.oauth.transport import Unavailable
from portal import canary, credentials, delegations
from portal.accounts import external_user
from portal.credentials import Locked
from portal.models import Session
from portal.secret import Bearer, Tokens, named, packed, unpacked
from tests.auth.oauth.signing import come_in, hall, user_of
from tests.support.provider import Provider

__all__ = ["hall"]


@pytest.fixture
def alice(hall: Provider) -> User:
    return external_user(source="oidc", server=hall.issuer, login="alice")


def granted(hall: Provider, *, seconds: float = 300.0, refresh: bool = True) -> Granted:
    """Tokens as the provider would give them, of which so many seconds are left."""
    from tests.support.provider import Grant

    given = hall._tokens(Grant("subject-of-alice", "alice", {}))
    refresh_token = given["refresh_token"] if refresh else ""
    return Granted(given["access_token"], time.time() + seconds, refresh_token)


def content(tokens: Tokens) -> grants._Content:
    found = grants._open(TokenGrant.objects.get(pk=tokens.row), tokens)
    assert found is not None
    return found


# --- sealed -----------------------------------------------------------------------------------------------------------


def test_a_password_is_never_taken_for_tokens() -> None:
    tokens = Tokens("row", "key")
    for secret in ("password", '["row", "key"]', tokens):
        assert unpacked(packed(secret)) == secret
    bearer = Bearer("token", tokens.of)
    assert named(bearer) != named(named(bearer).decode().removeprefix("sign-in "))
    assert named(f"sign-in {tokens.of}") != named(bearer)
    assert "key" not in repr(tokens)
    assert "token" not in repr(bearer).replace("Bearer", "")


def test_only_the_key_opens_them(hall: Provider, alice: User) -> None:
    tokens = grants.keep(alice.pk, granted(hall))
    assert grants.bearer(tokens).token.startswith("at-Zq7Kestrel")
    for key in (base64.b64encode(b"x" * 32).decode(), "", "no base64!", base64.b64encode(b"short").decode()):
        with pytest.raises(Locked):
            grants.bearer(Tokens(tokens.row, key))
    other = external_user(source="oidc", server=hall.issuer, login="bob")
    TokenGrant.objects.update(user=other)  # by somebody who can write to the database
    with pytest.raises(Locked):
        grants.bearer(tokens)


def test_they_lie_nowhere_in_the_clear(hall: Provider, caplog, monkeypatch: pytest.MonkeyPatch) -> None:
    """In no table, no session and no line of the log, after a sign-in, a renewal and a message on its way out."""
    client = come_in(hall)
    user = user_of(client)
    key = client.cookies["yurt_key"].value
    monkeypatch.setattr(grants, "JUST_NOW", 0.0)
    tokens = opened(client)
    row, _opened = delegations.grant(user_id=user.pk, kind="test", task="t", account="alice", secret=tokens)
    row.save()
    grants.bearer(tokens, refused=grants.bearer(tokens).token)
    assert grants.bearer(delegations.unseal(row).secret).token.startswith("at-")
    words = {"access": "at-Zq7Kestrel", "refresh": "rt-Zq7Merlin", "key of the tokens": tokens.key[:40]}
    words["the browser's half"] = key
    places = dict(canary.tables())
    assert canary.search(places | {"log": caplog.text.encode()}, words) == set()
    assert canary.search({"in the clear": repr(list(hall.tokens)).encode()}, words) == {("in the clear", "access")}
    client.post("/sign-out/")


def opened(client: Client) -> Tokens:
    """What the session of this browser seals."""
    from django.http import HttpRequest

    request = HttpRequest()
    request.session, request.COOKIES = client.session, {name: found.value for name, found in client.cookies.items()}
    request.user = user_of(client)
    secret = credentials.unseal(request)
    assert isinstance(secret, Tokens)
    return secret


# --- renewed ----------------------------------------------------------------------------------------------------------


def test_one_that_is_good_is_left_alone(hall: Provider, alice: User) -> None:
    tokens = grants.keep(alice.pk, granted(hall))
    assert grants.bearer(tokens) == grants.bearer(tokens)
    assert hall.renewals == 0


@pytest.mark.parametrize("seconds", [50.0, 0.0, -100.0])
def test_one_that_is_about_to_expire_is_renewed(hall: Provider, alice: User, seconds: float) -> None:
    given = granted(hall, seconds=seconds)
    tokens = grants.keep(alice.pk, given)
    if seconds > 0:  # of a lifetime of five minutes
        row, before = TokenGrant.objects.get(), content(tokens)
        old = grants._Content(before.token, before.until, before.since - 250, before.refresh)
        TokenGrant.objects.update(sealed=grants._seal(row, base64.b64decode(tokens.key), old))
    fresh = grants.bearer(tokens)
    assert fresh.token != given.token
    assert fresh.of == tokens.of
    assert grants.bearer(tokens) == fresh
    assert hall.renewals == 1


def test_one_that_a_server_refuses_is_renewed_unless_it_is_new(hall: Provider, alice: User, monkeypatch) -> None:
    tokens = grants.keep(alice.pk, granted(hall))
    first = grants.bearer(tokens).token
    with pytest.raises(Locked):  # the next one would be refused too
        grants.bearer(tokens, refused=first)
    assert hall.renewals == 0
    monkeypatch.setattr(grants, "JUST_NOW", 0.0)
    assert grants.bearer(tokens, refused=first).token != first
    assert hall.renewals == 1


def test_now_and_then_it_is_asked_whether_somebody_is_there(hall: Provider, alice: User, monkeypatch) -> None:
    """Tokens may live for hours."""
    tokens = grants.keep(alice.pk, granted(hall, seconds=8 * 3600))
    grants.bearer(tokens)
    assert hall.renewals == 0
    now = time.time()
    monkeypatch.setattr(grants.time, "time", lambda: now + 601)
    grants.bearer(tokens)
    assert hall.renewals == 1


def at_once(tokens: Tokens, count: int = 20) -> list[object]:
    """What each of so many gets who ask in the same moment."""
    ready, found = threading.Barrier(count), []

    def ask() -> None:
        ready.wait()
        try:
            found.append(grants.bearer(tokens).token)
        except (Locked, Unavailable) as error:
            found.append(type(error))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask) for _number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seconds", [-10.0, 30.0])
def test_twenty_at_once_renew_once(hall: Provider, alice: User, monkeypatch, seconds: float) -> None:
    """The second use of a refresh token would end the grant."""
    monkeypatch.setattr(grants, "_waiting", threading.BoundedSemaphore(20))
    monkeypatch.setattr(grants, "NEAR", 10_000.0)
    hall.delay = 0.3
    given = granted(hall, seconds=seconds)
    tokens = grants.keep(alice.pk, given)
    monkeypatch.setattr(grants._Content, "is_due", due_while(given.token))
    found = at_once(tokens)
    assert hall.renewals == 1
    new = content(tokens).token
    assert new != given.token
    assert set(found) <= ({new} if seconds < 0 else {new, given.token})
    assert new in found
    connection.close()


def test_who_comes_late_with_what_was_read_before_does_not_renew(hall: Provider, alice: User) -> None:
    tokens = grants.keep(alice.pk, granted(hall, seconds=-10))
    read_before = TokenGrant.objects.get()
    grants.bearer(tokens)
    assert not grants._lease(read_before)
    assert grants._lease(TokenGrant.objects.get())
    assert not grants._lease(TokenGrant.objects.get())


def due_while(token: str):
    return lambda self, refused: self.token == token


@pytest.mark.django_db(transaction=True)
def test_those_who_wait_are_a_few(hall: Provider, alice: User, monkeypatch) -> None:
    """Or one provider that is slow holds all request threads."""
    monkeypatch.setattr(grants, "_waiting", threading.BoundedSemaphore(2))
    hall.delay = 0.5
    tokens = grants.keep(alice.pk, granted(hall, seconds=-10))
    found = at_once(tokens, 10)
    assert hall.renewals == 1
    assert found.count(Unavailable) == 7


def test_a_provider_that_is_away_is_no_reason_to_leave(hall: Provider, alice: User, monkeypatch) -> None:
    tokens = grants.keep(alice.pk, granted(hall))
    before = grants.bearer(tokens)
    hall.broken["/token"] = (503, {}, b"")
    monkeypatch.setattr(grants, "CHECK", 0.0)
    assert grants.bearer(tokens) == before
    asked = hall.heard.count("POST /token")
    assert grants.bearer(tokens) == before  # and is not asked with each page
    assert hall.heard.count("POST /token") == asked == 1
    now = time.time()
    monkeypatch.setattr(grants.time, "time", lambda: now + 400)  # the token is over now
    TokenGrant.objects.update(lease_until=None)
    with pytest.raises(Unavailable):
        grants.bearer(tokens)
    del hall.broken["/token"]
    assert grants.bearer(tokens) != before


@pytest.mark.parametrize("error", [b'{"error": "invalid_client"}', b'{"error": "server_error"}', b"", b"{"])
def test_a_fault_of_the_sites_ends_nobodys_session(hall: Provider, alice: User, error: bytes) -> None:
    tokens = grants.keep(alice.pk, granted(hall, seconds=-10))
    hall.broken["/token"] = (400, {}, error)
    with pytest.raises(Unavailable):
        grants.bearer(tokens)
    del hall.broken["/token"]
    assert grants.bearer(tokens)


def test_a_provider_that_does_not_rotate(hall: Provider, alice: User) -> None:
    hall.rotates = False
    tokens = grants.keep(alice.pk, granted(hall, seconds=-10))
    refresh = content(tokens).refresh
    grants.bearer(tokens)
    assert content(tokens).refresh == refresh


def test_without_a_refresh_token_it_is_good_until_its_end(hall: Provider, alice: User) -> None:
    tokens = grants.keep(alice.pk, granted(hall, refresh=False))
    assert grants.bearer(tokens)
    with pytest.raises(Locked):
        grants.bearer(grants.keep(alice.pk, granted(hall, seconds=-1, refresh=False)))
    assert hall.renewals == 0


def test_who_signs_in_again_fills_them_for_all_that_waits(hall: Provider, alice: User) -> None:
    tokens = grants.keep(alice.pk, granted(hall, seconds=-10))
    hall.end_all()
    for _number in range(2):
        with pytest.raises(Locked):
            grants.bearer(tokens)
    assert hall.renewals == 1  # nobody is asked again
    assert content(tokens).refresh == ""
    assert grants.put_in(tokens, alice.pk, granted(hall))
    assert grants.bearer(tokens)
    assert not grants.put_in(Tokens(tokens.row, base64.b64encode(b"x" * 32).decode()), alice.pk, granted(hall))
    assert not grants.put_in(tokens, alice.pk + 1, granted(hall))


def test_old_ones_are_forgotten(hall: Provider, alice: User) -> None:
    tokens = grants.keep(alice.pk, granted(hall))
    assert grants.expire() == 0
    TokenGrant.objects.update(renewed=timezone.now() - timedelta(days=30))
    assert grants.expire() == 1
    with pytest.raises(Locked):
        grants.bearer(tokens)


def test_what_waits_keeps_them_when_its_person_signs_out(hall: Provider) -> None:
    client = come_in(hall)
    tokens = opened(client)
    row, _opened = delegations.grant(user_id=user_of(client).pk, kind="t", task="t", account="a", secret=tokens)
    row.save()
    client.post("/sign-out/")
    assert grants.bearer(tokens)
    row.delete()
    client = come_in(hall)
    tokens = opened(client)
    client.post("/sign-out/")
    with pytest.raises(Locked):
        grants.bearer(tokens)


# --- who is gone ------------------------------------------------------------------------------------------------------


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    now = time.time()
    monkeypatch.setattr(grants.time, "time", lambda: now + seconds)
    assert session.time is grants.time


def test_who_is_gone_is_out_within_a_quarter_of_an_hour(hall: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of pages too that need no tokens."""
    client = come_in(hall)
    assert client.get("/preferences/").status_code == 200
    hall.end_all()
    later(monkeypatch, 620)
    assert client.get("/preferences/")["Location"] == "/sign-in/?next=/preferences/"
    assert user_of(client) is None
    assert not Session.objects.exclude(user=None).exists()
    assert AuditEvent.objects.get(kind="session_expired").way == "oidc"


def test_who_is_still_there_notices_nothing(hall: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    client = come_in(hall)
    key = client.cookies["yurt_key"].value
    later(monkeypatch, 620)
    assert client.get("/preferences/").status_code == 200
    assert hall.renewals == 1
    assert client.cookies["yurt_key"].value == key
    assert client.get("/preferences/").status_code == 200
    assert hall.renewals == 1


def test_a_provider_that_is_away_ends_no_session(hall: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    client = come_in(hall)
    hall.broken["/token"] = (503, {}, b"")
    later(monkeypatch, 620)
    assert client.get("/preferences/").status_code == 200


def test_what_was_sent_meanwhile_is_kept(hall: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    client = come_in(hall)
    hall.end_all()
    later(monkeypatch, 620)
    answer = client.post("/preferences/portal.look/", {"portal.theme": "dark"})
    page = answer.content.decode()
    assert answer.status_code == 401
    assert "Your session has ended" in page
    assert 'name="portal.theme" hidden>\ndark</textarea>' in page
    assert 'href="/auth/oauth/start/?next=%2F&amp;beside=1"' in page
    assert 'name="portal_signed_in"' in page


def test_a_form_of_another_site_is_not_kept(hall: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or one more click would send it with a good token."""
    client = come_in(hall)
    client.handler.enforce_csrf_checks = True
    hall.end_all()
    later(monkeypatch, 620)
    answer = client.post(
        "/preferences/portal.look/", {"portal.theme": "forged"}, headers={"Origin": "https://evil.test"}
    )
    assert answer.status_code == 403
    assert "forged" not in answer.content.decode()


def test_who_is_locked_out_here_has_no_tokens(hall: Provider) -> None:
    from apps.auth import leaving

    leaving.shut_out(user_of(come_in(hall)))
    assert not TokenGrant.objects.exists()


def test_a_site_that_gave_the_provider_up(hall: Provider, alice: User) -> None:
    from dataclasses import replace

    from portal.registry import get_registry
    from portal.testing import override_registry

    tokens = grants.keep(alice.pk, granted(hall))
    assert credentials.shown(tokens)
    with override_registry(*(replace(app, provider=None) for app in get_registry().apps)), pytest.raises(Locked):
        credentials.shown(tokens)
    assert credentials.shown("password") == "password"
