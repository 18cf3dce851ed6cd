"""Searching in a browser: the list follows what is typed; the form of single fields leads to an address to keep."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.contacts.test_in_browser import sign_in
from tests.support import pages
from tests.support.people import PASSWORD
from tests.support.site import Site, running_site

FILL = f"""
from django.contrib.auth import get_user_model
from apps.contacts.card import Value
from apps.contacts.models import SavedSearch
from apps.contacts.services import keeping
from apps.contacts.services.keeping import Doing
alice = get_user_model().objects.create_user("alice", {PASSWORD!r}, display_name="Alice Adams")
book = keeping.default_book(alice.pk, "Personal")
place = Value("ADR", ("", "", "", "Бишкек", "", "", "Kyrgyzstan"))
mail = Value("EMAIL", "zh@felt.example", ("work",))
keeping.create(book, [Value("FN", "Жанар Өмүрбекова"), place, mail], Doing(alice))
keeping.create(book, [Value("FN", "Джанар Омурбекова"), mail], Doing(alice))
keeping.create(book, [Value("FN", "محمد الحسن"), Value("TEL", "+996 555 010 142")], Doing(alice))
keeping.create_many(book, [("", [Value("FN", f"Anna {{n:03}}")]) for n in range(150)], Doing(alice))
SavedSearch.objects.create(owner=alice, name="With a number", key="with a number", query="f-with=phone")
"""
PAGES = (
    "/contacts/?f-name=anna&f-place=kyr&f-join=any",
    "/contacts/?in=search-1",
    "/contacts/search/?f-month=4&f-name=zhanar",
    "/contacts/searches/",
    "/contacts/duplicates/",
)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with running_site(PORTAL_APPS="contacts") as running:
        running.manage("shell", "--no-imports", "-c", FILL)
        yield running


@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_nothing_and_the_console_is_silent(site: Site, browser: Browser, width: int) -> None:
    size = {"width": width, "height": 844}
    context = browser.new_context(color_scheme="light", locale="en", viewport=size)  # type: ignore[arg-type]
    page = context.new_page()
    said = pages.console(page)
    sign_in(page, site)
    assert pages.faults(page, [site.url + path for path in PAGES]) == [] and said == []
    assert pages.too_wide(page, [site.url + path for path in PAGES]) == []
    context.close()


def test_the_list_follows_what_is_typed(site: Site, page: Page) -> None:
    sign_in(page, site)
    page.goto(f"{site.url}/contacts/")
    rows, box = page.locator("#cc-list .cc"), page.get_by_role("searchbox")
    expect(rows).to_have_count(100)
    box.press_sequentially("muham")
    expect(rows).to_have_count(0)
    box.press_sequentially("mad")
    expect(rows).to_have_count(1)
    expect(page).to_have_url(f"{site.url}/contacts/?q=muhammad")
    expect(box).to_be_focused()
    box.fill("anna 12")
    expect(rows).to_have_count(12)
    page.locator("#cc-list [data-all]").check()  # what is new works like what was there
    expect(page.locator("[data-count]")).to_have_text("12 chosen")
    page.locator("#bulk").get_by_role("button", name="Choose none").click()
    rows.first.get_by_role("link").focus()
    page.keyboard.press("ArrowDown")
    expect(rows.nth(1).get_by_role("link")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#card h1")).to_have_text("Anna 112")
    box.fill("")
    expect(rows).to_have_count(100)


def test_a_search_is_asked_kept_and_removed_without_scripts(site: Site, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False, locale="en")
    page = context.new_page()
    sign_in(page, site)
    page.goto(f"{site.url}/contacts/")
    page.get_by_role("link", name="Search by fields").click()
    page.get_by_label("Place or country").fill("kyr")
    page.get_by_label("Name", exact=True).fill("zhanar")
    page.get_by_label("Place or country").press("Enter")
    expect(page.locator("#cc-list .cc .go")).to_have_text(["Жанар Өмүрбекова"])
    expect(page.locator(".casked")).to_contain_text("Place or country: kyr")
    page.locator(".casked summary").click()
    page.get_by_label("Name of the search").fill("From Kyrgyzstan")
    page.get_by_label("Name of the search").press("Enter")
    expect(page.locator("#toasts")).to_contain_text("stands beside the address books")
    expect(page.get_by_role("link", name="From Kyrgyzstan")).to_have_attribute("aria-current", "page")
    expect(page.locator("#cc-list .cc")).to_have_count(1)
    page.get_by_role("link", name="Saved searches: rename, remove").click()
    page.get_by_role("button", name="Delete From Kyrgyzstan").click()
    expect(page.locator("#toasts")).to_contain_text("gone")
    context.close()
