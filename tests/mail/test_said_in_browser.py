"""What messages say about themselves, in Chromium: by keyboard, without scripts, narrow, dark, right to left."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from apps.mail.services import stores
from tests.mail.conftest import Person, letter, signed_in
from tests.mail.mime.test_reports import TWO
from tests.mail.mime.test_reports import message as report
from tests.mail.test_unsubscribe import newsletter
from tests.support import axe, pages
from tests.support.browsing import page_of
from tests.support.mailserver import MailServer

pytestmark = pytest.mark.django_db(transaction=True)
Open = Callable[..., tuple[Person, Page, dict[str, str]]]
FORGED = b"Authentication-Results: mx.example.test; dmarc=fail header.from=bank.test\r\n"
LIST = "List-Help: <https://shop.test/help>\r\n"
WAYS = "<https://shop.test/leave>, <mailto:leave@shop.test>"


@pytest.fixture
def visit(browser: Browser, live_server, dovecot: MailServer, settings) -> Iterator[Open]:
    settings.IMAP_URL, settings.MAIL_AUTHSERV_IDS = dovecot.url, ("mx.example.test",)
    contexts = []
    errors: list[str] = []

    def open_page(**options: object) -> tuple[Person, Page, dict[str, str]]:
        person = signed_in(dovecot)
        uids = person.receive(
            newsletter(WAYS, more=LIST),
            FORGED
            + letter(
                "Locked",
                sender="service@bank.test <info@bank.test>",
                html='<a href="https://evil.test/">www.bank.test</a>',
                files=(("invoice.pdf.exe", "application/pdf", b"MZ"),),
            ),
            letter("Please confirm", Disposition_Notification_To="Aigerim <aigerim@example.test>"),
            b"From: Mailer <mailer@example.test>\r\nSubject: Undelivered\r\n" + report(TWO),
        )
        page = page_of(person.client, browser, live_server.url, errors, **options)
        contexts.append(page.context)
        v = person.uidvalidity()
        names = ("newsletter", "forged", "asking", "report")
        urls = {name: person.url("message", "INBOX", uid, v=v) for name, uid in zip(names, uids, strict=True)}
        return person, page, urls | {"leave": person.url("unsubscribe", "INBOX", uids[0], v=v)}

    yield open_page
    for context in contexts:
        context.close()
    stores.pool().close_all()
    assert errors == []


def test_the_story_by_keyboard(visit: Open) -> None:
    person, page, urls = visit(viewport={"width": 1440, "height": 900})
    said = pages.console(page)
    page.goto("/mail/INBOX/")
    page.locator(".msg", has_text="Locked").locator(".go").press("Enter")
    summary = page.locator(".trust > summary")
    expect(summary).to_contain_text("Not from bank.test, by its own rules")
    expect(summary).to_contain_text("and 3 more warnings")
    expect(page.locator(".trust dl")).to_be_hidden()
    summary.focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-line=files]")).to_contain_text("invoice.pdf.exe is a program")
    page.goto("/mail/INBOX/")
    page.locator(".msg", has_text="Please confirm").locator(".go").press("Enter")
    page.get_by_role("button", name="Send none").press("Enter")
    expect(page.locator("#reading .note[role=status]")).to_contain_text("you will not be asked again")
    expect(page.locator("#list .msg")).to_have_count(4)
    assert "$MDNSent" in person.flags(3)
    page.goto(urls["newsletter"])
    page.locator("#reading .pop > summary").press("Enter")
    expect(page.get_by_role("link", name="Help of the list")).to_have_attribute("href", "https://shop.test/help")
    page.get_by_role("link", name="Unsubscribe").press("Enter")
    expect(page.locator("#leave")).to_contain_text("This portal asks shop.test once to take you off the list.")
    page.get_by_role("link", name="Look at the message").press("Enter")
    expect(page.frame_locator(".window iframe").locator("#compose")).to_contain_text("leave@shop.test")
    assert said == []


def test_axe_finds_nothing_and_nothing_is_too_wide(visit: Open) -> None:
    _person, page, urls = visit(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    said = pages.console(page)
    for url in urls.values():
        page.goto(url)
        page.wait_for_load_state("networkidle")
        for summary in page.locator(".trust > summary").all():
            summary.click()
            assert (summary.bounding_box() or {})["height"] >= 44
        assert axe.in_both_themes(page) == []
    assert pages.too_wide(page, urls.values()) == []
    assert said == []


def test_without_scripts(visit: Open) -> None:
    person, page, urls = visit(java_script_enabled=False)
    page.goto(urls["forged"])
    page.locator(".trust > summary").click()
    expect(page.locator("[data-line=links]")).to_contain_text("bank.test → evil.test")
    page.goto(urls["asking"])
    page.get_by_role("button", name="Send none").click()
    expect(page.locator("body")).to_contain_text("No receipt is sent")
    assert "$MDNSent" in person.flags(3)
    page.goto(urls["report"])
    page.locator("[data-report] summary").click()
    expect(page.locator("[data-report]").first).to_contain_text("no such user")
