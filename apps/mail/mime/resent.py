"""A message sent on as it is (RFC 5322 section 3.6.6): who sends it on, when and to whom stands on top of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from email.utils import format_datetime

from apps.mail.mime import wire
from portal.contracts import Address

_BCC = re.compile(rb"^bcc[ \t]*:.*(?:\r?\n|\Z)(?:[ \t].*(?:\r?\n|\Z))*", re.IGNORECASE | re.MULTILINE)
_END = re.compile(rb"(\r?\n)\r?\n")


def resent(raw: bytes, *, sender: Address, to: Sequence[Address], message_id: str, date: datetime) -> bytes:
    """``raw`` with a block of Resent fields before it, and otherwise octet for octet; only a Bcc field, which stands in
    a sender's own copy and has not travelled with the message, does not travel now. Raises ``Refused``."""
    block = [
        wire.header("Resent-Date", format_datetime(date)),
        wire.address_list("Resent-From", [sender]),
        wire.address_list("Resent-To", to),
        wire.header("Resent-Message-ID", wire.message_id("Resent-Message-ID", message_id)),
    ]
    end = _END.search(raw)
    header_end = end.end(1) if end else len(raw)
    return "".join(block).encode() + _BCC.sub(b"", raw[:header_end]) + raw[header_end:]
