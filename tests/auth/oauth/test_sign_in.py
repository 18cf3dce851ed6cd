"""Signing in with a provider: the way there and back, and everything that must not let anybody in."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.cache import cache
from django.test import Client

from apps.auth.audit.models import AuditEvent
from apps.auth.factors.models import Rule
from apps.auth.models import User
from apps.auth.oauth import provider as asked
from apps.auth.oauth import transport
from apps.auth.oauth.models import ProviderIdentity, TokenGrant
from portal.accounts import external_user
from tests.auth.oauth.signing import START, asked_for, come_in, hall, known, said, user_of, way
from tests.auth.test_first_level import app_of, first
from tests.support.mailserver import DeafServer
from tests.support.provider import (
    CLIENT,
    STRANGER,
    Provider,
    public_key_text,
    running_provider,
    signed,
    signed_by_curve,
)

__all__ = ["hall"]
NOT_IN = "could not be signed in"


def refused(provider: Provider, login: str = "alice") -> str:
    """Why, as the audit log has it: nobody is in, and no account was made."""
    before = set(User.objects.values_list("pk", flat=True))
    client = come_in(provider, login)
    assert user_of(client) is None
    assert client.answer.status_code == 302
    assert client.answer["Location"].startswith("/sign-in/")
    assert set(User.objects.values_list("pk", flat=True)) == before
    assert not TokenGrant.objects.exists()
    event = AuditEvent.objects.filter(kind="sign_in_refused").latest("pk")
    assert event.way == "oidc"
    return event.facts["why"]


# --- in ---------------------------------------------------------------------------------------------------------------


def test_whoever_the_provider_names_has_an_account(hall: Provider) -> None:
    client = come_in(hall, next="/preferences/")
    assert client.answer["Location"] == "/preferences/"
    user = user_of(client)
    assert (user.source, user.server, user.login) == ("oidc", hall.issuer, "alice")
    assert (user.email, user.display_name) == ("alice@example.test", "Alice Nomad")
    assert not user.is_staff
    assert not user.has_usable_password()
    event = AuditEvent.objects.get(kind="signed_in")
    assert (event.user, event.way) == (user, "oidc")
    come_in(hall)
    assert User.objects.count() == 1


def test_what_the_provider_is_asked_for(hall: Provider) -> None:
    client = Client()
    one, two = asked_for(client), asked_for(client)
    assert (one["response_type"], one["client_id"], one["code_challenge_method"]) == ("code", CLIENT, "S256")
    assert one["redirect_uri"] == "http://testserver/auth/oauth/back/"
    assert one["scope"] == "openid profile email"
    for name in ("state", "nonce", "code_challenge"):
        assert len(one[name]) >= 43
        assert one[name] != two[name]
    assert client.session.get_expiry_age() <= 600


def test_the_address_back_is_the_sites_own(hall: Provider, settings) -> None:
    from portal.conf import base_url

    settings.BASE_URL = base_url("https://mail.example.org")
    assert asked_for(Client())["redirect_uri"] == "https://mail.example.org/auth/oauth/back/"
    assert Client(headers={"Host": "evil.test"}).get(START).status_code == 400


def test_signed_by_a_curve(hall: Provider) -> None:
    hall.sign = signed_by_curve
    assert user_of(come_in(hall)).login == "alice"


def test_a_client_without_a_secret_is_known_by_its_name(hall: Provider, settings) -> None:
    settings.OIDC_CLIENT_SECRET = ""
    assert user_of(come_in(hall)) is None  # this provider wants one
    hall.broken["/token"] = lambda handler: handler._send(400, {}, b'{"error": "invalid_grant"}')
    assert refused(hall) == "the code is not good"


def test_the_login_may_be_another_claim(hall: Provider, settings) -> None:
    settings.OIDC_LOGIN_CLAIM = "email"
    assert user_of(come_in(hall)).login == "alice@example.test"
    settings.OIDC_LOGIN_CLAIM = "mailbox"  # said by the userinfo endpoint alone
    assert user_of(come_in(hall, "bob")).login == "bob"
    assert "GET /userinfo" in hall.heard


@pytest.mark.parametrize("target", ["https://evil.test/", "//evil.test/", "/\\evil.test", "javascript:alert(1)", ""])
def test_nobody_is_led_elsewhere(hall: Provider, target: str) -> None:
    assert come_in(hall, next=target).answer["Location"] == "/"


def test_who_is_sent_here_by_another_site_has_pressed_no_button(hall: Provider) -> None:
    for site in ("cross-site", "same-site"):
        answer = Client(headers={"Sec-Fetch-Site": site}).get(START)
        assert answer["Location"].startswith("/sign-in/")
    assert hall.heard == []


# --- who it is --------------------------------------------------------------------------------------------------------


def test_a_login_that_was_given_to_somebody_else_opens_nothing(hall: Provider) -> None:
    come_in(hall)
    TokenGrant.objects.all().delete()
    hall.people["alice"] = {"sub": "another person"}
    assert refused(hall) == "the login is bound to another subject"
    assert "knows somebody else by that name" in said(come_in(hall))
    ProviderIdentity.objects.all().delete()  # an administrator has looked into it
    assert user_of(come_in(hall)).login == "alice"


def test_one_person_has_one_login(hall: Provider) -> None:
    come_in(hall)
    TokenGrant.objects.all().delete()
    hall.people["carol"] = {"sub": "subject-of-alice"}
    assert refused(hall, "carol") == "the login is bound to another subject"


def test_the_mail_servers_person_of_that_name_is_another_one(hall: Provider) -> None:
    """Who may say that both are one?"""
    other = external_user(source="imap", server="mail.example.test", login="alice")
    assert user_of(come_in(hall)) != other


def test_an_address_that_nobody_has_verified_is_no_login(hall: Provider, settings) -> None:
    settings.OIDC_LOGIN_CLAIM = "email"
    for said_of in (False, None, "false", 1, "yes"):
        hall.people["alice"] = {"email_verified": said_of}
        assert refused(hall) == "an address that nobody has verified"
    settings.OIDC_LOGIN_CLAIM = "preferred_username"  # then it is no address of theirs either
    hall.people["alice"] = {"email_verified": False, "email": "boss@example.test"}
    assert user_of(come_in(hall)).email == "alice@example.test"


@pytest.mark.parametrize("login", ["", "a b", "x\u0000y", "x" * 300, 7, None, ["alice"]])
def test_what_can_be_no_login(hall: Provider, login: object) -> None:
    hall.people["alice"] = {"preferred_username": login}
    assert refused(hall) in {"no login claim", "a login claim that can be no login"}


def test_claims_about_somebody_else(hall: Provider, settings) -> None:
    settings.OIDC_LOGIN_CLAIM = "mailbox"
    hall.broken["/userinfo"] = (200, {}, json.dumps({"sub": "subject-of-bob", "mailbox": "bob"}).encode())
    assert refused(hall) == "the claims are another person's"


def test_who_is_locked_stays_out(hall: Provider) -> None:
    come_in(hall)
    User.objects.update(is_active=False)
    TokenGrant.objects.all().delete()
    assert refused(hall) == "the account is locked"


# --- the ID token -----------------------------------------------------------------------------------------------------


def unsigned(algorithm: str) -> Callable[[dict[str, Any]], str]:
    def sign(claims: dict[str, Any]) -> str:
        parts = [json.dumps(part).encode() for part in ({"alg": algorithm, "typ": "JWT"}, claims)]
        return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."

    return sign


def with_the_public_key(claims: dict[str, Any]) -> str:
    """As a shared secret (the confusion of RFC 8725 section 2.1). The library makes no such token by itself."""
    import hashlib
    import hmac

    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "kid": "r1"}, claims)]
    text = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
    mac = hmac.new(public_key_text().encode(), text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


SIGNATURES = {
    "none": unsigned("none"),
    "None": unsigned("None"),
    "no signature": unsigned("RS256"),
    "a shared secret": with_the_public_key,
    "a stranger's key": lambda claims: signed(claims, key=STRANGER),
    "an unknown key": lambda claims: signed(claims, key=STRANGER, kid="r9"),
    "a key of no name": lambda claims: signed(claims, key=STRANGER, kid=None),
    "another kind than the key": lambda claims: signed(claims, kid="e1"),
    "nothing": lambda claims: "",
    "no token": lambda claims: "a.b.c",
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_signature_that_proves_nothing(hall: Provider, name: str) -> None:
    hall.sign = SIGNATURES[name]
    assert refused(hall)


CLAIMS: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://evil.test"},
    "the issuer with a slash": {"iss": None},
    "another audience": {"aud": "another site"},
    "no audience": {"aud": []},
    "several audiences and no party": {"aud": [CLIENT, "another site"]},
    "another party": {"azp": "another site"},
    "another nonce": {"nonce": "x" * 43},
    "an empty nonce": {"nonce": ""},
    "an odd nonce": {"nonce": ["x"]},
    "expired": {"exp": time.time() - 3600},
    "of tomorrow": {"iat": time.time() + 86400},
    "not yet good": {"nbf": time.time() + 86400},
    "nobody": {"sub": ""},
}


@pytest.mark.parametrize("name", CLAIMS)
def test_a_token_that_is_not_for_this_sign_in(hall: Provider, name: str) -> None:
    change = CLAIMS[name]
    hall.change = lambda claims: claims.update(
        change if change.get("iss", "") is not None else {"iss": hall.issuer + "/"}
    )
    assert refused(hall)


@pytest.mark.parametrize("name", ["iss", "sub", "aud", "exp", "iat", "nonce"])
def test_a_token_that_does_not_say_enough(hall: Provider, name: str) -> None:
    hall.change = lambda claims: claims.pop(name)
    assert refused(hall)


def test_several_audiences_with_this_site_as_the_party(hall: Provider) -> None:
    hall.change = lambda claims: claims.update(aud=[CLIENT, "another site"], azp=CLIENT)
    assert user_of(come_in(hall)).login == "alice"


def test_a_key_that_is_new_is_looked_for_and_not_again_and_again(hall: Provider, monkeypatch) -> None:
    come_in(hall)
    hall.sign = lambda claims: signed(claims, key=STRANGER, kid="r9")
    before = hall.heard.count("GET /keys")
    for _number in range(3):
        assert user_of(come_in(hall)) is None
    assert hall.heard.count("GET /keys") == before  # it was a moment ago
    monkeypatch.setattr(asked, "AGAIN", 0.0)
    come_in(hall)
    assert hall.heard.count("GET /keys") == before + 1


# --- the way back -----------------------------------------------------------------------------------------------------


def test_a_way_back_is_good_once(hall: Provider) -> None:
    client = Client()
    back = way(client, hall)
    assert client.get(back)["Location"] == "/"
    first_user = user_of(client)
    assert first_user is not None
    tokens = hall.heard.count("POST /token")
    assert client.get(back)["Location"] == "/auth/oauth/done/"
    assert "This way in is over" in client.get("/auth/oauth/done/").content.decode()
    assert hall.heard.count("POST /token") == tokens
    assert user_of(client) == first_user


def test_a_way_back_belongs_to_the_browser_that_began(hall: Provider) -> None:
    """Or an attacker's mailbox opens where somebody else reads."""
    back = way(Client(), hall)
    client = Client()
    client.get("/sign-in/")
    assert "/sign-in/" in client.get(back)["Location"]
    assert user_of(client) is None
    assert "begun in another browser" in said(client)
    assert "POST /token" not in hall.heard


