"""Labels, pins, snooze and filters in Chromium: by keys, with undo, on a phone, in the dark."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from apps.mail.services.snoozing import Snooze
from tests.mail.test_list_in_browser import Open, row, visit
from tests.support import axe

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["visit"]  # the fixture
WIDE = {"width": 1440, "height": 900}


@pytest.fixture
def server(dovecot, settings):
    """What servers without keywords do is tested elsewhere."""
    settings.IMAP_URL = dovecot.url
    return dovecot


def test_a_day_with_labels_and_snooze(visit: Open) -> None:
    person, page = visit(viewport=WIDE)
    dialog, toasts = page.locator("#mail-dialog"), page.locator("#toasts")
    for name in ("n1", "n2"):
        row(page, name).locator(".pick").click()
    page.keyboard.press("l")
    expect(dialog.locator(".it").first).to_be_focused()
    assert axe.violations(page) == []
    dialog.locator(".it", has_text="Work").click()
    expect(toasts).to_contain_text("2 messages labelled “Work”.")
    expect(page.locator(".msg .tag", has_text="Work")).to_have_count(2)
    page.keyboard.press("z")
    expect(page.locator(".msg .tag", has_text="Work")).to_have_count(0)
    assert not any("$label2" in person.flags(uid) for uid in range(1, 5))
    page.keyboard.press("Escape")  # while boxes are ticked, keys mean these messages
    row(page, "n3").locator(".go").click()
    expect(page.locator("#reading h1")).to_have_text("n3")
    page.keyboard.press("l")
    dialog.locator("[name=new]").fill("Trip")
    page.keyboard.press("Enter")
    expect(page.locator("#reading #labels .tag")).to_have_text("Trip")
    expect(row(page, "n3").locator(".tag")).to_have_text("Trip")
    row(page, "n3").locator(".tag").click()  # narrows the list to it
    expect(page).to_have_url(re.compile(r"\?q=label%3Atrip"))
    expect(page.locator(".msg")).to_have_count(1)
    page.goto("/mail/INBOX/")
    row(page, "n3").locator(".go").click()
    expect(page.locator("#reading h1")).to_have_text("n3")
    page.keyboard.press("b")
    dialog.locator(".it", has_text="Tomorrow").click()
    expect(toasts).to_contain_text("1 message snoozed until")
    expect(row(page, "n3")).to_have_count(0)
    page.locator("#folders a", has_text="Snoozed").click()
    expect(row(page, "n3")).to_have_count(1)


def test_what_is_due_comes_back_to_an_open_page(visit: Open) -> None:
    person, page = visit(viewport=WIDE)
    with person.server.session(person.login) as session:  # another device; a moment of the past is one that has come
        session.select("INBOX")
        keywords = Snooze.until(timezone.now() - timedelta(minutes=30)).keywords
        session.uid("STORE", "1", "+FLAGS", f"({' '.join(keywords)})")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # as when somebody comes back to the page
    expect(page.locator("#list .grp h2").first).to_have_text("Back from snooze")
    expect(page.locator(".msg").first).to_contain_text("n0")


def test_filters_and_the_page_of_labels_on_a_phone_in_the_dark(visit: Open) -> None:
    _person, page = visit(viewport={"width": 390, "height": 844}, color_scheme="dark", has_touch=True)
    page.get_by_label("Filter", exact=True).click()
    page.locator(".list-head .menu").get_by_text("To me", exact=True).click()
    expect(page.locator(".fbar [aria-current]")).to_have_text("To me")
    page.locator(".fbar").get_by_text("Unread", exact=True).click()
    expect(page).to_have_url(re.compile("show=unread%2Cme"))
    assert axe.violations(page) == []
    page.reload()
    expect(page.locator(".fbar [aria-current]")).to_have_count(2)
    page.locator(".fbar").get_by_text("Clear").click()
    expect(page.locator(".msg")).to_have_count(4)
    page.goto("/mail/@/labels/")
    assert axe.violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_label("Remove the label Later").click()
    page.get_by_text("Take it off all messages").locator("visible=true").click()
    expect(page.locator("#toasts")).to_contain_text("No message had it.")
    expect(page.locator(".searches > li")).to_have_count(4)
