"""What of a message an answer, a message passed on and a draft taken up again begin with: all of it."""

from __future__ import annotations

import re
from html import unescape

import pytest

from tests.mail.conftest import letter
from tests.mail.desk import Desk, Writer
from tests.support.receiver import PostOffice, arrived, read

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


def test_a_long_message_is_passed_on_to_its_last_line(writer: Writer) -> None:
    text = "".join(f"line {number} {'x' * 60}\n" for number in range(6000)) + "THE END"
    (uid,) = writer.person.receive(letter("Long", text=text))
    page = writer.on("forward", uid)
    assert (page.value("text").rstrip()[-7:], page.files, page.errors) == ("THE END", [], {})
    answer = writer.on("reply", uid).value("text")
    assert (len(answer) < len(text), "[…]" in answer) == (True, True)


@pytest.mark.parametrize("rich", [False, True])
def test_a_message_too_long_for_the_form_is_passed_on_as_a_file(writer: Writer, post: PostOffice, rich: bool) -> None:
    text = f"{'x' * 70}\n" * 60_000 + "THE END\n"
    (uid,) = writer.person.receive(letter("Novel", text=text))
    page = writer.on("forward", uid, format="html" if rich else "plain")
    assert page.files == ["Novel.eml"]
    assert ["too long to be quoted" in note for note in page.errors[""]] == [True]
    assert (page.value("subject"), "Novel" in page.value("text")) == ("Fwd: Novel", True)
    bob = post.new_login()
    page.press("save", text="See the file.", to=f"{bob}@example.test")
    assert page.files == ["Novel.eml"]
    assert page.press().said == ["Message sent."]
    (sent,) = (read(raw) for raw in arrived(post, bob))
    (file,) = sent.iter_attachments()
    assert file.get_content_type() == "message/rfc822"
    assert file.get_content().get_content().rstrip().endswith("THE END")


def test_rich_text_too_long_to_be_sent_whole_is_not_sent(writer: Writer) -> None:
    page = writer.new(format="html", to="bob@example.test")
    for button in ("send", "save"):
        page.press(button, format="html", html=f"<p>{'x' * 2_000_000}</p>THE END")
        assert page.status == 422
        assert ["2000000" in error for error in page.errors[""]] == [True]
    assert writer.stored("Drafts") == []


def test_links_keep_where_they_lead_in_plain_text(writer: Writer, post: PostOffice) -> None:
    linked = '<p>Please <a href="https://sign.example/doc?a=1&amp;b=2">sign <b>here</b></a> now.</p>'
    (uid,) = writer.person.receive(message("Subject: s\nContent-Type: text/html", linked))
    led = "Please sign here <https://sign.example/doc?a=1&b=2> now."
    assert led in writer.on("forward", uid).value("text")
    assert f"> {led}" in writer.on("reply", uid).value("text")
    bob = post.new_login()
    page = writer.new(format="html")
    assert page.press(to=f"{bob}@example.test", subject="s", html=linked, format="html").said == ["Message sent."]
    body = read(arrived(post, bob)[0]).get_body(("plain",))
    assert body is not None
    assert led in body.get_content()


def test_what_is_passed_on_was_written_at_the_readers_time(writer: Writer) -> None:
    (uid,) = writer.person.receive(message("Subject: d\nDate: Mon, 05 Jan 2026 23:30:00 +0900", "hello"))
    answer, passed_on = (writer.on(name, uid).value("text") for name in ("reply", "forward"))
    when = re.search(r"On (.*), x@example.test wrote:", answer)
    assert when is not None
    assert f"Date: {when[1]}\n" in passed_on
    assert ":30" in when[1]
    assert "11:30" not in when[1]
