"""Text from right to left, in Chromium: as it is read, as it is printed, and as it is sent."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from tests.mail.conftest import letter
from tests.mail.test_compose_in_browser import Open, pytestmark, write

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
