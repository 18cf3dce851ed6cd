from __future__ import annotations

import re

import pytest
from django.conf import settings as site
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.decorators import login_required
from django.contrib.auth.signals import user_logged_out
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.core.signing import Signer
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path, reverse

from apps.auth.models import User
from portal import credentials, throttle, whose
from portal.accounts import SignInUnavailable, external_user
from portal.urls import urlpatterns as portal_urls
from tests.support.people import PASSWORD

SIGN_IN = "/sign-in/"
MAIL_PASSWORD = {"carol": "carol's first password"}


class MailBackend(ModelBackend):
    """Stands for an app's backend: a mail server that knows carol, and is away when asked for ``away``."""

    def authenticate(self, request, username=None, password=None, **kwargs):
        if username == "away":
            raise SignInUnavailable("timeout")
        if password and MAIL_PASSWORD.get(username) == password:
            return external_user(source="test", server="mail.example.test", login=username)
        return None


@login_required
def letter(request: HttpRequest) -> HttpResponse:
    """Sends what is posted, if the mail server takes the sealed password."""
    if credentials.unseal(request) != MAIL_PASSWORD[request.user.login]:
        raise credentials.Locked(refused=True)
    return HttpResponse(f"sent {request.POST.get('text', '')!r} {request.POST.getlist('to')} {sorted(request.POST)}")


urlpatterns = [path("letter/", letter), *portal_urls]


@pytest.fixture(autouse=True)
def world(settings, monkeypatch: pytest.MonkeyPatch):
    settings.ROOT_URLCONF = __name__
    settings.AUTHENTICATION_BACKENDS = ["apps.auth.backends.LocalBackend", f"{__name__}.MailBackend"]
    monkeypatch.setitem(MAIL_PASSWORD, "carol", "carol's first password")
    cache.clear()


def sign_in(client: Client, username: str = "carol", password: str = "carol's first password", **more: str):
    return client.post(SIGN_IN, {"username": username, "password": password, **more})


def user_of(client: Client) -> object:
    return client.session.get("_auth_user_id")


@pytest.mark.django_db
def test_the_page_has_the_promised_fields(client: Client) -> None:
    page = client.get(SIGN_IN).content.decode()
    assert re.search(r'<input[^>]*name="username"', page)
    assert re.search(r'<input[^>]*type="password"[^>]*name="password"', page) or 'name="password"' in page
    assert 'autocomplete="current-password"' in page


@pytest.mark.django_db
def test_signing_in_leads_home_and_seals_the_password(client: Client) -> None:
    answer = sign_in(client)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert client.post("/letter/", {"text": "hi"}).content == b"sent 'hi' [] ['text']"
    row = str(Session.objects.get().get_decoded())
    assert MAIL_PASSWORD["carol"] not in row
    assert client.cookies[site.CREDENTIALS_COOKIE_NAME].value not in row


def test_a_local_account_has_no_password_to_seal(client: Client, alice) -> None:
    sign_in(client, "alice", PASSWORD)
    assert user_of(client) == str(alice.pk)
    assert site.CREDENTIALS_COOKIE_NAME not in client.cookies


@pytest.mark.django_db
def test_the_session_from_before_is_gone(client: Client) -> None:
    client.get(SIGN_IN)
    session = client.session
    session["planted"] = "by somebody else"
    session.save()
    client.cookies[site.SESSION_COOKIE_NAME] = session.session_key
    sign_in(client)
    assert client.session.session_key != session.session_key
    assert "planted" not in client.session
    assert not Session.objects.filter(pk=session.session_key).exists()


@pytest.mark.parametrize(
    ("target", "led_to"),
    [
        ("/mail/INBOX/", "/mail/INBOX/"),
        ("/search/?q=a&b", "/search/?q=a&b"),
        ("https://evil.test/", "/"),
        ("//evil.test/", "/"),
        ("/\\evil.test/", "/"),
        ("javascript:alert(1)", "/"),
        ("http:evil.test", "/"),
        ("\x01//evil.test", "/"),
        ("", "/"),
    ],
)
def test_it_leads_to_pages_of_this_site_only(client: Client, db, target: str, led_to: str) -> None:
    assert sign_in(client, next=target)["Location"] == led_to
    assert client.get(SIGN_IN, {"next": target})["Location"] == led_to


