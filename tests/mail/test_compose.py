"""The writing page: what it begins with, what its buttons do without scripts, and what it refuses to let through."""

from __future__ import annotations

import os
from email.message import EmailMessage
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.mail import prefs
from apps.mail.mime import filenames
from apps.mail.services import attaching, limits
from apps.mail.services.refs import MessageRef
from portal.prefs import Prefs
from scripts.servers import exim
from tests.mail.conftest import SignIn, letter
from tests.mail.desk import Desk, Writer
from tests.support import forms
from tests.support.receiver import PostOffice, RealPost, arrived, read, text_of
from tests.support.vectors import items

#: What the writing page lets nobody set by hand.
ABSENT = {"Reply-To", "identity organisation", "custom header", "draft folder name"}
INJECTIONS = [
    item
    for item in items("headers")
    if item["class"] == "CRLF header injection on send" and item["field"] not in ABSENT
]
NAMES = items("attachment_names")


def prefer(writer: Writer, **chosen: str) -> None:
    user = get_user_model().objects.get(login=writer.person.login)
    names = {"format": prefs.FORMAT, "name": prefs.SENDER_NAME, "signature": prefs.SIGNATURE, "answer": prefs.ANSWER}
    Prefs(user).save({names[key]: value for key, value in chosen.items()})


# --- beginnings -------------------------------------------------------------------------------------------------------


def test_a_new_message(writer: Writer) -> None:
    page = writer.new(subject="")
    assert page.status == 200
    assert {name: page.value(name) for name in ("to", "cc", "bcc", "subject", "text", "format", "kind")} == {
        **dict.fromkeys(("to", "cc", "bcc", "subject", "text"), ""),
        "format": "plain",
        "kind": "new",
    }
    assert page.value("id") != writer.new().value("id")
    assert writer.address in page.html


def test_filled_by_a_link(writer: Writer) -> None:
    page = writer.new(to="Ann <ann@x.test>, bob@x.test", cc="c@x.test", subject="A & <b>", body="one\r\ntwo")
    assert page.value("to") == "Ann <ann@x.test>, bob@x.test"
    assert page.value("cc") == "c@x.test"
    assert page.value("subject") == "A & <b>"
    assert page.value("text") == "one\ntwo"


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("mailto:ann@x.test", {"to": "ann@x.test"}),
        ("MAILTO:ann@x.test,bob@x.test?subject=Hi%20there", {"to": "ann@x.test,bob@x.test", "subject": "Hi there"}),
        ("mailto:?to=ann@x.test&CC=c@x.test&cc=d@x.test", {"to": "ann@x.test", "cc": "c@x.test, d@x.test"}),
        ("mailto:a+b@x.test?body=1+1%3D2%0D%0Anext", {"to": "a+b@x.test", "text": "1+1=2\nnext"}),
        ("mailto:ann@x.test?attach=/etc/passwd&from=bob@x.test", {"to": "ann@x.test"}),
        ("mailto://[", {}),
        ("javascript:alert(1)", {}),
        ("mailto:ann@x.test?subject=a%0D%0ABcc:%20v@x.test", {"to": "ann@x.test"}),
    ],
)
def test_mailto_links(writer: Writer, link: str, expected: dict[str, str]) -> None:
    page = writer.new(mailto=link)
    assert page.status == 200
    assert page.fields.get("attachment") is None
    assert page.value("bcc") == ""
    for name, value in expected.items():
        assert page.value(name) == value


def test_answering(writer: Writer) -> None:
    others = f"{writer.address}, Dora <dora@example.test>"
    (uid,) = writer.person.receive(letter("Re: Sv: Poles", text="First line\n\nSecond", Cc=others))
    page = writer.on("reply", uid)
    assert page.value("to") == "Aigerim Tokoeva <aigerim@example.test>"
    assert page.value("cc") == ""
    assert page.value("subject") == "Re: Poles"
    assert page.value("text").startswith("\n\nOn ")
    assert page.value("text").endswith("Aigerim Tokoeva wrote:\n> First line\n>\n> Second")
    everybody = writer.on("reply_all", uid)
    assert everybody.value("cc") == "alice@example.test, Dora <dora@example.test>"
    assert (
        everybody.value("source") == page.value("source") == str(MessageRef("INBOX", writer.person.uidvalidity(), uid))
    )


