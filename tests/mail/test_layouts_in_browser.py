"""The list laid out in Chromium: columns, panes drawn aside, a message on its own page, rows that are swiped."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from apps.auth.models import User
from apps.mail.list_prefs import COMPACTNESS, PANE, ROWS, SWIPE_LEFT
from portal.core_prefs import LANGUAGE, THEME
from portal.prefs import for_user
from tests.mail.conftest import Person
from tests.mail.test_list_in_browser import Open, hears_keys, row, visit
from tests.support import axe

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["visit"]  # the fixture
WIDE = {"width": 1440, "height": 900}


@pytest.fixture
def server(dovecot, settings):
    """What is drawn does not depend on the server."""
    settings.IMAP_URL = dovecot.url
    return dovecot


def prefer(person: Person, values: dict) -> None:
    for_user(User.objects.get(login=person.login)).save(values)


def choose(page: Page, name: str, value: str) -> None:
    page.locator("#sort").focus()
    page.keyboard.press("Enter")
    page.locator(f".looks [name={name}][value={value}]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#sort")).to_be_focused()


def boxes(page: Page) -> tuple[dict, dict]:
    first, second = page.locator("#list").bounding_box(), page.locator("#reading").bounding_box()
    assert first and second
    return first, second


def test_three_panes_one_below_the_other_by_keys(visit: Open) -> None:
    _person, page = visit(viewport=WIDE)
    choose(page, "pane", "below")
    expect(page.locator("#main")).to_have_class(re.compile(r"\bbelow\b"))
    choose(page, "rows", "columns")
    head = page.get_by_role("columnheader", name="Date")
    expect(head).to_have_attribute("aria-sort", "descending")
    above, below = boxes(page)
    assert above["width"] == below["width"] and above["y"] + above["height"] <= below["y"] + 1
    assert axe.violations(page) == []
    row(page, "n2").locator(".go").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#reading h1")).to_have_text("n2")
    expect(row(page, "n2")).to_have_class(re.compile(r"\bopen\b"))
    page.keyboard.press("j")
    expect(page.locator("#reading h1")).to_have_text("n1")
    page.keyboard.press("k")
    expect(page.locator("#reading h1")).to_have_text("n2")
    expect(page).to_have_url(re.compile(r"/mail/INBOX/\d+/"))
    page.get_by_role("columnheader", name="Subject").get_by_role("button").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("columnheader", name="Subject")).to_have_attribute("aria-sort", "ascending")
    expect(page.get_by_role("columnheader", name="Subject").get_by_role("button")).to_be_focused()
    assert page.locator(".msg .subj b").all_inner_texts() == ["n0", "n1", "n2", "n3"]
    row(page, "n3").locator(".go").focus()
    page.keyboard.press("x")
    page.keyboard.press("s")
    expect(row(page, "n3").locator(".k-flags .c-flag")).to_have_count(1)
    page.keyboard.press("Escape")
    row(page, "n3").hover()
    row(page, "n3").locator("[value^='archive:']").click()
    expect(row(page, "n3")).to_have_count(0)
    page.keyboard.press("z")
    expect(row(page, "n3")).to_have_count(1)
    page.reload()
    expect(page.locator("#reading h1")).to_have_text("n2")
    expect(page.locator(".msg.cells")).to_have_count(4)
    above, below = boxes(page)
    assert above["y"] + above["height"] <= below["y"] + 1
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator("#list")).to_be_hidden()
    page.goto("/mail/INBOX/")
    expect(page.locator(".colheads")).to_be_hidden()
    expect(row(page, "n1").locator(".av")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_layout_can_be_read_by_everybody(visit: Open, theme: str) -> None:
    person, page = visit(viewport=WIDE)
    for pane, rows, density in (
        ("beside", "columns", "normal"),
        ("below", "cards", "comfortable"),
        ("off", "columns", "compact"),
    ):
        language = "ar" if pane == "below" else "en"
        prefer(person, {PANE: pane, ROWS: rows, COMPACTNESS: density, THEME: theme, LANGUAGE: language})
        page.goto("/mail/INBOX/")
        hears_keys(page)
        assert axe.violations(page) == [], (pane, rows, density)
        row(page, "n2").locator(".go").click()
        expect(page.locator("#reading h1")).to_have_text("n2")
        expect(page.locator("#reading .read")).to_have_css("opacity", "1")
        assert axe.violations(page) == [], (pane, rows, density)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_a_message_on_its_own_page_leads_back_to_its_place(visit: Open) -> None:
    person, page = visit(viewport={"width": 1440, "height": 500}, count=40)
    prefer(person, {PANE: "off"})
    page.goto("/mail/INBOX/")
    hears_keys(page)
    expect(page.locator("#reading")).to_be_hidden()
    row(page, "n12").locator(".go").click()
    expect(page.locator("#reading h1")).to_have_text("n12")
    expect(page.locator("#list")).to_be_hidden()
    page.keyboard.press("j")
    expect(page.locator("#reading h1")).to_have_text("n11")
    page.keyboard.press("u")
    expect(page.locator("#reading")).to_be_hidden()
    expect(row(page, "n11").locator(".go")).to_be_focused()
    expect(row(page, "n11")).to_be_in_viewport()
    expect(page).to_have_url(re.compile(r"/mail/INBOX/(\?role=inbox)?$"))
    page.keyboard.press("Enter")
    expect(page.locator("#reading h1")).to_have_text("n11")
    page.reload()  # by its address there is no list beside it
    expect(page.locator("#reading h1")).to_have_text("n11")
    page.keyboard.press("u")
    expect(row(page, "n11").locator(".go")).to_be_focused()
    expect(row(page, "n11")).to_be_in_viewport()


def drag(page: Page, handle: Locator, *, by: tuple[int, int]) -> None:
    handle.hover()
    box = handle.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + by[0] / 2, y + by[1] / 2)
    page.mouse.move(x + by[0], y + by[1])
    page.mouse.up()


def test_panes_are_drawn_aside_and_stay_so(visit: Open) -> None:
    person, page = visit(viewport=WIDE)
    split = page.get_by_role("separator", name="Size of the list")
    with page.expect_response(re.compile(r"splitters[\w.]*\.js")):
        split.hover()
    width = boxes(page)[0]["width"]
    split.focus()
    expect(split).to_have_attribute("aria-valuenow", str(round(width)))
    page.keyboard.press("ArrowRight")
    expect(split).to_have_attribute("aria-valuenow", str(round(width) + 16))
    drag(page, split, by=(60, 0))
    wide = boxes(page)[0]["width"]
    assert abs(wide - width - 76) <= 2
    side = page.locator("#side")
    edge = page.get_by_role("separator", name="Width of the folder column")
    column, box = side.bounding_box(), edge.bounding_box()
    assert column and box and abs(column["x"] + column["width"] - box["x"] - box["width"]) <= 1
    drag(page, edge, by=(50, 0))
    expect(side).to_have_js_property("offsetWidth", 282)
    page.reload()
    assert abs(boxes(page)[0]["width"] - wide) <= 1, "before any module is there"
    expect(side).to_have_js_property("offsetWidth", 282)
    hears_keys(page)
    split.hover()
    split.dblclick()
    expect(page.locator("#list")).to_have_js_property("offsetWidth", round(width))
    prefer(person, {PANE: "below", ROWS: "columns"})
    page.goto("/mail/INBOX/")
    hears_keys(page)
    expect(split).to_have_attribute("aria-orientation", "horizontal")
    split.focus()
    page.keyboard.press("End")
    most = split.get_attribute("aria-valuemax")
    expect(split).to_have_attribute("aria-valuenow", str(most))
    page.keyboard.press("Enter")
    expect(split).not_to_have_attribute("aria-valuenow", str(most))
    grip = page.get_by_role("separator", name="Width of the column Sender")
    before = page.locator(".msg .k-from").first.bounding_box()
    drag(page, grip, by=(64, 0))
    after = page.locator(".msg .k-from").first.bounding_box()
    assert before and after and abs(after["width"] - before["width"] - 64) <= 2
    assert page.locator(".colhead .k-from").bounding_box()["width"] == after["width"]  # type: ignore[index]


def swipe(page: Page, target: Locator, *, by: int, down: int = 0) -> None:
    """A finger, as the browser hears of it."""
    box = target.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    session = page.context.new_cdp_session(page)
    session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for step in range(1, 7):
        point = {"x": x + by * step / 6, "y": y + down * step / 6}
        session.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    if by and not down:
        expect(target.locator(".under")).to_have_count(1 if abs(by) > 20 else 0)
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    session.detach()


def test_a_finger_moves_a_row_aside(visit: Open) -> None:
    person, page = visit(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page.wait_for_function("document.adoptedStyleSheets.length > 0")  # the module is there
    swipe(page, row(page, "n1"), by=60)
    expect(row(page, "n1").locator(".under")).to_have_count(0)
    expect(page.locator("#toasts .toast")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"/mail/INBOX/$"))
    swipe(page, row(page, "n1"), by=180)
    expect(row(page, "n1")).to_have_count(0)
    expect(page.locator("#toasts .toast")).to_contain_text("rchive")
    page.locator("#toasts .toast button").first.click()
    expect(row(page, "n1")).to_have_count(1)
    swipe(page, row(page, "n2"), by=-180)
    expect(row(page, "n2")).to_have_count(0)
    expect(page.locator("#toasts .toast")).to_contain_text("rash")
    prefer(person, {SWIPE_LEFT: "seen"})
    page.reload()
    page.wait_for_function("document.adoptedStyleSheets.length > 0")
    expect(row(page, "n3")).to_have_class(re.compile(r"\bun\b"))
    swipe(page, row(page, "n3"), by=-180)
    expect(row(page, "n3")).not_to_have_class(re.compile(r"\bun\b"))
    swipe(page, row(page, "n0"), by=30, down=200)
    expect(row(page, "n0").locator(".under")).to_have_count(0)
    expect(row(page, "n0")).to_have_count(1)


def test_without_scripts(visit: Open) -> None:
    _person, page = visit(viewport=WIDE, java_script_enabled=False)
    page.locator("#sort").click()
    page.locator(".sort .menu a").click()
    page.get_by_role("button", name="Columns", exact=True).click()
    expect(page.get_by_role("columnheader", name="Date")).to_be_visible()
    expect(page.locator(".k-size[role=columnheader]")).to_have_count(1)
    expect(page.locator(".splitter")).not_to_have_count(0)
    expect(page.locator("#list .splitter")).to_be_hidden()
    page.get_by_role("columnheader", name="Subject").get_by_role("button").click()
    assert page.locator(".msg .subj b").all_inner_texts() == ["n0", "n1", "n2", "n3"]
    page.goto("/mail/INBOX/layout/")
    page.get_by_role("checkbox", name="Size").uncheck()
    page.get_by_role("button", name="Show these").click()
    expect(page.locator(".k-size[role=columnheader]")).to_have_count(0)
    page.goto("/mail/INBOX/layout/")
    page.get_by_role("button", name="Off").click()
    expect(page.locator("#reading")).to_be_hidden()
    row(page, "n1").locator(".go").click()
    expect(page.locator("#reading h1")).to_have_text("n1")
    expect(page.locator("#list")).to_be_hidden()
    page.get_by_role("link", name="Back to Inbox").click()
    expect(row(page, "n1")).to_be_visible()
