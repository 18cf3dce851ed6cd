"""A message sent on: a block on top, and nothing else is touched."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from apps.mail.mime.outgoing import Refused
from apps.mail.mime.resent import resent
from portal.contracts import Address

WHEN = datetime(2026, 11, 26, 15, 0, tzinfo=UTC)
ANN = Address("ann@x.test", "Ann Lée")
ORIGINAL = (
    b"Received: a\r\n\tb\r\nFrom: bob@x.test\r\nSubject: Gr\xfc\xdfe\r\n"
    b"DKIM-Signature: v=1;\r\n b=x\r\n\r\nBcc: text\r\n\r\n\x00\xff"
)


def sent_on(raw: bytes, **changes: object) -> bytes:
    given = {"sender": ANN, "to": [Address("carla@x.test")], "message_id": "<1@x.test>", "date": WHEN}
    return resent(raw, **{**given, **changes})  # type: ignore[arg-type]


def test_the_block_stands_on_top_and_the_octets_are_the_same() -> None:
    found = sent_on(ORIGINAL)
    assert found.endswith(ORIGINAL)
    assert found.removesuffix(ORIGINAL).decode() == (
        "Resent-Date: Thu, 26 Nov 2026 15:00:00 +0000\r\n"
        "Resent-From: =?utf-8?B?QW5uIEzDqWU=?= <ann@x.test>\r\n"
        "Resent-To: carla@x.test\r\n"
        "Resent-Message-ID: <1@x.test>\r\n"
    )


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
def test_the_blind_copies_of_ones_own_copy_stay_here(line_end: bytes) -> None:
    raw = line_end.join([b"bcc: eve@x.test,", b" dora@x.test", b"From: a@x", b"BCC : x@x", b"", b"Bcc: in the text"])
    found = sent_on(raw)
    assert found.endswith(line_end.join([b"\r\nFrom: a@x", b"", b"Bcc: in the text"]))
    assert b"dora" not in found
    assert sent_on(b"Bcc: eve@x.test").endswith(b"<1@x.test>\r\n")


def test_no_field_begins_inside_of_another() -> None:
    for changes in ({"to": [Address("a@x.test", "A\r\nBcc: e@x.test")]}, {"message_id": "<a>\r\nX: y"}):
        with pytest.raises(Refused):
            sent_on(ORIGINAL, **changes)
