"""What else the writing page offers: priority, receipt, the reminder; and other ways to begin from a message."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.utils import translation

from apps.mail import prefs
from apps.mail.mime.signature import Signature
from apps.mail.services import options
from apps.mail.views import forwarding
from portal.contracts import Address
from portal.prefs import Prefs
from tests.mail.conftest import HTMX, letter
from tests.mail.desk import Desk, Writer
from tests.support.receiver import PostOffice, arrived, read

poor = pytest.mark.parametrize("server", ["pymap_server"], indirect=True)


def remind(writer: Writer) -> None:
    Prefs(get_user_model().objects.get(login=writer.person.login)).save({prefs.ATTACHMENT_REMINDER: True})


def test_priority_and_receipt(writer: Writer, post: PostOffice) -> None:
    bob = post.new_login()
    page = writer.new().press("save", to=f"{bob}@example.test", priority="high", receipt="on")
    again = Desk(writer.person).open(page.url)
    assert (again.value("priority"), again.value("receipt")) == ("high", "on")
    again.press()
    message = read(arrived(post, bob)[0])
    found = (message["Importance"], message["X-Priority"], message["Disposition-Notification-To"])
    assert found == ("high", "1", writer.address)


@poor
def test_nothing_is_asked_for_by_itself(writer: Writer) -> None:
    page = writer.new().press("save", text="x")
    message = read(writer.stored("Drafts")[0])
    assert not {"Importance", "X-Priority", "Disposition-Notification-To"} & set(message.keys())
    assert page.status == 200


def test_options_of_another_program_stay_as_they_are_until_changed() -> None:
    kept = (("X-Priority", "2 (High)"), ("Disposition-Notification-To", "desk@x.test"), ("Organization", "IMS"))
    me = Address("ann@x.test", "Ann")
    as_read = options.chosen(kept)
    assert as_read == {"priority": "high", "receipt": True}
    assert set(options.headers(as_read, kept, sender=me)) == set(kept)
    assert options.headers({"priority": "low"}, kept, sender=me) == (kept[2], *options.PRIORITIES["low"])
    assert options.headers({"priority": "", "receipt": True}, (), sender=me) == ((options.RECEIPT, "ann@x.test"),)


@pytest.mark.parametrize(
    ("language", "text", "word"),
    [
        ("en", "See the Attached plan", "attached"),
        ("en", "The files are enclosed.", "enclosed"),
        ("en", "I reattach it", ""),
        ("en", "Thanks\n> see attached", ""),
        ("en", "Thanks\n\n-- \nattached office\n", ""),
        ("en", "Thanks\n\n---------- Forwarded message ----------\nSubject: attached\n", ""),
        ("de", "Die Liste im Anhang", "anhang"),
        ("de", "anbei die Liste", "anbei"),
        ("ar", "تجد المرفقات هنا", "المرفقات"),
    ],
)
def test_words_of_a_missing_file(language: str, text: str, word: str) -> None:
    with translation.override(language):
        found = options.forgotten({"text": text}, Signature("attached office"), files=0, above=True)
        assert found == word
        assert options.forgotten({"text": text}, Signature(), files=1, above=True) == ""


def test_quotes_in_rich_text_do_not_count() -> None:
    html = "<p>Thanks</p><blockquote>It is attached</blockquote>"
    data = {"format": "html", "html": html, "text": "attached"}
    assert options.forgotten(data, Signature(), files=0, above=True) == ""
    assert options.forgotten(data | {"html": "<p>It is <b>attached</b></p>"}, Signature(), files=0, above=True)


def test_the_reminder_asks_once(writer: Writer, post: PostOffice) -> None:
    remind(writer)
    bob = post.new_login()
    typed = {"to": f"{bob}@example.test", "text": "The plan is attached."}
    page = writer.new().press(**typed)
    assert page.errors == {}
    assert page.questions == ["You mention “attached”, but no file is attached."]
    assert page.value("text") == typed["text"]
    assert page.press().errors == {}
    assert len(arrived(post, bob)) == 1


@poor
def test_no_reminder_with_a_file_or_without_the_preference(writer: Writer) -> None:
    typed = {"to": "bob@example.test", "text": "The plan is attached."}
    assert writer.new().press(**typed).errors == {}
    remind(writer)
    assert writer.new().press(**typed, files=[("plan.txt", "text/plain", b"1")]).errors == {}


# --- other beginnings -------------------------------------------------------------------------------------------------


def test_forwarded_as_a_file(writer: Writer, post: PostOffice) -> None:
    bob = post.new_login()
    original = letter("Poles", text="Felt & poles").replace(b"\n", b"\r\n")
    (uid,) = writer.person.receive(original)
    page = writer.on("forward_attached", uid)
    assert page.value("subject") == "Fwd: Poles"
    assert "Felt & poles" not in page.value("text")
    page.press(to=f"{bob}@example.test")
    raw = arrived(post, bob)[0].replace(b"\r\n", b"\n")
    assert original.replace(b"\r\n", b"\n").rstrip() in raw


def test_edited_as_a_new_message(writer: Writer, post: PostOffice) -> None:
    bob = post.new_login()
    fields = {"Reply_To": "x@example.test", "References": "<a@x>", "Disposition_Notification_To": "x@example.test"}
    raw = letter(
        "Plan", text="As before", to=f"Bob <{bob}@example.test>", files=(("a.txt", "text/plain", b"1"),), **fields
    )
    (uid,) = writer.person.receive(raw)
    page = writer.on("as_new", uid)
    assert (page.value("to"), page.value("subject")) == (f"Bob <{bob}@example.test>", "Plan")
    assert page.value("text").startswith("As before")
    assert (page.files, page.value("draft"), page.value("receipt")) == (["a.txt"], "", "")
    page.press("save").press()
    message = read(arrived(post, bob)[0])
    assert {message[name] for name in ("References", "In-Reply-To", "Reply-To", "Disposition-Notification-To")} == {
        None
    }
    assert message["Message-ID"] != read(raw)["Message-ID"]
    assert [part.get_payload(decode=True) for part in message.iter_attachments()] == [b"1"]
    assert writer.person.count() == 1  # the original stays
    assert "\\Answered" not in writer.person.flags(uid)


def test_several_are_forwarded_as_files(writer: Writer, post: PostOffice) -> None:
    bob = post.new_login()
    uids = writer.person.receive(letter("First", text="one"), letter("Second", text="two"), letter("Third"))
    data = {"do": "forward", "uid": [str(uid) for uid in uids[:2]], "v": writer.person.uidvalidity()}
    answer = writer.person.client.post(writer.person.url("act", "INBOX"), data)
    desk = Desk(writer.person).open(answer["Location"])
    assert (desk.value("subject"), desk.files) == ("Fwd: First", ["First.eml", "Second.eml"])
    desk.press(to=f"{bob}@example.test", text="See these.")
    message = read(arrived(post, bob)[0])
    inside = [part.get_payload(0)["Subject"] for part in message.iter_attachments()]
    assert inside == ["First", "Second"]
    by_script = writer.person.client.post(writer.person.url("act", "INBOX"), data, headers=HTMX)
    assert "/mail/@/compose/?subject=Fwd" in by_script["HX-Trigger"]  # into a window
    assert len(writer.uids("INBOX")) == 3


@poor
def test_what_is_too_much_to_forward_is_said(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "MOST", 1)
    uids = writer.person.receive(letter("First"), letter("Second"))
    data = {"do": "forward", "uid": [str(uid) for uid in uids], "v": writer.person.uidvalidity()}
    page = writer.person.client.post(writer.person.url("act", "INBOX"), data, follow=True).content.decode()
    assert "At most 1 message can be forwarded at once." in page
    toast = writer.person.client.post(writer.person.url("act", "INBOX"), data, headers=HTMX)["HX-Trigger"]
    assert "At most 1 message can be forwarded at once." in toast


@poor
def test_an_answer_quotes_what_was_marked(writer: Writer) -> None:
    (uid,) = writer.person.receive(letter(text="First part.\n\nSecond part.\n\nThird part."))
    url = writer.person.url("reply", "INBOX", uid, v=writer.person.uidvalidity())
    page = Desk(writer.person)._stand(writer.person.client.post(url, {"marked": "Second part.\r\nmore"}))
    assert "> Second part.\n> more" in page.value("text")
    assert "First part" not in page.value("text")
    assert page.value("to") == "Aigerim Tokoeva <aigerim@example.test>"
    assert "> First part." in writer.on("reply", uid).value("text")
    rich = Desk(writer.person)._stand(writer.person.client.post(f"{url}&format=html", {"marked": "<b>x</b>"}))
    assert "&amp;lt;b&amp;gt;x&amp;lt;/b&amp;gt;" in rich.html  # in a field that only the editor may use
