"""Drafts: kept, taken up again, replaced by the next one, and never anything else removed."""

from __future__ import annotations

import os
from typing import Any

import pytest

from apps.mail.services.refs import MessageRef
from tests.mail.conftest import letter
from tests.mail.desk import Desk, Writer
from tests.mail.everywhere import every_server  # noqa: F401 - a fixture
from tests.support.receiver import PostOffice, arrived, read

TYPED = {
    "to": '"Last, First" <a@example.test>, bob@example.test',
    "cc": "c@example.test",
    "bcc": "Dora <d@example.test>",
    "subject": "Половина =?utf-8?q?not_encoded?=",
    "text": "  indented\n\nA long line " + "word " * 60 + "end\n> a quote\n-- \nAnn",
}


def save_by_script(page: Desk, **changes: str) -> dict[str, Any]:
    """What the page's script does; the form then holds what the answer says."""
    data = {**page.fields, **changes, "action": "save"}
    answer = page.person.client.post("/mail/@/compose/", data, headers={"Accept": "application/json"})
    assert answer.status_code == 200, answer.content.decode()
    told: dict[str, Any] = answer.json()
    page.fields |= {name: [value] for name, value in changes.items()} | {"draft": [told["draft"]]}
    page.fields["attachment"] = [told["attachments"][token] for token in page.tokens]
    return told


def test_a_draft_keeps_everything(writer: Writer) -> None:
    content = os.urandom(30_000)
    page = writer.new().press("save", **TYPED, files=[("Grüße.bin", "application/octet-stream", content)])
    assert page.said == ["Draft saved."]
    assert "/edit/?v=" in page.url
    assert {name: page.value(name) for name in TYPED} == TYPED
    assert page.files == ["Grüße.bin"]
    (raw,) = writer.stored("Drafts")
    (file,) = read(raw).iter_attachments()
    assert file.get_payload(decode=True) == content
    (uid,) = writer.uids("Drafts")
    assert writer.person.flags(uid, "Drafts") == {"\\Draft", "\\Seen"}


def test_a_draft_replaces_the_one_before(writer: Writer) -> None:
    page = writer.new().press("save", **TYPED, files=[("a.txt", "text/plain", b"1")])
    page.press("save", subject="Second", files=[("b.txt", "text/plain", b"2")])
    (raw,) = writer.stored("Drafts")
    message = read(raw)
    assert message["Subject"] == "Second"
    assert [part.get_payload(decode=True) for part in message.iter_attachments()] == [b"1", b"2"]
    assert page.files == ["a.txt", "b.txt"]


def test_what_is_no_address_yet_is_kept(writer: Writer) -> None:
    typed = {"to": "ann@, bob@example.test", "cc": "some body", "subject": "Half", "text": "T"}
    page = writer.new().press("save", **typed)
    assert page.said == ["Draft saved."]
    assert {name: page.value(name) for name in typed} == typed
    page.press(to="bob@example.test")
    assert page.errors == {"cc": ["“some body” is not a mail address. The “@” is missing."]}


@pytest.mark.parametrize(
    "to",
    ["no address, " * 4000, "кто это? " * 6000, ", ".join(f'"{"я" * 80}" <y{n}@example.test>' for n in range(490))],
)
def test_however_long_recipients_are_kept_whole(writer: Writer, to: str) -> None:
    to = to.strip()
    page = writer.new().press("save", to=to, bcc=to, subject="Long")
    assert page.said == ["Draft saved."]
    for name in ("to", "bcc"):
        assert page.value(name).replace('"', "").split() == to.replace('"', "").split()


def test_saved_by_script_the_page_goes_on(writer: Writer, post: PostOffice) -> None:
    bob = post.new_login()
    message = letter("Files", files=(("a.txt", "text/plain", b"first"), ("b.txt", "text/plain", b"second")))
    (uid,) = writer.person.receive(message)
    page = writer.on("forward", uid).press("attach", files=[("c.txt", "text/plain", b"third")])
    told = save_by_script(page, to=f"{bob}@example.test", text="One\n")
    assert told["text"].startswith("Saved ")
    assert set(told["attachments"]) == {"s:2", "s:3", *(token for token in told["attachments"] if token[0] == "u")}
    save_by_script(page, text="Two\n")
    assert len(writer.stored("Drafts")) == 1
    page.fields["attachment"] = page.tokens[1:]
    save_by_script(page, text="Three\n")
    assert Desk(writer.person).open(told["url"]).status == 404  # that one has been replaced twice
    assert page.press().said == ["Message sent."]
    sent = read(arrived(post, bob)[0])
    assert [part.get_payload(decode=True) for part in sent.iter_attachments()] == [b"second", b"third"]
    assert writer.stored("Drafts") == []


def test_an_answer_taken_up_again_still_marks_its_original(writer: Writer, post: PostOffice) -> None:
    (uid,) = writer.person.receive(letter())
    page = writer.on("reply", uid).press("save")
    again = Desk(writer.person).open(page.url)
    before = {name: page.value(name) for name in ("id", "kind", "source", "in_reply_to", "references")}
    assert {name: again.value(name) for name in before} == before
    assert again.press(to=f"{post.new_login()}@example.test").said == ["Message sent."]
    assert "\\Answered" in writer.person.flags(uid)


