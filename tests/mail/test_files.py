"""Files of messages on pages of their own: what is shown, what is explained, and what is never run."""

from __future__ import annotations

import binascii
import contextlib
import io
import random
import re
import struct
import zipfile
import zlib
from email.message import EmailMessage
from html import unescape
from pathlib import Path

import pytest
from django.http import HttpResponse
from PIL import Image

from apps.mail.mime import decode, embedded, filenames, parse, partial, sniff, tnef
from apps.mail.mime.inner import Damaged
from apps.mail.services import claims, opening, pdf, previews
from tests.mail.conftest import Person, letter

OCTETS = bytes(range(256)) * 20


def get(person: Person, name: str, uid: int, *args: object, mailbox: str = "INBOX", **query: object) -> HttpResponse:
    return person.client.get(person.url(name, mailbox, uid, *args, v=person.uidvalidity(mailbox), **query))


def text_of(answer: HttpResponse) -> str:
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def with_file(person: Person, name: str, type: str, content: bytes) -> int:
    (uid,) = person.receive(letter(files=((name, type, content),)))
    return uid


def shown(person: Person, name: str, type: str, content: bytes) -> str:
    """The page of a file that came as the second part."""
    return text_of(get(person, "view", with_file(person, name, type, content), "2"))


def pdf_file(pages: int = 2) -> bytes:
    target = io.BytesIO()
    first, *others = [Image.new("RGB", (300, 400), colour) for colour in ("white", "red", "blue")[:pages]]
    first.save(target, "PDF", save_all=True, append_images=others)
    return target.getvalue()


def uuencoded(name: str, octets: bytes) -> bytes:
    lines = [binascii.b2a_uu(octets[at : at + 45]) for at in range(0, len(octets), 45)]
    return b"begin 644 " + name.encode() + b"\n" + b"".join(lines) + b"`\nend\n"


def yencoded(name: str, octets: bytes, *, checksum: int | None = None) -> bytes:
    coded = b"".join(
        b"=" + bytes([(octet + 64) % 256]) if octet in b"\0\n\r=" else bytes([octet])
        for octet in ((each + 42) % 256 for each in octets)
    )
    lines = re.sub(rb"(.{1,127}(?:=.)?)(?<!=)", rb"\1\r\n", coded, flags=re.S)
    crc = zlib.crc32(octets) if checksum is None else checksum
    head = b"=ybegin line=128 size=%d name=%s\r\n" % (len(octets), name.encode())
    return head + lines + b"=yend size=%d crc32=%08x\r\n" % (len(octets), crc)


def winmail(*files: tuple[str, bytes], text: str = "") -> bytes:
    """TNEF as MS-OXTNEF describes it: attributes, and a long name among MAPI properties."""

    def attribute(level: int, name: int, kind: int, value: bytes) -> bytes:
        return struct.pack("<BHHI", level, name, kind, len(value)) + value + struct.pack("<H", sum(value) % 65536)

    def unicode_property(id: int, value: str) -> bytes:
        octets = value.encode("utf-16-le") + b"\0\0"
        head = struct.pack("<HHII", 0x1F, id, 1, len(octets))
        return struct.pack("<I", 1) + head + octets + b"\0" * (-len(octets) % 4)

    pieces = [struct.pack("<IH", 0x223E9F78, 1)]
    if text:
        pieces.append(attribute(1, 0x9003, 6, unicode_property(0x1000, text)))
    for name, content in files:
        pieces.append(attribute(2, 0x9002, 6, b"\0" * 14))
        pieces.append(attribute(2, 0x8010, 1, b"SHORT~1.BIN\0"))
        pieces.append(attribute(2, 0x800F, 6, content))
        pieces.append(attribute(2, 0x9005, 6, unicode_property(0x3707, name)))
    return b"".join(pieces)


# --- what mail is made of ---------------------------------------------------------------------------------------------


def test_winmail_dat_opens(anna: Person) -> None:
    octets = winmail(("Füße der Jurte.bin", OCTETS), ("note.txt", b"Cut them."), text="The poles are cut.")
    uid = with_file(anna, "winmail.dat", "application/ms-tnef", octets)
    page = text_of(get(anna, "view", uid, "2"))
    assert re.findall(r"<bdi>([^<]+)</bdi>", page) == ["Füße der Jurte.bin", "note.txt", "message.txt"]
    saved = get(anna, "part", uid, "2", item=1, save="")
    assert b"".join(saved.streaming_content) == OCTETS
    assert saved["Content-Disposition"].startswith("attachment;")
    assert "The poles are cut." in text_of(get(anna, "view", uid, "2", item=3))
    assert get(anna, "view", uid, "2", item=4).status_code == 404


