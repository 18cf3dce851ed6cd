from __future__ import annotations

import re
from email import message_from_bytes
from email.message import Message

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.mail.mime import parse
from apps.mail.mime.parse import Problem
from apps.mail.mime.parts import Part
from tests.mail.mime.support import bounded
from tests.support.mailserver import MailServer

NESTED = b"""\
From: alice@example.test
To: bob@example.test
Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=
Date: Mon, 23 Nov 2026 10:00:00 +0100
Message-ID: <1@example.test>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=out

preamble
--out
Content-Type: multipart/alternative; boundary="in"

--in
Content-Type: text/plain; charset=utf-8

plain
--in
Content-Type: text/html

<p>html</p>
--in--
--out
Content-Type: message/rfc822

Subject: inside
Content-Type: multipart/mixed; boundary=deep

--deep

one
--deep
Content-Type: image/png; name="x.png"
Content-Transfer-Encoding: base64
Content-ID: <pic@x>

AAAA
--deep--
--out
Content-Type: message/rfc822

Subject: single

only
--out
Content-Type: application/pdf
Content-Disposition: attachment; filename="a.pdf"
Content-Transfer-Encoding: base64

JVBERi0=
--out--
epilogue
""".replace(b"\n", b"\r\n")


def outline(part: Part) -> list[tuple[str, str]]:
    return [(found.number, found.type) for found in part.walk()]


def test_numbers_are_those_of_imap() -> None:
    parsed = parse.parse(NESTED)
    assert outline(parsed.structure) == [
        ("", "multipart/mixed"),
        ("1", "multipart/alternative"),
        ("1.1", "text/plain"),
        ("1.2", "text/html"),
        ("2", "message/rfc822"),
        ("", "multipart/mixed"),
        ("2.1", "text/plain"),
        ("2.2", "image/png"),
        ("3", "message/rfc822"),
        ("3.1", "text/plain"),
        ("4", "application/pdf"),
    ]
    assert parsed.problems == ()


def test_octets_are_cut_exactly() -> None:
    parsed = parse.parse(NESTED)
    assert parsed.body("1.1") == b"plain"
    assert parsed.body("2.1") == b"one"
    assert parsed.body("3.1") == b"only"
    assert parsed.body("4") == b"JVBERi0="
    assert parsed.body("3") == b"Subject: single\r\n\r\nonly"
    assert parsed.body("") == NESTED
    assert parsed.body("9.9") == b""
    assert parsed.octets("1.2") == b"Content-Type: text/html\r\n\r\n<p>html</p>"
    assert parsed.header.endswith(b"boundary=out\r\n\r\n")
    for part in parsed.structure.walk():
        if part.number:
            assert part.size == len(parsed.body(part.number))


def test_what_a_part_says_of_itself() -> None:
    parsed = parse.parse(NESTED)
    image, pdf = parsed.structure.find("2.2"), parsed.structure.find("4")
    assert image is not None
    assert pdf is not None
    assert (image.content_id, image.filename, image.encoding) == ("pic@x", "x.png", "base64")
    assert (pdf.disposition, pdf.filename) == ("attachment", "a.pdf")
    inner = parsed.structure.find("2")
    assert inner is not None
    assert inner.envelope is not None
    assert inner.envelope.subject == "inside"


def test_the_envelope() -> None:
    envelope = parse.parse(NESTED).envelope
    assert envelope.subject == "Grüße"
    assert envelope.from_[0].email == "alice@example.test"
    assert envelope.message_id == "<1@example.test>"
    assert envelope.date is not None
    assert envelope.date.utcoffset() is not None


def test_numbers_and_octets_are_those_that_dovecot_gives(dovecot: MailServer) -> None:
    login = dovecot.new_user()
    messages = [NESTED, NESTED.replace(b"--deep--", b"--deep--\r\n"), b"Subject: x\r\n\r\nbody\r\n"]
    uids = dovecot.append(login, *messages)
    with dovecot.session(login) as client:
        client.select("INBOX")
        for uid, message in zip(uids, messages, strict=True):
            parsed = parse.parse(message)
            for part in parsed.structure.walk():
                if part.number:
                    _status, data = client.uid("FETCH", str(uid), f"(BODY.PEEK[{part.number}])")
                    ours, theirs = parsed.body(part.number), data[0][1]
                    if part.children:  # Dovecot counts the line end after an inner closing boundary
                        ours, theirs = ours.rstrip(), theirs.rstrip()
                    assert theirs == ours, part.number


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"no header at all, only text", Problem.NO_HEADER),
        (b"Content-Type: multipart/mixed\r\n\r\n--x\r\n\r\na\r\n", Problem.NO_BOUNDARY),
        (b"Content-Type: multipart/mixed; boundary=x\r\n\r\nnothing", Problem.NO_PARTS),
        (b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\na", Problem.NOT_CLOSED),
        (b"Subject: x\r\nbroken line\r\n\r\nbody", Problem.BROKEN_HEADER),
        (b"From: a@x.test\r\nFrom: b@y.test\r\n\r\nbody", Problem.TWO_FROM),
    ],
)
def test_what_is_broken_is_named_and_something_is_shown(raw: bytes, problem: Problem) -> None:
    parsed = parse.parse(raw)
    assert problem in parsed.problems
    leaves = [part for part in parsed.structure.walk() if not part.is_multipart]
    assert leaves[0].number == "1"
    assert leaves[0].type == "text/plain"
    assert parsed.body("1")


