"""The frame in Chromium: menus, drawer, theme, keys, signing in again, at three widths, with and without scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from apps.prefs.models import PreferenceDefault
from portal.models import Notice, Session
from portal.registry import NavItem, PortalApp
from portal.testing import with_apps
from tests.support import axe
from tests.support.browsing import page_of
from tests.support.people import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)
WIDTHS = {"desktop": (1440, 900), "tablet": (1024, 768), "phone": (390, 844)}
PAGES = ["/", "/?customise=1", "/preferences/", "/preferences/portal.look/", "/sessions/", "/auth/activity/"]


def open_page(browser: Browser, live_server, who, errors: list[str] | None = None, **options) -> Page:
    """A page of a fresh profile in which ``who`` is signed in."""
    client = Client()
    client.force_login(who)
    return page_of(client, browser, live_server.url, [] if errors is None else errors, **options)


@pytest.fixture
def desktop(browser: Browser, live_server, alice) -> Iterator[Page]:
    errors: list[str] = []
    page = open_page(browser, live_server, alice, errors, viewport={"width": 1440, "height": 900})
    yield page
    page.context.close()
    assert errors == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", WIDTHS)
def test_axe_finds_nothing_and_nothing_spills_over(browser: Browser, live_server, admin_user, size, theme) -> None:
    width, height = WIDTHS[size]
    page = open_page(browser, live_server, admin_user, viewport={"width": width, "height": height}, color_scheme=theme)
    for path in [*PAGES, "/selftest/"]:
        page.goto(path)
        assert axe.violations(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
    page.context.clear_cookies()
    for path in ["/sign-in/", "/nothing-here/"]:
        page.goto(path)
        assert axe.violations(page) == [], path
    page.context.close()


def test_the_account_menu_opens_closes_and_gives_the_focus_back(desktop: Page) -> None:
    desktop.goto("/")
    button = desktop.locator("details.acct > summary")
    button.click()
    sign_out = desktop.get_by_role("button", name="Sign out")
    expect(sign_out).to_be_visible()
    assert axe.violations(desktop) == []
    desktop.keyboard.press("Escape")
    expect(sign_out).to_be_hidden()
    expect(button).to_be_focused()
    button.click()
    desktop.locator("h1").click()
    expect(sign_out).to_be_hidden()


def test_the_theme_changes_at_once_and_stays(desktop: Page) -> None:
    desktop.goto("/")
    desktop.locator("details.acct > summary").click()
    with desktop.expect_response("**/theme/"):
        desktop.get_by_role("button", name="Dark").click()
    assert desktop.locator("html").get_attribute("data-theme") == "dark"
    assert desktop.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 22, 23)"
    desktop.reload()
    assert desktop.locator("html").get_attribute("data-theme") == "dark"


def test_a_theme_that_was_locked_meanwhile_comes_back_and_says_why(desktop: Page) -> None:
    desktop.goto("/")
    desktop.locator("details.acct > summary").click()
    PreferenceDefault.objects.create(key="portal.theme", value="light", locked=True)
    dark = desktop.get_by_role("button", name="Dark")
    dark.click()
    expect(desktop.locator("#toasts .error")).to_contain_text("Set by your administrator")
    expect(desktop.locator("html")).to_have_attribute("data-theme", "system")
    expect(dark).to_have_attribute("aria-pressed", "false")
    desktop.reload()
    desktop.locator("details.acct > summary").click()
    expect(dark).to_be_disabled()
    assert axe.violations(desktop) == []


@pytest.mark.parametrize("size", WIDTHS)
def test_the_banner_of_an_urgent_notice_can_be_read_and_put_away(browser: Browser, live_server, alice, size) -> None:
    Notice.objects.create(title="Mail is off tonight", text="From ten to eleven.", level=Notice.Level.DANGER)
    width, height = WIDTHS[size]
    page = open_page(browser, live_server, alice, viewport={"width": width, "height": height})
    page.goto("/preferences/")
    banner = page.get_by_role("region", name="Urgent notice")
    expect(banner).to_contain_text("Mail is off tonight")
    assert axe.violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    banner.get_by_role("button", name="Dismiss: Mail is off tonight").click()
    expect(page).to_have_url(f"{live_server.url}/preferences/")
    expect(banner).to_have_count(0)
    page.context.close()


def test_the_key_of_an_entry_under_more_opens_it_and_its_count_is_shown(desktop: Page) -> None:
    entries = [
        NavItem(id=f"demo.{number}", label=f"Entry {number}", url_name="portal:help", badge=lambda request: "7")
        for number in range(8)
    ]
    last = NavItem(
        id="demo.last", label="The last one", url_name="portal:search", key="g z", order=800, badge=lambda request: "7"
    )
    with with_apps(PortalApp(id="demo", title="Demo", nav=(*entries, last))):
        desktop.goto("/")
        expect(desktop.locator('.rail [data-badge="demo.last"]')).to_have_text("7")
        expect(desktop.locator('.tabs [data-badge="demo.last"]')).to_have_text("7")
        desktop.locator(".rail .pop > summary").click()
        expect(desktop.locator('.rail [data-badge="demo.last"]')).to_be_visible()
        desktop.keyboard.press("Escape")
        desktop.keyboard.type("gz")
        expect(desktop).to_have_url(re.compile("/search/$"))


def test_the_drawer_holds_the_side_column_when_narrow_even_without_scripts(
    browser: Browser, live_server, alice
) -> None:
    size = {"width": 1024, "height": 768}
    page = open_page(browser, live_server, alice, viewport=size, java_script_enabled=False)
    page.goto("/preferences/")
    side = page.locator("#side")
    expect(side).to_be_hidden()
    page.get_by_role("button", name="Show the side column").click()
    expect(side).to_be_visible()
    side.get_by_role("link", name="Language and look").click()
    expect(page).to_have_url(f"{live_server.url}/preferences/portal.look/")
    expect(side).to_be_hidden()
    page.context.close()


def test_a_phone_has_tabs_instead_of_the_rail(browser: Browser, live_server, admin_user) -> None:
    size = {"width": 390, "height": 844}
    page = open_page(browser, live_server, admin_user, viewport=size, has_touch=True, is_mobile=True)
    page.goto("/")
    expect(page.locator(".rail")).to_be_hidden()
    tabs = page.locator(".tabs")
    expect(tabs.get_by_role("link", name="Home")).to_have_attribute("aria-current", "page")
    tabs.locator("summary").tap()
    tabs.get_by_role("link", name="Preferences").tap()
    expect(page).to_have_url(f"{live_server.url}/preferences/")
    small = page.evaluate(
        """[...document.querySelectorAll('.tabs a, .tabs summary, .top .ib')].filter(e => e.checkVisibility())
           .map(e => e.getBoundingClientRect()).filter(r => r.width < 44 || r.height < 44).length"""
    )
    assert small == 0
    page.context.close()


def test_keys_lead_to_pages_and_the_help_lists_them(desktop: Page, live_server) -> None:
    desktop.goto("/")
    desktop.keyboard.press("?")
    help_dialog = desktop.get_by_role("dialog", name="Keyboard shortcuts")
    expect(help_dialog).to_contain_text("Preferences")
    desktop.keyboard.press("Escape")
    expect(help_dialog).to_be_hidden()
    desktop.keyboard.type("gp")
    expect(desktop).to_have_url(f"{live_server.url}/preferences/")
    keys_button = desktop.get_by_role("button", name="Keyboard shortcuts")
    expect(keys_button).to_be_visible()  # the new page's script has started
    desktop.keyboard.type("gh")
    expect(desktop).to_have_url(f"{live_server.url}/")
    expect(keys_button).to_be_visible()
    desktop.keyboard.press("/")
    expect(desktop.get_by_role("searchbox")).to_be_focused()
    desktop.keyboard.type("g p")
    expect(desktop.get_by_role("searchbox")).to_have_value("g p")


def test_the_skip_link_leads_to_the_content(desktop: Page) -> None:
    desktop.goto("/preferences/")
    desktop.keyboard.press("Tab")
    skip = desktop.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    desktop.keyboard.press("Enter")
    expect(desktop.locator("#main")).to_be_focused()


def lose_the_session(page: Page) -> None:
    """Once nothing is asked for any more: what is refused then opens the dialog by itself."""
    expect(page.locator(".blocks [aria-busy=true]")).to_have_count(0)
    page.wait_for_load_state("networkidle")  # the counts of the rail as well
    Session.objects.all().delete()


def test_who_was_signed_out_signs_in_again_in_place(desktop: Page, alice) -> None:
    desktop.goto("/")
    lose_the_session(desktop)
    desktop.locator("details.acct > summary").click()
    desktop.get_by_role("button", name="Dark").click()
    dialog = desktop.get_by_role("dialog", name="Sign in again")
    dialog.get_by_label("User name").fill("alice")
    dialog.get_by_label("Password").fill("wrong")
    dialog.get_by_role("button", name="Continue").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    assert axe.violations(desktop) == []
    dialog.get_by_label("User name").fill("alice")
    dialog.get_by_label("Password").fill(PASSWORD)
    dialog.get_by_role("button", name="Continue").click()
    expect(dialog).to_be_hidden()
    # The forms of the page carry the new token: the same button works without a reload.
    desktop.locator("details.acct > summary").click()
    with desktop.expect_response("**/theme/") as answer:
        desktop.get_by_role("button", name="Light").click()
    assert answer.value.status == 204


def test_somebody_elses_sign_in_does_not_go_on_with_this_page(desktop: Page, bob, live_server) -> None:
    desktop.goto("/")
    lose_the_session(desktop)
    desktop.locator("details.acct > summary").click()
    desktop.get_by_role("button", name="Dark").click()
    dialog = desktop.get_by_role("dialog", name="Sign in again")
    dialog.get_by_label("User name").fill("bob")
    dialog.get_by_label("Password").fill(PASSWORD)
    with desktop.expect_navigation():
        dialog.get_by_role("button", name="Continue").click()
    expect(desktop.locator("body")).to_have_attribute("data-account", str(bob.pk))


def test_signing_in_out_and_choosing_a_language_need_no_script(browser: Browser, live_server, alice) -> None:
    context = browser.new_context(locale="en", base_url=live_server.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/preferences/")
    page.get_by_label("User name").fill("alice")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{live_server.url}/preferences/")
    page.locator("details.acct > summary").click()
    page.locator("details.fold > summary").click()
    page.get_by_role("button", name="العربية").click()
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    page.locator("details.acct > summary").click()
    page.locator(".acct form[action*='sign-out'] button").click()
    expect(page).to_have_url(f"{live_server.url}/sign-in/")
    context.close()
