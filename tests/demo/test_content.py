"""The demo's mail: as much and as varied as promised, the same in every run, and nothing in it is half done."""

import re
import zipfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from hashlib import sha256
from io import BytesIO
from unicodedata import name as character_name

import pytest
from cryptography.hazmat.primitives.serialization import pkcs7

from apps.mail.mailbox.names import decode_segment, encode_segment
from demo.content import messages
from demo.content.specials import Stored

pytestmark = pytest.mark.needs_app("mail")
NOW = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def mail() -> list[Stored]:
    return messages(NOW)


def parts(mail: list[Stored]) -> list[Message]:
    return [part for one in mail for part in message_from_bytes(one.raw).walk()]


def test_about_three_hundred_over_two_years(mail: list[Stored]) -> None:
    copies = Counter(place.account for one in mail for place in one.places)
    assert 280 <= copies.total() <= 400
    assert min(copies.values()) > 60
    assert timedelta(days=650) < mail[-1].when - mail[0].when < timedelta(days=800)
    assert mail[-1].when < NOW


def test_the_newest_are_of_this_hour_and_none_is_from_the_future(mail: list[Stored]) -> None:
    for now in (NOW, NOW.replace(hour=0, minute=5), NOW + timedelta(days=100)):
        times = [one.when for one in messages(now)]
        assert max(times) <= now
        assert now - max(times) < timedelta(hours=2)


def test_it_is_the_same_in_every_run_but_for_the_signatures(mail: list[Stored]) -> None:
    differing = [one for one, other in zip(mail, messages(NOW), strict=True) if one.raw != other.raw]
    assert all(b"pkcs7-signature" in one.raw for one in differing)
    assert len(differing) <= 2


def test_no_placeholder_is_left(mail: list[Stored]) -> None:
    text = [part.get_payload(decode=True) for part in parts(mail) if part.get_content_maintype() == "text"]
    assert text and not [body for body in text if re.search(rb"\{[a-z_]+(?:[+-]\d+)?\}", body)]  # type: ignore[arg-type]


def test_many_scripts(mail: list[Stored]) -> None:
    letters = Counter()
    for one in mail:
        subject = str(message_from_bytes(one.raw, policy=policy.default)["Subject"] or "")
        letters.update(character_name(char, "?").split()[0] for char in subject if char.isalpha())
    expected = {"LATIN", "CYRILLIC", "GREEK", "ARABIC", "HEBREW", "DEVANAGARI", "HIRAGANA", "CJK", "HANGUL", "GEORGIAN"}
    assert expected <= set(letters)


def test_every_kind_of_message_is_there(mail: list[Stored]) -> None:
    types = Counter(part.get_content_type() for part in parts(mail))
    wanted = {
        "text/plain", "text/html", "multipart/alternative", "multipart/related", "multipart/mixed", "multipart/signed",
        "multipart/report", "message/delivery-status", "message/disposition-notification", "message/rfc822",
        "text/calendar", "text/csv", "text/vcard", "application/pdf", "application/zip", "image/png", "image/jpeg",
        "application/vnd.oasis.opendocument.text", "application/pkcs7-signature",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    }  # fmt: skip
    assert wanted <= set(types)
    raw = b"".join(one.raw for one in mail)
    for sign in (b'format="flowed"', b"List-Id:", b"METHOD:REQUEST", b"METHOD:CANCEL", b"cid:mirror", b"In-Reply-To:"):
        assert sign in raw, sign
    charsets = {str(part.get_content_charset()) for part in parts(mail)}
    assert {
        "utf-8",
        "iso-8859-1",
        "iso-8859-2",
        "windows-1252",
        "koi8-u",
        "iso-2022-jp",
        "gb18030",
        "euc-kr",
    } <= charsets