def test_twice_in_the_same_moment(hall: Provider) -> None:
    """The second one has read the session before the first one has written it."""
    client, twin = Client(), Client()
    back = way(client, hall)
    session = twin.session
    session["auth.oauth.on_the_way"] = client.session["auth.oauth.on_the_way"]
    session.save()
    client.get(back)
    before = hall.heard.count("POST /token")
    assert before == 1
    twin.get(back)
    assert hall.heard.count("POST /token") == before


@pytest.mark.parametrize("state", ["", "x", "x" * 43])
def test_a_state_that_nobody_has_given(hall: Provider, state: str) -> None:
    client = Client()
    parts = parse_qs(urlsplit(way(client, hall)).query)
    client.get("/auth/oauth/back/", {"code": parts["code"][0], "state": state})
    assert user_of(client) is None
    assert "POST /token" not in hall.heard


def test_a_code_of_somebody_else(hall: Provider) -> None:
    """Stolen on its way and put in here: PKCE and the nonce are another's."""
    stolen = parse_qs(urlsplit(way(Client(), hall, "bob")).query)["code"][0]
    client = Client()
    parts = parse_qs(urlsplit(way(client, hall)).query)
    client.get("/auth/oauth/back/", {"code": stolen, "state": parts["state"][0], "iss": hall.issuer})
    assert user_of(client) is None


