"""Several messages in writing at once, in Chromium: windows beside what is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth import get_user_model
from playwright.sync_api import Browser, FrameLocator, Locator, Page, expect

from apps.mail.prefs import WRITE_IN
from apps.mail.services import stores
from portal.prefs import for_user
from tests.mail.conftest import letter, send_at_once, signed_in
from tests.mail.desk import Writer
from tests.support import axe
from tests.support.browsing import page_of
from tests.support.mailserver import MailServer
from tests.support.receiver import SmallPost, arrived, read, text_of

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.parametrize("server", ["pymap_server"], indirect=True),  # the server behind makes no difference here
]
Open = Callable[..., tuple[Writer, Page]]
WIDE = {"width": 1440, "height": 900}
#: Until the scripts of an open message are there, which come after it.
READING_LOADED = """async () => {
  for (;;) {
    const loaded = performance.getEntriesByType("resource").find(({ name }) => /\\/reading[.\\w]*\\.js$/.test(name));
    if (loaded) { await import(loaded.name); return; }
    await new Promise((go) => setTimeout(go, 50));
  }
}"""


@pytest.fixture
def inbox(browser: Browser, live_server, server: MailServer, post: SmallPost) -> Iterator[Open]:
    """A browser at the inbox of somebody who has two letters."""
    contexts = []
    errors: list[str] = []

    def begin(*, undo: int = 0, **options: object) -> tuple[Writer, Page]:
        person = signed_in(server)
        send_at_once(person, seconds=undo)
        person.receive(
            letter("Poles", text="How many poles?\n\nAnd how long?"), letter("Tents", text="How many tents?")
        )
        page = page_of(person.client, browser, live_server.url, errors, **({"viewport": WIDE} | options))
        contexts.append(page.context)
        page.goto("/mail/INBOX/")
        return Writer(person, post), page

    yield begin
    for context in contexts:
        context.close()
    stores.pool().close_all()
    assert errors == []


def read_letter(page: Page, subject: str) -> None:
    page.locator(".msg", has_text=subject).locator(".go").click()
    expect(page.locator("#reading h1")).to_have_text(subject)


def window(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name="Messages being written").get_by_role("group", name=name, exact=True)


def inside(page: Page, name: str) -> FrameLocator:
    """The writing page in it, once it can be written in."""
    frame = window(page, name).frame_locator("iframe")
    expect(frame.locator("form.compose.live")).to_be_visible()
    return frame


def begin(page: Page) -> FrameLocator:
    """A new message, in the last window as long as there is no newer one."""
    before = page.locator(".window").count()
    page.locator("#side [data-key=c]").click()
    expect(page.locator(".window")).to_have_count(before + 1)
    frame = page.locator(".window").last.frame_locator("iframe")
    expect(frame.get_by_role("combobox", name="To", exact=True)).to_be_focused()
    return frame


def is_saved(frame: FrameLocator) -> None:
    expect(frame.locator("[data-status]")).to_contain_text("Saved")
    expect(frame.locator("#compose")).to_have_attribute("data-dirty", "")


def test_several_at_once_while_reading_goes_on(inbox: Open, post: SmallPost) -> None:
    writer, page = inbox()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    read_letter(page, "Poles")
    assert not [url for url in asked if "windows" in url]
    page.keyboard.press("r")
    answer = inside(page, "Re: Poles")
    text = answer.locator("[name=text]")
    expect(text).to_be_focused()
    page.keyboard.type("Nine. ")
    is_saved(answer)
    new = begin(page)
    page.keyboard.type("carla@example.test,")
    new.locator("[name=subject]").fill("Ropes")
    expect(window(page, "Ropes")).to_be_visible()
    is_saved(new)
    assert axe.violations(page) == []

    read_letter(page, "Tents")  # what is written stays as it is
    expect(text).to_have_value(re.compile(r"^Nine\."))
    page.locator("#reading [data-key=a]").first.focus()
    begin(page)  # for which there is no room beside the others
    expect(window(page, "Re: Poles").locator("iframe")).to_be_hidden()
    window(page, "Re: Poles").get_by_role("button", name="Restore").press("Enter")
    expect(text).to_be_focused()
    expect(window(page, "Ropes").locator("iframe")).to_be_hidden()

    page.once("dialog", lambda dialog: pytest.fail(dialog.type))
    page.reload()
    expect(page.locator(".window")).to_have_count(3)
    expect(inside(page, "Re: Poles").locator("[name=text]")).to_have_value(re.compile(r"^Nine\."))
    expect(page.locator("body")).to_be_focused()
    window(page, "Ropes").get_by_role("button", name="Restore").click()
    new = inside(page, "Ropes")
    expect(new.locator("#row-to .chip")).to_have_text("carla@example.test×")
    new.locator("[name=text]").fill("Two.")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#toasts")).to_contain_text("Message sent.")
    expect(page.locator(".window")).to_have_count(2)
    (raw,) = arrived(post, "carla")
    assert (read(raw)["Subject"], text_of(read(raw))) == ("Ropes", "Two.\n")

    page.keyboard.press("w")  # to the one that was used last
    expect(page.locator(".window:focus-within")).to_have_count(1)
    window(page, "Re: Poles").get_by_role("button", name="Restore").click()
    inside(page, "Re: Poles").locator("[name=text]").press("Control+Home")
    page.keyboard.type("No: ")
    page.keyboard.press("Escape")
    expect(page.locator("#toasts")).to_contain_text("Draft saved.")
    expect(window(page, "Re: Poles")).to_have_count(0)
    assert b"No: Nine." in writer.stored("Drafts")[-1]


def test_leaving_saves_first_and_asks_nothing(inbox: Open) -> None:
    writer, page = inbox()
    page.once("dialog", lambda dialog: pytest.fail(dialog.type))
    new = begin(page)
    new.locator("[name=subject]").fill("Half")
    with page.expect_navigation():
        page.locator("#folders [data-folder=INBOX]").click()
    expect(inside(page, "Half").locator("[name=subject]")).to_have_value("Half")
    assert b"Subject: Half" in writer.stored("Drafts")[0]
    window(page, "Half").get_by_role("button", name="On the whole page").click()
    expect(window(page, "Half")).to_have_class(re.compile("whole"))
    expect(inside(page, "Half").locator(".cside")).to_be_visible()
    page.keyboard.press("Escape")  # the focus is in it
    expect(page.locator(".window")).to_have_count(0)
    page.locator("#side [data-key=c]").focus()  # nothing is out of reach any more
    expect(page.locator("#side [data-key=c]")).to_be_focused()


def test_sending_is_undone_into_a_window(inbox: Open) -> None:
    _writer, page = inbox(undo=30)
    new = begin(page)
    page.keyboard.type("carla@example.test,")
    new.locator("[name=text]").fill("Two ropes")
    page.keyboard.press("Control+Enter")
    question = new.get_by_role("alertdialog", name="Before it is sent")
    expect(question.get_by_role("listitem")).to_have_text(["The message has no subject."])
    question.get_by_role("button", name="Send anyway").click()
    expect(page.locator(".window")).to_have_count(0)
    page.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(inside(page, "New message").locator("[name=text]")).to_have_value("Two ropes")
    expect(page.locator("#reading")).to_be_visible()


def test_what_is_marked_and_what_is_chosen_go_into_windows(inbox: Open) -> None:
    _writer, page = inbox()
    read_letter(page, "Poles")
    page.evaluate(READING_LOADED)  # what is marked is known once that is there
    page.locator("#reading .prose").first.evaluate(
        """text => {
          const words = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
          while (words.nextNode()) {
            const start = words.currentNode.data.indexOf("And how long?");
            if (start >= 0) getSelection().setBaseAndExtent(words.currentNode, start, words.currentNode, start + 13);
          }
        }"""
    )
    page.keyboard.press("r")
    text = inside(page, "Re: Poles").locator("[name=text]")
    expect(text).to_have_value(re.compile(r"^> And how long\?", re.MULTILINE))
    assert "How many poles" not in text.input_value()
    for box in page.locator(".msg .cb").all():
        box.check(force=True)
    page.locator("#bulk [name=do][value=forward]").evaluate("button => button.click()")
    both = inside(page, "Fwd: Poles")
    expect(both.locator(".up")).to_have_count(2)
    both.get_by_role("combobox", name="To", exact=True).fill("carla@example.test,")
    both.locator("[name=text]").press("Control+Enter")
    expect(page.locator("#toasts")).to_contain_text("Message sent.")


def test_the_whole_page_where_it_is_preferred_or_the_screen_is_small(inbox: Open) -> None:
    writer, page = inbox()
    page.set_viewport_size({"width": 900, "height": 800})
    page.goto("/mail/INBOX/")
    read_letter(page, "Poles")
    page.keyboard.press("r")
    page.wait_for_url("**/reply/**")
    page.set_viewport_size(WIDE)
    user = get_user_model().objects.get(login=writer.person.login)
    for_user(user).save({WRITE_IN: "page"})
    page.goto("/mail/INBOX/")
    page.keyboard.press("c")
    page.wait_for_url("**/@/compose/")
    for_user(user).save({WRITE_IN: "window"})
    page.reload()
    page.locator("[name=subject]").fill("Ropes")
    page.get_by_role("button", name="Go on in a window").click()
    page.wait_for_url("**/mail/INBOX/")
    expect(inside(page, "Ropes").locator("[name=subject]")).to_have_value("Ropes")
    expect(page.locator(".window:focus-within")).to_have_count(1)
