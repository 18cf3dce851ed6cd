"""Actions in Chromium: rows change before the answer, come back when there is none, and are dragged to folders."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect

from apps.mail.services import work
from tests.mail.conftest import Person, letter
from tests.mail.test_list_in_browser import Open, Slow, opened, row, visit
from tests.support import axe
from tests.support.holding import hold_from_now_on

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["visit"]  # the fixture
WIDE = {"width": 1440, "height": 900}


@pytest.fixture
def server(dovecot, settings):
    """What the server can do is tested elsewhere; here one is enough."""
    settings.IMAP_URL = dovecot.url
    return dovecot


class Held:
    """Actions that stand still until somebody says what becomes of them, one after the other."""

    def __init__(self, page: Page, address: str = "**/act/") -> None:
        self._page, self._address = page, address
        self._routes: list[Route] = []
        page.route(address, lambda route: self._routes.append(route))
        hold_from_now_on(page)

    def next(self) -> Route:
        while not self._routes:
            self._page.evaluate("null")  # it has been made; to be told of it takes a moment
        return self._routes.pop(0)

    def release(self) -> None:
        self._page.unroute(self._address)


def struck(page: Page, key: str) -> None:
    """The key, and its request is on the way."""
    with page.expect_request(lambda request: request.method == "POST"):
        page.keyboard.press(key)


def test_a_row_goes_before_the_answer_and_the_focus_to_the_next(visit: Open) -> None:
    person, page = visit(viewport=WIDE)
    row(page, "n2").locator(".go").focus()
    page.keyboard.press("x")
    slow = Slow(page, r"/act/", "POST")
    struck(page, "e")
    expect(row(page, "n2")).to_be_hidden()
    expect(page.locator(".bulk")).to_be_hidden()
    expect(row(page, "n1").locator(".go")).to_be_focused()
    page.keyboard.press("ArrowDown")  # who goes on stays there when the answer comes
    slow.let_go()
    expect(page.locator(".msg")).to_have_count(3)
    expect(row(page, "n0").locator(".go")).to_be_focused()
    assert person.count("Archive") == 1


def test_marks_show_before_the_answer(visit: Open) -> None:
    _person, page = visit(viewport=WIDE)
    for name in ("n1", "n2"):
        row(page, name).locator(".pick").click()
    slow = Slow(page, r"/act/", "POST")
    struck(page, "s")
    for name in ("n1", "n2"):
        expect(row(page, name).locator(".flags .c-flag")).to_have_count(1)
    page.keyboard.press("Shift+I")  # waits for its turn, and shows at once
    expect(page.locator(".msg.un")).to_have_count(2)
    slow.let_go()
    expect(page.locator("#toasts")).to_contain_text("2 messages marked as read.")
    expect(page.locator(".msg.un")).to_have_count(2)
    expect(page.locator(".msg .flags .c-flag")).to_have_count(2)


@pytest.mark.parametrize("failure", ["offline", "error"])
def test_what_fails_comes_back_in_its_place_and_says_why(visit: Open, failure: str) -> None:
    person, page = visit(viewport=WIDE)
    before = page.locator(".msg .subj b").all_text_contents()
    row(page, "n2").locator(".go").focus()
    held = Held(page)
    for key, changed in (("e", ".msg[hidden]"), ("s", ".msg .flags .c-flag"), ("Shift+I", ".msg:not(.un)")):
        page.keyboard.press("x")
        struck(page, key)
        expect(page.locator(changed)).to_have_count(1)
        if failure == "offline":
            held.next().abort()
            reason = "No answer from the portal"
        else:
            held.next().fulfill(
                status=503,
                content_type="text/html; charset=utf-8",
                body="<section><h1>The mail server isn’t answering</h1></section>",
            )
            reason = "The mail server isn’t answering"
        expect(page.locator("#toasts .error")).to_contain_text(reason)
        expect(page.locator(changed)).to_have_count(0)
        expect(row(page, "n2").locator(".go")).to_be_focused()
        expect(page.locator("[data-count]")).to_have_text("1 selected")
        page.keyboard.press("Escape")
    assert page.locator(".msg .subj b").all_text_contents() == before
    assert person.count() == 4


def test_a_list_drawn_anew_does_not_bring_back_what_is_on_its_way(visit: Open) -> None:
    """Two messages archived one after the other: the answer to the first knows nothing of the second."""
    person, page = visit(viewport=WIDE)
    held = Held(page)
    for name in ("n3", "n1"):
        row(page, name).hover()
        row(page, name).get_by_role("button", name="Archive").click()
        expect(row(page, name)).to_be_hidden()
    with page.expect_request(lambda request: request.method == "POST"):  # the second, once the first is answered
        held.next().continue_()
    expect(page.locator("#list-foot")).to_contain_text("of 3")
    expect(row(page, "n1")).to_be_hidden()
    held.next().continue_()
    expect(page.locator(".msg")).to_have_count(2)
    assert person.count("Archive") == 2


def test_the_open_message_is_part_of_it(visit: Open) -> None:
    _person, page = opened(visit, "n2")
    held = Held(page)
    struck(page, "s")
    expect(page.locator("#flag button")).to_have_attribute("value", "unflag")
    expect(row(page, "n2").locator(".flags .c-flag")).to_have_count(1)
    held.next().abort()
    expect(page.locator("#flag button")).to_have_attribute("value", "flag")
    expect(row(page, "n2").locator(".flags .c-flag")).to_have_count(0)
    struck(page, "e")
    expect(row(page, "n2")).to_be_hidden()
    held.next().abort()
    expect(row(page, "n2")).to_be_visible()
    expect(page.locator("#reading h1")).to_have_text("n2")
    held.release()
    page.keyboard.press("e")
    expect(page.locator("#reading")).to_contain_text("Pick a message")


def test_z_waits_for_what_is_on_its_way_and_works_without_the_toast(visit: Open) -> None:
    person, page = visit(viewport=WIDE)
    row(page, "n2").locator(".go").focus()
    page.keyboard.press("x")
    slow = Slow(page, r"/act/", "POST")
    struck(page, "s")
    page.keyboard.press("z")
    slow.let_go()
    expect(page.locator("#toasts")).to_contain_text("Flag removed from 1 message.")
    expect(row(page, "n2").locator(".flags .c-flag")).to_have_count(0)
    row(page, "n1").locator(".go").focus()
    page.keyboard.press("x")
    page.keyboard.press("#")
    expect(page.locator("#toasts")).to_contain_text("moved to the trash")
    page.locator("#toasts .close").click()
    page.keyboard.press("z")
    expect(row(page, "n1")).to_be_visible()
    assert (person.count(), person.count("Trash")) == (4, 0)


def test_ranges_by_keys_and_all_by_one(visit: Open) -> None:
    _person, page = visit(viewport=WIDE, count=6)
    count = page.locator("[data-count]")
    row(page, "n4").locator(".go").focus()
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Shift+ArrowDown")
    expect(count).to_have_text("3 selected")
    expect(row(page, "n2").locator(".go")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("x")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+X")
    expect(count).to_have_text("3 selected")
    page.keyboard.press("Control+A")
    expect(count).to_have_text("6 selected")
    page.keyboard.press("Delete")
    expect(page.locator("#toasts")).to_contain_text("6 messages moved to the trash.")
    page.keyboard.press("z")
    expect(page.locator(".msg")).to_have_count(6)
    row(page, "n5").locator(".go").focus()
    page.keyboard.press("o")
    expect(page.locator("#reading h1")).to_have_text("n5")
    page.keyboard.press("?")
    expect(page.locator("#keys-help")).to_be_visible()
    shown = page.locator("#keys-help dt").all_text_contents()
    assert {"e", "#", "!", "s", "v", "x", "z", "o", "Shift+I", "Shift+U", "Shift+X", "Ctrl+A", "Delete"} <= set(shown)
    assert {"Shift+ArrowDown", "Shift+ArrowUp"} <= set(shown)


def test_all_of_the_folder_from_the_foot_of_the_list(visit: Open) -> None:
    person, page = visit(viewport=WIDE, count=52)
    offer = page.get_by_role("link", name="Select all 52 messages in this folder")
    expect(offer).to_be_hidden()
    row(page, "n40").locator(".go").focus()
    page.keyboard.press("Control+A")
    offer.click()
    expect(page.locator(".bulk")).to_contain_text("52 selected")
    assert axe.violations(page) == []
    page.keyboard.press("Escape")
    expect(page.locator(".bulk")).to_be_hidden()
    row(page, "n40").locator(".go").focus()
    page.keyboard.press("Control+A")
    offer.click()
    expect(page.locator(".bulk")).to_contain_text("52 selected")
    slow = Slow(page, r"/act/", "POST")
    struck(page, "e")
    expect(page.locator(".msg:visible")).to_have_count(0)
    slow.let_go()
    expect(page.locator("#toasts")).to_contain_text("52 messages archived.")
    page.keyboard.press("z")
    expect(page.locator(".msg:visible")).to_have_count(50)
    assert (person.count(), person.count("Archive")) == (52, 0)


@pytest.fixture
def twenty_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request does one batch."""
    monkeypatch.setattr(work, "SECONDS", 0.0)
    for name in ("FIRST", "LEAST", "MOST"):
        monkeypatch.setattr(work, name, 20)


