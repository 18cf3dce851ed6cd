"""The pages of contacts in a browser: with scripts and without, by keyboard, under axe."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support import pages
from tests.support.people import PASSWORD
from tests.support.site import Site, running_site

FILL = f"""
from django.contrib.auth import get_user_model
from apps.contacts.card import Value
from apps.contacts.models import Book
from apps.contacts.services import groups, keeping
from apps.contacts.services.keeping import Doing
alice = get_user_model().objects.create_user("alice", {PASSWORD!r}, display_name="Alice Adams")
book = keeping.default_book(alice.pk, "Personal")
more = [Value("EMAIL", "zh@felt.example", ("work",)), Value("TEL", "+996 555 010 142", ("cell",))]
more.append(Value("X-ODD", "kept"))
values = [Value("FN", "Жанар Өмүрбекова"), Value("CATEGORIES", "Glacier"), *more]
first = keeping.create(book, values, Doing(alice))
keeping.create(book, [Value("FN", "Zhanar O."), more[1]], Doing(alice))
groups.add(groups.make(alice.pk, "Team"), [first])
keeping.create_many(book, [("", [Value("FN", f"Anna {{n:03}}")]) for n in range(250)], Doing(alice))
"""
PAGES = (
    "/contacts/",
    "/contacts/?q=zhanar",
    "/contacts/?q=nobody",
    "/contacts/?in=trash",
    "/contacts/1/",
    "/contacts/1/edit/",
    "/contacts/1/history/",
    "/contacts/new/",
    "/contacts/books/",
    "/contacts/books/subscribe/",
    "/contacts/groups/",
    "/contacts/duplicates/",
    "/contacts/duplicates/?one=1&other=2",
    "/contacts/import/",
    "/contacts/export/",
    "/contacts/programs/",
    "/preferences/contacts.page/",
    "/help/contacts.people/",
)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with running_site(PORTAL_APPS="contacts") as running:
        running.manage("shell", "--no-imports", "-c", FILL)
        yield running


def sign_in(page: Page, site: Site) -> None:
    pages.sign_in(page, site.url, "alice", PASSWORD)


@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_nothing_and_the_console_is_silent(site: Site, browser: Browser, width: int) -> None:
    size = {"width": width, "height": 844}
    context = browser.new_context(color_scheme="light", locale="en", viewport=size)  # type: ignore[arg-type]
    page = context.new_page()
    said = pages.console(page)
    sign_in(page, site)
    assert pages.faults(page, [site.url + path for path in PAGES]) == [] and said == []
    context.close()


def test_nothing_is_wider_than_the_window(site: Site, browser: Browser) -> None:
    context = browser.new_context(locale="ar")
    page = context.new_page()
    sign_in(page, site)
    assert pages.too_wide(page, [site.url + path for path in PAGES]) == []
    context.close()


def test_the_list_goes_on_and_opens_cards_by_key(site: Site, page: Page) -> None:
    sign_in(page, site)
    page.goto(f"{site.url}/contacts/")
    rows = page.locator("#cc-list .cc")
    expect(rows).to_have_count(100)
    page.locator("[data-endless]").scroll_into_view_if_needed()
    expect(rows).to_have_count(200)
    page.keyboard.press("j")
    expect(page.locator("#card h1")).to_have_text("Anna 000")
    page.keyboard.press("j")
    expect(page.locator("#card h1")).to_have_text("Anna 001")
    expect(page.locator("#cc-list .cc.open .go")).to_have_text("Anna 001")
    expect(page).to_have_title("Anna 001 – Yurt")
    page.keyboard.press("k")
    expect(page.locator("#card h1")).to_have_text("Anna 000")
    page.go_back()
    expect(page.locator("#card h1")).to_have_text("Anna 001")


def test_boxes_bring_the_bar_and_its_actions(site: Site, page: Page) -> None:
    sign_in(page, site)
    page.goto(f"{site.url}/contacts/?q=anna%2020")
    expect(page.locator("#cc-list .cc")).to_have_count(13)
    page.locator("#cc-list [data-all]").check()
    expect(page.locator("[data-count]")).to_have_text("13 chosen")
    page.locator("#bulk summary").click()
    page.locator("#bulk").get_by_role("button", name="Team").click()
    expect(page.locator("#toasts")).to_contain_text("13 contacts are in the group.")


def test_rows_of_the_form_come_and_go_in_place(site: Site, page: Page) -> None:
    sign_in(page, site)
    page.goto(f"{site.url}/contacts/new/")
    page.get_by_label("Given name").fill("Rows")
    page.get_by_role("button", name="Birthday").click()
    page.get_by_role("textbox", name="Birthday").fill("1985-04-12")
    expect(page.get_by_label("Given name")).to_have_value("Rows")
    page.get_by_role("button", name="Phone", exact=True).click()
    expect(page.get_by_role("textbox", name="Phone", exact=True)).to_have_count(2)
    page.get_by_role("button", name="Remove Birthday").click()
    expect(page.get_by_role("textbox", name="Birthday")).to_have_count(0)
    page.get_by_role("button", name="Save").last.click()
    expect(page.locator("#card h1")).to_have_text("Rows")


def test_without_scripts_everything_is_there(site: Site, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False, locale="en")
    page = context.new_page()
    sign_in(page, site)
    page.goto(f"{site.url}/contacts/new/")
    page.get_by_label("Given name").fill("Plain")
    page.get_by_role("button", name="Web", exact=True).click()
    page.get_by_role("textbox", name="Web", exact=True).fill("felt.example")
    page.get_by_role("button", name="Save").last.click()
    expect(page.locator("#card h1")).to_have_text("Plain")
    expect(page.get_by_role("link", name="felt.example")).to_have_attribute("href", "https://felt.example")
    page.get_by_role("button", name="Favourite").click()
    expect(page.locator("#toasts")).to_contain_text("is a favourite")
    page.get_by_role("button", name="Delete").click()
    page.goto(f"{site.url}/contacts/?in=trash")
    page.get_by_role("link", name="Plain").click()
    page.get_by_role("button", name="Take back").last.click()
    expect(page.locator("#toasts")).to_contain_text("1 contact is back.")
    page.goto(f"{site.url}/contacts/?page=2")
    expect(page.locator("#cc-list .cc")).to_have_count(100)
    context.close()
