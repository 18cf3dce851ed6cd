"""The menu of a list's order in Chromium: by keys, with the focus kept, and without scripts."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.mail.test_list_in_browser import Open, row, visit  # noqa: F401
from tests.support import axe

pytestmark = pytest.mark.django_db(transaction=True)


def subjects(page: Page) -> list[str]:
    return page.locator(".msg .subj b").all_inner_texts()


def test_by_keys_the_list_is_sorted_and_the_focus_stays(visit: Open) -> None:  # noqa: F811
    _person, page = visit(viewport={"width": 1440, "height": 900})
    row(page, "n2").locator(".go").click()
    expect(page.locator("#reading h1")).to_have_text("n2")
    page.locator("#sort").focus()
    page.keyboard.press("Enter")
    assert axe.violations(page) == []
    page.get_by_role("button", name="Subject").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#sort")).to_have_attribute("aria-label", "Sorted by Subject, A to Z")
    assert subjects(page) == ["n0", "n1", "n2", "n3"]
    expect(page.locator("#sort")).to_be_focused()
    expect(page.locator("#reading h1")).to_have_text("n2")
    expect(page.locator(".grp")).to_have_count(0)
    page.reload()
    expect(page.locator("#sort")).to_have_attribute("aria-label", "Sorted by Subject, A to Z")
    row(page, "n2").locator(".go").click()
    page.get_by_role("link", name="Next message").click()
    expect(page.locator("#reading h1")).to_have_text("n3")


def test_without_scripts(visit: Open) -> None:  # noqa: F811
    _person, page = visit(viewport={"width": 390, "height": 844}, java_script_enabled=False)
    page.locator("#sort").click()
    page.locator(".sort .menu a").click()
    page.get_by_role("button", name="Oldest first").click()
    expect(page.locator("#sort")).to_have_attribute("aria-label", re.compile("Oldest first"))
    assert subjects(page) == ["n0", "n1", "n2", "n3"]


def test_a_list_goes_on_while_it_is_scrolled_and_keeps_its_place(visit: Open) -> None:  # noqa: F811
    from apps.auth.models import User
    from apps.mail.prefs import ENDLESS, PAGE_SIZE
    from portal.prefs import Prefs

    person, page = visit(viewport={"width": 1440, "height": 700}, count=80)
    Prefs(User.objects.get(login=person.login)).save({ENDLESS: True, PAGE_SIZE: "25"})
    page.reload()
    expect(page.locator(".msg")).to_have_count(25)
    page.locator(".msg").last.scroll_into_view_if_needed()
    expect(page.locator("#list-foot")).to_contain_text("1–50 of 80")
    expect(page.locator(".msg")).to_have_count(50)
    expect(page.locator(".grp", has_text="Today")).to_have_count(1)
    expect(page.locator(".msg .go:not([tabindex='-1'])")).to_have_count(1)
    assert axe.violations(page) == []
    row(page, "n35").locator(".go").click()
    expect(page.locator("#reading h1")).to_have_text("n35")
    page.keyboard.press("e")
    expect(page.locator("#toasts")).to_contain_text("1 message archived.")
    expect(page.locator(".msg")).to_have_count(50)
    expect(row(page, "n34").locator(".go")).to_be_focused()
    expect(row(page, "n34")).to_be_in_viewport()
    page.locator("#list .go-on a").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".msg")).to_have_count(75)
    expect(page.locator(".msg").nth(50).locator(".go")).to_be_focused()
    with person.server.session(person.login) as session:
        session.select("INBOX")
        session.store("1:4", "+FLAGS", "(\\Deleted)")
        session.expunge()
    page.locator("#list .go-on").scroll_into_view_if_needed()
    expect(page.locator("#list .go-on")).to_have_count(0)  # nothing came in its place
