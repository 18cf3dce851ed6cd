"""The pages of the first level as people use them: with the keyboard, without scripts, in both themes."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from apps.auth.factors import codes, invitations, ways
from apps.auth.factors.models import CodeDevice, Rule
from apps.auth.models import User
from portal.accounts import account_server, external_user
from tests.support import axe
from tests.support.mailserver import MailServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.needs_app("mail")]
KEY = b"12345678901234567890"
HOME = re.compile(r":\d+/(\?all=1)?$")


def code(key: bytes = KEY, ahead: int = 0) -> str:
    return codes.code_at(key, int(time.time()) // 30 + ahead)


@pytest.fixture
def login(settings, dovecot: MailServer) -> str:
    settings.IMAP_URL = dovecot.url
    settings.ALLOWED_HOSTS = ["localhost"]
    return dovecot.new_user()


@pytest.fixture
def carol(login: str) -> User:
    """Somebody who has an app, where everybody is asked."""
    user = external_user(source="imap", server=account_server("imap"), login=login)
    device = CodeDevice(user=user, kind=ways.TOTP, name="Phone")
    device.put_key(KEY)
    device.save()
    Rule.objects.create(title="everybody", needs="code, passkey, certificate, password", remember_days=30)
    return user


@pytest.fixture(params=[{"java_script_enabled": False}, {}], ids=["without scripts", "with scripts"])
def page(browser: Browser, live_server, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = browser.new_context(base_url=live_server.url, **request.param)
    yield context.new_page()
    context.close()


def test_in_by_keyboard_alone(page: Page, carol: User, dovecot: MailServer) -> None:
    page.goto("/sign-in/")
    page.get_by_label("User name or mail address").focus()
    page.keyboard.type(carol.login)
    page.keyboard.press("Tab")
    expect(page.get_by_role("radio", name="One-time code")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("summary", has_text="Lost your phone")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.type(code())
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Open your mail")).to_be_visible()
    page.get_by_label("Password", exact=True).focus()
    page.keyboard.type(dovecot.password)
    page.keyboard.press("Enter")
    expect(page).to_have_url(HOME)


def test_new_here_with_a_slip_of_paper(page: Page, carol: User, dovecot: MailServer) -> None:
    CodeDevice.objects.all().delete()
    slip = invitations.invite(carol)
    page.goto("/sign-in/")
    page.get_by_label("User name or mail address").fill(carol.login)
    page.locator("summary", has_text="new here").click()
    page.get_by_text("Enrolment code", exact=True).click()
    page.get_by_label("The code from your administrator").fill(slip)
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Password", exact=True).fill(dovecot.password)
    page.get_by_role("button", name="Open my mail").click()
    expect(page.get_by_role("heading", name="Set up your proof")).to_be_visible()
    page.get_by_role("button", name="Set up an authenticator app").click()
    page.locator("summary", has_text="cannot read pictures").click()
    key = page.locator("code").inner_text()
    octets = base64.b32decode(key + "=" * (-len(key) % 8))
    page.get_by_label("Code from the app").fill(code(octets))
    page.get_by_role("button", name="Continue").click()
    expect(page.locator(".sheet li")).to_have_count(codes.SHEET)
    page.get_by_role("link", name="I have them").click()
    expect(page).to_have_url(HOME)


@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_is_open_to_everybody(
    browser: Browser, live_server, carol: User, dovecot: MailServer, width: int
) -> None:
    context = browser.new_context(base_url=live_server.url, locale="en", viewport={"width": width, "height": 844})
    page = context.new_page()
    faults: list[str] = []

    def look(what: str) -> None:
        faults.extend(f"{what}: {line}" for line in axe.in_both_themes(page))
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        faults.extend([f"{what}: {wide}px too wide"] if wide > 0 else [])

    page.goto("/auth/help/")
    look("help")
    page.goto("/sign-in/")
    look("first level")
    page.get_by_label("User name or mail address").fill(carol.login)
    page.get_by_label("Code from your authenticator app or card").fill("000000")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert").first).to_contain_text("is wrong")
    page.locator("summary", has_text="Lost").click()
    look("refused")
    page.get_by_label("Code from your authenticator app or card").fill(code())
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Open your mail")).to_be_visible()
    look("second level")
    page.get_by_label("Password", exact=True).fill(dovecot.password)
    page.get_by_role("button", name="Open my mail").click()
    expect(page).to_have_url(HOME)
    page.goto("/auth/security/")
    look("security")
    page.get_by_label("Name of the program").fill("Phone")
    page.get_by_role("button", name="Make an app password").click()
    expect(page.get_by_role("heading", name="Password for Phone")).to_be_visible()
    look("app password")
    page.goto("/auth/security/passkey/")
    look("passkey")
    page.goto("/auth/security/password/")
    look("portal password")
    page.goto("/auth/prove/")
    look("prove")
    page.goto("/auth/security/")
    page.get_by_role("button", name="Make new ones").click()
    expect(page.locator(".sheet li")).to_have_count(codes.SHEET)
    look("recovery")
    page.goto("/auth/security/")
    page.get_by_role("button", name="Set up an authenticator app").click()
    expect(page.locator(".qr svg")).to_be_visible()
    look("app")
    context.close()
    assert faults == []


@pytest.mark.parametrize("width", [1280, 390])
def test_codes_of_cards_fit_into_their_field(browser: Browser, live_server, carol: User, width: int) -> None:
    """Each digit stands in its box, the last one too."""
    context = browser.new_context(base_url=live_server.url, viewport={"width": width, "height": 844})
    page = context.new_page()
    field = page.get_by_label("Code from your authenticator app or card")

    def drawn(digits: int) -> tuple[int, bool]:
        page.goto("/sign-in/")
        field.fill("12345678"[:digits])
        field.press("End")  # where the caret is after typing
        fits = field.evaluate("field => field.scrollLeft === 0 && field.scrollWidth <= field.clientWidth")
        return page.locator(".of-code .boxes i").count(), fits

    assert drawn(6) == (6, True)
    assert drawn(8) == (6, False), "which is why the field is another one where there are such cards"
    for digits in (7, 8):
        card = CodeDevice(user=carol, kind=ways.HOTP, serial=f"F-{digits}", digits=digits)
        card.put_key(KEY)
        card.save()
        assert drawn(digits) == (digits, True)
    field.fill(codes.code_at(KEY, 0, digits=8))
    page.get_by_label("User name or mail address").fill(carol.login)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Open your mail")).to_be_visible()
    context.close()
