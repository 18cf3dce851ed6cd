"""Folders in and out in Chromium: a file that is paused on its way, its report, its undo, and an export."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from apps.mail.archives import entries, mbox
from apps.mail.services import stores
from apps.mail.services.transfers import imports
from tests.mail.conftest import letter
from tests.mail.test_list_in_browser import Open, visit  # noqa: F401
from tests.support import axe

pytestmark = pytest.mark.django_db(transaction=True)
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(autouse=True)
def kept_here(settings, tmp_path: Path, monkeypatch) -> None:
    stores.pool()
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(imports, "wake", lambda row: None)  # no worker: the page does it


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_a_file_goes_in_is_reported_undone_and_a_folder_comes_out(visit: Open, tmp_path: Path) -> None:  # noqa: F811
    person, page = visit(viewport=WIDE)
    parts = [mbox.written(entries.Message(octets=letter(f"n{n}", text="x" * 900_000))) for n in range(10)]
    file = tmp_path / "old mail.mbox"
    file.write_bytes(b"".join(parts) + b"From a@b Thu Nov 26 10:00:00 2026\nSubject: nul\n\n\0\n")
    page.goto("/mail/@/transfers/")
    assert axe.in_both_themes(page) == []
    page.get_by_label("File", exact=True).set_input_files(file)
    button = page.get_by_role("button", name="Import", exact=True)
    button.click()
    expect(page.locator("[data-upload-error]")).to_contain_text("Choose a folder, or name a new one.")
    page.get_by_label("Or into a new folder inside it").fill("Old")
    button.click()
    page.wait_for_url("**/transfers/*/")
    expect(page.get_by_role("button", name="Undo the whole import")).to_be_visible()
    expect(page.locator("#transfer-state")).to_contain_text("10 messages imported. 1 was not taken, see below.")
    expect(page.locator(".flist")).to_contain_text("octets (NUL)")
    assert person.count("Old") == 10
    assert axe.in_both_themes(page) == []
    page.set_viewport_size(NARROW)
    assert fits(page)
    for address in ("/mail/@/transfers/", "/mail/@/folders/properties/?folder=Old", "/mail/@/folders/space/"):
        page.goto(address)
        assert fits(page), address
        assert axe.violations(page) == [], address
    page.set_viewport_size(WIDE)
    page.goto("/mail/@/folders/export/?folder=Old")
    assert axe.violations(page) == []
    page.get_by_label("mbox").check()
    page.get_by_role("button", name="Export").click()
    page.wait_for_url("**/transfers/*/")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "Old.mbox"
    octets = Path(download.value.path()).read_bytes()
    assert sum(1 for _one in mbox.raw(io.BytesIO(octets))) == 10
    expect(page.locator("#transfer-state")).to_contain_text("10 messages exported.")
    page.get_by_role("link", name="All imports and exports").click()
    page.get_by_role("link", name="old mail.mbox").click()
    page.get_by_role("button", name="Undo the whole import").click()
    expect(page.locator("#transfer-state")).to_contain_text("All that it had imported was removed again.")
    expect(page.locator('#folders [data-folder="Old"]')).to_have_count(0)


def test_an_upload_that_stands_still_goes_on_in_another_visit(visit: Open, tmp_path: Path) -> None:  # noqa: F811
    person, page = visit(viewport=WIDE)
    file = tmp_path / "old.mbox"
    parts = [mbox.written(entries.Message(octets=letter(f"n{n}", text="x" * 900_000))) for n in range(12)]
    file.write_bytes(b"".join(parts))
    page.goto("/mail/@/transfers/")
    page.get_by_label("File", exact=True).set_input_files(file)
    page.get_by_label("Or into a new folder inside it").fill("Old")
    page.route("**/piece/**", lambda route: route.continue_() if "at=0" in route.request.url else route.abort())
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.locator("[data-upload-text]")).to_contain_text("%")
    expect(page.locator("[data-upload-error]")).to_contain_text("cannot be sent just now")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("[data-upload-text]")).to_contain_text("Paused at 37%.")
    page.unroute("**/piece/**")
    page.goto("/mail/@/transfers/")
    page.locator(".flist").get_by_role("link", name="old.mbox").click()
    expect(page.locator("#transfer-state")).to_contain_text("choose the same one again")
    other = tmp_path / "other.mbox"
    other.write_bytes(parts[0])
    page.get_by_label("The file").set_input_files(other)
    page.get_by_role("button", name="Go on").first.click()
    expect(page.locator("[data-upload-error]")).to_contain_text("This is another file.")
    page.get_by_label("The file").set_input_files(file)
    page.locator("[data-continue] button.primary").click()
    expect(page.get_by_role("button", name="Undo the whole import")).to_be_visible()
    assert person.count("Old") == 12
