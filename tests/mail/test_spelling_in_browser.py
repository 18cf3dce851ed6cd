"""Spelling in Chromium: underlined as one writes, with F7 and digits, by mouse, in plain and in rich text."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.contrib.auth import get_user_model
from playwright.sync_api import Page, expect

from tests.mail.test_compose_in_browser import Open, editor, sent, to, write  # noqa: F401 - a fixture
from tests.support import axe
from tests.support.receiver import SmallPost, arrived, read, text_of
from tests.support.spelling import word_lists

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.needs_app("spellcheck"),
    pytest.mark.parametrize("server", ["pymap_server"], indirect=True),  # the server behind makes no difference here
]
MARKED = """() => {
  const page = document.querySelector("iframe[data-frame]").contentWindow;
  return [...(page.CSS.highlights.get("misspelt") ?? [])].map(String);
}"""


@pytest.fixture(autouse=True)
def lists() -> Iterator[None]:
    with word_lists(en="recieved wierd kraplach", de="nähmlich"):
        yield


def menu(page: Page, word: str):
    return page.get_by_role("menu", name=f"Suggestions for “{word}”")


def items(page: Page, word: str):
    return menu(page, word).get_by_role("menuitem")


def place(page: Page, selector: str) -> None:
    """Click into the middle of what lies over the text, as a hand does: the click is the text's."""
    box = page.locator(selector).first.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def test_plain_text_with_keys_and_with_the_mouse(write: Open, post: SmallPost) -> None:  # noqa: F811
    from apps.spellcheck.models import Word
    from apps.spellcheck.prefs import LANGUAGES
    from portal.prefs import Prefs

    writer, page = write("/mail/@/compose/?to=bob@example.test&subject=Camp")
    Prefs(get_user_model().objects.get(login=writer.person.login)).save({LANGUAGES: ("en", "de")})
    page.reload()
    text = page.locator("[name=text]")
    marked = page.locator(".spell-mirror .misspelt")
    text.focus()
    page.keyboard.insert_text("I have recieved 😀 it, a wierd kraplach.\n\nDas ist nähmlich sehr gut.\n> teh quoted")
    expect(marked).to_have_text(["recieved", "wierd", "kraplach", "nähmlich"])
    # the layer has its words where the text has them
    expect(page.locator(".spell-mirror")).to_have_css("font-size", text.evaluate("e => getComputedStyle(e).fontSize"))
    text.press("Control+Home")
    page.keyboard.press("F7")
    expect(items(page, "recieved").first).to_be_focused()
    expect(items(page, "recieved").first).to_have_text(re.compile(r"received\s*1"))
    assert axe.violations(page) == []
    page.keyboard.press("1")
    expect(text).to_have_value(re.compile("^I have received 😀 it, a wierd"))
    expect(text).to_be_focused()
    page.keyboard.press("F7")
    expect(items(page, "wierd").first).to_be_focused()
    page.keyboard.press("Escape")  # of the menu, not of the page
    expect(menu(page, "wierd")).to_be_hidden()
    expect(text).to_be_focused()
    place(page, ".spell-mirror .misspelt >> nth=1")
    expect(items(page, "kraplach").first).to_be_visible()
    expect(text).to_be_focused()
    menu(page, "kraplach").get_by_role("menuitem", name="Add to my dictionary").click()
    expect(page.locator(".toast")).to_contain_text("“kraplach” is in your dictionary now.")
    expect(marked).to_have_text(["wierd", "nähmlich"])
    assert Word.objects.get().word == "kraplach"
    text.press("Control+Home")
    page.keyboard.press("F7")
    menu(page, "wierd").get_by_role("menuitem", name="Ignore in this message").click()
    expect(marked).to_have_text(["nähmlich"])
    page.keyboard.press("F7")
    expect(items(page, "nähmlich").first).to_have_text(re.compile(r"nämlich\s*1"))
    menu(page, "nähmlich").get_by_role("menuitem", name="Language: Deutsch").click()
    choice = page.get_by_label("Language of this message")
    expect(choice).to_be_focused()
    choice.select_option("de")
    expect(marked.first).to_have_text("have")  # the English is wrong now
    choice.select_option("")
    expect(marked).to_have_text(["nähmlich"])
    page.get_by_label("Underline while I write").uncheck()
    expect(marked).to_have_count(0)
    page.keyboard.press("Escape")
    text.press("Control+z")  # what was chosen can be undone
    expect(text).to_have_value(re.compile("^I have recieved"))
    page.get_by_role("button", name=re.compile("^Send Ctrl")).click()
    sent(page)
    assert "I have recieved 😀 it" in text_of(read(arrived(post, "bob")[0]))


