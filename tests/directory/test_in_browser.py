"""The directory in a browser: with scripts and without, by keyboard, under axe."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from scripts.servers.slapd import ADMIN, ADMIN_PASSWORD, BASE, PASSWORD
from scripts.servers.staff import Staff, login
from tests.directory.world import needs
from tests.support import axe
from tests.support.site import Site, running_site

pytestmark = [*needs, pytest.mark.browser]
UNIT = "/directory/?in=staff&unit=people/Research/Glaciology"
PAGES = (
    "/directory/",
    f"{UNIT}&q=radar",
    "/directory/?q=nobodylikethis",
    "/directory/?as=cards&q=radar",
    f"{UNIT}&as=chart",
    "/directory/me/edit/",
    "/help/directory.people/",
)


@pytest.fixture(scope="module")
def site(staff: Staff) -> Iterator[Site]:
    with running_site(
        PORTAL_APPS="directory",
        SIGN_IN="ldap",
        LDAP_URL=staff.tls_url,
        LDAP_TLS_CA_FILE=str(staff.ca_file),
        LDAP_BASE=BASE,
        LDAP_BIND_DN=ADMIN,
        LDAP_BIND_PASSWORD=ADMIN_PASSWORD,
        DIRECTORIES="staff",
        DIRECTORY_STAFF_TITLE="Institute",
        DIRECTORY_STAFF_EDITABLE="mobile, room, photo",
    ) as running:
        yield running


def sign_in(page: Page, site: Site) -> Page:
    page.goto(f"{site.url}/sign-in/")
    page.fill("[name=username]", login(12))
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "sign-in" not in url)
    expect(page.locator(".page.home")).to_be_visible()  # which has no blocks here, and leads nowhere
    return page


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (1024, True), (390, False)])
def test_nothing_stands_over_the_edge_and_axe_finds_nothing(
    browser: Browser, site: Site, width: int, dark: bool
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme="dark" if dark else "light")
    page = sign_in(context.new_page(), site)
    page.goto(site.url + UNIT)
    person = page.locator(".dgo").first.get_attribute("href") or ""
    wrong = []
    for path in (*PAGES, person):
        page.goto(site.url + path)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
        wrong += [(path, each) for each in axe.violations(page)]
    context.close()
    assert wrong == []


def test_by_keyboard_somebody_opens_beside_the_list(page: Page, site: Site) -> None:
    sign_in(page, site)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{site.url}{UNIT}&q=radar")
    first = page.locator(".dgo").first
    name = first.inner_text()
    first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#person h1").first).to_have_text(name)
    expect(page.locator("#person h1").first).to_be_focused()
    expect(page).to_have_url(re.compile("/directory/staff[.]"))
    expect(page.locator("tr.open")).to_have_count(1)
    page.go_back()
    expect(page.locator("#person [data-card]")).to_have_count(0)


def test_a_tick_narrows_down_and_a_tree_opens_without_scripts(browser: Browser, site: Site) -> None:
    for scripts in (True, False):
        context = browser.new_context(java_script_enabled=scripts, viewport={"width": 1440, "height": 900})
        page = sign_in(context.new_page(), site)
        page.goto(f"{site.url}/directory/")
        page.get_by_label("Jaca").check()
        if not scripts:
            page.get_by_role("button", name="Narrow down").click()
        expect(page.locator(".foot")).to_contain_text("75 people")
        page.locator("summary[aria-label='Units in Research']").click()
        page.get_by_role("link", name="Hydrology 25").click()
        expect(page.locator(".crumbs [aria-current]")).to_have_text("Hydrology")
        page.locator(".seg a", has_text="Chart").click()
        expect(page.locator(".dbox").first).to_be_visible()
        context.close()
