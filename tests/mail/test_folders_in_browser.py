"""The folder column in Chromium: menus by mouse, by keys alone, on a phone, without scripts."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.mail.conftest import letter
from tests.mail.test_list_in_browser import Open, row, visit  # noqa: F401
from tests.support import axe

pytestmark = pytest.mark.django_db(transaction=True)
WIDE = {"width": 1440, "height": 900}


def button(page: Page, folder: str) -> Locator:
    return page.locator(f'#folders summary[aria-label="Actions for {folder}"]')


def link(page: Page, folder: str) -> Locator:
    return page.locator(f'#folders [data-folder="{folder}"]')


def choose(page: Page, folder: str, what: str) -> None:
    link(page, folder).hover()
    link(page, folder).locator("xpath=..").locator(".fmenu > summary").first.click()
    page.locator("#folders .fmenu[open]").get_by_text(what, exact=True).click()


def toast(page: Page) -> Locator:
    return page.locator("#toasts .toast")


def test_making_renaming_throwing_away_and_back(visit: Open) -> None:  # noqa: F811
    person, page = visit(viewport=WIDE)
    page.get_by_role("link", name="New folder").click()
    dialog = page.locator("#mail-dialog")
    expect(dialog.get_by_label("Name")).to_be_focused()
    assert axe.violations(page) == []
    dialog.get_by_label("Name").fill("a/b")
    page.keyboard.press("Enter")
    expect(dialog.locator(".err")).to_contain_text("separates folders")
    expect(dialog.get_by_label("Name")).to_be_focused()
    dialog.get_by_label("Name").fill("Projekte & mehr")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(link(page, "Projekte & mehr")).to_be_visible()
    expect(toast(page)).to_contain_text("Folder “Projekte & mehr” created.")
    person.receive(letter("inside"), mailbox='"Projekte &- mehr"'.strip('"'))
    choose(page, "Projekte & mehr", "Rename or move")
    dialog.get_by_label("Name").fill("Glacier")
    dialog.get_by_role("button", name="Save").click()
    expect(link(page, "Glacier")).to_be_visible()
    choose(page, "Glacier", "Delete the folder")
    expect(toast(page)).to_contain_text("moved to the trash")
    expect(link(page, "Glacier")).to_have_count(0)
    toast(page).get_by_role("button", name="Undo").click()
    expect(link(page, "Glacier")).to_be_visible()
    assert person.count("Glacier") == 1


def test_the_open_folder_keeps_its_page_under_its_new_name(visit: Open) -> None:  # noqa: F811
    person, page = visit(viewport=WIDE)
    person.receive(letter("inside"), mailbox="Old/in")
    page.goto("/mail/Old~2fin/")
    choose(page, "Old", "Rename or move")
    page.locator("#mail-dialog").get_by_label("Name").fill("New")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/mail/New~2fin/$"))
    expect(row(page, "inside")).to_be_visible()
    toast(page).get_by_role("button", name="Undo").click()
    expect(page).to_have_url(re.compile("/mail/Old~2fin/$"))


def test_marking_all_as_read_redraws_the_list_and_z_takes_it_back(visit: Open) -> None:  # noqa: F811
    _person, page = visit(viewport=WIDE)
    choose(page, "INBOX", "Mark all as read")
    expect(page.locator(".msg.un")).to_have_count(0)
    expect(page.locator("#folders a[aria-current] .cnt")).to_have_count(0)
    expect(toast(page)).to_contain_text("4 messages marked as read")
    page.keyboard.press("z")
    expect(page.locator(".msg.un")).to_have_count(4)
    expect(page.locator("#folders a[aria-current] .cnt")).to_have_text("4")


def test_emptying_asks_with_the_count_and_shows_the_empty_list(visit: Open) -> None:  # noqa: F811
    person, page = visit(viewport=WIDE)
    person.receive(letter("a"), letter("b"), mailbox="Trash")
    page.goto("/mail/Trash/")
    choose(page, "Trash", "Empty the trash")
    dialog = page.locator("#mail-dialog")
    expect(dialog).to_contain_text("2 messages are deleted and cannot be brought back.")
    expect(dialog.get_by_role("link", name="Cancel")).to_be_focused()
    assert axe.violations(page) == []
    dialog.get_by_role("button", name="Empty").click()
    expect(page.locator("#list")).to_contain_text("This folder is empty")
    expect(toast(page)).to_contain_text("2 messages deleted for ever.")
    assert person.count("Trash") == 0


def test_with_keys_alone_and_the_focus_stays(visit: Open) -> None:  # noqa: F811
    person, page = visit(viewport=WIDE)
    person.receive(letter(), mailbox="Box")
    page.reload()
    page.keyboard.type("gf")
    expect(page.locator("#folders a[aria-current]")).to_be_focused()
    link(page, "Box").focus()
    page.keyboard.press("Tab")
    expect(button(page, "Box")).to_be_focused()
    page.keyboard.press("Enter")
    menu = page.locator("#folders .fmenu[open]")
    expect(menu.get_by_text("Rename or move")).to_be_visible()
    assert axe.violations(page) == []
    # The column is not drawn anew under an open menu, and is once it closes.
    person.receive(letter("late"), mailbox="Box")
    page.evaluate("document.querySelector('#folders').dispatchEvent(new CustomEvent('mail-changed'))")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(menu.get_by_text("Rename or move").locator("..")).to_be_focused()
    page.keyboard.press("Enter")
    dialog = page.locator("#mail-dialog")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(button(page, "Box")).to_be_focused()
    expect(link(page, "Box").locator(".cnt")).to_have_text("2")
    expect(button(page, "Box")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_text("Mark all as read").wait_for()
    page.keyboard.press("Escape")
    expect(page.locator("#folders .fmenu[open]")).to_have_count(0)
    expect(button(page, "Box")).to_be_focused()


def test_a_folder_that_vanished_says_so(visit: Open) -> None:  # noqa: F811
    person, page = visit(viewport=WIDE)
    person.receive(letter(), mailbox="Gone")
    page.reload()
    link(page, "Gone").wait_for()
    with person.server.session(person.login) as session:
        session.delete("Gone")
    link(page, "Gone").hover()
    button(page, "Gone").click()
    expect(toast(page)).to_contain_text("“Gone” isn’t there any more")
    expect(link(page, "Gone")).to_have_count(0)


def test_without_scripts(visit: Open) -> None:  # noqa: F811
    person, page = visit(viewport=WIDE, java_script_enabled=False)
    person.receive(letter(), mailbox="Box")
    page.goto("/mail/INBOX/")
    link(page, "Box").hover()
    button(page, "Box").click()
    page.get_by_role("link", name="Manage this folder").click()
    page.get_by_role("link", name="Rename or move Box").click()
    page.get_by_label("Name").fill("Chest")
    page.get_by_label("Inside").select_option(label="Inbox")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Manage folders")).to_be_visible()
    expect(toast(page)).to_contain_text("Folder “Chest” moved to “Inbox”.")
    toast(page).get_by_role("button", name="Undo").click()
    expect(toast(page)).to_contain_text("is back")
    page.goto("/mail/@/folders/manage/")
    page.get_by_role("button", name="Delete Box").click()
    expect(page.locator(".flist")).to_contain_text("Box")  # in the trash now
    page.get_by_role("button", name="Delete Box").click()
    page.get_by_role("button", name="Delete for ever").click()
    expect(page.get_by_role("button", name="Delete Box")).to_have_count(0)


@pytest.mark.parametrize("width", [1024, 390])
def test_in_the_drawer(visit: Open, width: int) -> None:  # noqa: F811
    person, page = visit(viewport={"width": width, "height": 844}, has_touch=width < 800)
    person.receive(letter(), mailbox="Box")
    page.reload()
    page.get_by_role("button", name="Show the side column").click()
    button(page, "Box").click()
    page.locator("#folders .fmenu[open]").get_by_text("Rename or move").click()
    expect(page.locator("#mail-dialog").get_by_label("Name")).to_have_value("Box")
    assert axe.violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(visit: Open, theme: str) -> None:  # noqa: F811
    person, page = visit(viewport=WIDE, color_scheme=theme)
    person.receive(letter(), mailbox="Box/in")
    for path in ("manage/", "manage/?folder=Box", "new/", "edit/?folder=Box/in"):
        page.goto(f"/mail/@/folders/{path}")
        assert axe.violations(page) == [], path
