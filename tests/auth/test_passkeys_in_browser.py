"""Passkeys in a real browser, with an authenticator that Chromium makes up, and a real mail server."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs

import pytest
from django.conf import settings as site
from playwright.sync_api import Browser, Page, expect

from apps.auth.factors.models import Passkey, Rule
from apps.auth.models import User
from tests.support.mailserver import MailServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.needs_app("mail")]


@pytest.fixture
def page(browser: Browser, live_server, settings, dovecot: MailServer) -> Iterator[Page]:
    settings.IMAP_URL = dovecot.url
    settings.IMAP_TLS_CA_FILE = str(getattr(dovecot, "ca_file", "") or "")
    settings.ALLOWED_HOSTS = ["localhost"]
    context = browser.new_context(base_url=live_server.url)
    page = context.new_page()
    yield page
    context.close()


def with_authenticator(page: Page, *, prf: bool) -> None:
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "ctap2Version": "ctap2_1",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
        "hasPrf": prf,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def sign_in(page: Page, login: str, password: str) -> None:
    page.goto("/sign-in/")
    page.get_by_label("User name or mail address").fill(login)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url("/")


def set_up(page: Page, name: str, *, alone: bool) -> None:
    page.goto("/auth/security/passkey/")
    page.get_by_label("Name of the device").fill(name)
    page.get_by_label("Open my mail with this passkey alone").set_checked(alone)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    page.get_by_role("link", name="I have them").click()


def sign_out(page: Page) -> None:
    page.goto("about:blank")  # what the page still asks for would bring cookies of its own
    page.context.clear_cookies()


def prove(page: Page) -> None:
    page.goto("/sign-in/")
    page.get_by_text("Passkey", exact=True).click()
    page.get_by_role("button", name="Continue").click()


def test_a_passkey_alone_opens_the_mailbox(page: Page, dovecot: MailServer) -> None:
    login = dovecot.new_user()
    with_authenticator(page, prf=True)
    sign_in(page, login, dovecot.password)
    set_up(page, "My laptop", alone=True)
    passkey = Passkey.objects.get()
    assert passkey.sealed
    assert dovecot.password.encode() not in bytes(passkey.sealed)
    Rule.objects.create(title="everybody", needs="passkey, code")
    sign_out(page)
    prove(page)
    expect(page).to_have_url("/")
    page.goto("/mail/INBOX/")
    expect(page.get_by_role("heading", name="Inbox").first).to_be_visible()
    assert User.objects.get(login=login).last_login is not None


def test_without_the_secret_the_mail_password_is_asked_for(page: Page, dovecot: MailServer) -> None:
    login = dovecot.new_user()
    with_authenticator(page, prf=False)
    sign_in(page, login, dovecot.password)
    set_up(page, "Key", alone=True)
    assert not Passkey.objects.get().sealed
    Rule.objects.create(title="everybody", needs="passkey")
    sign_out(page)
    prove(page)
    expect(page.get_by_role("heading", name="Open your mail")).to_be_visible()
    page.get_by_label("Password", exact=True).fill(dovecot.password)
    page.get_by_role("button", name="Open my mail").click()
    expect(page).to_have_url("/")


def test_a_password_that_has_changed_is_asked_for_and_forgotten(page: Page, dovecot: MailServer, monkeypatch) -> None:
    login = dovecot.new_user()
    with_authenticator(page, prf=True)
    sign_in(page, login, dovecot.password)
    set_up(page, "My laptop", alone=True)
    Rule.objects.create(title="everybody", needs="passkey")
    sign_out(page)
    monkeypatch.setattr("apps.auth.factors.passkeys.mail_password", lambda proof: "the one from before")
    prove(page)
    expect(page.get_by_text("no longer accepts the password that this passkey keeps")).to_be_visible()
    assert not Passkey.objects.get().sealed


def test_a_mail_server_that_is_away_takes_nothing(page: Page, dovecot: MailServer, settings) -> None:
    login = dovecot.new_user()
    with_authenticator(page, prf=True)
    sign_in(page, login, dovecot.password)
    set_up(page, "My laptop", alone=True)
    Rule.objects.create(title="everybody", needs="passkey")
    sign_out(page)
    settings.IMAP_URL = "imap://127.0.0.1:1"
    prove(page)
    expect(page.get_by_text("The mail server cannot be reached")).to_be_visible()
    assert Passkey.objects.get().sealed


def test_it_proves_in_the_middle_of_a_session_and_is_removed(page: Page, dovecot: MailServer) -> None:
    login = dovecot.new_user()
    with_authenticator(page, prf=True)
    sign_in(page, login, dovecot.password)
    set_up(page, "My laptop", alone=False)
    page.goto("/auth/prove/")
    page.get_by_text("Passkey", exact=True).click()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Security", exact=True)).to_be_visible()
    page.get_by_role("button", name="Remove My laptop").click()
    expect(page.get_by_text("Browsers that were remembered will ask again.")).to_be_visible()
    assert not Passkey.objects.exists()


def test_an_answer_is_good_once(page: Page, dovecot: MailServer) -> None:
    login = dovecot.new_user()
    with_authenticator(page, prf=True)
    sign_in(page, login, dovecot.password)
    set_up(page, "My laptop", alone=False)
    Rule.objects.create(title="everybody", needs="passkey")
    sign_out(page)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.post_data or "") if request.method == "POST" else None)
    prove(page)
    expect(page.get_by_role("heading", name="Open your mail")).to_be_visible()
    sign_out(page)
    page.goto("/sign-in/")
    again = parse_qs(sent[-1])["passkey"][0]
    page.get_by_text("Passkey", exact=True).click()
    page.evaluate("again => { document.querySelector('[data-passkey]').value = again }", again)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("The user name or the proof is wrong.")).to_be_visible()
    assert site.SESSION_COOKIE_NAME not in {cookie["name"] for cookie in page.context.cookies()}