@pytest.mark.parametrize("issuer", ["https://evil.test", None])
def test_an_answer_of_another_provider(hall: Provider, issuer: str | None) -> None:
    """RFC 9207: it is not asked with a code that it may have got from elsewhere."""
    client = Client()
    parts = parse_qs(urlsplit(way(client, hall)).query)
    query = {"code": parts["code"][0], "state": parts["state"][0]} | ({"iss": issuer} if issuer else {})
    client.get("/auth/oauth/back/", query)
    assert user_of(client) is None
    assert "POST /token" not in hall.heard
    assert AuditEvent.objects.get(kind="sign_in_refused").facts["why"] == "an answer of another provider"


def test_a_provider_that_tells_no_issuer(settings, db: None) -> None:
    with running_provider(tells_issuer=False) as provider, known(settings, provider):
        assert user_of(come_in(provider)).login == "alice"


def test_too_late(hall: Provider, monkeypatch) -> None:
    client = Client()
    back = way(client, hall)
    now = time.time()
    monkeypatch.setattr("apps.auth.oauth.session.time.time", lambda: now + 601)
    client.get(back)
    assert user_of(client) is None


def test_what_the_provider_says_in_plain_words(hall: Provider) -> None:
    client = come_in(hall, "nobody")
    assert user_of(client) is None
    assert "Hall did not let you in" in said(client)
    client = Client()
    parts = parse_qs(urlsplit(way(client, hall)).query)
    query = {"state": parts["state"][0], "error": "<script>", "error_description": "<b>send money</b>"}
    client.get("/auth/oauth/back/", {**query, "iss": hall.issuer})
    page = said(client)
    assert "Hall reports a fault" in page
    assert "send money" not in page


