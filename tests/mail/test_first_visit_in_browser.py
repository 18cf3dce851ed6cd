"""The collected files in Chromium: what somebody's first visit of the inbox takes, and that all of it works."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from benchmarks.cold import COLD_BYTES, COLD_REQUESTS, OPEN_BYTES
from benchmarks.seed import letters
from tests.mail.test_list_in_browser import hears_keys
from tests.support.mailserver import DovecotServer
from tests.support.site import Site
from tests.support.travel import listen


@pytest.fixture
def page(browser: Browser, site: Site, dovecot: DovecotServer) -> Iterator[Page]:
    """Of somebody who has signed in, and has 1,000 plain messages."""
    login = dovecot.new_user()
    dovecot.fill(login, letters(1000))
    context = browser.new_context(locale="en", base_url=site.url, viewport={"width": 1440, "height": 900})
    start = context.new_page()
    start.goto("/sign-in/")
    start.fill("[name=username]", login)
    start.fill("[name=password]", dovecot.password)
    start.press("[name=password]", "Enter")
    start.wait_for_url(f"{site.url}/")
    start.close()
    errors: list[str] = []
    opened = context.new_page()
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert errors == []


def test_the_first_visit_takes_little(page: Page) -> None:
    seen = listen(page)
    page.goto("/mail/INBOX/")
    expect(page.locator('.rail [data-badge="mail.index"]')).to_have_text("999+")  # what is fetched last
    page.wait_for_load_state("networkidle")
    assert len(seen) <= COLD_REQUESTS, seen
    assert 0 < sum(seen.values()) <= COLD_BYTES, seen
    before = sum(seen.values())
    page.locator(".msg").nth(5).locator(".go").press("Enter")
    expect(page.locator("#reading h1")).to_contain_text("Letter")
    page.wait_for_load_state("networkidle")
    text = len(page.locator("#reading .prose").inner_text())
    opened = sum(octets for address, octets in seen.items() if re.search(r"/INBOX/\d+/", address))
    assert 0 < opened <= OPEN_BYTES + text, (before, seen)


def test_modules_that_come_later_join_those_that_are_there(page: Page) -> None:
    """The search box, the keys and the toasts are of several files, and one of each."""
    page.goto("/mail/INBOX/")
    hears_keys(page)
    page.locator("[data-mail-search] [data-search]").focus()
    expect(page.locator("[data-mail-search] [role=combobox]")).to_be_focused()  # search.js has come
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    with page.expect_response(re.compile(r"/drag[\w.]*\.js")):
        page.locator(".msg").first.hover()
    subject = page.locator(".msg .subj b").nth(2).inner_text()
    page.locator(".msg .go").nth(2).focus()
    page.keyboard.press("x")
    page.keyboard.press("e")
    expect(page.locator("#toasts .toast")).to_have_count(1)
    expect(page.locator(".msg", has_text=subject)).to_have_count(0)
    page.keyboard.press("z")
    expect(page.locator(".msg", has_text=subject)).to_have_count(1)
    page.keyboard.press("?")
    expect(page.locator("#keys-help dl")).to_contain_text("Open the message")
