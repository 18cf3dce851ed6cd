"""Subscribing to an address book in a browser: by keyboard, with the worker at its work, under axe."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from scripts.servers.radicale import PASSWORD as THEIRS
from scripts.servers.radicale import Radicale
from tests.contacts.test_in_browser import sign_in
from tests.contacts.test_subscriptions import card
from tests.support import pages
from tests.support.people import PASSWORD
from tests.support.site import Site, running_site

ALICE = f"""
from django.contrib.auth import get_user_model
get_user_model().objects.create_user("alice", {PASSWORD!r}, display_name="Alice Adams")
"""
WORK = """
from apps.contacts.models import Subscription
from apps.contacts.services import syncing
for each in Subscription.objects.all(): syncing.refresh(each.pk)
"""


@pytest.fixture(scope="module")
def site(radicale: Radicale) -> Iterator[Site]:
    settings = {"INSIDE_NETWORKS": "127.0.0.0/8, ::1", "INSIDE_CA_FILE": str(radicale.ca_file)}
    with running_site(PORTAL_APPS="contacts", **settings) as running:
        running.manage("shell", "--no-imports", "-c", ALICE)
        yield running


def typed(page: Page, *texts: str) -> None:
    """Each into the field that has the focus."""
    for text in texts:
        page.keyboard.type(text)
        page.keyboard.press("Tab")


def test_a_book_is_found_chosen_watched_and_given_up(site: Site, radicale: Radicale, page: Page) -> None:
    login = radicale.new_person()
    radicale.make_book(login, "team", name="Team Glacier")
    radicale.put(login, "team", "one", card("Zhanar Omurbekova", "zh@felt.example", "uid-1"))
    said = pages.console(page)
    sign_in(page, site)
    page.goto(f"{site.url}/contacts/books/")
    page.get_by_role("link", name="Subscribe to an address book").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Address", exact=True).focus()
    typed(page, radicale.url, login, "wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("does not accept this name and password")
    page.get_by_label("Password").fill(THEIRS)
    page.keyboard.press("Enter")
    expect(page.get_by_role("radio", name="Team Glacier")).to_be_checked()
    page.get_by_role("button", name="Subscribe").press("Enter")
    expect(page.locator("main")).to_contain_text("It begins in a moment.")
    site.manage("shell", "--no-imports", "-c", WORK)
    expect(page.get_by_role("link", name="1 contact")).to_be_visible()
    faults = pages.faults(page, [page.url, f"{site.url}/contacts/books/", f"{site.url}/contacts/books/subscribe/"])
    assert faults == [] and [text for text in said if "422" not in text] == []
    page.goto(f"{site.url}/contacts/?q=zhanar")
    page.get_by_role("link", name="Zhanar Omurbekova").click()
    expect(page.locator("#card")).to_contain_text("read only here")
    expect(page.locator("#card").get_by_role("link", name="Edit")).to_have_count(0)
    page.goto(f"{site.url}/sessions/")
    page.get_by_role("button", name="Revoke: Refreshing a subscribed address book").click()
    page.goto(f"{site.url}/contacts/books/")
    expect(page.get_by_role("alert")).to_contain_text("Enter it again")
    page.get_by_role("link", name="Team Glacier").last.click()
    page.get_by_role("button", name="End, and keep the contacts").click()
    expect(page.locator("#toasts")).to_contain_text("Its contacts are yours now.")


def test_without_scripts_and_on_a_telephone(site: Site, radicale: Radicale, browser: Browser) -> None:
    login = radicale.new_person()
    radicale.make_book(login, "long", name="An address book with a rather long name of its own")
    size = {"width": 390, "height": 844}
    context = browser.new_context(java_script_enabled=False, locale="en", viewport=size)  # type: ignore[arg-type]
    page = context.new_page()
    sign_in(page, site)
    page.goto(f"{site.url}/contacts/books/subscribe/")
    for label, text in (("Address", radicale.url), ("Login", login), ("Password", THEIRS)):
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_role("button", name="Look for address books").click()
    page.get_by_role("button", name="Subscribe").click()
    expect(page.locator("main")).to_contain_text("It begins in a moment.")
    site.manage("shell", "--no-imports", "-c", WORK)
    page.get_by_role("link", name="Look again").click()
    with page.expect_navigation():
        page.get_by_role("button", name="Refresh now").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    page.goto(f"{site.url}/contacts/books/")
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    context.close()