def all_of_it(page: Page, key: str) -> None:
    """All of the 52 in the folder are chosen, and the key is struck."""
    row(page, "n40").locator(".go").focus()
    page.keyboard.press("Control+A")
    page.get_by_role("link", name="Select all 52 messages in this folder").click()
    expect(page.locator("#bulk[data-htmx-powered]")).to_contain_text("52 selected")  # it is more than a form by now
    struck(page, key)


def test_what_takes_long_shows_how_far_it_is_and_goes_on_by_itself(visit: Open, twenty_at_a_time: None) -> None:
    person, page = visit(viewport=WIDE, count=52)
    held = Held(page, "**/@/work/")
    with page.expect_request("**/@/work/"):
        all_of_it(page, "e")
    box = page.locator("#work")
    expect(box).to_contain_text("20 messages archived. 32 are still to do.")
    expect(box.get_by_role("progressbar")).to_have_js_property("value", 20)
    expect(page.locator(".msg:visible")).to_have_count(0)
    assert axe.violations(page) == []
    box.get_by_role("button", name="Stop").focus()
    with page.expect_request("**/@/work/"):  # the next one
        held.next().continue_()
    expect(box).to_contain_text("40 messages archived. 12 are still to do.")
    expect(box.get_by_role("button", name="Stop")).to_be_focused()
    held.next().continue_()
    expect(page.locator("#toasts")).to_contain_text("52 messages archived.")
    expect(box).to_be_hidden()
    held.release()
    page.keyboard.press("z")
    expect(page.locator("#toasts")).to_contain_text("52 messages are back.")
    expect(page.locator(".msg:visible")).to_have_count(50)
    assert (person.count(), person.count("Archive")) == (52, 0)


