from __future__ import annotations

import gzip
import re
import time
from pathlib import Path

import pytest
from django.http import HttpResponse, StreamingHttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone, translation

from portal.core_prefs import LANGUAGE, TIME_ZONE
from portal.middleware import (
    ClientAddressMiddleware,
    CompressionMiddleware,
    SessionLifetimeMiddleware,
    TimeZoneMiddleware,
    is_trusted,
)
from portal.models import Session
from portal.prefs import Prefs, for_user

SIGN_IN = "/sign-in/"


# --- request id ----------------------------------------------------------------------------------------------------


def test_each_answer_carries_an_id_of_its_own(client: Client) -> None:
    first, second = (client.get("/healthz")["X-Request-Id"] for _ in range(2))
    assert first != second
    assert len(first) == 12


@pytest.mark.django_db
def test_the_id_of_an_error_page_is_the_one_in_the_log(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    answer = client.get("/there/is/nothing/")
    assert answer.status_code == 404
    assert answer["X-Request-Id"] in answer.content.decode()
    assert any(answer["X-Request-Id"] in str(record.msg) for record in caplog.records)


# --- compression ---------------------------------------------------------------------------------------------------


def test_pages_are_compressed_and_files_are_not(as_alice: Client) -> None:
    page = as_alice.get("/preferences/", headers={"Accept-Encoding": "gzip"})
    assert page["Content-Encoding"] == "gzip"
    assert b"<h1" in gzip.decompress(page.content)
    assert "Accept-Encoding" in page["Vary"]
    assert not as_alice.get("/readyz", headers={"Accept-Encoding": "gzip"}).has_header("Content-Encoding")
    streamed = StreamingHttpResponse([b"<p>" * 200], content_type="text/html")
    request = RequestFactory().get("/", headers={"Accept-Encoding": "gzip"})
    answer = CompressionMiddleware(lambda _request: streamed)(request)
    assert not answer.has_header("Content-Encoding")


# --- the client's address ------------------------------------------------------------------------------------------


def seen(settings, peer: str, forwarded: str | None = None, *, trusted: tuple[str, ...] = ()):
    settings.TRUSTED_PROXIES = list(trusted)
    headers = {} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded, "HTTP_X_FORWARDED_PROTO": "https"}
    request = RequestFactory().get("/", REMOTE_ADDR=peer, **headers)
    ClientAddressMiddleware(lambda request: HttpResponse())(request)
    return request


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "address"),
    [
        ("192.0.2.7", None, (), "192.0.2.7"),
        ("192.0.2.7", "203.0.113.5", (), "192.0.2.7"),
        ("10.0.0.1", "203.0.113.5", ("10.0.0.0/8",), "203.0.113.5"),
        ("10.0.0.1", "1.2.3.4, 203.0.113.5", ("10.0.0.0/8",), "203.0.113.5"),
        ("10.0.0.1", "203.0.113.5, 10.0.0.2", ("10.0.0.0/8",), "203.0.113.5"),
        ("10.0.0.1", None, ("10.0.0.0/8",), "10.0.0.1"),
        ("10.0.0.1", "rubbish", ("10.0.0.0/8",), ""),
        ("", "203.0.113.5", ("unix",), "203.0.113.5"),
        ("", "203.0.113.5", (), ""),
        ("::ffff:10.0.0.1", "2001:db8::7", ("10.0.0.0/8",), "2001:db8::7"),
    ],
)
def test_only_trusted_proxies_name_the_client(
    settings, peer: str, forwarded: str | None, trusted: tuple[str, ...], address: str
) -> None:
    request = seen(settings, peer, forwarded, trusted=trusted)
    assert request.client_address == address
    assert request.is_secure() is (forwarded is not None and is_trusted(peer))


# --- https ---------------------------------------------------------------------------------------------------------


def test_loopback_may_speak_plain_http(client: Client, db) -> None:
    assert client.get(SIGN_IN).status_code == 200


def test_other_machines_may_not(client: Client) -> None:
    answer = client.get(SIGN_IN, REMOTE_ADDR="192.0.2.7")
    assert answer.status_code == 403
    assert b"TRUSTED_PROXIES" in answer.content
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_a_trusted_proxy_has_to_say_https(client: Client, settings, db) -> None:
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    assert client.get(SIGN_IN).status_code == 403
    assert client.get(SIGN_IN, HTTP_X_FORWARDED_PROTO="http").status_code == 403
    assert client.get(SIGN_IN, HTTP_X_FORWARDED_PROTO="https").status_code == 200


def test_an_undeclared_proxy_on_this_machine_is_not_believed(client: Client) -> None:
    assert client.get(SIGN_IN, HTTP_X_FORWARDED_PROTO="https").status_code == 403


def test_probes_may_come_plain(client: Client) -> None:
    assert client.get("/healthz", REMOTE_ADDR="192.0.2.7").status_code == 200


# --- headers -------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("path", [SIGN_IN, "/healthz", "/nothing/", "/", "/admin/", "/static/portal/css/yurt.css"])
def test_every_answer_carries_the_security_headers(client: Client, path: str) -> None:
    answer = client.get(path)
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "form-action 'self'" in policy
    assert "trusted-types" not in policy
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in answer["Permissions-Policy"]
    if not path.startswith("/static/"):
        assert "no-store" in answer["Cache-Control"]


# --- sessions ------------------------------------------------------------------------------------------------------


