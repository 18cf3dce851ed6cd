"""Whatever comes as an argument, one command leaves, and a server reads exactly these arguments from it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from apps.mail.mailbox.errors import BadArgument
from apps.mail.mailbox.imap import guard, tokens
from apps.mail.mailbox.imap.guard import Literal, Wire

ANY = st.one_of(st.text(max_size=600), st.binary(max_size=600))
NASTY = 'a" LOGOUT\r\nY9 DELETE INBOX\r\n'


def written(*pieces: guard.Piece, plus: bool) -> tuple[bytes, list[bytes]]:
    """The command line as a server sees it, with its literals apart."""
    chunks = guard.chunks((Wire(b"Y1"), *pieces), literal_plus=plus, literal_minus=False)
    sent, literals = b"".join(chunk for chunk, _ in chunks), []
    line, position = b"", 0
    while True:
        end = sent.index(b"\r\n", position)
        line += sent[position:end]
        found = tokens.LITERAL_AT_END.search(line)
        if not found:
            assert end + 2 == len(sent), "more than one command"
            return line, literals
        size = int(found[1])
        literals.append(sent[end + 2 : end + 2 + size])
        line += b"\r\n"
        position = end + 2 + size


@given(st.lists(ANY, min_size=1, max_size=5), st.booleans())
@example([NASTY], True)
@example(['"', "\\", '\\"', "", "{5}", "{5+}\r\nhello"], False)
def test_a_written_command_reads_as_its_arguments(values: list[str | bytes], plus: bool) -> None:
    pieces: list[guard.Piece] = []
    expected: list[bytes] = []
    for value in values:
        try:
            raw = value.encode() if isinstance(value, str) else value
            pieces.append(guard.string(value))
        except (BadArgument, UnicodeEncodeError):
            continue
        expected.append(raw)
    line, literals = written(guard.words("SEARCH"), *pieces, plus=plus)
    assert tokens.parse(line, literals) == [b"Y1", b"SEARCH", *expected]


@given(st.text(max_size=80))
@example(NASTY)
def test_a_mailbox_is_one_argument_or_none(name: str) -> None:
    try:
        piece = guard.mailbox(name)
    except BadArgument:
        return
    line, literals = written(guard.words("SELECT"), piece, plus=True)
    assert len(tokens.parse(line, literals)) == 3


@given(st.lists(st.text(max_size=20), max_size=4))
@example(["\\Seen) (x"])
@example(["$Junk", "\\Flagged"])
def test_flags_are_one_list_or_none(flags: list[str]) -> None:
    try:
        piece = guard.flags(flags)
    except BadArgument:
        return
    words = [None if flag.upper() == "NIL" else flag.encode() for flag in flags]  # a keyword may read so
    assert tokens.parse(piece) == [words]


@given(st.sets(st.integers(1, guard.MAX_UID), min_size=1, max_size=400), st.integers(21, 200))
def test_uid_sets_name_each_uid_once(uids: set[int], limit: int) -> None:
    sets = guard.uid_sets(uids, limit=limit)
    assert sorted(uid for one in sets for uid in tokens.expand(one)) == sorted(uids)
    assert all(len(one) <= limit for one in sets)


@pytest.mark.parametrize("uid", [0, -1, guard.MAX_UID + 1, True, "1", "1:*", 1.5, None])
def test_only_uids_are_uids(uid: object) -> None:
    with pytest.raises(BadArgument):
        guard.uid_sets([uid])  # type: ignore[list-item]


@pytest.mark.parametrize("part", ["", "1", "1.2.3", "HEADER", "2.MIME", "TEXT", "2.HEADER"])
def test_sections(part: str) -> None:
    assert guard.section(part) == f"BODY.PEEK[{part}]".encode()


@pytest.mark.parametrize(
    "part", ["0", "1.", ".1", "1]", "1 BODY[2]", "1\r\n", "HEADER.FIELDS (X)", "a", "１", "1" * 10]
)
def test_no_sections(part: str) -> None:
    with pytest.raises(BadArgument):
        guard.section(part)


@pytest.mark.parametrize("raw", [b"a\r\nb", b"a\nb", b"\0", b"\x1b", b"\x7f"])
def test_control_characters_are_refused_last_of_all_too(raw: bytes) -> None:
    with pytest.raises(BadArgument):
        guard.string(raw)
    with pytest.raises(BadArgument):
        guard.chunks([Wire(raw)], literal_plus=True, literal_minus=False)


def test_literals_count_octets() -> None:
    assert guard.chunks([Literal("ü".encode())], literal_plus=True, literal_minus=False) == [
        (b"{2+}\r\n\xc3\xbc\r\n", False)
    ]
    assert guard.chunks([Literal(b"ab")], literal_plus=False, literal_minus=False) == [
        (b"{2}\r\n", True),
        (b"ab\r\n", False),
    ]


def test_long_literals_wait_where_the_server_says_so() -> None:
    long, short = Literal(b"x" * 4097), Literal(b"x" * 4096)
    assert [wait for _, wait in guard.chunks([short], literal_plus=False, literal_minus=True)] == [False]
    assert [wait for _, wait in guard.chunks([long], literal_plus=False, literal_minus=True)] == [True, False]


def test_messages_keep_their_line_ends_and_have_no_nul() -> None:
    assert guard.message(b"a\r\nb").octets == b"a\r\nb"
    with pytest.raises(BadArgument):
        guard.message(b"a\0")


def test_dates() -> None:
    zone = timezone(timedelta(hours=-3, minutes=-30))
    assert guard.date_time(datetime(2026, 2, 5, 9, 5, tzinfo=zone)) == b'"05-Feb-2026 09:05:00 -0330"'
    assert guard.date_time(datetime(2026, 12, 5, tzinfo=UTC)) == b'"05-Dec-2026 00:00:00 +0000"'
    with pytest.raises(BadArgument):
        guard.date_time(datetime(2026, 2, 5, 9, 5))