@pytest.mark.parametrize("cut", [7, 20, 60, 400])
def test_a_winmail_dat_that_is_cut_off_says_so_or_shows_what_is_there(anna: Person, cut: int) -> None:
    page = shown(anna, "winmail.dat", "application/ms-tnef", winmail(("a.bin", OCTETS))[:cut])
    assert "or is damaged" in page or "SHORT~1.BIN" in page


def test_uuencode_and_yenc_within_text_are_files(anna: Person) -> None:
    text = b"Hello\r\nbegin 644 words of prose\r\nand more\r\n" + uuencoded("felt.bin", OCTETS).replace(b"\n", b"\r\n")
    raw = b"From: a@example.test\r\nSubject: old\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + text
    (uid,) = anna.receive(raw + b"Bye\r\n")
    page = text_of(get(anna, "message", uid))
    assert "begin 644 words of prose" in page and "[felt.bin]" in page and "M``$" not in page and "Bye" in page
    link = re.search(r'href="([^"]*/view/[^"]*item=1[^"]*)"><bdi>felt.bin', page)
    assert "cannot be shown here" in text_of(anna.client.get(link[1]))
    assert b"".join(get(anna, "part", uid, "1", item=1, save="").streaming_content) == OCTETS


def test_yenc_is_decoded_and_its_checksum_believed(anna: Person) -> None:
    message = EmailMessage()
    message["From"], message["Subject"] = "a@example.test", "yEnc"
    message.set_content("x")
    octets = bytes(octet for octet in range(1, 256)) * 4  # servers change what holds NUL
    for checksum, trouble in ((None, False), (1, True)):
        body = b"Look:\r\n" + yencoded("poles in felt.bin", octets, checksum=checksum)
        coded = binascii.b2a_base64(body)
        raw = b"From: a@example.test\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n" + coded
        (uid,) = anna.receive(raw)
        assert "<bdi>poles in felt.bin</bdi>" in text_of(get(anna, "message", uid))
        assert b"".join(get(anna, "part", uid, "1", item=1, save="").streaming_content) == octets
        assert ("This file is damaged" in text_of(get(anna, "view", uid, "1", item=1))) is trouble


def test_apple_files(anna: Person) -> None:
    head = struct.pack(">II16xH", 0x00051607, 0x00020000, 1) + struct.pack(">III", 9, 38, 4) + b"ICON"
    raw = (
        b'From: a@example.test\r\nContent-Type: multipart/appledouble; boundary="x"\r\n\r\n'
        b"--x\r\nContent-Type: application/applefile\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + binascii.b2a_base64(head)
        + b'\r\n--x\r\nContent-Type: application/pdf; name="felt.pdf"\r\n\r\n%PDF-1.4 nothing\r\n--x--\r\n'
    )
    (uid,) = anna.receive(raw)
    page = text_of(get(anna, "message", uid))
    assert re.findall(r'strong ell"[^>]*><bdi>([^<]+)', page) == ["felt.pdf"]
    assert "what a Mac keeps beside a file" in text_of(get(anna, "view", uid, "1"))
    single = struct.pack(">II16xH", 0x00051600, 0x00020000, 2)
    single += struct.pack(">IIIIII", 3, 50, 8, 1, 58, 5) + b"felt.txt" + b"Hello"
    assert "felt.txt" in shown(anna, "felt", "application/applefile", single)


@pytest.mark.parametrize("server", ["dovecot"], indirect=True)  # the poor one takes what is in a digest for text
def test_a_digest_opens_message_by_message(anna: Person) -> None:
    inside = letter("Inside it", files=(("poles.txt", "text/plain", b"Cut."),))
    raw = (
        b"From: list@example.test\r\nSubject: Digest\r\nMIME-Version: 1.0\r\nContent-Type: multipart/digest; boundary=x"
        b"\r\n\r\n--x\r\n\r\n" + letter("First letter") + b"\r\n--x\r\n\r\n" + inside + b"\r\n--x--\r\n"
    )
    (uid,) = anna.receive(raw)
    page = text_of(get(anna, "message", uid))
    assert re.findall(r'strong ell"[^>]*><bdi>([^<]+)', page) == ["First letter.eml", "Inside it.eml"]
    inner = text_of(get(anna, "message", uid, inside="2"))
    link = re.search(r'href="([^"]*/view/[^"]*)"><bdi>poles.txt', inner)
    file = text_of(anna.client.get(link[1]))
    assert "Cut." in file and "inside=2" in file