def test_what_takes_long_is_stopped(visit: Open, twenty_at_a_time: None) -> None:
    person, page = visit(viewport=WIDE, count=52)
    held = Held(page, "**/@/work/")
    with page.expect_request("**/@/work/"):
        all_of_it(page, "e")
    with page.expect_request("**/@/work/"):
        page.locator("#work").get_by_role("button", name="Stop").click()
    goes_on, stops = held.next(), held.next()
    stops.continue_()
    expect(page.locator("#toasts")).to_contain_text("20 messages archived. Stopped: 32 stay as they are.")
    goes_on.continue_()  # too late
    held.release()
    expect(page.locator(".msg:visible")).to_have_count(32)
    expect(page.locator("#work")).to_be_hidden()
    page.keyboard.press("z")
    expect(page.locator(".msg:visible")).to_have_count(50)
    assert (person.count(), person.count("Archive")) == (52, 0)


def test_copying_from_the_menus(visit: Open) -> None:
    person, page = visit(viewport=WIDE)
    person.receive(letter(), mailbox="Projects")
    row(page, "n2").locator(".pick").click()
    page.locator(".bulk summary").click()
    page.locator(".bulk").get_by_role("button", name="Copy to a folder").click()
    dialog = page.locator("#mail-dialog")
    expect(dialog.get_by_role("heading")).to_have_text("Copy to a folder")
    dialog.get_by_role("button", name="Projects").click()
    expect(page.locator("#toasts")).to_contain_text("1 message copied to Projects.")
    expect(page.locator(".msg")).to_have_count(4)
    assert person.count("Projects") == 2
    page.keyboard.press("z")
    expect(page.locator("#toasts")).to_contain_text("1 copy removed.")
    assert person.count("Projects") == 1
    row(page, "n2").locator(".go").click()
    expect(page.locator("#reading h1")).to_have_text("n2")
    page.get_by_role("toolbar").locator("summary").click()
    page.get_by_role("toolbar").get_by_role("button", name="Copy to a folder").click()
    dialog.get_by_role("button", name="Projects").click()
    expect(page.locator("#toasts")).to_contain_text("1 message copied to Projects.")
    expect(page.locator("#reading h1")).to_have_text("n2")


