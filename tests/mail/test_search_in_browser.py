"""The search box and its results in Chromium: chips by keyboard, stopping, several folders, without scripts."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from apps.mail.mailbox.imap import scan
from apps.mail.services import searching
from tests.mail.conftest import Person, days_ago, letter
from tests.mail.test_list_in_browser import Open, row, visit  # noqa: F401 - the fixture
from tests.mail.test_searching import patient  # noqa: F401 - likewise
from tests.support import axe
from tests.support.holding import hold_from_now_on

pytestmark = pytest.mark.django_db(transaction=True)
DESKTOP = {"width": 1440, "height": 900}


def box(page: Page):
    return page.locator("[data-search]")


def chips(page: Page):
    return page.locator(".chip.op")


def fill(person: Person) -> None:
    person.receive(letter("Radar plan"), mailbox="Projects", date=days_ago(2), flags="\\Flagged")
    person.receive(letter("Radar reply", sender="Søren <soren@radar.test>"), flags="\\Seen")


def test_chips_by_keyboard(visit: Open) -> None:  # noqa: F811
    person, page = visit(viewport=DESKTOP)
    fill(person)
    page.keyboard.press("/")
    expect(box(page)).to_be_focused()
    expect(box(page)).to_have_attribute("role", "combobox")  # it hears keys once its module is there
    page.keyboard.type("is:read radar from:")
    expect(chips(page)).to_have_text(re.compile(r"is:\s*read"))
    expect(box(page)).to_have_value("radar from:")
    page.keyboard.type('"soren" -is:flagged ')
    expect(chips(page)).to_have_count(3)
    expect(box(page)).to_have_value("radar ")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"\?q=is%3Aread\+from%3A%22soren%22\+-is%3Aflagged\+radar$"))
    expect(page.locator(".msg")).to_have_count(1)
    expect(chips(page)).to_have_count(3)
    box(page).focus()
    expect(box(page)).to_have_attribute("role", "combobox")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowLeft")
    expect(chips(page).nth(2).locator(".x")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Delete")
    expect(page).to_have_url(re.compile(r"\?q=is%3Aread\+-is%3Aflagged\+radar$"))
    expect(chips(page)).to_have_count(2)
    box(page).focus()
    expect(box(page)).to_have_attribute("role", "combobox")
    page.keyboard.press("Home")
    page.keyboard.press("Backspace")
    expect(box(page)).to_have_value("-is:flagged radar")
    expect(chips(page)).to_have_count(1)
    page.get_by_role("link", name="Clear the search").click()
    expect(page).to_have_url(re.compile("/mail/INBOX/$"))


def test_operators_and_folders_complete_themselves(visit: Open) -> None:  # noqa: F811
    person, page = visit(viewport=DESKTOP)
    fill(person)
    page.reload()
    box(page).focus()
    expect(box(page)).to_have_attribute("role", "combobox")
    page.keyboard.type("radar ha")
    expect(page.get_by_role("listbox").get_by_role("option")).to_have_text(re.compile("has:attachment"))
    assert axe.violations(page) == []
    page.keyboard.press("ArrowDown")
    expect(box(page)).to_have_attribute("aria-activedescendant", "suggestion-0")
    page.keyboard.press("Enter")
    expect(chips(page)).to_have_text(re.compile(r"has:\s*attachment"))
    page.keyboard.press("Home")
    page.keyboard.press("Backspace")
    page.keyboard.press("Home")
    page.keyboard.press("Shift+End")
    page.keyboard.type("in:pro")
    page.get_by_role("option", name="in:Projects").click()
    expect(chips(page)).to_have_text(re.compile(r"in:\s*Projects"))
    page.keyboard.type("fr")
    expect(page.get_by_role("listbox")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox")).to_be_hidden()
    expect(box(page)).to_have_value("fr")
    page.keyboard.press("Escape")
    page.keyboard.type("radar")
    page.keyboard.press("Enter")
    expect(page.locator(".msg .tag")).to_have_text("Projects")


def test_a_search_goes_on_by_itself_and_stops_when_told(visit: Open, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr(searching, "SECONDS", 0)
    for name in ("FIRST", "LEAST", "MOST"):
        monkeypatch.setattr(scan, name, 4)
    _person, page = visit(viewport=DESKTOP, count=19)
    held: list = []
    page.route(re.compile("part=rows"), lambda route: held.append(route))
    hold_from_now_on(page)
    page.goto("/mail/INBOX/?q=subject:n1")
    stop = page.get_by_role("button", name="Stop")
    expect(stop).to_be_visible()
    expect(page.locator("#found-state")).to_contain_text("of 19 messages searched")
    before = page.locator(".msg").count()
    stop.focus()
    page.keyboard.press("Enter")
    expect(stop).to_be_hidden()
    expect(page.locator("[data-more]")).to_be_focused()
    for route in held:
        route.continue_()
    held.clear()
    page.unroute_all()
    expect(page.locator(".msg")).to_have_count(before)
    page.keyboard.press("Enter")
    expect(page.locator("#found-state")).to_contain_text("10 messages with “subject:n1”")
    expect(page.locator(".msg")).to_have_count(10)
    expect(page.locator(f".msg >> nth={before}").locator(".go")).to_be_focused()
    assert page.locator("[data-rows] .go[tabindex='0']").count() == 1
    assert axe.violations(page) == []


def test_a_search_ends_where_the_last_stretch_has_nothing(visit: Open, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr(searching, "SECONDS", 0)
    for name in ("FIRST", "LEAST", "MOST"):
        monkeypatch.setattr(scan, name, 2)
    _person, page = visit(viewport=DESKTOP)
    page.goto("/mail/INBOX/?q=subject:n3")
    expect(page.locator("#found-state")).to_have_text("1 message with “subject:n3”")
    expect(page.locator("#more")).to_have_count(0)
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()
    expect(page.locator(".msg")).to_have_count(1)


def test_all_folders_and_what_is_done_there(visit: Open) -> None:  # noqa: F811
    person, page = visit(viewport=DESKTOP)
    fill(person)
    page.get_by_label("Where to search").select_option("All folders")
    box(page).fill("radar")
    box(page).press("Enter")
    expect(page).to_have_url(re.compile(r"\?.*where=all"))
    expect(page.locator(".msg .tag")).to_have_text(["Inbox", "Projects"])
    assert axe.violations(page) == []
    row(page, "Radar plan").locator(".go").click()
    expect(page.locator("#reading h1")).to_have_text("Radar plan")
    expect(row(page, "Radar plan")).to_have_class(re.compile(r"\bopen\b"))
    expect(row(page, "Radar plan")).not_to_have_class(re.compile(r"\bun\b"))
    expect(page.locator(".msg.open")).to_have_count(1)
    for subject in ("Radar plan", "Radar reply"):
        row(page, subject).locator(".pick").click()
    page.locator(".bulk > [value=flag]").click()
    expect(page.locator(".msg .c-flag")).to_have_count(2)
    expect(page.locator("#toasts")).to_contain_text("2 messages flagged.")
    expect(page.locator(".msg .cb:checked")).to_have_count(2)  # they stay chosen
    page.locator(".bulk [value=archive]").click()
    expect(page.locator("#toasts")).to_contain_text("2 messages archived")
    expect(page.locator(".msg .tag")).to_have_text(["Archive", "Archive"])
    assert (person.count(), person.count("Projects"), person.count("Archive")) == (4, 0, 2)
    page.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(page.locator(".msg .tag")).to_have_text(["Inbox", "Projects"])
    assert (person.count(), person.count("Projects"), person.count("Archive")) == (5, 1, 0)


def test_a_saved_search_stands_below_the_folders(visit: Open) -> None:  # noqa: F811
    person, page = visit(viewport=DESKTOP)
    fill(person)
    page.goto("/mail/INBOX/?q=radar+is:flagged&where=all")
    page.get_by_label("Save this search").click()
    page.get_by_label("Name of the search").fill("Flagged radar")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#toasts")).to_contain_text("“Flagged radar” is saved.")
    page.goto("/mail/INBOX/")
    page.get_by_role("link", name="Flagged radar").click()
    expect(page.locator(".msg .tag")).to_have_text("Projects")
    page.get_by_role("link", name="Change saved searches").click()
    expect(page.get_by_role("button", name="Delete the search Flagged radar")).to_be_visible()
    assert axe.violations(page) == []
    page.get_by_role("button", name="Delete the search Flagged radar").click()
    expect(page.get_by_role("heading", name="No saved search yet")).to_be_visible()


def test_without_scripts(visit: Open, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    person, page = visit(java_script_enabled=False, viewport=DESKTOP)
    fill(person)
    box(page).fill("from:soren radar")
    page.get_by_label("Where to search").select_option("All folders")
    box(page).press("Enter")
    expect(chips(page)).to_have_text(re.compile(r"from:\s*soren"))
    expect(page.locator(".msg")).to_have_count(1)
    box(page).fill("plan")
    box(page).press("Enter")
    expect(chips(page)).to_have_count(1)
    expect(page.locator(".msg")).to_have_count(0)
    page.get_by_role("link", name="Remove from:soren").click()
    expect(row(page, "Radar plan")).to_be_visible()
    page.get_by_label("What can be searched for").click()
    page.get_by_role("link", name="What can be searched for").click()
    expect(page.get_by_text("has:attachment", exact=True)).to_be_visible()
    page.go_back()
    row(page, "Radar plan").locator(".pick").click()
    page.locator(".bulk [value=move]").click()
    page.get_by_role("button", name="Inbox").click()
    expect(page.locator("#toasts")).to_contain_text("1 message moved to Inbox")
    expect(page.locator(".msg .tag")).to_have_text("Inbox")
    page.get_by_label("Save this search").click()
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("link", name="Change saved searches").click()
    page.get_by_label("Name").fill("Plans")
    page.get_by_role("button", name="Rename").click()
    expect(page.get_by_role("button", name="Delete the search Plans")).to_be_visible()
    page.goto("/mail/INBOX/")
    page.get_by_role("link", name="Plans", exact=True).click()
    expect(page.locator(".msg")).to_have_count(1)
    monkeypatch.setattr(searching, "SECONDS", 0)
    for name in ("FIRST", "LEAST", "MOST"):
        monkeypatch.setattr(scan, name, 2)
    page.goto("/mail/INBOX/?q=n0")
    expect(page.locator("#found-state")).to_contain_text("0 messages so far")
    while page.locator("[data-more]").count():
        page.locator("[data-more]").click()
    expect(page.locator(".msg")).to_have_count(1)
    assert person.count() == 6


def test_on_a_phone(visit: Open) -> None:  # noqa: F811
    person, page = visit(viewport={"width": 390, "height": 844}, has_touch=True)
    fill(person)
    page.goto("/mail/INBOX/?q=in:anywhere+newer:1y+-is:answered+radar")
    expect(page.locator(".msg")).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert axe.violations(page) == []
    box(page).tap()
    expect(page.get_by_label("What can be searched for")).to_be_visible()
    assert axe.violations(page) == []
