"""What a message holds, each at an address of its own: policies, files, names, streams."""

from __future__ import annotations

import io
import re
import threading
import zipfile

import pytest
from django.http import HttpResponse
from django.test import Client

from apps.mail.mime import decode
from apps.mail.mime.parts import Part
from apps.mail.services import stores, streams
from apps.mail.views import content
from tests.mail.conftest import Person, letter
from tests.support.vectors import items

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
ACTIVE = ["text/html", "image/svg+xml", "application/xhtml+xml", "text/xml", "application/javascript", "message/rfc822"]


def related(html: str = '<p>see <img src="cid:pic@x"> and <img src="https://evil.test/t.gif"></p>') -> bytes:
    from email.message import EmailMessage

    message = EmailMessage()
    message["From"], message["Subject"] = "a@example.test", "with a picture"
    message.set_content("plain")
    message.add_alternative(html, subtype="html")
    message.get_payload()[1].add_related(PNG, "image", "png", cid="<pic@x>")
    return message.as_bytes()


def get(person: Person, name: str, uid: int, *args: str, mailbox: str = "INBOX", **query: object) -> HttpResponse:
    url = person.url(name, mailbox, uid, *args, v=person.uidvalidity(mailbox), **query)
    return person.client.get(url)


def directives(answer: HttpResponse) -> dict[str, str]:
    policy = answer["Content-Security-Policy"]
    assert "," not in policy
    return dict((part.strip().partition(" ")[::2]) for part in policy.split(";"))


def html_part(page: str) -> str:
    return re.search(r"/body/([\d.]+)/", page)[1]


def test_the_documents_policy_lets_nothing_in_but_the_messages_own_images(anna: Person) -> None:
    (uid,) = anna.receive(related())
    number = html_part(get(anna, "message", uid).content.decode())
    answer = get(anna, "body", uid, number)
    policy = directives(answer)
    assert policy["default-src"] == "'none'"
    assert policy["img-src"] == f"http://testserver/mail/INBOX/{uid}/part/ data:"
    assert policy["style-src"] == "http://testserver/static/mail/css/message.css"
    assert policy["form-action"] == policy["base-uri"] == "'none'"
    assert policy["sandbox"] == "allow-popups allow-popups-to-escape-sandbox allow-same-origin"
    assert "allow-scripts" not in policy["sandbox"]
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    assert answer["Referrer-Policy"] == "no-referrer"


def test_inline_images_come_from_their_part_and_remote_ones_not_at_all(anna: Person) -> None:
    (uid,) = anna.receive(related())
    number = html_part(get(anna, "message", uid).content.decode())
    html = get(anna, "body", uid, number).content.decode()
    assert "evil.test" not in html
    part = re.search(r'src="(/mail/[^"]*)"', html)[1].replace("&amp;", "&")
    image = anna.client.get(part)
    assert image["Content-Type"] == "image/png"
    assert image["Content-Disposition"].startswith("inline")
    assert image.getvalue() == PNG


def test_after_consent_remote_images_come_through_the_proxy(anna: Person) -> None:
    (uid,) = anna.receive(related())
    page = get(anna, "message", uid).content.decode()
    consent = re.search(r'href="([^"]*images=[^"]*)"', page)[1].replace("&amp;", "&")
    frame = re.search(r'<iframe [^>]*src="([^"]*)"', anna.client.get(consent).content.decode())[1].replace("&amp;", "&")
    answer = anna.client.get(frame)
    assert directives(answer)["img-src"].endswith(" http://testserver/mail/@/image/")
    assert re.search(r'src="/mail/@/image/\?u=https%3A%2F%2Fevil.test%2Ft.gif&amp;s=', answer.content.decode())


def test_a_folders_name_cannot_end_the_policy(anna: Person) -> None:
    name = "a; script-src *, x'y"
    (uid,) = anna.receive(letter(html="<p>x</p>"), mailbox=name)
    answer = get(anna, "body", uid, "2", mailbox=name)
    assert answer.status_code == 200
    policy = directives(answer)
    assert set(policy) == {
        "default-src",
        "img-src",
        "style-src",
        "style-src-attr",
        "form-action",
        "base-uri",
        "frame-ancestors",
        "sandbox",
    }


def test_scripts_are_gone_before_the_policy_could_stop_them(anna: Person) -> None:
    (uid,) = anna.receive(letter(html="<p onclick=x()>t</p><script>x()</script><a href='javascript:x()'>l</a>"))
    html = get(anna, "body", uid, "2").content.decode()
    assert "x()" not in html


