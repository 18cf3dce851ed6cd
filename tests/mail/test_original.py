"""What of a message an answer, a message passed on and a draft taken up again begin with: all of it."""

from __future__ import annotations

import re
from html import unescape

from tests.mail.desk import Desk, Writer
from tests.support.receiver import read

THREE = ("FIRST, PLAIN", "SECOND, FORMATTED", "THIRD, FORMATTED")


def message(head: str, body: str) -> bytes:
    return (f"From: x@example.test\n{head.strip()}\n\n{body}".replace("\n", "\r\n")).encode()


def mixed(*parts: str, head: str = "Subject: mixed") -> bytes:
    """``parts``: each its header fields, an empty line, its content."""
    body = "".join(f"--b\n{part}\n" for part in parts)
    return message(f"{head}\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b", f"{body}--b--\n")


#: As programs write it that put a file where it stands in the text.
INTERLEAVED = mixed(
    f"Content-Type: text/plain; charset=utf-8\n\n{THREE[0]}\n",
    "Content-Type: application/pdf; name=a.pdf\nContent-Disposition: attachment; filename=a.pdf\n\nx",
    f"Content-Type: text/html; charset=utf-8\n\n<style>p {{ color: red }}</style><p><b>{THREE[1]}",
    f"Content-Type: text/html; charset=utf-8\n\n<p>{THREE[2]}</p>\n",
)


def rich_text(page: Desk) -> str:
    """What the editor would show; without scripts the field is not sent along."""
    field = re.search(r'<input[^>]*name="html"[^>]*>', page.html)
    value = re.search(r'value="([^"]*)"', field[0]) if field else None
    return unescape(value[1]) if value else ""


def missing(text: str) -> list[str]:
    return [words for words in THREE if words not in text]


def test_a_draft_of_many_texts_is_taken_up_whole_with_and_without_scripts(writer: Writer) -> None:
    (uid,) = writer.person.receive(INTERLEAVED, mailbox="Drafts", flags="\\Draft")
    page = writer.on("edit", uid, "Drafts")
    assert (page.value("format"), page.files) == ("html", ["a.pdf"])
    assert missing(page.value("text")) == missing(rich_text(page)) == []
    page.press("save", html=rich_text(page))
    (kept,) = writer.stored("Drafts")
    bodies = [part.get_content() for part in read(kept).walk() if part.get_content_maintype() == "text"]
    assert [missing(text) for text in bodies] == [[], []]
    page.press("save")
    (kept,) = writer.stored("Drafts")
    body = read(kept).get_body(("plain",))
    assert body is not None
    assert missing(body.get_content()) == []


def test_a_rich_answer_has_the_plain_parts_too(writer: Writer) -> None:
    (uid,) = writer.person.receive(INTERLEAVED)
    for name in ("reply", "forward"):
        page = writer.on(name, uid, format="html")
        assert missing(page.value("text")) == missing(rich_text(page)) == []
        assert "color: red" in rich_text(page).replace("color:red", "color: red").partition(THREE[2])[0]