def test_a_draft_of_another_program(writer: Writer) -> None:
    foreign = letter("Foreign", text="theirs", html="<p>theirs <b>bold</b></p>", to="Dora <d@example.test>")
    writer.person.receive(foreign, mailbox="Drafts", flags="\\Draft")
    page = writer.on("edit", writer.uids("Drafts")[0], "Drafts")
    assert (page.value("to"), page.value("subject"), page.value("format")) == (
        "Dora <d@example.test>",
        "Foreign",
        "html",
    )
    page.press("save", subject="Ours")
    assert [read(raw)["Subject"] for raw in writer.stored("Drafts")] == ["Ours"]


def test_what_another_program_has_set_is_kept_and_sent(writer: Writer, post: PostOffice) -> None:
    bob = post.new_login()
    fields = {"Reply_To": "Desk <desk@example.test>", "Importance": "high", "Organization": "Жылы үй"}
    foreign = letter("Foreign", to=f"{bob}@example.test", **fields)
    (uid,) = writer.person.receive(foreign, mailbox="Drafts", flags="\\Draft")
    page = writer.on("edit", uid, "Drafts").press("save", subject="Ours").press("save")
    (kept,) = writer.stored("Drafts")
    assert page.press().said == ["Message sent."]
    for raw in (kept, *arrived(post, bob)):
        assert {name: read(raw)[name.replace("_", "-")] for name in fields} == fields


def test_forged_fields_are_left_out(writer: Writer) -> None:
    kept = "Importance=high&Bcc=eve%40example.test&Organization=a%0D%0ABcc%3A+eve%40example.test"
    page = writer.new().press("save", text="x", kept=kept, priority="high", reply_to="no address, ok@example.test")
    assert page.said == ["Draft saved."]
    message = read(writer.stored("Drafts")[0])
    found = (message["Importance"], message["Organization"], message["Bcc"], message["Reply-To"])
    assert found == ("high", None, None, "ok@example.test")


def test_discarding(writer: Writer, tmp_path) -> None:
    page = writer.new().press("save", **TYPED, files=[("a.txt", "text/plain", b"1")])
    page.press("attach", files=[("b.txt", "text/plain", b"2")])
    assert page.press("discard").said == ["Draft discarded."]
    assert writer.stored("Drafts") == []
    before = writer.new().press("attach", files=[("c.txt", "text/plain", b"3")])
    assert (
        len([path for path in (tmp_path / "uploads").glob("*/*") if path.is_file()]) == 2
    )  # a.txt waits for the purge
    before.press("discard")
    assert len([path for path in (tmp_path / "uploads").glob("*/*") if path.is_file()]) == 1


@pytest.mark.parametrize("button", ["save", "discard", "send"])
def test_only_the_draft_of_this_very_message_is_removed(writer: Writer, post: PostOffice, button: str) -> None:
    """A form that names something else as its draft: mail in the inbox, another draft, a mailbox numbered anew."""
    (uid,) = writer.person.receive(letter("Precious"))
    other = writer.new().press("save", subject="Other draft").value("draft")
    ref = MessageRef.parse(other)
    assert ref is not None
    elsewhere = [
        str(MessageRef("INBOX", writer.person.uidvalidity(), uid)),
        other,
        str(MessageRef(ref.mailbox, ref.uidvalidity + 1, ref.uid)),
        str(MessageRef(ref.mailbox, ref.uidvalidity, ref.uid + 1000)),
        "nonsense",
    ]
    for draft in elsewhere:
        writer.new().press(button, to=f"{post.new_login()}@example.test", subject="Mine", draft=draft)
    assert [read(raw)["Subject"] for raw in writer.stored("INBOX")] == ["Precious"]
    assert "Other draft" in [read(raw)["Subject"] for raw in writer.stored("Drafts")]


def test_discarding_what_stays_is_said(writer: Writer) -> None:
    (uid,) = writer.person.receive(letter("Precious"))
    page = writer.new().press("discard", draft=str(MessageRef("INBOX", writer.person.uidvalidity(), uid)))
    assert page.said == ["Nothing was removed: the draft is not the one that was opened here."]


def test_text_that_cannot_be_kept_comes_back(writer: Writer) -> None:
    page = writer.new().press("save", subject="x" * 3000, text="T\n")
    assert page.status == 422
    assert list(page.errors) == ["subject"]
    assert page.value("text") == "T\n"
    assert not writer.stored("Drafts")


def test_a_session_without_its_password_keeps_the_draft(writer: Writer) -> None:
    """The browser's half of the key is gone: the password is asked for, and what was written is sent again."""
    page = writer.new()
    cookies = writer.person.client.cookies
    (key,) = [name for name in cookies if name.endswith("yurt_key")]
    del cookies[key]
    page.press("save", **TYPED)
    assert page.status == 401
    assert "Sign in again" in page.html
    assert "bob@example.test" in page.html
    assert writer.stored("Drafts") == []