def test_a_message_in_another_encoding_than_it_should_have_is_read(anna: Person) -> None:
    page = shown(anna, "other.eml", "application/octet-stream", letter("Within a file", text="The felt is dry."))
    assert "Within a file" in page and "The felt is dry." in page


def piece(number: int, total: int | None, body: bytes) -> bytes:
    said = f"; total={total}" if total else ""
    head = [
        "From: a@example.test",
        "To: b@example.test",
        f"Subject: piece {number}",
        f'Content-Type: message/partial; id="felt-7@example.test"; number={number}{said}',
        "MIME-Version: 1.0",
    ]
    return "\r\n".join([*head, "", ""]).encode() + body


def test_a_message_in_pieces_is_joined_once_all_are_there(anna: Person) -> None:
    head = b"Subject: The whole felt\r\nMessage-ID: <whole@example.test>\r\nContent-Type: text/plain; charset=utf-8\r\n"
    first = head + b"\r\nOne,\r\n"
    (uid,) = anna.receive(piece(1, None, first))
    page = text_of(get(anna, "view", uid, "1"))
    assert "This is piece 1 of a message" in page and "<form" not in page.partition("/main")[0].partition("fhead")[2]
    anna.receive(piece(3, 3, b"three.\r\n"))
    assert "Missing in this folder: 2." in text_of(get(anna, "view", uid, "1"))
    anna.receive(piece(2, 3, b"two,\r\n"))
    page = text_of(get(anna, "view", uid, "1"))
    action = re.search(r'<form method="post" action="([^"]*/join/[^"]*)"', page)[1]
    joined = text_of(anna.client.post(action, follow=True))
    assert "The whole felt" in joined and re.search(r"One,\s*two,\s*three\.", joined)
    assert anna.count() == 4


# --- previews ---------------------------------------------------------------------------------------------------------


def test_a_pdf_is_shown_page_by_page_as_a_picture(anna: Person) -> None:
    uid = with_file(anna, "felt.pdf", "application/pdf", pdf_file())
    page = text_of(get(anna, "view", uid, "2"))
    assert "Page 1 of 2" in page
    second = text_of(anna.client.get(re.search(r'href="([^"]*page=2[^"]*)" rel="next"', page)[1]))
    answer = anna.client.get(re.search(r'<img class="sheet" src="([^"]*)"', second)[1])
    assert answer["Content-Type"] == "image/png" and answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert picture.width == pdf.WIDTH and picture.convert("RGB").getpixel((300, 300)) == (254, 0, 0)
    assert "There is no such page" in text_of(get(anna, "view", uid, "2", page=9))
    assert get(anna, "page", uid, "2", 9).status_code == 404


ENDLESS = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[2 0 R]/Count 1>>endobj\n"
HUGE = ENDLESS.replace(b"/Kids[2 0 R]", b"/Kids[3 0 R]") + (
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99999999 9]/Contents 4 0 R>>endobj\n4 0 obj<</Length 0>>stream\n"
    b"\nendstream endobj\n"
)


@pytest.mark.parametrize("octets", [b"%PDF-1.7 and nothing else", pdf_file()[:900], ENDLESS, HUGE], ids=str)
def test_a_pdf_that_is_none_is_refused_in_words(octets: bytes) -> None:
    with pytest.raises(pdf.NotDrawn) as caught:
        pdf.page(octets + b"trailer<</Root 1 0 R>>\n%%EOF", 1, key=("x", octets))
    assert caught.value.why in pdf.WORDS


def test_what_draws_pdfs_can_open_nothing() -> None:
    """No file, no connection, no process, little memory: tried in a process that has shut itself in the same way."""
    import subprocess
    import sys

    program = """
import os, socket, sys, importlib.util
spec = importlib.util.spec_from_file_location("raster", sys.argv[1])
raster = importlib.util.module_from_spec(spec)
spec.loader.exec_module(raster); raster.shut_in()
attempts = {"file": lambda: open("/etc/passwd"), "connection": socket.socket, "memory": lambda: bytearray(1 << 31)}
for name, attempt in attempts.items():
    try:
        attempt(); print(name)
    except (OSError, MemoryError):
        pass
"""
    ran = subprocess.run([sys.executable, "-I", "-c", program, pdf._program()], capture_output=True, check=True)
    assert ran.stdout == b"" and ran.stderr == b""


def test_a_page_that_takes_too_long_is_given_up(monkeypatch) -> None:
    monkeypatch.setattr(pdf, "SECONDS", 0.01)
    with pytest.raises(pdf.NotDrawn, match="time"):
        pdf.page(pdf_file(), 1, key=("slow",))


