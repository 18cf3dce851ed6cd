"""Reading in Chromium: from message to message in a conversation, a quick reply that is never lost, what is new."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.mail.conftest import days_ago, send_at_once
from tests.mail.test_compose_in_browser import Open, write  # noqa: F401
from tests.mail.test_conversations import ONE, THREE, TWO, told
from tests.support import axe
from tests.support.receiver import arrived, read, text_of

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.parametrize("server", ["pymap_server"], indirect=True),  # the server behind makes no difference here
]
ASKED, ANSWERED = "The tent costs 400.\r\nShall we?", "> The tent costs 300.\r\n> Shall we?\r\nYes."


def saved(page: Page, words: str):
    """The block saves a draft with these words."""
    return page.expect_response(
        lambda answer: answer.url.endswith("/@/compose/") and answer.ok and words in (answer.request.post_data or "")
    )


def test_a_conversation_with_keys_and_a_quick_reply(write: Open) -> None:  # noqa: F811
    writer, page = write("/mail/INBOX/")
    person = writer.person
    friend = writer.post.new_login()
    sender = f"Zoe <{person.server.address(friend)}>"
    person.receive(told("<o@x.test>", "Poles", text="other"), flags="\\Seen", date=days_ago(4))
    first = person.receive(told(ONE, "Felt", text=ASKED), flags="\\Seen", date=days_ago(3))[0]
    person.receive(told(TWO, "Re: Felt", ONE, text=ANSWERED), flags="\\Seen", date=days_ago(2))
    person.receive(told(THREE, "Re: Felt", ONE, TWO, sender=sender), flags="\\Seen", date=days_ago(1))
    page.goto(f"/mail/INBOX/{first}/conversation/?v={person.uidvalidity()}")
    expect(page.locator(".conv[data-steps]")).to_be_visible()
    expect(page.locator(".conv .item")).to_have_count(3)
    page.keyboard.press("p")
    expect(page.locator(".conv .item").nth(1).locator(".go")).to_be_focused()
    page.keyboard.press("p")
    expect(page.locator(".conv .item").nth(0).locator(".go")).to_be_focused()
    page.keyboard.press("n")
    page.keyboard.press("Enter")
    second = page.locator(".conv .item").nth(1)
    expect(second).to_have_class(re.compile("opened"))
    second.get_by_text("What is new here").click()
    expect(second.locator(".altered ins")).to_contain_text("300.")
    expect(second.locator(".prose.text", has_text="Yes.").first).to_be_visible()
    assert axe.violations(page) == []
    page.keyboard.press(";")
    expect(page.locator(".conv .item.opened")).to_have_count(3)
    page.keyboard.press(":")
    expect(page.locator(".conv .item.opened")).to_have_count(0)

    page.locator("body").press("q")
    expect(page.locator("#quick.live .chip")).to_have_text("Zoe")
    field = page.locator("#quick textarea")
    expect(field).to_be_focused()
    with saved(page, "A tent of felt"):
        page.keyboard.type("A tent of felt")
        page.locator("[rel=next]").click()  # and away, before it is saved
        expect(page.locator("#reading h1")).to_have_text("Poles")
    expect(page.locator("#toasts")).to_contain_text("Your reply is kept in Drafts.")
    page.go_back()
    expect(page.locator(".conv .item", has_text="A tent of felt")).to_be_visible()
    page.locator(".conv .item", has_text="A tent of felt").get_by_role("link", name="Continue writing").click()
    window = page.frame_locator(".window iframe")
    expect(window.locator("#compose textarea[name=text]")).to_have_value(re.compile(r"^A tent of felt\n\nOn "))


def test_sent_taken_back_and_opened_in_full(write: Open) -> None:  # noqa: F811
    writer, page = write("/mail/INBOX/")
    person = writer.person
    send_at_once(person, seconds=30)
    friend = writer.post.new_login()
    uid = person.receive(told(ONE, "Felt", sender=f"Zoe <{person.server.address(friend)}>"), flags="\\Seen")[0]
    here = f"/mail/INBOX/{uid}/?v={person.uidvalidity()}"
    page.goto(here)
    page.locator("#quick textarea").click()
    expect(page.locator("#quick.live")).to_be_visible()
    assert axe.violations(page) == []
    page.keyboard.type("One word")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#toasts").get_by_role("button", name="Undo")).to_be_visible()
    expect(page).to_have_url(re.compile(re.escape(here)))
    page.locator("#toasts").get_by_role("button", name="Undo").click()
    text = page.locator("#compose textarea[name=text]")
    expect(text).to_have_value(re.compile(r"^One word\n\nOn "))

    send_at_once(person)
    page.goto(here)
    page.locator("#quick textarea").click()
    expect(page.locator("#quick.live")).to_be_visible()
    page.keyboard.type("Another")
    page.get_by_role("button", name="Open in full").click()
    expect(text).to_have_value(re.compile(r"^Another\n\nOn "))
    page.get_by_role("button", name="Send", exact=False).first.click()
    expect(page.locator("#toasts")).to_contain_text("Message sent.")
    assert text_of(read(arrived(writer.post, friend)[0])).startswith("Another\n\nOn ")


def test_on_a_phone_and_without_scripts(write: Open) -> None:  # noqa: F811
    writer, page = write("/mail/INBOX/", viewport={"width": 390, "height": 844}, java_script_enabled=False)
    person = writer.person
    uid = person.receive(told(ONE, "Felt"), flags="\\Seen")[0]
    page.goto(f"/mail/INBOX/{uid}/conversation/?v={person.uidvalidity()}")
    assert page.locator(".answer-to a").count() == 3
    page.locator("#quick textarea").fill("By hand")
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#compose textarea[name=text]")).to_have_value(re.compile(r"^By hand\n\nOn "))