def test_an_answer_belongs_to_its_thread(writer: Writer, post: PostOffice) -> None:
    bob = post.new_login()
    long_id = f"<{'x' * 2000}@example.test>"
    raw = letter(
        sender=f"{bob}@example.test", References=f"<root@example.test> {long_id}", In_Reply_To="<root@example.test>"
    )
    (uid,) = writer.person.receive(raw)
    assert writer.on("reply", uid).press().said == ["Message sent."]
    message = read(arrived(post, bob)[0])
    original = read(raw)["Message-ID"]
    assert message["In-Reply-To"] == original
    assert message["References"].split() == ["<root@example.test>", original]


def test_passing_on_keeps_every_octet(writer: Writer, post: PostOffice) -> None:
    bob = post.new_login()
    blob = bytes(range(256)) * 300 + os.urandom(5000)
    inner = letter("Inner").replace(b"\n", b"\r\n")
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "bob@example.test", writer.address, "Files"
    message.set_content("See the files.")
    message.add_attachment(blob, maintype="application", subtype="octet-stream", filename="Grüße 😀.bin")
    message.add_attachment(b"lines\nwith LF\r\nand CRLF\n", maintype="text", subtype="plain", filename="a.txt")
    message.add_attachment(read(inner))
    (uid,) = writer.person.receive(message.as_bytes())
    page = writer.on("forward", uid)
    assert page.value("subject") == "Fwd: Files"
    assert "See the files." in page.value("text")
    assert page.value("to") == ""
    assert page.files[:2] == ["Grüße 😀.bin", "a.txt"]
    assert page.press(to=f"{bob}@example.test").said == ["Message sent."]
    first, second, third = read(arrived(post, bob)[0]).iter_attachments()
    assert first.get_content() == blob
    assert first.get_filename() == "Grüße 😀.bin"
    assert second.get_payload(decode=True) == writer_octets(writer, uid, "3")
    assert third.get_content_type() == "message/rfc822"
    assert third.get_content()["Subject"] == "Inner"


def writer_octets(writer: Writer, uid: int, number: str) -> bytes:
    """A part as the portal gives it to save."""
    answer = writer.person.client.get(
        writer.person.url("part", "INBOX", uid, number, v=writer.person.uidvalidity(), save=1)
    )
    return b"".join(answer.streaming_content)


# --- the buttons, without scripts -------------------------------------------------------------------------------------


def test_attaching_and_removing_keeps_what_was_typed(writer: Writer) -> None:
    typed = {"to": "not an address", "cc": "c@x.test", "subject": "Half", "text": "  indented\n\n"}
    page = writer.new().press(
        "attach", **typed, files=[("a.txt", "text/plain", b"1"), ("b.pdf", "application/pdf", b"2")]
    )
    assert page.status == 200
    assert page.files == ["a.txt", "b.pdf"]
    assert page.errors == {}
    page.press(remove=page.tokens[0], files=[("c.txt", "text/plain", b"3")])
    assert page.files == ["b.pdf", "c.txt"]
    assert {name: page.value(name) for name in typed} == typed


def test_files_arrive_as_they_were(writer: Writer, post: PostOffice) -> None:
    bob = post.new_login()
    files = [("a.bin", "application/octet-stream", os.urandom(100_000)), ("b.html", "text/html", b"<script>\r\n\n")]
    writer.new().press("attach", files=files[:1]).press(to=f"{bob}@example.test", subject="F", files=files[1:])
    found = list(read(arrived(post, bob)[0]).iter_attachments())
    assert [part.get_payload(decode=True) for part in found] == [content for _name, _type, content in files]
    assert [part.get_content_type() for part in found] == ["application/octet-stream", "text/html"]
    assert all(part.get_content_disposition() == "attachment" for part in found)