def test_pictures_and_formatted_texts_stay_in_the_sandbox(anna: Person) -> None:
    target = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(target, "PNG")
    uid = with_file(anna, "felt.png", "image/png", target.getvalue())
    assert "<iframe sandbox=" in text_of(get(anna, "view", uid, "2"))
    frame = get(anna, "frame", uid, "2")
    assert "default-src 'none'" in frame["Content-Security-Policy"] and "sandbox" in frame["Content-Security-Policy"]
    source = unescape(re.search(r'<img src="([^"]+)"', frame.content.decode())[1])
    assert anna.client.get(source)["Content-Type"] == "image/png"
    text = (
        b"# Felt\n\n* one\n* two\n\n<script>alert(1)</script> [go](javascript:alert(1)) ![x](https://evil.test/t.gif)"
    )
    uid = with_file(anna, "README.md", "text/markdown", text)
    frame = get(anna, "frame", uid, "2")
    html = frame.content.decode()
    assert "<h1>Felt</h1>" in html and "<li>one</li>" in html
    assert "<script" not in html and 'href="javascript' not in html and "evil.test" not in html
    uid = with_file(anna, "page.html", "text/html", b"<html><script>alert(1)</script><b onclick=x>Bold</b></html>")
    html = get(anna, "frame", uid, "2").content.decode()
    assert "<b>Bold</b>" in html and "alert" not in html
    assert get(anna, "frame", with_file(anna, "a.txt", "text/plain", b"hello"), "2").status_code == 404


def test_tables_and_source_code(anna: Person) -> None:
    uid = with_file(anna, "poles.csv", "text/csv", "Pole;Length\nÄste;1,5\n<b>;2\n".encode())
    page = get(anna, "view", uid, "2").content.decode()
    assert re.findall(r"<t[hd] [^>]*>([^<]*)<", page) == ["Pole", "Length", "Äste", "1,5", "&lt;b&gt;", "2"]
    raw = get(anna, "view", with_file(anna, "a.py", "text/x-python", b"print('<hi>')\n\nx = 1\n"), "2").content.decode()
    assert "print(&#x27;&lt;hi&gt;&#x27;)" in raw and re.search(r'class="ln" aria-hidden="true">1\n2\n3\n', raw)
    assert "Plain words" in shown(anna, "a.txt", "text/plain", b"Plain words\n")


