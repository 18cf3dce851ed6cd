"""The tree of a message's body parts, however it was learnt: from BODYSTRUCTURE or from the message's own bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from portal.contracts import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """RFC 9051 section 2.3.5, decoded for people. Message-IDs keep their angle brackets."""

    date: datetime | None = None  # aware; None when the header is missing or unreadable
    subject: str = ""
    from_: tuple[Address, ...] = ()
    sender: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    in_reply_to: str = ""
    message_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One body part (RFC 2045), with what BODYSTRUCTURE (RFC 9051 section 7.5.2) says about it."""

    number: str  # IMAP section number: "1", "2.1"; "" for the root multipart of a message
    type: str  # lower case: "text/plain"
    params: Mapping[str, str] = field(default_factory=dict)  # of Content-Type; keys in lower case, values decoded
    disposition: str = ""  # "", "inline" or "attachment", lower case
    filename: str = ""  # decoded but not safe: pass it through apps.mail.mime.filenames before use
    content_id: str = ""  # without the angle brackets
    location: str = ""  # Content-Location
    description: str = ""
    encoding: str = "7bit"  # Content-Transfer-Encoding, lower case
    size: int = 0  # octets as transferred, that is before decoding
    children: tuple[Part, ...] = ()
    envelope: Envelope | None = None  # of a message/rfc822 part

    @property
    def is_multipart(self) -> bool:
        return self.type.startswith("multipart/")

    @property
    def charset(self) -> str:
        return self.params.get("charset", "")

    def walk(self) -> Iterator[Part]:
        """This part and all below it, in document order; not recursive, so depth is no danger."""
        stack = [self]
        while stack:
            part = stack.pop()
            yield part
            stack.extend(reversed(part.children))

    def find(self, number: str) -> Part | None:
        return next((part for part in self.walk() if part.number == number), None)
