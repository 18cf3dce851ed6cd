from __future__ import annotations

import re

import pytest
from django.conf import settings as site
from django.contrib.auth.signals import user_logged_out
from django.core.signing import Signer
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from apps.auth.models import User
from portal import credentials, whose
from portal.models import Session
from tests.auth.world import MAIL_PASSWORD, SIGN_IN, sign_in, user_of, world
from tests.support.people import PASSWORD

__all__ = ["world"]  # the fixture


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
    assert "name or the password is wrong" not in answer.content.decode()


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


@pytest.mark.django_db
def test_two_pages_opened_at_once_by_a_fresh_browser() -> None:
    """Each brings a token, the browser keeps the last: the form of the first page says so, and works the next time."""
    browser = Client(enforce_csrf_checks=True)
    first = token_in(browser.get(f"{SIGN_IN}?next=/help/"))
    browser.cookies.clear()
    token_in(browser.get(SIGN_IN))
    form = {"username": "carol", "password": MAIL_PASSWORD["carol"], "next": "/help/"}
    ours = {"Sec-Fetch-Site": "same-origin"}
    answer = browser.post(SIGN_IN, form | {"csrfmiddlewaretoken": first}, headers=ours)
    assert answer.status_code == 302
    page = browser.get(answer["Location"])
    assert "Please sign in once more" in page.content.decode()
    assert "Please sign in once more" not in browser.get(SIGN_IN).content.decode()
    answer = browser.post(SIGN_IN, form | {"csrfmiddlewaretoken": token_in(page)}, headers=ours)
    assert (answer.status_code, answer["Location"]) == (302, "/help/")


@pytest.mark.django_db
@pytest.mark.parametrize("origin", ["cross-site", "same-site", ""])
def test_a_page_of_another_site_cannot_sign_anybody_in(origin: str) -> None:
    browser = Client(enforce_csrf_checks=True)
    token = token_in(browser.get(SIGN_IN))
    browser.cookies.clear()
    browser.get(SIGN_IN)
    form = {"username": "carol", "password": MAIL_PASSWORD["carol"], "csrfmiddlewaretoken": token}
    answer = browser.post(SIGN_IN, form, headers={"Sec-Fetch-Site": origin} if origin else {})
    assert answer.status_code == 403
    assert not Session.objects.exists()


@pytest.mark.django_db
def test_the_dialog_of_a_page_gets_a_fresh_form_as_well() -> None:
    browser = Client(enforce_csrf_checks=True)
    token = token_in(browser.get(f"{SIGN_IN}?inplace=1"))
    browser.cookies.clear()
    browser.get(SIGN_IN)
    form = {credentials.LOGIN_FIELD: "carol", credentials.FIELD: MAIL_PASSWORD["carol"]}
    ours = {"Sec-Fetch-Site": "same-origin", "HX-Request": "true"}
    answer = browser.post(f"{SIGN_IN}?inplace=1", form | {"csrfmiddlewaretoken": token}, headers=ours, follow=True)
    assert credentials.FIELD in answer.content.decode()
    answer = browser.post(f"{SIGN_IN}?inplace=1", form | {"csrfmiddlewaretoken": token_in(answer)}, headers=ours)
    assert answer.status_code == 204


def token_in(page: HttpResponse) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.content.decode())
    assert found
    return found[1]