def test_files_beyond_the_limit(writer: Writer, settings) -> None:
    settings.MAX_MESSAGE_MB = 1
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 3_000_000
    typed = {"to": "b@example.test", "subject": "Big", "text": "kept"}
    page = writer.new().press(
        "attach", **typed, files=[("big.bin", "x/y", b"\1" * (2**20 + 1)), ("a.txt", "text/plain", b"1")]
    )
    assert page.errors[""] == ["“big.bin” is larger than 1 MB."]
    assert page.files == ["a.txt"]
    page.press("attach", files=[("one.bin", "x/y", b"\1" * 999_999), ("two.bin", "x/y", b"\1" * 999_999)])
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 1_500_000
    assert page.files == ["a.txt", "one.bin", "two.bin"]
    page.press()
    assert page.errors[""] == ["The files are larger than 1 MB together. Remove some of them."]
    page.press(files=[("huge.bin", "x/y", b"\1" * 1_600_000)])
    assert "The files are larger than 1 MB together and were not attached." in page.errors[""]
    assert page.value("text") == "kept"


def test_no_more_files_than_one_message_takes(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.mail.services.attaching.MOST", 2)
    files = [(f"{letter_}.txt", "text/plain", b"x") for letter_ in "abc"]
    page = writer.new().press("attach", files=files, text="kept")
    assert page.errors[""] == ["At most 2 files can be attached to one message."]
    assert page.files == ["a.txt", "b.txt"]
    assert page.value("text") == "kept"


def test_more_files_than_a_browser_should_send_lose_no_word(writer: Writer) -> None:
    many = [(f"{number}.txt", "text/plain", b"x") for number in range(attaching.MOST + 20)]
    page = writer.new().press("attach", text="kept", files=many)
    assert page.value("text") == "kept"
    assert len(page.files) == attaching.MOST


def test_the_original_goes_away_while_one_writes(writer: Writer, post: PostOffice) -> None:
    """Moved by another program: what was typed stays, and what is missing is said, not the page taken away."""
    message = EmailMessage()
    message["From"], message["Subject"] = "bob@example.test", "The plan"
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="plan.pdf")
    (uid,) = writer.person.receive(message.as_bytes())
    page = writer.on("forward", uid)
    assert page.files == ["plan.pdf"]
    with writer.person.server.session(writer.person.login) as session:
        session.select("INBOX")
        session.uid("STORE", str(uid), "+FLAGS", r"(\Deleted)")
        session.expunge()
    page = page.press(text="See this.", to=f"{post.new_login()}@example.test")
    assert page.value("text") == "See this."
    assert page.errors[""] == ["An attached file is not there any more. Attach it again."]
    assert page.press().said == ["Message sent."]


def test_an_upload_by_script(writer: Writer, settings) -> None:
    settings.MAX_MESSAGE_MB = 1

    def upload(content: bytes) -> tuple[int, str]:
        file = SimpleUploadedFile("<b>.txt", content, "text/plain")
        answer = writer.person.client.post("/mail/@/uploads/", {"files": file})
        return answer.status_code, answer.content.decode()

    status, html = upload(b"content")
    assert status == 201
    assert 'name="attachment" value="u:' in html
    assert "<b>" not in html
    assert upload(b"\1" * (2**20 + 1))[0] == 413
    assert writer.person.client.post("/mail/@/uploads/").status_code == 404


@pytest.mark.parametrize("item", NAMES, ids=lambda item: item["id"])
@pytest.mark.parametrize("server", ["pymap_server"], indirect=True)  # the server behind makes no difference here
def test_hostile_file_names(writer: Writer, post: PostOffice, tmp_path: Path, item: dict[str, str]) -> None:
    name = item["name"]
    bob = post.new_login()
    file = SimpleUploadedFile("x", b"octets", "text/plain")
    file._name = name  # as a program sends it that is no browser
    page = writer.new()
    data = {**page.fields, "to": f"{bob}@example.test", "subject": "Names", "action": "attach", "files": [file]}
    page._stand(writer.person.client.post("/mail/@/compose/", data))
    uploads = [path for path in tmp_path.rglob("*") if path.is_file() and path.is_relative_to(tmp_path / "uploads")]
    assert [path.parent.parent for path in uploads] == [tmp_path / "uploads"] * len(page.files)
    if not page.files:
        return  # Django takes what has no name for no file
    (page_name,) = page.files
    assert page.press().said == ["Message sent."]
    (part,) = read(arrived(post, bob)[0]).iter_attachments()
    assert part.get_payload(decode=True) == b"octets"
    sent = part.get_filename()
    assert sent == filenames.safe(sent, "text/plain") == page_name
    assert not set(sent) & set("/\\")


