"""New mail and the doings of other programs, in a list that is open in Chromium: nothing moves under a hand."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from apps.mail.services import stores
from tests.mail.conftest import Person, letter, signed_in
from tests.mail.test_list_in_browser import hears_keys
from tests.support.mailserver import DovecotServer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def context(browser: Browser, live_server) -> Iterator[BrowserContext]:
    opened = browser.new_context(locale="en", base_url=live_server.url, viewport={"width": 1440, "height": 900})
    yield opened
    opened.close()
    stores.pool().close_all()


def enter(context: BrowserContext, server: DovecotServer, *, count: int) -> tuple[Person, Page]:
    """The inbox of somebody who has so many messages, with the pointer elsewhere."""
    person = signed_in(server)
    person.receive(*(letter(f"n{number}", text=f"text {number}") for number in range(count)))
    cookies = person.client.cookies.items()
    context.add_cookies([{"name": name, "value": it.value, "domain": "localhost", "path": "/"} for name, it in cookies])
    page = context.new_page()
    page.mouse.move(1200, 600)
    page.goto("/mail/INBOX/")
    hears_keys(page)  # and the timer runs
    return person, page


@pytest.fixture
def at_server(dovecot: DovecotServer, settings) -> DovecotServer:
    settings.IMAP_URL = dovecot.url
    return dovecot


def look(page: Page) -> None:
    """What the timer does, and coming back to the tab."""
    with page.expect_response(lambda answer: "/news/" in answer.url):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def row(page: Page, subject: str) -> Locator:
    return page.locator(".msg", has=page.get_by_text(subject, exact=True))


def top(found: Locator) -> float:
    box = found.bounding_box()
    assert box
    return box["y"]


def test_new_mail_comes_to_the_top_and_is_counted(context: BrowserContext, at_server: DovecotServer) -> None:
    person, page = enter(context, at_server, count=3)
    expect(page).to_have_title(re.compile(r"^\(3\) Inbox – "))
    person.receive(letter("late one"))
    look(page)
    expect(page.locator(".msg").first).to_contain_text("late one")
    expect(page.locator(".foot")).to_contain_text("1–4 of 4")
    expect(page).to_have_title(re.compile(r"^\(4\) Inbox – "))
    expect(page.locator('.rail [data-badge="mail.index"]')).to_have_text("4")
    row(page, "late one").locator(".go").click()
    expect(page.locator("#reading h1")).to_have_text("late one")


def test_nothing_moves_under_the_pointer(context: BrowserContext, at_server: DovecotServer) -> None:
    """New rows wait behind a button, and what has gone stays until the pointer leaves."""
    person, page = enter(context, at_server, count=4)
    row(page, "n1").hover()
    before = top(row(page, "n1"))
    person.receive(letter("late one"))
    with person.server.session(person.login) as session:
        session.select("INBOX")
        session.uid("STORE", "4", "+FLAGS", "(\\Deleted)")
        session.expunge()
        session.uid("STORE", "1", "+FLAGS", "(\\Seen)")
    look(page)
    button = page.get_by_role("button", name="1 new")
    expect(button).to_be_visible()
    expect(row(page, "n0")).not_to_have_class(re.compile(r"\bun\b"))  # in place
    expect(page.locator(".msg")).to_have_count(4)
    assert top(row(page, "n1")) == before
    page.mouse.move(1200, 600)
    expect(row(page, "late one")).to_be_visible()
    expect(row(page, "n3")).to_have_count(0)
    expect(button).to_be_hidden()


def test_the_button_leads_to_what_is_new(context: BrowserContext, at_server: DovecotServer) -> None:
    person, page = enter(context, at_server, count=2)
    row(page, "n0").locator(".go").focus()
    person.receive(letter("late one"), letter("later"))
    look(page)
    page.get_by_role("button", name="2 new").press("Enter")
    expect(page.locator(".msg").first).to_contain_text("later")
    expect(row(page, "later").locator(".go")).to_be_focused()


def test_a_list_that_is_scrolled_stays_where_it_is(context: BrowserContext, at_server: DovecotServer) -> None:
    person, page = enter(context, at_server, count=40)
    page.locator("#list .scroll").evaluate("(box) => (box.scrollTop = 600)")
    before = top(row(page, "n25"))
    person.receive(letter("late one"))
    look(page)
    expect(row(page, "late one")).to_have_count(1)
    assert abs(top(row(page, "n25")) - before) < 1
    page.get_by_role("button", name="1 new").click()
    expect(row(page, "late one").locator(".go")).to_be_focused()
    expect(row(page, "late one")).to_be_in_viewport()


def test_a_row_that_has_the_focus_stays(context: BrowserContext, at_server: DovecotServer) -> None:
    person, page = enter(context, at_server, count=3)
    row(page, "n1").locator(".go").focus()
    with person.server.session(person.login) as session:
        session.select("INBOX")
        session.uid("STORE", "1:2", "+FLAGS", "(\\Deleted)")
        session.expunge()
    look(page)
    expect(page.locator(".msg")).to_have_count(2)
    expect(row(page, "n1").locator(".go")).to_be_focused()
    page.locator(".top [data-keys]").focus()
    expect(page.locator(".msg")).to_have_count(1)


def test_a_server_in_trouble_is_told_and_its_return_noticed(context: BrowserContext, own_dovecot, settings) -> None:
    with own_dovecot() as server:
        settings.IMAP_URL = server.url
        person, page = enter(context, server, count=2)
        server.stop()
        look(page)
        expect(page.get_by_role("button", name="Not connected")).to_be_visible()
        expect(page.locator(".msg")).to_have_count(2)
        server.start()
        expect(page.get_by_role("button", name="Not connected")).to_have_count(0)  # by itself
        person.receive(letter("late one"))
        look(page)
        expect(row(page, "late one")).to_be_visible()


def test_a_page_that_found_the_server_away_goes_on(context: BrowserContext, own_dovecot, settings) -> None:
    with own_dovecot() as server:
        settings.IMAP_URL = server.url
        _person, page = enter(context, server, count=1)
        server.stop()
        page.reload()
        expect(page.get_by_role("heading", name="The mail server isn’t answering")).to_be_visible()
        server.start()
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # the timer comes to it in seven seconds
        expect(row(page, "n0")).to_be_visible()


def test_an_ended_session_asks_to_sign_in(context: BrowserContext, at_server: DovecotServer) -> None:
    person, page = enter(context, at_server, count=1)
    person.client.session.flush()
    look(page)
    expect(page.get_by_role("dialog", name="Sign in again")).to_be_visible()