def shown(answer: HttpResponse) -> str:
    """The page without what differs each time."""
    page = re.sub(r'(csrf\w*"[^>]*(?:value|content)=")[^"]*', r"\1", answer.content.decode())
    return re.sub(r'content="[^"]*"|value="[^"]*"', "", page)


def test_unknown_and_wrong_look_the_same(client: Client, alice) -> None:
    unknown, wrong, impossible = (sign_in(client, name, "guess") for name in ("nobody", "alice", "al\u200bice"))
    assert {unknown.status_code, wrong.status_code, impossible.status_code} == {403}
    assert shown(unknown) == shown(wrong) == shown(impossible)
    assert user_of(client) is None


def test_a_mail_server_that_is_away_is_not_a_wrong_password(client: Client, db) -> None:
    answer = sign_in(client, "away", "x")
    assert answer.status_code == 403
    assert "cannot be reached" in answer.content.decode()
    assert "do not belong together" not in answer.content.decode()


@pytest.mark.parametrize(("username", "password"), [("", "x"), ("x", ""), ("x" * 300, "x"), ("x", "x" * 2000)])
def test_forms_that_are_no_forms(client: Client, db, username: str, password: str) -> None:
    assert sign_in(client, username, password).status_code == 400


def test_the_password_stands_nowhere_in_the_answer(client: Client, db) -> None:
    assert b"marked-guess" not in sign_in(client, "carol", "marked-guess").content


def test_it_needs_a_token(db) -> None:
    careful = Client(enforce_csrf_checks=True)
    assert sign_in(careful).status_code == 403
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', careful.get(SIGN_IN).content.decode())[1]
    assert sign_in(careful, csrfmiddlewaretoken=token).status_code == 302


# --- guessing ------------------------------------------------------------------------------------------------------


def test_guessing_is_slow_for_this_login_and_this_address_only(client: Client, db, monkeypatch) -> None:
    for _ in range(throttle.FREE):
        assert "do not belong together" in sign_in(client, "Carol", "guess").content.decode()
    refused = sign_in(client)  # even the right password waits
    assert "Too many wrong passwords" in refused.content.decode()
    assert user_of(client) is None
    other_machine = Client(REMOTE_ADDR="127.0.0.2")
    assert sign_in(other_machine).status_code == 302
    assert "do not belong" in sign_in(client, "dora", "guess").content.decode()