@pytest.mark.parametrize("item", INJECTIONS, ids=lambda item: item["id"])
@pytest.mark.parametrize("server", ["pymap_server"], indirect=True)
def test_no_field_begins_another_header(writer: Writer, post: PostOffice, item: dict[str, str]) -> None:
    """Refused beside the field, or sent without the line ends."""
    bob = post.new_login()
    fields = {"to": f"{bob}@example.test", "subject": "Harmless", "text": "The text.\n"}
    name, value = item["field"], item["value"]
    if name == "From display name":
        # by another way than the form, which refuses it
        get_user_model().objects.filter(login=writer.person.login).update(display_name=value)
    page = writer.new()
    if name == "attachment name":
        file = SimpleUploadedFile("x", b"octets", "text/plain")
        file._name = value
        data = {**page.fields, **fields, "files": [file]}
        page._stand(writer.person.client.post("/mail/@/compose/", data, follow=True))
    elif name in {"To", "Cc", "Bcc"}:
        page.press(**fields | {name.lower(): f"{fields['to']}, {value}"})
    else:
        page.press(**fields | {name.lower().replace("-", "_"): value})
    if page.said != ["Message sent."]:
        assert page.status == 422
        assert page.errors
        assert post.received(bob) == []
        return
    (raw,) = arrived(post, bob)
    message = read(raw)
    assert set(message.keys()) <= {
        *("Date", "From", "To", "Cc", "Subject", "Message-ID", "In-Reply-To", "References", "MIME-Version"),
        *("Content-Type", "Content-Transfer-Encoding"),
    }
    assert len(message.keys()) == len(set(message.keys()))
    assert text_of(message) == "The text.\n"


def test_what_no_header_can_carry_is_said(writer: Writer) -> None:
    typed = {"to": "üñ@example..test, b@example.test", "subject": "S", "text": "T\n"}
    page = writer.new().press(**typed)
    assert page.errors == {
        "to": ["“üñ@example..test” is not a mail address. “example..test” is not the name of a mail server."]
    }
    assert {name: page.value(name) for name in typed} == typed


def test_a_login_that_is_no_address(writer: Writer, settings) -> None:
    get_user_model().objects.filter(login=writer.person.login).update(email="")
    page = writer.new().press(to="b@example.test", text="T\n")
    assert page.status == 422
    assert page.errors[""][0].startswith("Your own address, “")
    assert page.value("text") == "T\n"


def test_the_limit_of_the_server_for_sending_counts_too(writer: Writer, post: PostOffice, settings) -> None:
    settings.MAX_MESSAGE_MB = 25
    assert 'data-limit="26214400" data-ask-limit=' in writer.new().html
    told = writer.person.client.get("/mail/@/limit/").json()
    if not isinstance(post, RealPost):  # it takes 32 MiB
        assert told == {
            "limit": (32 * 2**20 - limits.ROOM) * 57 // 78,
            "text": "At most 23 MB for one message.",
            "reports": False,
        }
        return
    assert told == {
        "limit": (exim.SIZE_LIMIT - limits.ROOM) * 57 // 78,
        "text": "At most 3 MB for one message.",
        "reports": True,
    }
    page = writer.new()
    assert 'data-limit="3580769"' in page.html and "data-ask-limit" not in page.html
    page.press(to="b@example.test", text="T\n", files=[("big.bin", "application/octet-stream", b"1" * 3_600_000)])
    assert page.errors[""] == ["“big.bin” is larger than 3 MB."]


# --- whose it is ------------------------------------------------------------------------------------------------------


def test_files_of_somebody_else_are_refused(writer: Writer, sign_in: SignIn) -> None:
    theirs = Desk(sign_in()).open("/mail/@/compose/").press("attach", files=[("secret.txt", "text/plain", b"s")])
    page = writer.new().press(to="b@example.test", text="T\n", attachment=theirs.tokens[0])
    assert page.status == 422
    assert page.errors[""] == ["An attached file is not there any more. Attach it again."]
    assert page.files == []
    assert "secret.txt" not in page.html
    assert writer.stored("Sent") == []


@pytest.mark.parametrize("token", ["s:1", "d:1", "u:../../../../etc/passwd", "u:" + "a" * 22, "x:1", "s:999.1"])
def test_tokens_that_name_nothing(writer: Writer, token: str) -> None:
    page = writer.new().press("attach", text="T\n", attachment=token)
    assert page.status == 200
    assert page.files == []
    assert page.value("text") == "T\n"


