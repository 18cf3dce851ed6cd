"""List and reading pane in Chromium: with the mouse, with keys alone, on a phone, without scripts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from apps.mail.services import stores
from tests.mail.conftest import Person, letter, signed_in
from tests.support import axe
from tests.support.browsing import page_of
from tests.support.holding import hold_from_now_on
from tests.support.mailserver import MailServer

pytestmark = pytest.mark.django_db(transaction=True)
Open = Callable[..., tuple[Person, Page]]
HTML = "<h1>Rich</h1><p style='height: 900px'>tall</p><img src='https://img.example.test/a.png' alt='a picture'>"


@pytest.fixture
def visit(browser: Browser, live_server, server: MailServer) -> Iterator[Open]:
    """A browser at the inbox of somebody new, who has a few messages."""
    contexts = []
    errors: list[str] = []

    def open_inbox(*, count: int = 4, **options: object) -> tuple[Person, Page]:
        person = signed_in(server)
        person.receive(*(letter(f"n{number}", text=f"text {number}") for number in range(count)))
        page = page_of(person.client, browser, live_server.url, errors, **options)
        contexts.append(page.context)
        page.goto("/mail/INBOX/")
        if options.get("java_script_enabled", True):
            hears_keys(page)
        return person, page

    yield open_inbox
    for context in contexts:
        context.close()
    stores.pool().close_all()
    assert errors == []


def hears_keys(page: Page) -> None:
    """Its modules are there."""
    expect(page.locator("#list [data-all]:not([hidden])")).not_to_have_count(0)


def row(page: Page, subject: str):
    return page.locator(".msg", has_text=subject)


def test_opening_marks_as_read_and_counts_follow(visit: Open) -> None:
    _person, page = visit(viewport={"width": 1440, "height": 900})
    expect(page.locator("#folders a[aria-current] .cnt")).to_have_text("4")
    row(page, "n2").locator(".go").click()
    expect(page.locator("#reading h1")).to_have_text("n2")
    expect(page).to_have_url(re.compile(r"/mail/INBOX/\d+/\?v=\d+"))
    expect(page).to_have_title(re.compile(r"^\(3\) n2 – "))
    expect(row(page, "n2")).not_to_have_class(re.compile(r"\bun\b"))
    expect(row(page, "n2")).to_have_class(re.compile(r"\bopen\b"))
    expect(page.locator("#folders a[aria-current] .cnt")).to_have_text("3")
    page.reload()
    expect(page.locator("#reading h1")).to_have_text("n2")
    expect(page.locator(".msg")).to_have_count(4)
    page.go_back()
    expect(page.locator("#reading")).to_contain_text("Pick a message")


def test_selecting_flagging_moving_and_undoing(visit: Open) -> None:
    person, page = visit(viewport={"width": 1440, "height": 900})
    person.receive(letter(), mailbox="Projects")
    row(page, "n1").locator(".pick").click()
    row(page, "n3").locator(".pick").click()
    expect(page.locator("[data-count]")).to_have_text("2 selected")
    page.locator(".bulk > [value=flag]").click()
    expect(page.locator(".msg .flags .c-flag")).to_have_count(2)
    expect(page.locator("#toasts")).to_contain_text("2 messages flagged.")
    row(page, "n1").locator(".pick").click()
    page.locator(".bulk [value=move]").click()
    dialog = page.locator("#mail-dialog")
    expect(dialog).to_be_visible()
    assert axe.violations(page) == []
    dialog.get_by_role("button", name="Projects").click()
    expect(dialog).to_be_hidden()
    expect(page.locator(".msg")).to_have_count(3)
    page.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(page.locator(".msg")).to_have_count(4)
    assert person.count("Projects") == 1


def test_with_keys_alone(visit: Open) -> None:
    person, page = visit(viewport={"width": 1440, "height": 900})
    row(page, "n3").locator(".go").focus()
    page.keyboard.press("ArrowDown")
    expect(row(page, "n2").locator(".go")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#reading h1")).to_have_text("n2")
    expect(row(page, "n2").locator(".go")).to_be_focused()
    page.keyboard.press("s")
    expect(page.locator("#flag button")).to_have_attribute("value", "unflag")
    page.keyboard.press("j")
    expect(page.locator("#reading h1")).to_have_text("n1")
    expect(row(page, "n1").locator(".go")).to_be_focused()
    page.keyboard.press("e")
    expect(page.locator(".msg")).to_have_count(3)
    expect(row(page, "n0").locator(".go")).to_be_focused()
    expect(page.locator("#reading")).to_contain_text("Pick a message")
    expect(page).to_have_title(re.compile(r"^(\(\d\) )?Inbox – "))
    assert person.count("Archive") == 1
    page.keyboard.press("z")
    expect(page.locator(".msg")).to_have_count(4)
    assert person.count("Archive") == 0


def test_a_key_in_the_middle_of_a_swap_keeps_the_focus(visit: Open) -> None:
    """The row is drawn anew while the next key is struck: for that moment the focus is nowhere."""
    _person, page = visit(viewport={"width": 1440, "height": 900})
    row(page, "n2").locator(".go").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#reading h1")).to_have_text("n2")
    page.evaluate(
        """() => {
            const row = document.activeElement.closest(".msg");
            row.replaceWith(row.cloneNode(true));
            document.querySelector("#reading [rel=next]").click();
        }"""
    )
    expect(page.locator("#reading h1")).to_have_text("n1")
    expect(row(page, "n1").locator(".go")).to_be_focused()


class Slow:
    """Requests for a path stand still until they are let go."""

    def __init__(self, page: Page, path: str, method: str) -> None:
        self._waiting: list[Route] = []
        self._open = False
        self._method = method
        page.route(re.compile(path), self._on_request)
        hold_from_now_on(page)

    def _on_request(self, route: Route) -> None:
        if self._open or route.request.method != self._method:
            route.fallback()
        else:
            self._waiting.append(route)

    def let_go(self) -> None:
        self._open = True
        for route in self._waiting:
            route.continue_()


def opened(visit: Open, subject: str) -> tuple[Person, Page]:
    person, page = visit(viewport={"width": 1440, "height": 900})
    row(page, subject).locator(".go").click()
    expect(page.locator("#reading h1")).to_have_text(subject)
    return person, page


def test_a_key_means_the_message_one_has_gone_to(visit: Open) -> None:
    """`j` `e` struck before the answer to `j`: the next message is archived, not the one just left."""
    person, page = opened(visit, "n3")
    message = Slow(page, r"/mail/INBOX/\d+/", "GET")
    with page.expect_request(re.compile(r"/mail/INBOX/\d+/")):
        page.keyboard.press("j")
    page.keyboard.press("e")
    message.let_go()
    expect(row(page, "n2")).to_have_count(0)
    expect(row(page, "n3")).to_have_count(1)
    expect(page.locator("#reading")).to_contain_text("Pick a message")
    assert person.count("Archive") == 1


def test_keys_struck_ahead_are_done_in_their_order(visit: Open) -> None:
    _person, page = opened(visit, "n3")
    message = Slow(page, r"/mail/INBOX/\d+/", "GET")
    with page.expect_request(re.compile(r"/mail/INBOX/\d+/")):
        page.keyboard.press("j")
    for key in "sjs":
        page.keyboard.press(key)
    message.let_go()
    expect(page.locator("#reading h1")).to_have_text("n1")
    expect(row(page, "n2").locator(".c-flag")).to_be_visible()
    expect(row(page, "n1").locator(".c-flag")).to_be_visible()
    expect(row(page, "n3").locator(".c-flag")).to_have_count(0)


def test_an_action_that_is_answered_late_changes_the_list_and_leaves_the_new_message_open(visit: Open) -> None:
    person, page = opened(visit, "n3")
    action = Slow(page, r"/act/", "POST")
    with page.expect_request(lambda request: request.method == "POST"):
        page.keyboard.press("e")
    page.keyboard.press("j")
    expect(page.locator("#reading h1")).to_have_text("n2")
    action.let_go()
    expect(row(page, "n3")).to_have_count(0)
    expect(page.locator("#reading h1")).to_have_text("n2")
    expect(page).to_have_url(re.compile(r"/mail/INBOX/\d+/"))
    assert person.count("Archive") == 1


def test_an_action_that_is_answered_first_leaves_the_coming_message_its_place(visit: Open) -> None:
    _person, page = opened(visit, "n3")
    message = Slow(page, r"/mail/INBOX/\d+/", "GET")
    with page.expect_request(re.compile(r"/mail/INBOX/\d+/")):
        row(page, "n2").locator(".go").click()
    page.get_by_role("toolbar").get_by_role("button", name="Archive").click()
    expect(row(page, "n3")).to_have_count(0)
    message.let_go()
    expect(page.locator("#reading h1")).to_have_text("n2")


def test_of_two_messages_asked_for_the_last_is_shown(visit: Open) -> None:
    _person, page = opened(visit, "n3")
    message = Slow(page, r"/mail/INBOX/\d+/", "GET")
    with page.expect_request(re.compile(r"/mail/INBOX/\d+/")):
        row(page, "n2").locator(".go").click()
    with page.expect_request(re.compile(r"/mail/INBOX/\d+/")):
        row(page, "n1").locator(".go").click()
    message.let_go()
    expect(page.locator("#reading h1")).to_have_text("n1")


def test_the_list_is_one_stop_of_the_tab_key(visit: Open) -> None:
    _person, page = visit(viewport={"width": 1440, "height": 900})
    stops = page.locator("#list .msg :is(.go, .cb):not([tabindex='-1'])")
    expect(stops).to_have_count(2)  # a row and its box
    row(page, "n3").locator(".go").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#reading h1")).to_have_text("n2")  # its row was drawn anew
    expect(row(page, "n2").locator(".go")).to_be_focused()
    expect(stops).to_have_count(2)
    page.keyboard.press("Shift+Tab")
    expect(row(page, "n2").locator(".cb")).to_be_focused()
    page.keyboard.press("Space")
    expect(page.locator("[data-count]")).to_have_text("1 selected")


def test_two_keys_go_to_a_folder(visit: Open) -> None:
    person, page = visit(viewport={"width": 1440, "height": 900})
    for name in ("Drafts", "Sent", "Archive"):
        person.receive(letter(), mailbox=name)
    page.reload()
    hears_keys(page)
    for key, heading in {"d": "Drafts", "t": "Sent", "a": "Archive", "i": "Inbox"}.items():
        page.keyboard.type(f"g{key}")
        expect(page.locator("#list h1")).to_have_text(heading)
        expect(page.locator("#folders a[data-key]")).not_to_have_count(0)
        hears_keys(page)
    page.keyboard.type("gs")
    expect(page).to_have_url(re.compile(r"/mail/INBOX/\?show=flagged"))
    page.goto("/preferences/")
    page.keyboard.type("gi")
    expect(page.locator("#list h1")).to_have_text("Inbox")


def test_keys_choose_and_the_focus_stays_where_it_was(visit: Open) -> None:
    person, page = visit(viewport={"width": 1440, "height": 900})
    person.receive(letter(), mailbox="Projects")
    row(page, "n2").locator(".go").focus()
    page.keyboard.press("x")
    expect(page.locator("[data-count]")).to_have_text("1 selected")
    page.keyboard.press("Escape")
    expect(page.locator(".bulk")).to_be_hidden()
    page.keyboard.press("x")
    page.keyboard.press("v")
    expect(page.locator("#mail-dialog .it").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#mail-dialog")).to_be_hidden()
    page.keyboard.press("s")
    expect(row(page, "n2").locator(".c-flag")).to_be_visible()
    expect(page.locator("#toasts")).to_contain_text("1 message flagged.")
    expect(row(page, "n2").locator(".go")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#reading h1")).to_have_text("n2")
    page.get_by_role("link", name="Older message").click()
    expect(page.locator("#reading h1")).to_have_text("n1")
    expect(page.get_by_role("link", name="Older message")).to_be_focused()
    page.reload()  # the list comes later, and names its keys then
    expect(page.locator(".msg")).to_have_count(4)
    page.keyboard.press("?")
    expect(page.locator("#keys-help dd", has_text="Older message")).to_be_visible()
    expect(page.locator("#keys-help dd").filter(has_text=re.compile("^$"))).to_have_count(0)


def test_the_frame_is_as_high_as_its_text_and_loads_nothing_unasked(visit: Open) -> None:
    person, page = visit(viewport={"width": 1440, "height": 900})
    person.receive(letter("rich one", html=HTML))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/mail/INBOX/")
    row(page, "rich one").locator(".go").click()
    frame = page.frame_locator("iframe[data-message-frame]")
    expect(frame.locator("h1")).to_have_text("Rich")
    expect(page.locator(".note")).to_contain_text("1 remote image blocked")
    more_than_900 = re.compile(r"^(9\d\d|[1-9]\d{3,})(\.\d+)?px$")
    expect(page.locator("iframe[data-message-frame]")).to_have_css("height", more_than_900)
    page.get_by_role("link", name="Show images").click()
    expect(page.locator(".note")).to_have_count(0)
    expect(frame.locator("img")).to_have_attribute("src", re.compile("^/mail/@/image/"))
    assert [url for url in asked if "img.example.test" in url and "/mail/@/image/" not in url] == []


def test_without_scripts(visit: Open) -> None:
    person, page = visit(java_script_enabled=False, viewport={"width": 1440, "height": 900})
    row(page, "n2").locator(".go").click()
    expect(page.locator("#reading h1")).to_have_text("n2")
    page.locator("#flag button").click()
    expect(page.locator("#flag button")).to_have_attribute("value", "unflag")
    page.get_by_role("link", name="All messages in Inbox").click()
    row(page, "n1").locator(".pick").click()
    page.locator(".bulk [value=delete]").click()
    expect(page.locator(".msg")).to_have_count(3)
    page.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(page.locator(".msg")).to_have_count(4)
    page.get_by_role("searchbox").fill("n3")
    page.get_by_role("searchbox").press("Enter")
    expect(page.locator(".msg")).to_have_count(1)
    assert person.count() == 4


def test_on_a_phone_one_pane_at_a_time(visit: Open) -> None:
    _person, page = visit(viewport={"width": 390, "height": 844}, has_touch=True)
    expect(page.locator("#list")).to_be_visible()
    expect(page.locator("#reading")).to_be_hidden()
    row(page, "n2").locator(".go").click()
    expect(page.locator("#reading h1")).to_be_visible()
    expect(page.locator("#list")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.get_by_role("link", name="Back to Inbox").click()
    expect(page.locator("#list")).to_be_visible()


def test_new_mail_shows_up_by_itself(visit: Open) -> None:
    person, page = visit(viewport={"width": 1440, "height": 900})
    person.receive(letter("late one"))
    page.evaluate("document.querySelector('#folders').dispatchEvent(new CustomEvent('mail-changed'))")
    expect(row(page, "late one")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(visit: Open, theme: str) -> None:
    person, page = visit(viewport={"width": 1440, "height": 900}, color_scheme=theme)
    (uid,) = person.receive(
        letter("rich one", html=HTML, files=(("a.pdf", "application/pdf", b"x"),)), flags="\\Flagged"
    )
    message = person.url("message", "INBOX", uid, v=person.uidvalidity())
    source = person.url("source", "INBOX", uid, v=person.uidvalidity())
    headers = person.url("headers", "INBOX", uid, v=person.uidvalidity())
    for path in ("/mail/INBOX/", "/mail/INBOX/?q=nothing", message, source, headers, "/mail/Nowhere/"):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        assert axe.violations(page) == [], path