def test_the_printed_form_has_everything_under_the_same_policy(anna: Person) -> None:
    (uid,) = anna.receive(letter("Print me", html="<p>rich</p><script>x()</script>", Cc="c@example.test"))
    answer = get(anna, "print", uid)
    html = answer.content.decode()
    assert directives(answer)["default-src"] == "'none'"
    assert "Print me" in html
    assert "c@example.test" in html
    assert "<p>rich</p>" in html
    assert "x()" not in html


@pytest.mark.parametrize("kind", ACTIVE)
def test_what_could_run_is_only_ever_saved(anna: Person, kind: str) -> None:
    raw = (
        "From: a@example.test\r\nSubject: s\r\nMIME-Version: 1.0\r\n"
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nt\r\n"
        f'--b\r\nContent-Type: {kind}\r\nContent-Disposition: attachment; filename="f.x"\r\n\r\n'
        "From: x\r\n\r\n<script>\r\n--b--\r\n"
    )
    (uid,) = anna.receive(raw.encode())
    answer = get(anna, "part", uid, "2")
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"


@pytest.mark.parametrize("item", items("attachment_names"), ids=lambda i: i["id"])
def test_names_of_files_are_safe(item: dict[str, str]) -> None:
    from apps.mail.mime import filenames

    name = filenames.safe(item["name"], "application/octet-stream")
    answer = content._file(iter([b"x"]), name, "application/octet-stream")
    disposition = answer["Content-Disposition"]
    assert disposition.startswith("attachment")
    assert "\r" not in disposition
    assert "\n" not in disposition
    assert "/" not in name
    assert "\\" not in name
    assert name not in {"", ".", ".."}


@pytest.mark.parametrize("size", [0, 1, 2, 3, 100_000, 600_000])
@pytest.mark.parametrize("server", ["dovecot", "pymap_server"], indirect=True)
def test_a_file_comes_back_as_it_was(anna: Person, size: int) -> None:
    data = bytes(number * 7 % 256 for number in range(size))
    (uid,) = anna.receive(letter(files=(("data.bin", "application/octet-stream", data),)))
    answer = get(anna, "part", uid, "2")
    assert answer.getvalue() == data
    assert answer["Content-Disposition"] == 'attachment; filename="data.bin"'


def test_all_files_in_one_archive(anna: Person) -> None:
    files = tuple((name, "application/octet-stream", name.encode() * 1000) for name in ("a.txt", "ü.txt", "A.txt"))
    (uid,) = anna.receive(letter("Files / of the week", files=files))
    answer = get(anna, "archive", uid)
    assert answer["Content-Type"] == "application/zip"
    assert answer["Content-Disposition"].startswith("attachment")
    archive = zipfile.ZipFile(io.BytesIO(answer.getvalue()))
    assert archive.testzip() is None
    assert archive.namelist() == ["a.txt", "ü.txt", "A (2).txt"]
    assert archive.read("ü.txt") == "ü.txt".encode() * 1000


def test_no_files_no_archive(anna: Person) -> None:
    (uid,) = anna.receive(letter())
    assert get(anna, "archive", uid).status_code == 404


def test_the_message_as_a_file_is_what_the_server_has(anna: Person) -> None:
    raw = letter("A/B: „Größe“", text="x\n" * 5000)
    (uid,) = anna.receive(raw)
    answer = get(anna, "eml", uid)
    assert answer.getvalue() == anna.server.messages(anna.login)[0]
    assert answer["Content-Type"] == "message/rfc822"
    assert ".eml" in answer["Content-Disposition"]


def test_headers_and_source_are_text(anna: Person) -> None:
    (uid,) = anna.receive(letter("=?utf-8?q?=3Cscript=3Ex?=", X_Odd="<img src=x>"))
    page = get(anna, "headers", uid).content.decode()
    assert "X-Odd" in page
    assert "&lt;img src=x&gt;" in page
    assert "<script>x" not in page
    source = get(anna, "source", uid).content.decode()
    assert "X-Odd: &lt;img src=x&gt;" in source


@pytest.mark.parametrize(("name", "args"), [("body", ["9"]), ("part", ["9"]), ("body", ["1"]), ("part", ["1.1.1.1"])])
def test_parts_that_are_not_there(anna: Person, name: str, args: list[str]) -> None:
    (uid,) = anna.receive(letter())
    assert get(anna, name, uid, *args).status_code == 404


