from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from apps.mail.mailbox import names
from apps.mail.mailbox.errors import BadArgument

TEXT = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=60)


@given(TEXT)
@example("INBOX")
@example(".")
@example("..")
@example("~2e")
@example("a/b~c@d\x00\x1f\x7f")
@example("ınbox")
@example("inbox")
def test_a_segment_gives_its_name_back(name: str) -> None:
    segment = names.encode_segment(name)
    assert names.decode_segment(segment) == ("INBOX" if names.is_inbox(name) else name)
    assert not set(segment) & {"/", "@", *map(chr, range(32)), "\x7f"}
    assert segment not in ("", ".", "..")


@pytest.mark.parametrize(
    ("name", "segment"),
    [("INBOX", "INBOX"), ("Projekte/Gletscher", "Projekte~2fGletscher"), ("@home", "~40home"), ("~", "~7e")],
)
def test_segments_stay_readable(name: str, segment: str) -> None:
    assert names.encode_segment(name) == segment


@pytest.mark.parametrize(
    "segment", ["", "a/b", "@alice", "~", "~2", "~2F", "~41", "a~zz", ".", "..", "a\x00", "inbox", "Inbox"]
)
def test_a_mailbox_has_one_address_only(segment: str) -> None:
    with pytest.raises(BadArgument):
        names.decode_segment(segment)


#: What stands for octets that no decoder can read is kept apart.
UNREAD = "\uf726" + "".join(map(chr, range(0xF780, 0xF800)))
PRINTABLE = st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters=UNREAD), min_size=1, max_size=60)


@given(PRINTABLE)
@example("Entwürfe & Müll")
@example("受信トレイ/😀")
@example("&-")
@example("inbox/x")
@example("ınbox")
@example("ıNBOX/x")
def test_names_survive_the_wire(name: str) -> None:
    wire = names.to_wire(name)
    assert wire.isascii()
    assert names.from_wire(wire) == ("INBOX" if names.is_inbox(name) else name)


@pytest.mark.parametrize(
    ("name", "is_it"), [("INBOX", True), ("iNbOx", True), ("ınbox", False), ("INBOX/x", False), ("", False)]
)
def test_inbox_is_ascii(name: str, is_it: bool) -> None:
    assert names.is_inbox(name) is is_it


@pytest.mark.parametrize(("name", "wire"), [("Entwürfe", b"Entw&APw-rfe"), ("A & B", b"A &- B"), ("inbox", b"INBOX")])
def test_modified_utf7(name: str, wire: bytes) -> None:
    assert names.to_wire(name) == wire


@pytest.mark.parametrize("raw", [b"&", b"&AA", b"&ZZZ", b"&////-", b"\xff\xfe", "Entwürfe".encode(), b"a&b-c&"])
def test_broken_names_are_shown_and_go_back_as_they_came(raw: bytes) -> None:
    name = names.from_wire(raw)
    assert names.to_wire(name) == raw
    assert names.shown(name) == raw.decode("utf-8", "replace")
    assert names.decode_segment(names.encode_segment(name)) == name


@given(st.binary(min_size=1, max_size=40).filter(lambda raw: not any(octet < 32 or octet == 127 for octet in raw)))
@example(b"&94A-")  # an encoding of what stands for octets here
@example(b"Caf&AOk-s")
@example("Cafés".encode())
def test_no_two_names_are_taken_for_one(raw: bytes) -> None:
    name = names.from_wire(raw)
    assert names.to_wire(name) == (b"INBOX" if raw.upper() == b"INBOX" else raw)


@pytest.mark.parametrize("name", ["\uf7c3ü", "&\uf726 مرحبا"])
def test_what_no_server_has_sent_reaches_none(name: str) -> None:
    with pytest.raises(BadArgument):
        names.to_wire(name)
    assert names.shown(name) == name


@pytest.mark.parametrize("name", ["", "a\r\nb", "a\0", "\ud800", "x" * 1001, "\x85"])
def test_what_is_no_name_reaches_no_server(name: str) -> None:
    with pytest.raises(BadArgument):
        names.to_wire(name)
