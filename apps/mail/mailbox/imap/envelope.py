"""ENVELOPE (RFC 9051 section 7.5.2) as our ``Envelope``."""

from __future__ import annotations

from apps.mail.mailbox.imap.tokens import Value, octets
from apps.mail.mime import headers
from apps.mail.mime import parse as mime_parse
from apps.mail.mime.parts import Envelope
from portal.contracts import Address

MAX_ADDRESSES = 2000  # of one header: a page with more would hold the browser


def parse(value: Value) -> Envelope | None:
    """None for what is no envelope."""
    if not isinstance(value, list) or len(value) < 10:
        return None
    date, subject, from_, sender, reply_to, to, cc, bcc, in_reply_to, message_id = value[:10]
    return Envelope(
        date=mime_parse.parse_date(octets(date)),
        subject=headers.decode(octets(subject)),
        from_=_addresses(from_),
        sender=_addresses(sender),
        reply_to=_addresses(reply_to),
        to=_addresses(to),
        cc=_addresses(cc),
        bcc=_addresses(bcc),
        in_reply_to=_text(octets(in_reply_to)).strip(),
        message_id=_text(octets(message_id)).strip(),
    )


def is_doubtful(envelope: Envelope) -> bool:
    """Whether the header had better be read here: a server that cannot read it sends an envelope with nothing in it,
    and one that knows only ASCII (pymap) a question mark for every other octet."""
    if not (envelope.date or envelope.subject or envelope.from_ or envelope.message_id):
        return True
    return "??" in envelope.subject or any("??" in person.name for person in (*envelope.from_, *envelope.to))


def _addresses(value: Value) -> tuple[Address, ...]:
    """Groups (RFC 5322 section 3.4) are flattened to their members; members without any address are left out."""
    found: list[Address] = []
    for item in value[:MAX_ADDRESSES] if isinstance(value, list) else ():
        if not isinstance(item, list) or len(item) < 4 or item[3] is None:
            continue
        name, mailbox, host = headers.decode(octets(item[0])), _text(octets(item[2])), _text(octets(item[3]))
        if host in ("MISSING_DOMAIN", ".MISSING-HOST-NAME.", ".SYNTAX-ERROR."):
            host = ""
        if mailbox in ("MISSING_MAILBOX", "INVALID_ADDRESS", "UNEXPECTED_DATA_AFTER_ADDRESS"):
            mailbox = ""
        email = f"{mailbox}@{host}" if host else mailbox
        if email.strip("@") or name:
            found.append(Address(email=email, name=name))
    return tuple(found)


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