def folder(page: Page, name: str):
    return page.locator(f'#folders a[data-folder="{name}"]')


def with_projects(visit: Open) -> tuple[Person, Page]:
    person, page = visit(viewport=WIDE)
    person.receive(letter(), mailbox="Projects")
    page.reload()
    with page.expect_response(re.compile(r"drag[\w.]*\.js")) as module:  # it comes when the mouse does
        row(page, "n0").hover()
    page.evaluate("(url) => import(url).then(() => null)", module.value.url)  # and hears it once it has run
    return person, page


def test_rows_are_dragged_to_a_folder(visit: Open) -> None:
    person, page = with_projects(visit)
    row(page, "n2").locator(".go").drag_to(folder(page, "Projects"))
    expect(page.locator(".msg")).to_have_count(3)
    expect(page.locator("#toasts")).to_contain_text("1 message moved to Projects.")
    for name in ("n1", "n3"):
        row(page, name).locator(".pick").click()
    row(page, "n1").locator(".go").drag_to(folder(page, "Projects"))
    expect(page.locator(".msg")).to_have_count(1)
    expect(page.locator("#toasts")).to_contain_text("2 messages moved to Projects.")
    assert person.count("Projects") == 4
    page.keyboard.press("z")
    expect(page.locator(".msg")).to_have_count(3)
    row(page, "n1").locator(".go").drag_to(folder(page, "INBOX"))  # where it lies: nothing happens
    expect(page.locator(".onto, .dragging")).to_have_count(0)
    assert (person.count(), person.count("Projects")) == (3, 2)


def test_a_row_beside_the_selection_is_dragged_alone_and_with_ctrl_copied(visit: Open) -> None:
    person, page = with_projects(visit)
    row(page, "n3").locator(".pick").click()
    row(page, "n1").hover()
    page.mouse.down()
    folder(page, "Projects").hover()
    folder(page, "Projects").hover()
    expect(folder(page, "Projects")).to_have_class(re.compile(r"\bonto\b"))
    expect(page.locator(".dragging")).to_have_count(1)
    page.keyboard.down("Control")
    page.mouse.up()
    page.keyboard.up("Control")
    expect(page.locator("#toasts")).to_contain_text("1 message copied to Projects.")
    expect(page.locator(".msg")).to_have_count(4)
    expect(page.locator(".onto, .dragging")).to_have_count(0)
    expect(page.locator("[data-count]")).to_have_text("1 selected")
    assert person.count("Projects") == 2
