"""URL path converters. A mailbox name is one path segment; a UID is a number IMAP can mean."""

from __future__ import annotations

from apps.mail.mailbox.names import decode_segment, encode_segment


class MailboxConverter:
    """A mailbox name. A segment that begins with @ is never one: it is reserved."""

    regex = r"[^/@][^/]*"

    def to_python(self, value: str) -> str:
        return decode_segment(value)  # raises ValueError: no such address

    def to_url(self, value: str) -> str:
        return encode_segment(value)


class UidConverter:
    """RFC 9051 section 9, nz-number: 1 to 2^32 - 1."""

    regex = r"[1-9][0-9]{0,9}"

    def to_python(self, value: str) -> int:
        uid = int(value)
        if uid >= 2**32:
            raise ValueError("not a UID")
        return uid

    def to_url(self, value: int) -> str:
        return str(int(value))


class SectionConverter:
    """The number of a body part (RFC 9051 section 6.4.5), dots and all."""

    regex = r"[1-9][0-9]{0,4}(?:\.[1-9][0-9]{0,4}){0,99}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value
