"""The Django admin under our Content-Security-Policy: it works, and nothing on its pages is refused by the browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from apps.prefs.models import PreferenceDefault
from tests.support.people import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def page(browser: Browser, live_server, admin_user) -> Iterator[Page]:
    context = browser.new_context(locale="en", base_url=live_server.url)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    yield page
    context.close()
    assert complaints == []


def test_an_administrator_signs_in_and_sets_a_default(page: Page) -> None:
    page.goto("/admin/")
    expect(page).to_have_url("/sign-in/?next=/admin/")
    page.get_by_label("User name or mail address").fill("Root")
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url("/admin/")
    page.goto("/admin/portal_prefs/preferencedefault/add/")
    page.get_by_role("link", name="Theme", exact=True).click()
    page.get_by_label("Theme").select_option("dark")
    page.get_by_label("Locked").check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was added successfully")).to_be_visible()
    row = PreferenceDefault.objects.get()
    assert (row.key, row.value, row.locked) == ("portal.theme", "dark", True)
    for path in ("/admin/portal_auth/user/", "/admin/portal_auth/user/add/", "/admin/portal/notice/add/"):
        assert page.goto(path).status == 200
    page.goto("/admin/")
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url("/sign-in/")