def test_both_of_two_from_fields_are_shown() -> None:
    envelope = parse.parse(b"From: a@x.test\r\nFrom: b@y.test\r\n\r\nbody").envelope
    assert [address.email for address in envelope.from_] == ["a@x.test", "b@y.test"]


@pytest.mark.parametrize(
    ("type_", "shown"),
    [
        (b"text", "text/plain"),
        (b"<img src=x onerror=window.__xss(1)>", "text/plain"),
        (b"text/<img src=x onerror=window.__xss(1)>", "application/octet-stream"),
        (b"TEXT/HTML; charset=x", "text/html"),
        (b"", "text/plain"),
    ],
)
def test_types_are_types(type_: bytes, shown: str) -> None:
    assert parse.parse(b"Content-Type: " + type_ + b"\r\n\r\nx").structure.type == shown


def test_the_default_type_in_a_digest_is_a_message() -> None:
    raw = b"Content-Type: multipart/digest; boundary=x\r\n\r\n--x\r\n\r\nSubject: a\r\n\r\nb\r\n--x--\r\n"
    assert outline(parse.parse(raw).structure) == [
        ("", "multipart/digest"),
        ("1", "message/rfc822"),
        ("1.1", "text/plain"),
    ]


@pytest.mark.parametrize(
    "date", [b"yesterday", b"", b"Mon, 99 Foo 2026 99:99:99 +9999", b"Fri, 31 Dec 9999 23:59:59 -1200", b"x" * 500]
)
def test_dates_that_are_none(date: bytes) -> None:
    assert parse.parse_date(date) is None


def test_the_time_of_a_date_without_zone_is_utc() -> None:
    when = parse.parse_date(b"Mon, 23 Nov 2026 10:00:00 -0000")
    assert when is not None
    assert when.utcoffset() is not None


def _nested(levels: int) -> bytes:
    head = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(levels))
    return head + b"\r\nx\r\n" + b"".join(b"--b%d--\r\n" % n for n in reversed(range(levels)))


@pytest.mark.parametrize(
    "raw",
    [
        _nested(2000),
        b"Content-Type: message/rfc822\r\n\r\n" * 5000,
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n\r\na\r\n" * 100_000,
        b"Content-Type: multipart/mixed; boundary=" + b"x" * 4096 + b"\r\n\r\n--" + b"x" * 4096 + b"\r\n\r\na\r\n",
        b"Content-Type: multipart/mixed; boundary=-\r\n\r\n" + b"-" * 1_000_000,
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"a--x" * 300_000,
        b"\r\n" * 500_000,
        b"From: " + b"(" * 50_000 + b"\r\n\r\nx",
    ],
    ids=["multiparts", "messages", "parts", "boundary", "dashes", "almost", "lines", "comments"],
)
def test_hostile_messages_are_read_in_time(raw: bytes) -> None:
    with bounded():
        parsed = parse.parse(raw)
    assert parsed.structure.type


def test_a_level_too_deep_is_a_file() -> None:
    parsed = parse.parse(_nested(60))
    assert Problem.TOO_DEEP in parsed.problems
    assert list(parsed.structure.walk())[-1].type == "application/octet-stream"


LINES = b"""\
--a
--a--
--b
--b--
text
Content-Type: text/html
Content-Type: multipart/mixed; boundary=a
Content-Type: multipart/alternative; boundary=b
Content-Type: message/rfc822
Subject: s
\xff\x00
 folded
"""
LINE = st.sampled_from(LINES.split(b"\n"))


@settings(max_examples=300)
@given(st.lists(LINE, max_size=25), st.sampled_from([b"\n", b"\r\n"]))
def test_any_order_of_lines_gives_a_tree_whose_octets_lie_in_the_message(lines: list[bytes], end: bytes) -> None:
    raw = end.join(lines)
    parsed = parse.parse(raw)
    numbers = [part.number for part in parsed.structure.walk() if part.number]
    assert len(numbers) == len(set(numbers))
    for part in parsed.structure.walk():
        if part.number:
            assert re.fullmatch(r"\d+(\.\d+)*", part.number)
            assert parsed.body(part.number) in raw
            assert part.size == len(parsed.body(part.number))


def _stdlib_leaves(message: Message) -> list[tuple[str, str]]:
    if message.get_content_maintype() != "multipart":
        payload = message.get_payload()
        return [(message.get_content_type(), payload if isinstance(payload, str) else "")]
    return [leaf for child in message.get_payload() if isinstance(child, Message) for leaf in _stdlib_leaves(child)]


def test_the_standard_library_sees_the_same_parts_of_a_whole_message() -> None:
    parsed = parse.parse(NESTED)
    top = [
        part for part in parsed.structure.walk() if not part.is_multipart and not part.number.startswith(("2.", "3."))
    ]
    ours = [(part.type, "" if part.type == "message/rfc822" else parsed.body(part.number).decode()) for part in top]
    assert ours == _stdlib_leaves(message_from_bytes(NESTED))
