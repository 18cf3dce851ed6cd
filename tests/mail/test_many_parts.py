"""Messages with more files and texts than anybody sends: pages stay small, and nothing is lost without a word."""

from __future__ import annotations

import io
import re
import zipfile

import pytest

from apps.mail.services import attaching, prefill, reading
from tests.mail.conftest import Person
from tests.mail.desk import Writer
from tests.support.receiver import PostOffice, arrived, read

pytestmark = pytest.mark.parametrize("server", ["dovecot"], indirect=True)
FILES = 230


def many(count: int, part: str) -> bytes:
    head = 'From: b@example.test\r\nSubject: Many\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
    return (head + "".join(f"--b\r\n{part.format(at)}\r\n" for at in range(count)) + "--b--\r\n").encode()


def many_files() -> bytes:
    return many(FILES, 'Content-Type: image/png; name="{0}.png"\r\n\r\nPNG {0}')


def many_texts() -> bytes:
    return many(prefill.MOST_PARTS + 10, "Content-Type: text/plain\r\n\r\nText {0}.")


def test_a_page_names_some_and_the_archive_has_all(anna: Person) -> None:
    (uid,) = anna.receive(many_files())
    v = anna.uidvalidity()
    page = anna.client.get(anna.url("message", "INBOX", uid, v=v)).content.decode()
    assert page.count('class="att"') == reading.MOST_FILES
    assert f"{FILES - reading.MOST_FILES} more files are saved with the others." in page
    answer = anna.client.get(anna.url("archive", "INBOX", uid, v=v))
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    assert found == {f"{at}.png": f"PNG {at}".encode() for at in range(FILES)}


def test_the_archive_mixes_small_and_large(anna: Person) -> None:
    large = "x" * 300_000
    parts = [("a", "1"), ("b", large), ("c", "3"), ("d", "4"), ("e", large), ("f", "6")]
    body = "".join(f'--b\r\nContent-Type: image/png; name="{name}.png"\r\n\r\n{text}\r\n' for name, text in parts)
    raw = f'Subject: Mixed\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n{body}--b--\r\n'.encode()
    (uid,) = anna.receive(raw)
    answer = anna.client.get(anna.url("archive", "INBOX", uid, v=anna.uidvalidity()))
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as archive:
        assert {name: archive.read(name).decode() for name in archive.namelist()} == {
            f"{name}.png": text for name, text in parts
        }


def test_more_files_than_a_message_takes_are_passed_on_as_one(writer: Writer, post: PostOffice) -> None:
    bob = post.new_login()
    (uid,) = writer.person.receive(many_files())
    page = writer.on("forward", uid)
    assert page.files == ["Many.eml"]
    assert "The message has too many files to forward them one by one. It is attached as a file." in page.html
    assert page.press(to=f"{bob}@example.test").said == ["Message sent."]
    (inner,) = read(arrived(post, bob)[0]).iter_attachments()
    assert len(list(inner.get_content().iter_attachments())) == FILES


@pytest.mark.parametrize("name", ["as_new", "edit"])
def test_a_message_that_begins_with_too_many_files_says_so(writer: Writer, name: str) -> None:
    (uid,) = writer.person.receive(many_files(), flags="\\Draft")
    page = writer.on(name, uid)
    assert len(page.files) == attaching.MOST
    assert f"At most {attaching.MOST} files can be attached to one message." in page.html
    assert page.value("draft") == ""  # the whole one is not replaced
    page.press("save")
    assert writer.person.count() == 1


def test_many_texts_are_quoted_in_part_and_passed_on_as_a_file(writer: Writer) -> None:
    (uid,) = writer.person.receive(many_texts())
    quoted = writer.on("reply", uid).value("text")
    assert len(re.findall(r"^> Text \d+\.$", quoted, re.MULTILINE)) == prefill.MOST_PARTS
    assert quoted.rstrip("\n").endswith("> […]")
    assert writer.on("forward", uid).files == ["Many.eml"]
