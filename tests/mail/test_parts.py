"""Messages whose parts other programs have put together in ways of their own: nothing in them is lost on the page."""

from __future__ import annotations

import base64
import io
import re
import zipfile

from tests.mail.conftest import Person
from tests.mail.desk import Writer
from tests.mail.test_content import PNG, get
from tests.mail.test_original import mixed


def archived(person: Person, uid: int) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(get(person, "archive", uid).getvalue())) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_an_attached_message_shows_its_own_pictures(anna: Person) -> None:
    picture = base64.b64encode(PNG).decode()
    inner = (
        "From: y@example.test\nSubject: inner\nMIME-Version: 1.0\nContent-Type: multipart/related; boundary=r\n\n"
        '--r\nContent-Type: text/html\n\n<p>see <img src="cid:p@x"></p>\n'
        "--r\nContent-Type: image/png\nContent-ID: <p@x>\nContent-Transfer-Encoding: base64\n\n"
        f"{picture}\n--r--\n"
    )
    (uid,) = anna.receive(mixed("\ntext\n", f"Content-Type: message/rfc822\n\n{inner}"))
    inside = re.search(r"inside=([\d.]+)", get(anna, "message", uid).content.decode())
    if inside is None:  # the poor server's BODYSTRUCTURE does not look into messages
        return
    page = get(anna, "message", uid, inside=inside[1]).content.decode()
    frame = re.search(r'<iframe[^>]*src="([^"]+)"', page)
    assert frame is not None
    html = anna.client.get(frame[1].replace("&amp;", "&")).content.decode()
    image = re.search(r'<img src="([^"]+)"', html)
    assert image is not None
    assert anna.client.get(image[1].replace("&amp;", "&")).getvalue() == PNG


LOG_IN_THE_TEXT = mixed(
    "Content-Type: text/plain\n\nsee below\n",
    "Content-Type: text/plain; name=log.txt\nContent-Disposition: inline; filename=log.txt\n\nwhat was logged\n",
    "Content-Type: text/html; name=a.html\nContent-Disposition: inline; filename=a.html\n\n<p>a report</p>\n",
)


def test_files_shown_in_the_text_can_be_saved_too(anna: Person) -> None:
    (uid,) = anna.receive(LOG_IN_THE_TEXT)
    page = get(anna, "message", uid).content.decode()
    assert "what was logged" in page
    for number, name in (("2", "log.txt"), ("3", "a.html")):
        assert name in page
        assert f"/part/{number}/" in page
    files = archived(anna, uid)
    assert {name: content.strip() for name, content in files.items()} == {
        "log.txt": b"what was logged",
        "a.html": b"<p>a report</p>",
    }


def test_files_shown_in_the_text_are_passed_on_as_files(writer: Writer) -> None:
    (uid,) = writer.person.receive(LOG_IN_THE_TEXT)
    page = writer.on("forward", uid)
    assert page.files == ["log.txt", "a.html"]
    assert page.press("save").files == ["log.txt", "a.html"]