@pytest.mark.parametrize("name", ["body", "part", "archive", "headers", "source", "eml", "print"])
def test_everything_needs_its_uidvalidity_and_its_owner(anna: Person, name: str) -> None:
    (uid,) = anna.receive(letter("secret", html="<p>x</p>", files=(("a.txt", "text/plain", b"x"),)))
    args = ["INBOX", uid, *(["2"] if name in {"body", "part"} else [])]
    assert anna.client.get(anna.url(name, *args)).status_code == 404
    wrong = anna.client.get(anna.url(name, *args, v=anna.uidvalidity() + 1))
    assert wrong.status_code == 409
    assert "secret" not in wrong.content.decode()
    assert Client().get(anna.url(name, *args, v=anna.uidvalidity())).status_code == 302


def test_names_in_an_archive_are_unique(anna: Person) -> None:
    names = ("a.tar.gz", "a.tar.gz", "A.TAR.GZ", "x", "x")
    (uid,) = anna.receive(letter("Files", files=tuple((name, "application/octet-stream", b"1") for name in names)))
    with zipfile.ZipFile(io.BytesIO(get(anna, "archive", uid).getvalue())) as archive:
        assert archive.namelist() == ["a.tar.gz", "a (2).tar.gz", "A (3).TAR.GZ", "x", "x (2)"]


@pytest.mark.parametrize("cut", [1, 2, 3, 5, 7, 64])
@pytest.mark.parametrize(
    ("encoding", "raw", "expected"),
    [
        ("base64", b"aGVs\r\nbG8gd29y\r\nbGQ=\r\n", b"hello world"),
        ("base64", b"aGVsbG8", b"hello"),
        ("base64", b"a", b""),
        ("base64", b"aGVsbA==\r\nbw==\r\n", b"hello"),
        ("x-uuencode", b"begin 644 a.txt\r\n#0V%T\r\n`\r\nend\r\nnever read\r\n", b"Cat"),
        ("uuencode", b"#0V%T\n#0V%T", b"CatCat"),
        ("quoted-printable", b"soft=\r\nbreak =C3=BC\r\nend", "softbreak ü\r\nend".encode()),
        ("7bit", b"as it\r\nis", b"as it\r\nis"),
    ],
)
def test_decoding_does_not_depend_on_where_chunks_end(encoding: str, raw: bytes, expected: bytes, cut: int) -> None:
    chunks = (raw[start : start + cut] for start in range(0, len(raw), cut))
    assert b"".join(streams.decoded(chunks, encoding)) == expected
    assert decode.payload(Part(number="1", type="text/plain", encoding=encoding), raw) == expected


def test_the_printed_form_is_the_one_on_the_page(anna: Person) -> None:
    (uid,) = anna.receive(letter("Two forms", text="in plain words", html="<p>in <b>fine</b> words</p>"))
    page = get(anna, "message", uid, form="plain").content.decode()
    link = re.search(r'href="(/mail/[^"]*/print/[^"]*)"', page)
    assert link is not None
    assert "in plain words" in anna.client.get(link[1].replace("&amp;", "&")).content.decode()


CUT = "This text is very long; here is its beginning."


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ("plain", letter("Long", text=f"{'x' * 70}\n" * 8000)),
        ("plain", letter("Lines", text="x\n" * 60_000)),
        ("html", letter("HTML", html=f"<p>{'x' * 70}</p>\n" * 30_000)),
    ],
    ids=["text", "lines", "html"],
)
def test_what_is_cut_says_so_on_the_page_and_on_paper(anna: Person, form: str, message: bytes) -> None:
    whole, long = anna.receive(letter("Short", html="<p>x</p>"), message)
    for name in ("message", "print"):
        assert CUT not in get(anna, name, whole, form=form).content.decode()
        assert CUT in get(anna, name, long, form=form).content.decode()


def test_slow_downloads_leave_room_for_the_rest(anna: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "places", lambda: place)
    monkeypatch.setattr(streams, "PATIENCE", 0.0)
    place = threading.BoundedSemaphore(1)
    (uid,) = anna.receive(letter(files=(("data.bin", "application/octet-stream", b"x" * 1000),)))
    slow = get(anna, "eml", uid)
    for name, args in (("eml", ()), ("part", ("2",)), ("archive", ())):
        assert get(anna, name, uid, *args).status_code == 503
    assert anna.client.get(anna.url("mailbox", "INBOX")).status_code == 200
    assert b"".join(slow.streaming_content)
    for name, args in (("eml", ()), ("part", ("2",)), ("archive", ())):
        answer = get(anna, name, uid, *args)
        assert answer.status_code == 200
        assert b"".join(answer.streaming_content)


def test_half_of_what_a_server_may_hold_is_for_downloads() -> None:
    streams.places.cache_clear()
    assert streams.places()._initial_value == max(1, stores.pool().threads // 2)  # type: ignore[attr-defined]
