"""Pictures put into the text while writing: uploads that have a Content-ID, and are shown to the editor only."""

from __future__ import annotations

import re
from email.message import EmailMessage
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.mail.conftest import Person, SignIn
from tests.mail.desk import Desk, Writer
from tests.support.receiver import PostOffice, arrived, read

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360f8cfc0f01f0005050102d0f1d6e50000000049454e44ae426082"
)


def upload(person: Person, *, type: str = "image/png", content: bytes = PIXEL, in_text: bool = True) -> dict[str, str]:
    file = SimpleUploadedFile("yurt.png", content, type)
    answer = person.client.post("/mail/@/uploads/", {"files": file, **({"in_text": "1"} if in_text else {})})
    assert answer.status_code == 201
    return dict(re.findall(r'data-([\w-]+)="([^"]*)"', answer.content.decode()))


def formatted(page: Desk) -> str:
    """What stands in the editor."""
    (value,) = re.findall(r'<input type="hidden" name="html" value="([^"]*)"', page.html)
    return unescape(value)


def html_with(picture: dict[str, str]) -> str:
    return f'<div>Look:</div><div><img src="{picture["shown-at"]}" alt="a yurt"></div>'


def related(message: EmailMessage) -> tuple[EmailMessage, EmailMessage]:
    """(HTML, picture) of the one multipart/related."""
    (box,) = (part for part in message.walk() if part.get_content_type() == "multipart/related")
    page, picture = box.iter_parts()
    return page, picture


def test_a_picture_in_the_text_is_a_related_part(writer: Writer, post: PostOffice) -> None:
    """Through a draft that is opened again, to somebody who sees it in the safe frame."""
    bob = post.new_login()
    picture = upload(writer.person)
    page = writer.new()
    typed = {"to": f"{bob}@example.test", "subject": "Felt", "format": "html", "html": html_with(picture)}
    page.press("save", attachment=picture["token"], **typed)
    assert page.said == ["Draft saved."]
    (token,) = page.tokens
    html = formatted(page)
    shown = re.search(r'<img src="([^"]+)#cid=([^"]+)"', html)
    assert token.startswith("d:") and shown and shown[2] == picture["cid"].replace("@", "%40")
    assert b"".join(writer.person.client.get(shown[1]).streaming_content) == PIXEL
    assert page.press(html=html).said == ["Message sent."]
    sent, part = related(read(arrived(post, bob)[0]))
    assert part["Content-ID"] == f"<{picture['cid']}>"
    assert part.get_content_disposition() == "inline"
    assert part.get_payload(decode=True) == PIXEL
    assert f'src="cid:{picture["cid"]}"' in sent.get_content()


def test_without_formatted_text_it_is_a_file(writer: Writer, post: PostOffice) -> None:
    bob = post.new_login()
    picture = upload(writer.person)
    page = writer.new().press(to=f"{bob}@example.test", subject="Felt", text="T\n", attachment=picture["token"])
    assert page.said == ["Message sent."]
    (part,) = read(arrived(post, bob)[0]).iter_attachments()
    assert (part.get_content_disposition(), part["Content-ID"]) == ("attachment", None)


@pytest.mark.parametrize("server", ["pymap_server"], indirect=True)
def test_only_pictures_are_shown_and_only_to_who_uploaded_them(writer: Writer, sign_in: SignIn) -> None:
    url = upload(writer.person)["shown-at"].partition("#")[0]
    answer = writer.person.client.get(url)
    assert b"".join(answer.streaming_content) == PIXEL
    assert answer["Content-Type"] == "image/png"
    assert "sandbox" in answer["Content-Security-Policy"]
    assert sign_in().client.get(url).status_code == 404
    assert Client().get(url).status_code == 302
    for type in ("image/svg+xml", "text/html"):
        assert "shown-at" not in upload(writer.person, type=type, content=b"<svg onload='x()'/>")
    plain = upload(writer.person, in_text=False)
    assert writer.person.client.get(f"/mail/@/uploads/{plain['token'][2:]}/").status_code == 404


def test_another_message_cannot_name_it(writer: Writer) -> None:
    """The Content-ID of the address counts only beside the file that has it."""
    picture = upload(writer.person)
    page = Desk(writer.person).open("/mail/@/compose/")
    page.press("save", subject="S", format="html", html=html_with(picture))
    assert page.said == ["Draft saved."]
    assert page.tokens == [] and "#cid=" not in formatted(page)


# --- those of the original --------------------------------------------------------------------------------------------


def picture_letter() -> bytes:
    message = EmailMessage()
    message["From"], message["Subject"] = "Bob <bob@example.test>", "Picture"
    message.set_content("See it.")
    message.add_alternative('<p>See <img src="cid:pic%2B1@x" alt="the camp"></p>', subtype="html")
    message.get_payload()[1].add_related(PIXEL, maintype="image", subtype="png", cid="<pic+1@x>", filename="camp.png")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="plan.pdf")
    return message.as_bytes()


@pytest.mark.parametrize("name", ["reply", "forward"])
def test_pictures_of_the_original_stay_in_the_text(writer: Writer, post: PostOffice, name: str) -> None:
    bob = post.new_login()
    (uid,) = writer.person.receive(picture_letter())
    page = writer.on(name, uid, format="html")
    html = formatted(page)
    assert page.files == (["camp.png", "plan.pdf"] if name == "forward" else ["camp.png"])
    assert "cid:" not in html
    url = html.split('<img src="')[1].split('"')[0].replace("&amp;", "&")
    answer = writer.person.client.get(url.partition("#")[0])
    assert b"".join(answer.streaming_content) == PIXEL
    saved = page.press("save", html=html, to=f"{bob}@example.test")  # and back from a draft as well
    html = formatted(saved)
    assert saved.files == page.files
    assert "cid:" not in html
    assert saved.press(html=html).said == ["Message sent."]
    message = read(arrived(post, bob)[0])
    rich = message.get_body(("html",)).get_content()
    picture = next(part for part in message.walk() if part.get_content_type() == "image/png")
    assert picture.get_payload(decode=True) == PIXEL
    assert picture["Content-ID"] == "<pic+1@x>"
    assert picture.get_content_disposition() == "inline"
    assert 'src="cid:pic' in rich
    assert "/mail/" not in rich


def test_pictures_go_along_as_files_in_plain_text(writer: Writer, post: PostOffice) -> None:
    bob = post.new_login()
    (uid,) = writer.person.receive(picture_letter())
    page = writer.on("forward", uid)
    assert page.value("format") == "plain"
    page.press(to=f"{bob}@example.test")
    found = {
        part.get_filename(): part.get_payload(decode=True) for part in read(arrived(post, bob)[0]).iter_attachments()
    }
    assert found == {"camp.png": PIXEL, "plan.pdf": b"%PDF"}
    assert writer.on("reply", uid).files == []