def test_a_long_text_on_a_phone(write: Open) -> None:  # noqa: F811
    _writer, page = write("/mail/@/compose/", viewport={"width": 390, "height": 700})
    text = page.locator("[name=text]")
    text.fill("It is a long line of words that goes on. " * 60 + "\n\nThe end is wierd")
    expect(page.locator(".spell-mirror .misspelt")).to_have_text(["wierd"])
    text.press("Control+Home")
    page.keyboard.press("F7")
    expect(items(page, "wierd").first).to_be_focused()
    expect(items(page, "wierd").first).to_be_in_viewport()
    page.keyboard.press("1")
    expect(text).to_have_value(re.compile("The end is weird$"))


def test_rich_text_keeps_its_looks(write: Open, post: SmallPost) -> None:  # noqa: F811
    _writer, page = write("/mail/@/compose/?to=bob@example.test&subject=Camp")
    page.get_by_label("Rich text").check()
    body = editor(page).locator("[data-editor]")
    body.click()
    page.keyboard.insert_text("It is ")
    page.keyboard.press("Control+b")
    page.keyboard.insert_text("wierd")
    page.keyboard.press("Control+b")
    page.keyboard.insert_text(" and recieved")
    page.keyboard.press("Enter")
    page.keyboard.insert_text("the end")
    page.wait_for_function(f"() => ({MARKED})().join() === 'wierd,recieved'")
    before = body.inner_html()
    page.keyboard.press("F7")  # behind the last: from the beginning again
    expect(items(page, "wierd").first).to_be_focused()
    assert axe.violations(page) == []
    page.keyboard.press("ArrowUp")
    expect(items(page, "wierd").last).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(body.locator("b")).to_have_text("weird")
    page.keyboard.press("F7")
    expect(items(page, "recieved").first).to_be_focused()
    page.keyboard.press("1")
    assert body.inner_html() == before.replace("wierd", "weird").replace("recieved", "received")
    page.wait_for_function(f"() => ({MARKED})().length === 0")
    page.keyboard.press("F7")
    expect(page.locator(".toast")).to_contain_text("No misspelt words were found.")
    page.keyboard.press("Control+Enter")
    sent(page)
    assert "<b>weird</b> and received" in (read(arrived(post, "bob")[0]).get_body(("html",)).get_content())


def test_asked_before_it_goes_and_a_server_that_is_away(write: Open) -> None:  # noqa: F811
    from apps.spellcheck.prefs import BEFORE_SENDING, WHILE_WRITING
    from portal.prefs import Prefs

    writer, page = write("/mail/@/compose/?to=bob@example.test&subject=Camp")
    user = get_user_model().objects.get(login=writer.person.login)
    Prefs(user).save({BEFORE_SENDING: True, WHILE_WRITING: False})
    page.reload()
    text = page.locator("[name=text]")
    text.fill("I have recieved it")
    assert text.evaluate("e => e.spellcheck")  # the browser's own may check
    to(page).focus()
    page.keyboard.press("Control+Enter")
    dialog = page.get_by_role("alertdialog", name="Before it is sent")
    expect(dialog.get_by_role("listitem")).to_have_text(["This word may be misspelt: recieved"])
    dialog.get_by_role("button", name="Go on writing").click()
    page.route("**/spellcheck/check/", lambda route: route.abort())
    text.focus()
    page.keyboard.press("F7")
    expect(page.locator(".toast")).to_contain_text("The spelling could not be checked.")
    page.locator(".toast .close").click()
    page.unroute("**/spellcheck/check/")
    page.locator("summary[aria-label='Spelling']").click()
    page.get_by_role("button", name="Check spelling").click()
    expect(items(page, "recieved").first).to_be_focused()
    page.keyboard.press("1")
    expect(text).to_have_value("I have received it")
    page.get_by_role("button", name=re.compile("^Send Ctrl")).click()
    sent(page)