def test_attachments_are_what_they_say(mail: list[Stored]) -> None:
    magic = {
        "application/pdf": b"%PDF-1.4", "image/png": b"\x89PNG\r\n", "image/jpeg": b"\xff\xd8\xff\xe0",
        "application/zip": b"PK\3\4", "text/calendar": b"BEGIN:VCALENDAR\r\n", "text/vcard": b"BEGIN:VCARD\r\n",
    }  # fmt: skip
    seen = 0
    for part in parts(mail):
        if part.get_content_disposition() != "attachment" or part.get_filename() in (None, "", "scan0042.pdf"):
            continue
        data = part.get_payload(decode=True)
        kind = part.get_content_type()
        if isinstance(data, bytes):
            seen += 1
            assert data.startswith(magic.get(kind, b"")), part.get_filename()
            if kind.startswith("application/vnd.") or kind == "application/zip":
                assert zipfile.ZipFile(BytesIO(data)).testzip() is None
    assert seen > 60


def test_the_signature_fits_the_signed_octets(mail: list[Stored]) -> None:
    signed = [one for one in mail if b"multipart/signed" in one.raw]
    assert len(signed) == 2
    for one in signed:
        message = message_from_bytes(one.raw)
        boundary = str(message.get_boundary()).encode()
        octets = one.raw.split(b"--" + boundary + b"\r\n")[1].removesuffix(b"\r\n")
        signature = message.get_payload(1).get_payload(decode=True)  # type: ignore[union-attr]
        assert isinstance(signature, bytes)
        assert sha256(octets).digest() in signature  # the messageDigest attribute
        assert len(pkcs7.load_der_pkcs7_certificates(signature)) == 1


def test_replies_refer_to_what_they_answer(mail: list[Stored]) -> None:
    heads = [message_from_bytes(one.raw) for one in mail]
    known = {head["Message-ID"] for head in heads}
    answers = [head for head in heads if head["In-Reply-To"]]
    assert len(answers) > 50
    assert not [head["Subject"] for head in answers if head["In-Reply-To"] not in known]
    assert max(len(head["References"].split()) for head in answers) >= 8


def test_header_fields_are_ascii_except_in_the_broken_ones(mail: list[Stored]) -> None:
    raw = [one.raw.split(b"\r\n\r\n", 1)[0] for one in mail if b"legacy.example" not in one.raw]
    assert not [head for head in raw if not head.isascii()]
    assert not [head for head in raw for line in head.split(b"\r\n") if len(line) > 998]


def test_mailbox_names_go_through_addresses(mail: list[Stored]) -> None:
    names = {place.mailbox for one in mail for place in one.places}
    assert {"Projects/Glacier survey/Données & cartes", "Projects/Glacier survey/Field camps"} <= names
    assert all(decode_segment(encode_segment(name)) == name for name in names)


def test_each_account_has_unread_flagged_answered_and_drafts(mail: list[Stored]) -> None:
    for account in ("alice", "bob", "charlie"):
        places = [place for one in mail for place in one.places if place.account == account]
        assert sum("\\Seen" not in place.flags for place in places) >= 3
        assert any("\\Answered" in place.flags for place in places)
        assert any("\\Flagged" in place.flags for place in places)
        assert any(place.mailbox == "Drafts" and "\\Draft" in place.flags for place in places)
        assert {"INBOX", "Sent", "Junk", "Trash", "Archive"} - {place.mailbox for place in places} <= {"Trash"}


def test_a_modern_parser_reads_every_letter(mail: list[Stored]) -> None:
    """Those that are not broken on purpose have no defects."""
    for one in mail:
        if any(sign in one.raw for sign in (b"legacy.example", b"Odd", b"scan0042", b"freezer", b"half-done")):
            continue
        if any(place.mailbox == "Odd messages" for place in one.places):
            continue
        message = message_from_bytes(one.raw, policy=policy.default)
        assert isinstance(message, EmailMessage)
        assert [defect for part in message.walk() for defect in part.defects] == [], message["Subject"]
