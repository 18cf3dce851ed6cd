"""Home, preferences and self-test in Chromium, with an app from outside switched on: with scripts, and without."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12
from playwright.sync_api import Browser, Page, expect

from tests.support import axe, pages
from tests.support.people import PASSWORD
from tests.support.site import Site, running_site

DUMMY = Path(__file__).resolve().parents[1] / "dummyapp"
FILL = f"""
from django.contrib.auth import get_user_model
from dummyapp.models import Entry
from portal.models import Notice
User = get_user_model()
alice = User.objects.create_user("alice", {PASSWORD!r}, display_name="Alice Adams")
User.objects.create_superuser("root", {PASSWORD!r}, display_name="Rune Root")
Entry.objects.create(author=alice, text="مرحبا from the guest book")
Notice.objects.create(title="Mail pauses tonight.", text="The storage moves.", url="https://example.test/")
Notice.objects.create(title="Fire drill at noon.", level=Notice.Level.DANGER, dismissible=False)
"""
PAGES = (
    "/",
    "/?customise=1",
    "/home/blocks/dummyapp.newest/",
    "/preferences/",
    "/preferences/?q=th",
    "/preferences/portal.look/",
    "/search/?q=theme",
    "/search/",
    "/help/",
    "/selftest/",
    "/dummyapp/",
    "/auth/certificates/",
)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with running_site(PORTAL_APPS="dummyapp", PYTHONPATH=str(DUMMY)) as running:
        running.manage("collectstatic", "--noinput", "--verbosity", "0")
        running.manage("migrate", "--verbosity", "0")
        running.manage("shell", "--no-imports", "-c", FILL)
        running.manage("ca", "init")
        running.stop()
        running.start()  # the manifest of the static files is read once
        yield running


def sign_in(page: Page, site: Site, name: str) -> None:
    page.goto(f"{site.url}/sign-in/")
    scripts = pages.runs_scripts(page)
    page.fill("[name=username]", name)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url(f"{site.url}/**")
    expect(page.locator("h1")).to_contain_text("Good")
    pages.at_home(page, scripts=scripts)


def test_axe_finds_nothing_and_the_console_is_silent(site: Site, browser: Browser) -> None:
    context = browser.new_context(color_scheme="light", locale="en")
    page = context.new_page()
    said = pages.console(page)
    sign_in(page, site, "root")
    assert pages.faults(page, [site.url + path for path in PAGES]) == [] and said == []
    context.close()


def test_nothing_is_wider_than_the_window(site: Site, browser: Browser) -> None:
    context = browser.new_context(locale="ar")
    page = context.new_page()
    sign_in_anywhere(page, site)
    assert pages.too_wide(page, [site.url + path for path in PAGES]) == []
    context.close()


def sign_in_anywhere(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/sign-in/")
    page.fill("[name=username]", "root")
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_selector(".home")


def test_blocks_load_and_a_notice_goes_away_in_place(site: Site, page: Page) -> None:
    sign_in(page, site, "alice")
    expect(page.locator("#block-dummyapp-newest")).to_contain_text("from the guest book")
    expect(page.locator("#block-dummyapp-newest .badge")).to_have_text("1")
    page.get_by_role("button", name="Dismiss: Mail pauses tonight.").click()
    expect(page.get_by_text("Mail pauses tonight.")).to_have_count(0)
    assert page.url == f"{site.url}/"
    page.reload()
    expect(page.get_by_text("Fire drill at noon.")).to_be_visible()
    expect(page.get_by_text("Mail pauses tonight.")).to_have_count(0)


def test_the_home_page_is_arranged_without_scripts(site: Site, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False, locale="en")
    page = context.new_page()
    sign_in(page, site, "root")
    expect(page).to_have_url(f"{site.url}/?all=1")  # by itself
    expect(page.locator("#block-dummyapp-newest")).to_contain_text("from the guest book")
    page.get_by_role("link", name="Customise").click()
    page.get_by_role("button", name="Notices").click()
    page.get_by_role("button", name="Move Notices towards the start").click()
    page.locator("#block-portal-notices").get_by_role("button", name="Full width").click()
    page.get_by_role("link", name="Done").click()
    page.wait_for_url(f"{site.url}/?all=1")
    cards = page.locator(".blocks .card")
    expect(cards).to_have_count(2)
    expect(cards.nth(0)).to_have_id("block-portal-notices")
    expect(cards.nth(0)).to_have_class(re.compile(r"\bb12\b"))
    context.close()


def test_preferences_are_found_while_typing_and_saved(site: Site, page: Page) -> None:
    sign_in(page, site, "alice")
    page.goto(f"{site.url}/preferences/portal.look/")
    page.get_by_label("Search preferences").fill("entr")
    page.get_by_role("link", name=re.compile("Entries on the home page")).click()
    expect(page).to_have_url(re.compile("/preferences/dummyapp.page/#pref-dummyapp-block_size$"))
    field = page.get_by_role("spinbutton", name="Entries on the home page")
    field.fill("5")
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("Saved.")
    expect(field).to_have_value("5")
    page.get_by_role("button", name="Reset Entries on the home page").click()
    expect(field).to_have_value("3")


def test_the_self_test_counts_sorts_and_copies(site: Site, browser: Browser) -> None:
    context = browser.new_context(locale="en", permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    sign_in(page, site, "root")
    page.goto(f"{site.url}/selftest/")
    expect(page.locator("[data-state]")).to_have_text("All checks are done.")
    levels = page.locator("[data-rows] tr").evaluate_all("rows => rows.map(row => row.dataset.level)")
    assert levels == sorted(levels, key=["error", "warning", "ok"].index)
    for level in ("error", "warning", "ok"):
        assert page.locator(f"[data-count={level}]").inner_text() == str(levels.count(level))
    worker = page.locator("tr[data-id='portal.tasks']")  # nobody has started one here
    expect(worker).to_contain_text("no worker has done it")
    worker.get_by_role("button", name="Copy the command").click()
    expect(page.locator("#toasts")).to_contain_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()").startswith(".venv/bin/celery -A portal.celery worker")
    context.close()


def test_the_self_test_runs_without_scripts(site: Site, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False, locale="en")
    page = context.new_page()
    sign_in(page, site, "root")
    page.goto(f"{site.url}/selftest/")
    page.get_by_role("link", name="Run all checks").click()
    expect(page.locator(".tiles")).to_contain_text("passed")
    assert page.locator("tr[data-level]").count() >= 8
    context.close()


def test_a_certificate_is_made_and_fetched_without_scripts(site: Site, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False, locale="en")
    page = context.new_page()
    page.goto(f"{site.url}/sign-in/?next=/auth/certificates/")
    page.fill("[name=username]", "alice")
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.get_by_label("Device it is for").fill("Laptop")
    page.get_by_role("button", name="Make a certificate").click()
    password = page.locator("code.big").inner_text()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the file").click()
    bundle = pkcs12.load_pkcs12(download.value.path().read_bytes(), password.encode())
    assert bundle.key is not None and download.value.suggested_filename == "alice-laptop.p12"
    page.get_by_role("link", name="Back to the certificates").click()
    page.get_by_role("button", name="Revoke: Laptop").click()
    expect(page.get_by_role("list", name="Your own certificates")).to_contain_text("Revoked")
    context.close()


def test_axe_finds_nothing_where_a_password_is_shown(site: Site, browser: Browser) -> None:
    context = browser.new_context(color_scheme="light", locale="en", viewport={"width": 390, "height": 844})
    page = context.new_page()
    sign_in(page, site, "alice")
    page.goto(f"{site.url}/auth/certificates/")
    page.get_by_role("button", name="Make a certificate").click()
    expect(page.locator("code.big")).to_be_visible()
    for system in page.locator("summary.btn").all():
        system.click()
    assert axe.in_both_themes(page) == []
    context.close()
