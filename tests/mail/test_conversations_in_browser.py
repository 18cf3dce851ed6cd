"""Conversations in Chromium: from the list into one, its messages opened and closed, acted on and brought back."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.mail.conftest import days_ago
from tests.mail.test_conversations import ONE, THREE, TWO, told
from tests.mail.test_list_in_browser import Open, visit  # noqa: F401
from tests.support import axe

pytestmark = pytest.mark.django_db(transaction=True)
ZOE = "Zoe <zoe@x.test>"


def began(visit: Open, **options: object) -> tuple[object, Page]:  # noqa: F811
    person, page = visit(count=2, **options)
    person.receive(told(ONE, "Felt"), flags="\\Seen", date=days_ago(0.3))
    person.receive(told(TWO, "Re: Felt", ONE, sender=ZOE, text="old words"), flags="\\Seen", date=days_ago(0.2))
    person.receive(told(THREE, "Re: Felt", ONE, TWO), date=days_ago(0.1))
    person.receive(told("<own@x.test>", "Re: Felt", ONE, TWO, text="mine"), mailbox="Sent", date=days_ago(0.15))
    page.reload()
    return person, page


def item(page: Page, who: str, nth: int = 0) -> object:
    return page.locator(".conv .item", has=page.locator("b", has_text=who)).nth(nth)


def test_a_conversation_from_the_list_and_back(visit: Open) -> None:  # noqa: F811
    person, page = began(visit, viewport={"width": 1440, "height": 900})
    row = page.locator(".msg", has_text="Felt")
    expect(row.locator(".n")).to_have_text("3")
    row.locator(".go").click()
    expect(page.locator("#reading h1")).to_have_text("Felt")
    expect(page.locator(".conv .item")).to_have_count(4)
    expect(page.locator(".conv .item.opened")).to_have_count(1)
    expect(page.locator(".msg.un", has_text="Felt")).to_have_count(0)
    assert axe.violations(page) == []
    page.locator(".conv .item", has_text="old words").locator(".go").press("Enter")
    expect(page.locator(".conv .item.opened")).to_have_count(2)
    page.wait_for_url(re.compile(r"open=\d+&open=\d+"))
    page.reload()
    expect(page.locator(".conv .item.opened")).to_have_count(2)
    page.locator("body").press("s")
    expect(page.locator("#toasts")).to_contain_text("3 messages flagged.")
    expect(page.locator("#reading [value=unflag]").first).to_be_visible()
    expect(row.locator(".flags .c-flag")).to_have_count(1)
    page.keyboard.press("z")
    expect(row.locator(".flags .c-flag")).to_have_count(0)
    expect(page.locator("#reading h1")).to_have_text("Felt")
    archive = page.locator("#acts [value=archive]")
    expect(archive).to_have_attribute("aria-label", "Archive 3 messages in this conversation")
    page.keyboard.press("e")
    expect(page.locator("#toasts")).to_contain_text("3 messages archived.")
    expect(row).to_have_count(0)
    assert (person.count(), person.count("Archive"), person.count("Sent")) == (2, 3, 1)
    page.keyboard.press("z")
    expect(row.locator(".n")).to_have_text("3")
    assert (person.count(), person.count("Archive")) == (5, 0)
    row.locator(".pick").click()
    expect(page.locator("[data-count]")).to_have_text("3 selected")
    page.locator("#bulk [value=archive]").click()
    expect(page.locator("#toasts")).to_contain_text("3 messages archived.")


def test_narrow_dark_and_by_the_next_one(visit: Open) -> None:  # noqa: F811
    _person, page = began(visit, viewport={"width": 390, "height": 844}, color_scheme="dark", has_touch=True)
    page.locator(".msg", has_text="Felt").locator(".go").click()
    expect(page.locator(".conv .item.opened")).to_have_count(1)
    assert axe.violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    targets = page.locator(".conv :is(.line, summary, .answer-to a):visible").all()
    sizes = [box["height"] for target in targets if (box := target.bounding_box())]
    assert min(sizes) >= 44
    page.get_by_role("link", name="Back to Inbox").click()
    expect(page.locator(".msg", has_text="Felt")).to_be_visible()


def test_without_scripts(visit: Open) -> None:  # noqa: F811
    person, page = began(visit, viewport={"width": 1024, "height": 768}, java_script_enabled=False)
    page.locator(".msg", has_text="Felt").locator(".go").click()
    page.locator(".conv .item", has_text="old words").locator(".go").click()
    expect(page.locator(".conv .item.opened")).to_have_count(2)
    menu = page.locator(".conv .item.opened").nth(0)
    menu.locator("summary.ib").click()
    menu.get_by_role("button", name="Archive this message").click()
    expect(page.get_by_text("1 message archived.")).to_have_count(1)
    expect(page.locator("#reading h1")).to_have_text("Felt")
    assert (person.count(), person.count("Archive")) == (4, 1)
    page.get_by_role("button", name="Archive 2 messages in this conversation").click()
    expect(page.get_by_text("2 messages archived.")).to_have_count(1)
    assert (person.count(), person.count("Archive"), person.count("Sent")) == (2, 3, 1)