def docx(*names: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in ("[Content_Types].xml", *names):
            archive.writestr(name, "x" * 100)
    return target.getvalue()


WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.mark.parametrize(
    ("name", "type", "content", "said"),
    [
        ("bill.pdf", "application/pdf", b"MZ\x90\0" + b"\0" * 200, "It calls itself “PDF”, but it is a program."),
        ("bill.docx", WORD, docx("word/document.xml"), ""),
        ("bill.docx", WORD, docx("xl/workbook.xml"), "It calls itself “Document”, but it is a spreadsheet."),
        ("bill.docx", WORD, b"<html><script>", "It calls itself “Document”, but it is a web page."),
        ("bill.docx", WORD, docx("word/document.xml", "word/vbaProject.bin"), "holds macros"),
        ("photo.jpg", "image/jpeg", b"<!doctype html><p>x", "It calls itself “Image”, but it is a web page."),
        ("invoice.pdf", "application/octet-stream", docx("a"), "It calls itself “PDF”, but it is an archive of files."),
        ("setup.exe", "application/octet-stream", b"MZ\x90\0" + b"\0" * 200, "This is a program."),
        ("old.doc", "application/msword", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500, ""),
        ("data.bin", "application/octet-stream", b"\0\1\2", ""),
    ],
)
def test_a_file_is_compared_with_what_it_calls_itself(
    anna: Person, name: str, type: str, content: bytes, said: str
) -> None:
    page = shown(anna, name, type, content)
    assert said in page
    if not said:
        assert "calls itself" not in page and "note warn" not in page
    assert "&save" in page


def test_an_archive_tells_what_it_holds_and_gives_one_file_of_it(anna: Person) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("felt/", "")
        archive.writestr("felt/poles.txt", "Cut them. " * 300)
        archive.writestr("../<b>.txt", "y")
    uid = with_file(anna, "all.zip", "application/zip", target.getvalue())
    page = get(anna, "view", uid, "2").content.decode()
    assert "2.9\xa0KB" in page and "../&lt;b&gt;.txt" in page
    link = re.search(r'href="([^"]*)">felt/poles.txt', page)[1]
    inner = text_of(anna.client.get(unescape(link)))
    assert "Cut them." in inner and "Back to the archive" in inner
    saved = get(anna, "part", uid, "2", item=3, save="")
    assert b"".join(saved.streaming_content) == b"y" and 'filename="_b_.txt"' in saved["Content-Disposition"]
    assert get(anna, "view", uid, "2", item=1).status_code == 404


def test_an_archive_that_would_fill_the_memory_is_not_unpacked(anna: Person) -> None:
    """Once it says so, and once it lies about its size."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(opening.MOST_OCTETS + 10))
    honest = target.getvalue()
    size = struct.pack("<I", opening.MOST_OCTETS + 10)
    for octets in (honest, honest.replace(size, struct.pack("<I", 100))):
        uid = with_file(anna, "all.zip", "application/zip", octets)
        assert get(anna, "view", uid, "2").status_code == 200
        answer = get(anna, "view", uid, "2", item=1)
        assert answer.status_code == 404 or len(answer.content) < 100_000


def test_next_and_previous_lead_through_the_attachments(anna: Person) -> None:
    files = tuple((f"{n}.txt", "text/plain", f"file {n}".encode()) for n in range(1, 4))
    (uid,) = anna.receive(letter(files=files))
    page = text_of(get(anna, "view", uid, "2"))
    assert "1 of 3" in page and 'rel="prev"' not in page
    page = text_of(anna.client.get(re.search(r'href="([^"]*)" rel="next"', page)[1]))
    assert "file 2" in page and "2 of 3" in page and 'rel="prev"' in page


def test_no_damage_is_more_than_these_parsers_can_bear() -> None:
    """Octets changed, cut and repeated by chance: there is an answer each time, or one of our own errors."""
    chance = random.Random(7)
    tnef_file = winmail(("Füße.bin", OCTETS[:300]), text="Words")
    uu = b"Hi\n" + uuencoded("a", OCTETS[:200]) + yencoded("b", OCTETS[:200])
    single = struct.pack(">II16xH", 0x00051600, 0x00020000, 1) + struct.pack(">III", 1, 38, 4) + b"ICON"
    for _turn in range(3000):
        for octets, reads in (
            (tnef_file, tnef.unpack),
            (uu, embedded.find),
            (single, embedded.unpack_apple),
            (struct.pack("<II4sI", 99, 5000, b"LZFu", 0) + OCTETS[:99], lambda each: tnef.unpack_rtf(each, most=9999)),
            (docx("word/document.xml"), sniff.kind),
        ):
            damaged = bytearray(octets)
            for _change in range(chance.randint(1, 6)):
                damaged[chance.randrange(len(damaged))] = chance.choice((0, 255, chance.randrange(256)))
            with contextlib.suppress(Damaged):
                reads(bytes(damaged[: chance.randrange(1, len(damaged) + 1)]))


CORPORA = Path(__file__).parents[3] / "shared/corpora"


@pytest.mark.skipif(not CORPORA.exists(), reason="shared corpora absent")
def test_the_pieces_of_rfc_2046_come_together() -> None:
    folder = CORPORA / "mimekit/partial"
    pieces = []
    for path in (folder / "rfc2046.0.eml", folder / "rfc2046.1.eml"):
        message = parse.parse(path.read_bytes())
        found = partial.piece(message.structure)
        assert found is not None and message.structure.type == "message/partial"
        pieces.append((found.number, message))
    pieces.sort(key=lambda pair: pair[0])
    whole = parse.parse(partial.join(pieces[0][1].header, [message.body("1") for _number, message in pieces]))
    assert whole.structure.type == "audio/basic" and whole.envelope.subject == "Audio mail"
    assert b"second half" in whole.raw and whole.envelope.message_id == "<anotherid@foo.com>"


@pytest.mark.skipif(not CORPORA.exists(), reason="shared corpora absent")
def test_every_part_of_every_message_of_others_is_shown_or_explained() -> None:
    looked_at = 0
    for path in sorted(CORPORA.rglob("*")):
        if path.suffix not in (".eml", ".msg", ".txt") or path.stat().st_size > 500_000:
            continue
        message = parse.parse(path.read_bytes())
        for part in message.structure.walk():
            if part.is_multipart or not part.number:
                continue
            octets = decode.payload(part, message.body(part.number))
            name = filenames.safe(part.filename, part.type)
            opened = opening.Opened(part=part, name=name, type=part.type, octets=octets, charset=part.charset)
            for each in (opened, *(opening.within(opened, item) for item in range(1, len(opened.inner) + 1))):
                shown = previews.of(each)
                assert shown.how != "none" or shown.why
                claims.mismatch(each.type, each.name, each.sniffed)
                looked_at += 1
    assert looked_at > 300
