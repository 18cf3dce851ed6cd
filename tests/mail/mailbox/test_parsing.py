"""Answers of servers, good and bad, as values."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from imapclient.response_parser import parse_response  # noqa: TID251 - the oracle

from apps.mail.mailbox.imap import answers, bodystructure, envelope, fetch, tokens
from apps.mail.mailbox.imap.commands import Completion, Result, untagged
from apps.mail.mime.parts import Part
from portal.contracts import Address

ENVELOPE = (
    b'("Mon, 6 Jan 2025 10:00:00 +0100" "=?utf-8?q?Gr=C3=BC=C3=9Fe?=" (("B\\"ob" NIL "bob" "example.test")) NIL NIL '
    b'((NIL NIL "friends" NIL)(NIL NIL "carol" "example.test")(NIL NIL NIL NIL)) NIL NIL "<a@b>" "<c@d>")'
)


def test_tokens() -> None:
    data = b'(UID 5 FLAGS (\\Seen $x) X NIL Y "NIL" BODY[HEADER.FIELDS (To X)]<0> {3}\r\n BODY[1.2] "a\\\\b\\"c" Z ())'
    assert tokens.parse(data, [b"a\rb"]) == [
        [
            *(b"UID", b"5", b"FLAGS", [b"\\Seen", b"$x"], b"X", None, b"Y", b"NIL"),
            *(b"BODY[HEADER.FIELDS (To X)]<0>", b"a\rb", b"BODY[1.2]", b'a\\b"c', b"Z", []),
        ]
    ]


VALUES = st.recursive(
    st.one_of(st.none(), st.integers(0, 10**9), st.text('abcXYZ\\"( ){}[]<>~ü', max_size=8)),
    lambda children: st.lists(children, max_size=5),
    max_leaves=20,
)


def wire(value: object) -> bytes:
    if value is None:
        return b"NIL"
    if isinstance(value, int):
        return b"%d" % value
    if isinstance(value, str):
        return b'"' + value.encode().replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    assert isinstance(value, list)
    return b"(" + b" ".join(wire(item) for item in value) + b")"


def plain(value: object) -> object:
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, str):
        return value.encode()
    return b"%d" % value if isinstance(value, int) else value


@given(st.lists(VALUES, min_size=1, max_size=4))
def test_tokens_are_what_was_written(values: list[object]) -> None:
    assert tokens.parse(wire(values)) == [plain(values)]


@given(st.lists(st.one_of(st.none(), st.integers(0, 999), st.text("abc xyz", max_size=5)), max_size=6))
def test_tokens_agree_with_the_library(values: list[object]) -> None:
    assert tokens.parse(wire(values)) == [plain(item) for item in parse_response([wire(values)])]


@given(st.binary(max_size=300))
def test_no_answer_raises(raw: bytes) -> None:
    values = tokens.parse(raw)
    assert isinstance(values, list)
    tokens.expand(raw)
    fetch.internal_date(raw)
    envelope.parse(values)
    answer = untagged(b"* 1 FETCH " + raw.replace(b"\r", b"").replace(b"\n", b""))
    assert answer is not None
    list(fetch.rows(Result([answer], [])))


def test_depth_is_limited() -> None:
    assert tokens.parse(b"(" * 100_000)
    with pytest.raises(bodystructure.Unreadable):
        bodystructure.parse(tokens.parse(b"(" * 150 + b'"text" "plain" NIL NIL NIL "7bit" 1 1' + b' "mixed")' * 150)[0])


def test_envelope() -> None:
    read = envelope.parse(tokens.parse(ENVELOPE)[0])
    assert read is not None
    assert read.date == datetime(2025, 1, 6, 9, tzinfo=UTC)
    assert read.subject == "Grüße"
    assert read.from_ == (Address("bob@example.test", 'B"ob'),)
    assert read.to == (Address("carol@example.test"),), "the group's name and its end are no people"
    assert (read.in_reply_to, read.message_id) == ("<a@b>", "<c@d>")


def structure(text: bytes, *literals: bytes) -> Part:
    return bodystructure.parse(tokens.parse(text, literals)[0])


def test_structure_of_one_part() -> None:
    part = structure(b'("TEXT" "Plain" ("CHARSET" "utf-8" "Format" "flowed") "<i@d>" "what" "Quoted-Printable" 42 3)')
    assert (part.number, part.type, part.size, part.encoding) == ("1", "text/plain", 42, "quoted-printable")
    assert dict(part.params) == {"charset": "utf-8", "format": "flowed"}
    assert (part.content_id, part.description, part.disposition) == ("i@d", "what", "")


TEXT = b'("text" "plain" NIL NIL NIL "7bit" 1 1)'
FILE = (
    b'("application" "pdf" ("name" "old.pdf") NIL NIL "base64" 9 NIL '
    b'("ATTACHMENT" ("filename*" "utf-8\'\'R%C3%BCck.pdf")) NIL "http://x.test/")'
)
EMBEDDED = b'("message" "rfc822" NIL NIL NIL "7bit" 99 ' + ENVELOPE + b" (" + TEXT + FILE + b' "mixed") 5 NIL NIL NIL)'


def test_structure_numbers_are_the_servers() -> None:
    whole = structure(b"(" + TEXT + b"(" + TEXT + FILE + b' "related")' + EMBEDDED + b' "mixed" ("boundary" "x"))')
    assert [(part.number, part.type) for part in whole.walk()] == [
        ("", "multipart/mixed"),
        ("1", "text/plain"),
        ("2", "multipart/related"),
        ("2.1", "text/plain"),
        ("2.2", "application/pdf"),
        ("3", "message/rfc822"),
        ("", "multipart/mixed"),
        ("3.1", "text/plain"),
        ("3.2", "application/pdf"),
    ]
    file, inner = whole.find("2.2"), whole.find("3")
    assert file is not None
    assert inner is not None
    assert (file.filename, file.disposition, file.location) == ("Rück.pdf", "attachment", "http://x.test/")
    assert inner.envelope is not None
    assert inner.envelope.subject == "Grüße"


def test_a_message_of_one_part_inside_a_message() -> None:
    inner = structure(b'("message" "rfc822" NIL NIL NIL "7bit" 99 ' + ENVELOPE + b" " + TEXT + b" 5)")
    assert [part.number for part in inner.walk()] == ["1", "1.1"]


def test_disposition_as_one_string() -> None:
    """pymap sends the header as it is, eight-bit octets included."""
    raw = 'attachment; filename="Rechnung ü.pdf"'.encode()
    part = structure(b'("application" "pdf" NIL NIL NIL "base64" 9 NIL {%d}\r\n NIL NIL)' % len(raw), raw)
    assert (part.disposition, part.filename) == ("attachment", "Rechnung ü.pdf")


@pytest.mark.parametrize(
    "text", [b"NIL", b"()", b'("text")', b"(() ())", b'"x"', b'((NIL NIL) "mixed")', b'("a" "b" NIL)']
)
def test_what_is_no_structure(text: bytes) -> None:
    with pytest.raises(bodystructure.Unreadable):
        structure(text)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b" 5-Feb-2026 09:05:00 +0100", datetime(2026, 2, 5, 9, 5, tzinfo=timezone(timedelta(hours=1)))),
        (b"05-FEB-2026 09:05:60 -0330", datetime(2026, 2, 5, 12, 35, 59, tzinfo=UTC)),
        (b"", None),
        (b"31-Feb-2026 09:05:00 +0000", None),
        (b"05-Feb-2026 09:05:00 +9900", None),
        (b"x-y-z a:b:c d", None),
    ],
)
def test_internal_dates(raw: bytes, expected: datetime | None) -> None:
    assert fetch.internal_date(raw) == expected


def result(*lines: bytes, completion: bytes = b"OK done") -> Result:
    read = [untagged(line) for line in lines]
    return Result([line for line in read if line], [Completion.parse(completion)])


def test_found_uids() -> None:
    assert answers.found_uids(result(b"* SEARCH 4 2 9", b"* SEARCH", b"* SEARCH 7 (MODSEQ 12)")) == [4, 2, 9, 7]
    assert answers.found_uids(result(b'* ESEARCH (TAG "Y1") UID ALL 1:3,9,7:6 COUNT 6')) == [1, 2, 3, 9, 7, 6]
    assert answers.found_uids(result(b'* ESEARCH (TAG "Y1") UID')) == []
    assert answers.found_count(result(b'* ESEARCH (TAG "Y1") UID COUNT 12')) == 12


def test_copied() -> None:
    read = answers.copied(result(b"* OK [COPYUID 7 3,1 12:13] moved", completion=b"OK [COPYUID 7 5 14] done"))
    assert (read.uidvalidity, read.uids) == (7, {3: 12, 1: 13, 5: 14})
    assert answers.copied(result(completion=b"OK [COPYUID 7 1:3 4] odd")).uids == {}


def test_flags_leave_recent_out() -> None:
    assert fetch.flag_set([b"\\Seen", b"\\Recent", b"$Junk"]) == {"\\Seen", "$Junk"}


def test_rows_about_one_message_are_put_together() -> None:
    found = fetch.by_uid(
        result(b"* 1 FETCH (UID 5 RFC822.SIZE 9)", b"* 1 FETCH (FLAGS (\\Seen) UID 5)", b"* 2 FETCH (FLAGS ())")
    )
    assert list(found) == [5]
    assert (found[5].size, found[5].flags) == (9, {"\\Seen"})


def test_a_quoted_string_of_a_million_octets_costs_little_more_than_itself() -> None:
    """As the ENVELOPE of a message with such a subject has it."""
    tracemalloc.start()
    (first, second), *_rest = [tokens.parse(b'"' + b"x-" * 500_000 + b'" "a\\"b"')]
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (len(first), second) == (1_000_000, b'a"b')
    assert most < 10_000_000