# --- the provider is not well -----------------------------------------------------------------------------------------


def drip(handler: Any) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{")
    for _number in range(100):
        handler.wfile.write(b" ")
        time.sleep(0.1)


HUGE = json.dumps({"access_token": "x" * 400_000}).encode()
ILL: dict[str, Any] = {
    "a fault": (500, {}, b"oops"),
    "no JSON": (200, {}, b"<html>"),
    "a list": (200, {}, b"[]"),
    "huge": (200, {}, HUGE),
    "a drip": drip,
    "elsewhere": (302, {"Location": "https://evil.test/"}, b""),
    "nothing": lambda handler: handler.connection.close(),
    "endless nesting": (200, {}, b'{"a":' * 20_000),
}


@pytest.mark.parametrize("where", ["/.well-known/openid-configuration", "/token", "/keys"])
@pytest.mark.parametrize("name", ILL)
def test_a_provider_that_is_not_well(hall: Provider, monkeypatch, name: str, where: str) -> None:
    monkeypatch.setattr(transport, "SECONDS", 1.0)
    hall.broken[where] = ILL[name]
    client = Client()
    started = time.monotonic()
    answer = client.get(START)
    if answer["Location"].startswith(hall.issuer):
        client.get(way(client, hall))
    assert time.monotonic() - started < 9  # the drip would take ten
    assert user_of(client) is None
    page = said(client)
    assert "Hall cannot be reached" in page or NOT_IN in page


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "https://evil.test"},
        {"token_endpoint": "http://evil.test/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": ""},
        {"jwks_uri": None},
        {"token_endpoint": "file:///etc/passwd"},
        {"authorization_endpoint": "https://user@evil.test/"},
    ],
)
def test_a_description_that_nobody_can_mean(hall: Provider, change: dict[str, Any]) -> None:
    hall.described = change
    client = Client()
    assert client.get(START)["Location"].startswith("/sign-in/")
    assert "Hall cannot be reached" in said(client)


