"""A day by POP3, in Chromium: what people do does not look different, and other devices see what they can."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from playwright.sync_api import Browser, Page, expect

from apps.mail.services import limits, stores
from tests.mail.conftest import letter, send_at_once, signed_in
from tests.support import axe
from tests.support.browsing import page_of
from tests.support.mailserver import DovecotServer
from tests.support.receiver import RealPost

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def often(pop3: DovecotServer, submission, settings) -> Iterator[DovecotServer]:
    """The maildrop is looked into with every page."""
    office = RealPost(submission)
    cache.delete(limits.KEY)
    settings.SMTP_TLS_CA_FILE, settings.SMTP_URL = office.ca_file, office.url
    stores.pool().maildrops.memory.looked.clear()
    maildrops = stores.pool().maildrops
    before, maildrops.every = maildrops.every, 0.0
    yield pop3
    maildrops.every = before


def rows(page: Page) -> list[str]:
    return page.locator(".msg .subj b").all_text_contents()


def test_a_day_by_pop3(often: DovecotServer, submission, live_server, browser: Browser) -> None:
    anna, errors = signed_in(often), list[str]()
    send_at_once(anna)
    bob = RealPost(submission).new_login()
    first = letter("Where is the camp?", text="We leave on Monday.", sender=f"Bob <{bob}@example.test>")
    often.append(anna.login, first, letter("Ropes", text="Forty metres of hemp.", sender="Zoe <zoe@example.test>"))
    page = page_of(anna.client, browser, live_server.url, errors, viewport={"width": 1440, "height": 900})
    page.goto("/mail/INBOX/")
    expect(page.locator(".msg")).to_have_count(2)

    # read, and marked
    page.locator(".msg", has_text="Ropes").locator(".go").click()
    expect(page.locator("#reading")).to_contain_text("Forty metres of hemp.")
    expect(page.locator(".msg.un")).to_have_count(1)
    page.keyboard.press("s")
    expect(page.locator(".msg", has_text="Ropes").locator(".flags .c-flag")).to_have_count(1)

    # sorted and searched
    page.goto("/mail/INBOX/?sort=from")
    expect(page.locator(".msg")).to_have_count(2)
    page.goto("/mail/INBOX/?q=hemp")
    expect(page.locator(".msg")).to_have_count(1)

    # answered: the answer is in Sent and in the conversation
    page.goto("/mail/INBOX/")
    page.locator(".msg", has_text="Where is the camp?").locator(".go").click()
    expect(page.locator("#reading")).to_contain_text("We leave on Monday.")
    page.keyboard.press("r")
    window = page.frame_locator(".window iframe")
    window.locator("textarea[name=text]").fill("Behind the second hill.")
    window.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("#toasts, .toast").first).to_contain_text("sent", ignore_case=True)
    page.goto("/mail/Sent/")
    expect(page.locator(".msg")).to_have_count(1)

    # deleted, and brought back: it has left the server, and lies in the inbox all the same
    page.goto("/mail/INBOX/")
    page.locator(".msg", has_text="Ropes").locator(".go").focus()
    page.keyboard.press("x")
    expect(page.locator(".bulk")).to_be_visible()
    page.keyboard.press("#")
    expect(page.locator(".msg")).to_have_count(1)
    page.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(page.locator(".msg")).to_have_count(2)
    assert len(often.messages(anna.login)) == 1
    expect(page.locator(".msg", has_text="Ropes").locator(".flags .c-flag")).to_have_count(1)

    # another device fetches what is on the server; another window sees all
    second = page_of(anna.client, browser, live_server.url, errors, viewport={"width": 390, "height": 844})
    second.goto("/mail/INBOX/")
    expect(second.locator(".msg")).to_have_count(2)
    second.context.close()

    page.goto("/mail/@/folders/manage/")
    expect(page.locator(".note.info")).to_contain_text("POP3")
    assert axe.violations(page) == []
    assert not errors
    page.context.close()
