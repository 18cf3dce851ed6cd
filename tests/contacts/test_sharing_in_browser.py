"""The page of shares in a browser: by keyboard, without scripts, under axe, in a window of any width."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support import pages
from tests.support.people import PASSWORD
from tests.support.site import Site, running_site

FILL = f"""
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group as Team
from apps.contacts.card import Value
from apps.contacts.lenses import marked
from apps.contacts.models import Book, Share
from apps.contacts.services import groups, keeping
from apps.contacts.services.keeping import Doing
make = get_user_model().objects.create_user
alice = make("alice", {PASSWORD!r}, display_name="Alice Adams", email="alice@yurt.example")
bob = make("bob", {PASSWORD!r}, display_name="Ève Lambert", email="eve@yurt.example")
team = Team.objects.create(name="Field team")
for user in (alice, bob):
    user.groups.add(team)
book = keeping.default_book(alice.pk, "Personal")
more = [Value("EMAIL", "a.tokoeva@ims.example", ("work",)), Value("TEL", "+996 312 555 0142", ("work",))]
more.append(marked(Value("TEL", "+996 555 010 142", ("cell",)), True))
values = [Value("N", ("Токоева", "Айгерим", "", "", "")), Value("FN", "Айгерим Токоева"), *more]
values.append(Value("NOTE", "Kyrgyz"))
first = keeping.create(book, values, Doing(alice))
groups.add(groups.make(alice.pk, "Reviewers"), [first])
library = Book.objects.create(owner=bob, name="Team library")
keeping.create(library, [Value("FN", "Alpine Observatory"), Value("EMAIL", "info@alpine.example")], Doing(bob))
Share.objects.create(owner=bob, book=library, group=team, by=bob)
Share.objects.create(owner=alice, book=book, group=team, level=2, by=alice)
"""
PAGES = (
    "/contacts/",
    "/contacts/1/",
    "/contacts/2/",
    "/contacts/1/edit/",
    "/contacts/1/share/",
    "/contacts/books/1/share/",
    "/contacts/groups/1/share/",
    "/contacts/books/",
    "/contacts/groups/",
)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with running_site(PORTAL_APPS="contacts") as running:
        running.manage("shell", "--no-imports", "-c", FILL)
        yield running


def sign_in(page: Page, site: Site, login: str = "alice") -> None:
    pages.sign_in(page, site.url, login, PASSWORD)


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


def test_a_contact_is_shared_by_keyboard_and_taken_back(site: Site, page: Page, browser: Browser) -> None:
    sign_in(page, site)
    page.goto(f"{site.url}/contacts/1/share/")
    page.locator("#sh-person").focus()
    page.keyboard.type("eve@yurt.example")
    page.keyboard.press("Tab")  # the group
    page.keyboard.press("Tab")  # what they may do
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")  # some fields
    page.keyboard.press("Tab")
    page.keyboard.press("Space")  # the first of them
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("Shared with Ève Lambert.")
    row = page.locator(".clist li").filter(has_text="Ève Lambert")
    expect(row).to_contain_text("can edit · Email at work")
    row.get_by_role("link", name="Change what Ève Lambert may do").click()
    expect(page.locator("#sh-person")).to_have_value("eve@yurt.example")
    expect(page.get_by_label("The name, and these fields:")).to_be_checked()
    page.get_by_role("button", name="Stop sharing with Ève Lambert").click()
    expect(page.locator(".clist")).to_have_count(0)
    expect(page.locator("#main, main").first).to_contain_text("Field team")  # by its book, still


def test_without_scripts_it_is_the_same(site: Site, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False, locale="en")
    page = context.new_page()
    sign_in(page, site, "bob")
    page.goto(f"{site.url}/contacts/1/")
    expect(page.locator("#card")).to_contain_text("By Alice Adams")
    expect(page.locator("#card")).not_to_contain_text("010 142")
    page.goto(f"{site.url}/contacts/books/2/share/")
    page.get_by_label("or a group").select_option("Field team")
    page.get_by_label("can edit").check()
    page.get_by_role("button", name="Share", exact=True).click()
    expect(page.locator(".clist")).to_contain_text("can edit")
    page.goto(f"{site.url}/contacts/books/")
    page.get_by_role("button", name="Hide Personal").click()
    page.goto(f"{site.url}/contacts/")
    expect(page.locator("#cc-list")).not_to_contain_text("Айгерим")
    context.close()
