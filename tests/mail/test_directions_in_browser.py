"""Text from right to left, in Chromium: as it is read, as it is printed, and as it is sent."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from tests.mail.conftest import letter
from tests.mail.test_compose_in_browser import Open, editor, pytestmark, sent, write
from tests.support.receiver import SmallPost, arrived, read

__all__ = ["pytestmark", "write"]
GREETING, QUOTE = "مرحبا يا صديقي!", "كيف حالك؟"
#: Where the first and the last character of a text stand, from the left.
ENDS = """(root, text) => {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const at = walker.currentNode.data.indexOf(text);
    if (at < 0) continue;
    return [at, at + text.length - 1].map((place) => {
      const range = document.createRange();
      range.setStart(walker.currentNode, place);
      range.setEnd(walker.currentNode, place + 1);
      return range.getBoundingClientRect().left;
    });
  }
}"""


def runs_leftwards(text: Locator, words: str) -> bool:
    first, last = text.evaluate(ENDS, words)
    return bool(last < first)


def test_each_paragraph_of_plain_text_runs_its_own_way(write: Open) -> None:
    writer, page = write()
    (uid,) = writer.person.receive(letter("Two ways", text=f"Hello Ann,\n\n{GREETING}\n\n> {QUOTE}\n"))
    for name, selector in (("message", "#reading .prose.text"), ("print", ".printed .text")):
        page.goto(writer.person.url(name, "INBOX", uid, v=writer.person.uidvalidity()))
        text = page.locator(selector)
        expect(text).to_be_visible()
        assert [runs_leftwards(text, words) for words in ("Hello Ann,", GREETING, QUOTE)] == [False, True, True]


def test_rich_text_is_sent_with_its_directions(write: Open, post: SmallPost) -> None:
    _writer, page = write("/mail/@/compose/?format=html&to=bob@example.test&subject=x")
    box = editor(page).locator("[data-editor]")
    box.click()
    page.keyboard.type(GREETING)
    page.keyboard.press("Enter")
    page.keyboard.type("Hello")
    assert [runs_leftwards(box, words) for words in (GREETING, "Hello")] == [True, False]
    page.get_by_role("button", name="Send", exact=False).first.click()
    sent(page)
    (raw,) = arrived(post, "bob")
    body = read(raw).get_body(("html",))
    assert body is not None
    for words in (GREETING, "Hello"):
        assert f'<div dir="auto">{words}' in body.get_content()