def signed_in(client: Client, user, *, started: int = 0, seen_at: int = 0) -> None:
    client.force_login(user)
    session = client.session
    now = int(time.time())
    session[SessionLifetimeMiddleware.STARTED] = now - started
    session[SessionLifetimeMiddleware.SEEN] = now - seen_at
    session.save()


def is_in(client: Client, **headers: str) -> bool:
    answer = client.get(SIGN_IN, **headers)  # redirects who is signed in
    return answer.status_code == 302


def test_a_session_ends_by_idleness(client: Client, alice, settings) -> None:
    signed_in(client, alice, seen_at=settings.SESSION_IDLE_MINUTES * 60 - 5)
    assert is_in(client)
    signed_in(client, alice, seen_at=settings.SESSION_IDLE_MINUTES * 60 + 5)
    assert not is_in(client)
    assert Session.objects.count() <= 1


def test_use_keeps_a_session_of_one_minute_alive(client: Client, alice, settings) -> None:
    settings.SESSION_IDLE_MINUTES = 1
    signed_in(client, alice, seen_at=50)
    assert is_in(client)
    assert time.time() - client.session[SessionLifetimeMiddleware.SEEN] < 30


def test_a_session_ends_by_age_however_busy(client: Client, alice, settings) -> None:
    signed_in(client, alice, started=settings.SESSION_MAX_HOURS * 3600 + 5)
    assert not is_in(client)


def test_use_keeps_it_alive_and_background_requests_do_not(client: Client, alice) -> None:
    signed_in(client, alice, seen_at=300)
    before = client.session[SessionLifetimeMiddleware.SEEN]
    assert is_in(client, HTTP_X_PORTAL_BACKGROUND="1")
    assert client.session[SessionLifetimeMiddleware.SEEN] == before
    assert is_in(client)
    assert client.session[SessionLifetimeMiddleware.SEEN] > before


def test_use_is_written_once_a_minute_at_most(client: Client, alice, django_assert_num_queries) -> None:
    signed_in(client, alice, seen_at=30)
    with django_assert_num_queries(4):  # session, user, and the two kinds of preference values
        assert is_in(client)


def test_the_documented_order_is_the_order(settings) -> None:
    page = (Path(__file__).parents[2] / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.partition("| middleware | why there |")[2].partition("\n\n")[0]
    documented = [name for row in table.splitlines() if row for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    names = [path.rpartition(".")[2].removesuffix("Middleware") for path in settings.MIDDLEWARE]
    assert documented == ["WhiteNoise" if "WhiteNoise" in name else name for name in names]


# --- language and time zone ----------------------------------------------------------------------------------------


def language(client: Client, **headers: str) -> str:
    return client.get("/nothing/", **headers)["Content-Language"]


def test_the_browser_says_the_language(client: Client, db) -> None:
    assert language(client) == "en"
    assert language(client, HTTP_ACCEPT_LANGUAGE="de-AT,de;q=0.9") == "de"
    assert language(client, HTTP_ACCEPT_LANGUAGE="xx") == "en"
    assert translation.get_language() == "en"


def test_the_cookie_stands_over_the_browser_and_the_preference_over_both(as_alice: Client, alice) -> None:
    as_alice.cookies["yurt_language"] = "ar"
    assert language(as_alice, HTTP_ACCEPT_LANGUAGE="de") == "ar"
    for_user(alice).save({LANGUAGE: "de"})
    assert language(as_alice, HTTP_ACCEPT_LANGUAGE="en") == "de"


def test_choosing_a_language_sets_both(as_alice: Client, alice) -> None:
    answer = as_alice.post(reverse("portal:set_language"), {"language": "de", "next": "/preferences/"})
    assert (answer.status_code, answer["Location"]) == (302, "/preferences/")
    assert answer.cookies["yurt_language"].value == "de"
    assert for_user(alice)[LANGUAGE] == "de"


@pytest.mark.parametrize("target", ["https://evil.test/", "//evil.test/", "javascript:alert(1)", "/\\evil.test"])
def test_choosing_a_language_leads_nowhere_else(client: Client, target: str, db) -> None:
    answer = client.post(reverse("portal:set_language"), {"language": "de", "next": target})
    assert answer["Location"] == "/"


def test_an_unknown_language_changes_nothing(client: Client, db) -> None:
    assert not client.post(reverse("portal:set_language"), {"language": "../x"}).cookies


def zone_of(user_prefs: Prefs, **cookies: str) -> str:
    request = RequestFactory().get("/")
    request.COOKIES.update(cookies)
    request.user, request.prefs = user_prefs.user, user_prefs
    zones: list[str] = []
    TimeZoneMiddleware(lambda request: zones.append(timezone.get_current_timezone_name()) or HttpResponse())(request)
    return zones[0]


def test_the_time_zone_comes_from_the_preference_then_the_browser(alice) -> None:
    session = {"yurt_session": "x"}
    assert zone_of(Prefs(alice), **session) == "UTC"
    assert zone_of(Prefs(alice), tz="Asia/Bishkek", **session) == "Asia/Bishkek"
    for_user(alice).save({TIME_ZONE: "Europe/Berlin"})
    assert zone_of(Prefs(alice), tz="Asia/Bishkek", **session) == "Europe/Berlin"
    assert timezone.get_current_timezone_name() == "UTC"


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/localtime", "Mars/Olympus", "x" * 5000, "Europe/Berlin\0"])
def test_a_strange_time_zone_is_no_time_zone(alice, name: str) -> None:
    assert zone_of(Prefs(alice), tz=name) == "UTC"