def test_a_provider_that_hangs_holds_a_quarter_of_the_threads(
    hall: Provider, settings, deaf_server: DeafServer, monkeypatch
) -> None:
    import threading

    monkeypatch.setattr(transport, "_slots", threading.BoundedSemaphore(2))
    monkeypatch.setattr(transport, "PATIENCE", 0.1)
    settings.OIDC_ISSUER = f"http://127.0.0.1:{deaf_server.port}"
    found: list[str] = []

    def ask() -> None:
        try:
            transport.ask(settings.OIDC_ISSUER, seconds=2.0)
        except transport.Unavailable as error:
            found.append(str(error))

    threads = [threading.Thread(target=ask) for _number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted("at once" in text for text in found) == [False, False, True, True, True]


# --- the first level --------------------------------------------------------------------------------------------------


def test_nothing_goes_to_the_provider_before_the_first_level(hall: Provider) -> None:
    Rule.objects.create(title="everybody", needs="code")
    for path in (START, "/auth/oauth/back/?state=x&code=y", "/auth/oauth/done/", "/auth/oauth/leave/", "/sign-in/"):
        answer = Client().get(path)
        assert not answer.get("Location", "/").startswith("http")
    assert hall.heard == []


def test_the_provider_has_to_name_who_has_passed(hall: Provider) -> None:
    alice = user_of(come_in(hall))
    app_of(alice)
    come_in(hall, "bob")
    Rule.objects.create(title="everybody", needs="code")
    client = Client()
    assert first(client, login="alice").status_code == 302
    page = said(client)
    assert "Sign in with Hall" in page
    assert parse_qs(urlsplit(client.get(START)["Location"]).query)["login_hint"] == ["alice"]
    client.get(way(client, hall, "bob"))
    assert user_of(client) is None
    assert (
        AuditEvent.objects.filter(kind="sign_in_refused").latest("pk").facts["why"] == "not who passed the first level"
    )
    client.get(way(client, hall, "alice"))
    assert user_of(client) == alice


def test_the_first_level_may_be_over_when_somebody_comes_back(hall: Provider) -> None:
    """Nothing is asked of the provider for them either."""
    client = Client()
    back = way(client, hall)
    Rule.objects.create(title="everybody", needs="code")
    before = list(hall.heard)
    assert client.get(back)["Location"].startswith("/sign-in/")
    assert hall.heard == before


# --- out, and the page ------------------------------------------------------------------------------------------------


def test_the_page_has_a_button_and_no_form(hall: Provider, settings) -> None:
    page = Client().get("/sign-in/", {"next": "/mail/"}).content.decode()
    assert 'href="/auth/oauth/start/?next=%2Fmail%2F"' in page
    assert 'type="password"' not in page
    assert 'type="password"' in Client().get("/sign-in/", {"own": "1"}).content.decode()
    settings.SIGN_IN = ["imap", "oidc"]
    page = Client().get("/sign-in/").content.decode()
    assert 'type="password"' in page
    assert "Sign in with Hall" in page


def test_an_account_of_the_portal_signs_in_as_ever(hall: Provider) -> None:
    User.objects.create_superuser("root", "root's own password")
    client = Client()
    client.post("/sign-in/", {"username": "root", "password": "root's own password"})
    assert user_of(client).login == "root"


def test_out_here_and_there(hall: Provider) -> None:
    client = come_in(hall)
    answer = client.post("/sign-out/")
    assert not TokenGrant.objects.exists()
    page = client.get(answer["Location"]).content.decode()
    assert 'href="/auth/oauth/leave/"' in page
    there = client.get("/auth/oauth/leave/")["Location"]
    query = parse_qs(urlsplit(there).query)
    assert there.startswith(f"{hall.issuer}/logout?")
    assert query["post_logout_redirect_uri"] == ["http://testserver/sign-in/"]


def test_a_provider_without_a_way_out(settings, db: None) -> None:
    with running_provider(has_logout=False) as provider, known(settings, provider):
        client = come_in(provider)
        answer = client.post("/sign-out/")
        assert "/auth/oauth/leave/" not in client.get(answer["Location"]).content.decode()
        assert client.get("/auth/oauth/leave/")["Location"] == "/sign-in/"


def test_too_many_tries(hall: Provider) -> None:
    for _number in range(40):
        Client().get(START)
    client = Client()
    assert client.get(START)["Location"].startswith("/sign-in/")
    assert "Too many tries" in said(client)
    cache.clear()
    assert user_of(come_in(hall)).login == "alice"


def test_without_the_setting_there_is_nothing(hall: Provider, settings) -> None:
    settings.SIGN_IN = ["imap"]
    for name in ("start", "back", "done", "leave"):
        assert Client().get(f"/auth/oauth/{name}/").status_code == 404
    assert hall.heard == []