@pytest.mark.parametrize("name", ["reply", "reply_all", "forward", "edit"])
def test_another_uidvalidity_opens_nothing(writer: Writer, name: str) -> None:
    (uid,) = writer.person.receive(letter("Secret words"))
    answer = writer.person.client.get(writer.person.url(name, "INBOX", uid, v=writer.person.uidvalidity() + 1))
    assert answer.status_code == 409
    assert "Secret words" not in answer.content.decode()


def test_a_source_of_another_uidvalidity_is_left_alone(writer: Writer, post: PostOffice) -> None:
    (uid,) = writer.person.receive(letter(files=(("a.txt", "text/plain", b"x"),)))
    wrong = str(MessageRef("INBOX", writer.person.uidvalidity() + 1, uid))
    page = writer.on("reply", uid).press(to=f"{post.new_login()}@example.test", source=wrong)
    assert page.said == ["Message sent."]
    assert writer.person.flags(uid) == set()
    page = writer.on("forward", uid).press(to=f"{post.new_login()}@example.test", source=wrong)
    assert page.status == 409
    assert page.errors[""][0].startswith("This folder was rebuilt")
    assert page.value("text")


# --- preferences ------------------------------------------------------------------------------------------------------


def test_name_and_signature(writer: Writer, post: PostOffice) -> None:
    bob = post.new_login()
    prefer(writer, name="Ann Grün, M.A.", signature="Ann Grün\nGlacier lab")
    page = writer.new()
    assert page.value("text") == "\n\n-- \nAnn Grün\nGlacier lab\n"
    page.press(to=f"{bob}@example.test", text="Hello" + page.value("text"))
    raw = arrived(post, bob)[0]
    message = read(raw)
    assert message["From"].addresses[0].display_name == "Ann Grün, M.A."
    assert text_of(message) == "Hello\n\n-- \nAnn Grün\nGlacier lab\n"


def test_where_an_answer_stands(writer: Writer) -> None:
    (uid,) = writer.person.receive(letter(text="Original"))
    prefer(writer, signature="Ann")
    above = writer.on("reply", uid).value("text")
    assert above.index("-- \nAnn") < above.index("> Original")
    prefer(writer, answer="below")
    below = writer.on("reply", uid).value("text")
    assert below.index("> Original") < below.index("-- \nAnn")
    assert "data-below" in writer.on("reply", uid).html


def test_rich_text_where_preferred(writer: Writer, post: PostOffice) -> None:
    bob = post.new_login()
    prefer(writer, format="html", signature="Ann <b>")
    page = writer.new()
    assert page.value("format") == "html"
    assert "html" not in page.fields  # only the editor can send it
    assert "&lt;div dir=&quot;auto&quot;&gt;-- &lt;br&gt;Ann &amp;lt;b&amp;gt;&lt;/div&gt;" in page.html
    html = "<div>Hello <b onclick=alert(1)>you</b><script>x</script> <img src='https://spy.test/a.png'></div>"
    page.press(to=f"{bob}@example.test", html=html)
    message = read(arrived(post, bob)[0])
    rich = message.get_body(("html",)).get_content()
    assert "<b>you</b>" in rich
    for bad in ("onclick", "script", "spy.test"):
        assert bad not in rich
    assert "Hello you" in text_of(message)


def test_without_the_editor_the_text_counts(writer: Writer, post: PostOffice) -> None:
    """Rich text is preferred, but no script has run: what was typed is sent as plain text."""
    bob = post.new_login()
    prefer(writer, format="html")
    writer.new().press(to=f"{bob}@example.test", text="Typed\n")
    message = read(arrived(post, bob)[0])
    assert message.get_content_type() == "text/plain"
    assert text_of(message) == "Typed\n"


def test_the_preferences_page_works(writer: Writer) -> None:
    url = "/preferences/mail.composing/"
    html = writer.person.client.get(url).content.decode()
    assert "Writing mail" in html
    fields = forms.fields(html, "")
    (name,) = [field for field in fields if field.endswith("format")]
    answer = writer.person.client.post(url, {**fields, name: "html"}, follow=True)
    assert answer.status_code == 200
    assert writer.new().value("format") == "html"