def test_the_wait_doubles_up_to_a_limit_and_ends(db, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(throttle.time, "time", lambda: now[0])
    gate = throttle.Throttle(what="carol", who="192.0.2.7")
    waits = []
    for _ in range(throttle.FREE + 12):
        assert gate.enter() == 0
        waits.append(gate.wait())
        now[0] += waits[-1]
    assert waits[: throttle.FREE] == [0, 0, 0, 0, 2]
    assert waits[throttle.FREE : throttle.FREE + 3] == [4, 8, 16]
    assert waits[-1] == throttle.LONGEST
    assert gate.wait() == 0


def test_tries_at_the_same_moment_are_no_cheaper(db) -> None:
    gates = [throttle.Throttle(what="carol", who="192.0.2.8") for _ in range(20)]
    assert [gate.wait() for gate in gates] == [0] * 20, "all have looked before any has tried"
    assert [gate.enter() for gate in gates].count(0) == throttle.FREE


def test_two_that_pass_the_look_together_share_one_turn(db, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = throttle.Throttle(what="carol", who="192.0.2.9", free=1)
    assert gate.enter() == 0
    monkeypatch.setattr(throttle.Throttle, "wait", lambda self: 0)
    assert gate.enter() > 0


def test_an_address_that_tries_many_logins_is_slowed(client: Client, db, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "FREE_OF_ADDRESS", 4)
    for number in range(4):
        assert "do not belong" in sign_in(client, f"nobody{number}", "guess").content.decode()
    assert "Too many wrong passwords" in sign_in(client, "nobody9", "guess").content.decode()
    assert sign_in(Client(REMOTE_ADDR="127.0.0.2")).status_code == 302


def test_those_who_know_their_passwords_do_not_slow_their_office(client: Client, db, monkeypatch) -> None:
    monkeypatch.setattr(throttle, "FREE_OF_ADDRESS", 2)
    for _ in range(5):
        assert sign_in(Client()).status_code == 302


def test_neighbours_in_a_network_of_ipv6_are_one() -> None:
    one, other, far = (
        throttle.Throttle.of_address(f"2001:db8:0:{net}::{host}") for net, host in ((1, 1), (1, 2), (2, 1))
    )
    assert one == other != far


def test_what_people_type_is_no_cache_key(client: Client, db) -> None:
    sign_in(client, "marked-login\r\nx", "guess")
    sign_in(client, "marked-login", "guess")
    assert cache._cache
    assert not [key for key in cache._cache if "marked" in key]


def test_the_right_password_forgives_the_wrong_ones(client: Client, db) -> None:
    for _ in range(throttle.FREE - 1):
        sign_in(client, "carol", "guess")
    assert sign_in(client).status_code == 302
    assert throttle.Throttle(what="carol", who="127.0.0.1").wait() == 0


# --- signing out ---------------------------------------------------------------------------------------------------


def test_signing_out_destroys_both_halves_and_tells_the_apps(client: Client, db) -> None:
    sign_in(client)
    key = client.session.session_key
    told: list[object] = []
    listen = lambda user, **kwargs: told.append(user.login)  # noqa: E731
    user_logged_out.connect(listen)
    try:
        answer = client.post("/sign-out/")
    finally:
        user_logged_out.disconnect(listen)
    assert told == ["carol"]
    assert answer["Location"] == SIGN_IN
    assert not Session.objects.filter(pk=key).exists()
    assert client.cookies[site.CREDENTIALS_COOKIE_NAME].value == ""
    assert client.cookies[site.CREDENTIALS_COOKIE_NAME]["max-age"] == 0


def test_an_app_that_fails_keeps_nobody_signed_in(client: Client, db) -> None:
    def fail(**kwargs: object) -> None:
        raise ConnectionError("the mail server is away")

    sign_in(client)
    user_logged_out.connect(fail)
    try:
        assert client.post("/sign-out/").status_code == 302
    finally:
        user_logged_out.disconnect(fail)
    assert not Session.objects.exists()


def test_a_link_does_not_sign_out(client: Client, alice) -> None:
    client.force_login(alice)
    assert client.get("/sign-out/").status_code == 405
    assert user_of(client) is not None


# --- the password again --------------------------------------------------------------------------------------------


@pytest.fixture
def refused(client: Client, db, monkeypatch: pytest.MonkeyPatch) -> Client:
    """carol is signed in, and her password on the mail server has been changed meanwhile."""
    sign_in(client)
    monkeypatch.setitem(MAIL_PASSWORD, "carol", "carol's second password")
    return client


LETTER = {"text": "Dear Bob,\r\n<b>important</b>", "to": ["bob@example.test", "dora@example.test"]}


def fields_of(page: str) -> dict[str, list[str]]:
    import html

    found: dict[str, list[str]] = {}
    form = re.search(r'<form method="post" action="/letter/">.*?</form>', page, re.DOTALL)[0]
    for name, value in re.findall(r'<textarea name="(\w+)" hidden>\n(.*?)</textarea>', form, re.DOTALL):
        found.setdefault(name, []).append(html.unescape(value))
    for name, value in re.findall(r'<input type="hidden" name="(portal_\w+)" value="(.*?)">', form):
        found.setdefault(name, []).append(value)
    return found


def test_without_scripts_the_letter_comes_back_with_the_question(refused: Client) -> None:
    asked = refused.post("/letter/", LETTER)
    assert asked.status_code == 401
    assert b"<b>important" not in asked.content
    kept = fields_of(asked.content.decode())
    assert kept == {
        "text": ["Dear Bob,\r\n<b>important</b>"],
        "to": LETTER["to"],
        whose.FIELD: [Signer(salt="portal.whose").sign(str(user_of(refused)))],
    }
    sent = refused.post("/letter/", kept | {credentials.FIELD: "carol's second password"})
    assert sent.status_code == 200
    assert sent.content.decode().startswith(f"sent {LETTER['text']!r} {LETTER['to']}")
    assert refused.post("/letter/", {"text": "next"}).status_code == 200


def test_a_wrong_new_password_keeps_asking(refused: Client) -> None:
    kept = LETTER | {credentials.FIELD: "guess"}
    asked = refused.post("/letter/", kept)
    assert asked.status_code == 401
    assert b"guess" not in asked.content
    assert fields_of(asked.content.decode())["to"] == LETTER["to"]


def test_a_page_that_was_only_visited_is_visited_again(refused: Client) -> None:
    asked = refused.get("/letter/?page=2")
    assert asked.status_code == 401
    assert f'name="{credentials.VISIT_FIELD}"' in asked.content.decode()
    again = refused.post(
        "/letter/?page=2", {credentials.FIELD: "carol's second password", credentials.VISIT_FIELD: "1"}
    )
    assert (again.status_code, again["Location"]) == (302, "/letter/?page=2")


def test_with_scripts_a_dialog_asks(refused: Client) -> None:
    stopped = refused.post("/letter/", LETTER, HTTP_HX_REQUEST="true")
    assert (stopped.status_code, stopped.content) == (401, b"")
    dialog = refused.get(f"{SIGN_IN}?inplace=1", HTTP_HX_REQUEST="true")
    assert dialog.status_code == 200
    assert f'name="{credentials.FIELD}"' in dialog.content.decode()
    assert f'name="{credentials.LOGIN_FIELD}"' not in dialog.content.decode()
    wrong = refused.post(f"{SIGN_IN}?inplace=1", {credentials.FIELD: "guess"})
    assert wrong.status_code == 422
    before = refused.session.session_key
    right = refused.post(f"{SIGN_IN}?inplace=1", {credentials.FIELD: "carol's second password"})
    assert (right.status_code, right.content) == (204, b"")
    assert right["X-CSRFToken"]
    assert refused.session.session_key != before
    assert refused.post("/letter/", LETTER, HTTP_HX_REQUEST="true").status_code == 200


def test_a_lost_cookie_asks_too(client: Client, db) -> None:
    sign_in(client)
    del client.cookies[site.CREDENTIALS_COOKIE_NAME]
    assert client.post("/letter/", LETTER).status_code == 401


def test_an_account_without_a_mailbox_is_told_so(client: Client, alice) -> None:
    client.force_login(alice)
    answer = client.get("/letter/")
    assert answer.status_code == 403
    assert "has no mailbox" in answer.content.decode()


def test_a_session_that_has_ended_loses_no_letter(refused: Client) -> None:
    refused.session.flush()
    asked = refused.post("/letter/", LETTER)
    assert asked.status_code == 401
    page = asked.content.decode()
    assert f'name="{credentials.LOGIN_FIELD}"' in page
    who = {credentials.LOGIN_FIELD: "carol", credentials.FIELD: "carol's second password"}
    sent = refused.post("/letter/", fields_of(page) | who)
    assert sent.status_code == 200
    assert user_of(refused) is not None


def test_a_letter_is_not_sent_under_the_name_of_who_signs_in_next(
    refused: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MAIL_PASSWORD, "dora", "dora's password")
    refused.session.flush()
    page = refused.post("/letter/", LETTER).content.decode()
    who = {credentials.LOGIN_FIELD: "dora", credentials.FIELD: "dora's password"}
    answer = refused.post("/letter/", fields_of(page) | who)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert User.objects.get(pk=user_of(refused)).login == "dora"


@pytest.mark.parametrize("token", ["", "1", "1:forged"])
def test_nor_is_one_of_nobody_knows_whom(refused: Client, token: str) -> None:
    who = {credentials.LOGIN_FIELD: "carol", credentials.FIELD: "carol's second password", whose.FIELD: token}
    assert refused.post("/letter/", LETTER | who)["Location"] == "/"


def test_a_letter_that_waits_belongs_to_its_writer_even_where_another_session_began(
    refused: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MAIL_PASSWORD, "dora", "dora's password")
    page = refused.post("/letter/", LETTER).content.decode()
    sign_in(refused, "dora", "dora's password")
    answer = refused.post("/letter/", fields_of(page) | {credentials.FIELD: "dora's password"})
    assert (answer.status_code, answer["Location"]) == (302, "/")


def test_fragments_after_the_session_has_ended_ask_as_well(client: Client, db) -> None:
    assert client.get("/letter/", HTTP_HX_REQUEST="true").status_code == 401
    assert client.get("/letter/").status_code == 302
    dialog = client.get(f"{SIGN_IN}?inplace=1").content.decode()
    assert f'name="{credentials.LOGIN_FIELD}"' in dialog


def test_nobody_else_can_take_the_session_over(refused: Client, alice, monkeypatch: pytest.MonkeyPatch) -> None:
    """A local account of the same name with another password is not the mail account that is signed in."""
    User.objects.create_user("carol", "the local password of carol")
    answer = refused.post(f"{SIGN_IN}?inplace=1", {credentials.FIELD: "the local password of carol"})
    assert answer.status_code == 422
    assert refused.post("/letter/", LETTER).status_code == 401


def test_the_repeated_form_needs_a_token(db) -> None:
    careful = Client(enforce_csrf_checks=True)
    who = {credentials.LOGIN_FIELD: "carol", credentials.FIELD: MAIL_PASSWORD["carol"]}
    assert careful.post("/letter/", LETTER | who).status_code == 403
    assert user_of(careful) is None


# --- the administration pages --------------------------------------------------------------------------------------


def test_the_administration_has_no_sign_in_of_its_own(client: Client, db) -> None:
    first = client.get("/admin/portal_auth/user/")
    assert first["Location"].startswith("/admin/login/")
    second = client.get(first["Location"])
    assert second["Location"] == f"{SIGN_IN}?next=/admin/portal_auth/user/"
    assert client.post("/admin/login/", {"username": "root", "password": PASSWORD}).status_code == 405
    assert user_of(client) is None


def test_who_is_no_administrator_is_turned_away(client: Client, alice) -> None:
    client.force_login(alice)
    assert client.get("/admin/", follow=True).status_code == 403


@pytest.mark.parametrize("page", ["index", "portal_auth_user_changelist", "portal_auth_user_add"])
def test_the_administration_works(as_admin: Client, page: str) -> None:
    answer = as_admin.get(reverse(f"admin:{page}"))
    assert answer.status_code == 200
    assert not re.search(rb"<style|style=\"|<script>|\son\w+=", answer.content)


def test_an_administrator_makes_a_local_account(as_admin: Client) -> None:
    fields = {"login": " Dora", "email": "", "display_name": "", "password1": PASSWORD, "password2": PASSWORD}
    assert as_admin.post(reverse("admin:portal_auth_user_add"), fields).status_code == 302
    dora = User.objects.local("dora")
    assert dora.check_password(PASSWORD)
    assert not dora.is_staff
    again = as_admin.post(reverse("admin:portal_auth_user_add"), fields)
    assert "already" in again.content.decode()


def test_the_identity_of_an_account_cannot_be_edited(as_admin: Client, carol) -> None:
    url = reverse("admin:portal_auth_user_change", args=[carol.pk])
    assert as_admin.get(url).status_code == 200
    fields = {"login": "root", "source": "local", "server": "", "display_name": "Carol", "email": "c@example.test"}
    assert as_admin.post(url, fields | {"is_active": "on"}).status_code == 302
    carol.refresh_from_db()
    assert (carol.login, carol.source, carol.display_name) == ("carol", "imap", "Carol")
