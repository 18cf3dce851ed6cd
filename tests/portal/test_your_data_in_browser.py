"""A person takes their data along and removes it, by keyboard alone; the pages under axe, with scripts and without."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from apps.auth.models import User
from portal.models import KnownDevice, Notice, Session
from tests.support import pages
from tests.support.people import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)
PAGES = ("/your-data/", "/your-data/export/", "/your-data/remove/")


@pytest.fixture(params=[True, False], ids=["scripts", "no scripts"])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(locale="en", java_script_enabled=request.param, color_scheme="light")
    yield context.new_page()
    context.close()


def sign_in(page: Page, url: str) -> None:
    page.goto(f"{url}/sign-in/")
    scripts = pages.runs_scripts(page)
    page.fill("[name=username]", "alice")
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    expect(page.locator("h1")).to_contain_text("Good")
    pages.at_home(page, scripts=scripts)


def press(page: Page, name: str) -> None:
    """Go to the link or button with the tabulator, and press Enter."""
    for _step in range(80):
        page.keyboard.press("Tab")
        if page.locator(":focus").count() and page.locator(":focus").inner_text().strip() == name:
            page.keyboard.press("Enter")
            return
    raise AssertionError(f"the keyboard does not reach {name}")


def test_somebody_takes_it_along_and_removes_it_by_keyboard(
    page: Page, live_server, alice: User, tmp_path: Path
) -> None:
    Notice.objects.create(title="For Alice alone", user=alice)
    sign_in(page, live_server.url)
    page.goto(f"{live_server.url}/your-data/")
    press(page, "Export")
    page.wait_for_url("**/your-data/export/")
    with page.expect_download() as waiting:
        press(page, "Download")
    file = tmp_path / "file.zip"
    waiting.value.save_as(file)
    assert waiting.value.suggested_filename.startswith("yurt-alice-")
    [notice, *_told] = json.loads(zipfile.ZipFile(file).read("portal/notice.json"))
    assert notice["title"] == "For Alice alone"
    page.goto(f"{live_server.url}/your-data/")
    press(page, "Remove everything")
    page.wait_for_url("**/your-data/remove/")
    press(page, "Remove and sign out")
    expect(page.get_by_role("alert")).to_contain_text("Tick the box first")
    page.locator("[name=sure]").focus()
    page.keyboard.press("Space")
    press(page, "Remove and sign out")
    expect(page.locator("h1")).to_have_text("Your data is removed")
    assert not Session.objects.filter(user=alice).exists() and not Notice.objects.filter(user=alice).exists()
    assert not KnownDevice.objects.filter(user=alice).exists()
    press(page, "To the sign-in page")
    page.wait_for_url("**/sign-in/**")
    sign_in(page, live_server.url)


@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_nothing_and_nothing_is_too_wide(browser: Browser, live_server, alice: User, width: int) -> None:
    context = browser.new_context(locale="en", color_scheme="light", viewport={"width": width, "height": 844})
    page = context.new_page()
    said = pages.console(page)
    sign_in(page, live_server.url)
    urls = [live_server.url + path for path in PAGES]
    assert pages.faults(page, urls) == [] and said == []
    assert pages.too_wide(page, urls) == []
    context.close()


def test_axe_finds_nothing_on_the_last_page(browser: Browser, live_server, alice: User) -> None:
    context = browser.new_context(locale="en", color_scheme="light")
    page = context.new_page()
    sign_in(page, live_server.url)
    page.goto(f"{live_server.url}/your-data/remove/")
    page.check("[name=sure]")
    page.get_by_role("button", name="Remove and sign out").click()
    expect(page.locator("h1")).to_have_text("Your data is removed")
    assert pages.axe.in_both_themes(page) == []
    assert Client().get("/your-data/").status_code == 302
    context.close()
