"""From a message, or its beginning, to what the index keeps of it."""

from __future__ import annotations

from datetime import UTC, datetime

from apps.mail.mailbox import threads
from apps.mail.mailbox.imap import decoding
from apps.mail.mailbox.pop.shelf import Digest
from apps.mail.mime import decode, headers
from apps.mail.mime import parse as mime_parse
from apps.mail.mime import snippet as mime_snippet
from apps.mail.mime.parse import ParsedMessage
from apps.mail.mime.parts import Envelope, Part

MOST_TEXT = 50_000  # characters of a message that words are looked for in
MOST_PEOPLE = 200  # of one field, in lists; all are shown when the message is opened
MOST_SUBJECT = 1000


def digest(octets: bytes, *, size: int = 0, when: datetime | None = None) -> Digest:
    """``size``: of the whole message, where these are not all of its octets. ``when``: when it came, where that is
    known better than by its header."""
    parsed = mime_parse.parse(octets)
    fields = parsed.fields
    words = _text(parsed)
    found = decoding.text_part(parsed.structure)
    snippet = mime_snippet.snippet(found, parsed.body(found.number)) if found is not None else ""
    return Digest(
        size=size or len(octets),
        received=when or _received(fields) or parsed.envelope.date or datetime.now(UTC),
        envelope=_short(parsed.envelope),
        has_attachment=_has_attachment(parsed, whole=not size or size <= len(octets)),
        snippet=snippet,
        references=threads.references_of(fields.text("References"), fields.text("In-Reply-To")),
        resent_id=fields.text("Resent-Message-ID")[:500],
        listed=any(name in fields for name in ("List-Id", "List-Unsubscribe")),
        text=words,
    )


def _received(fields: headers.Header) -> datetime | None:
    """When the last server took it: behind the last semicolon of the uppermost field (RFC 5321 section 4.4)."""
    top = next(iter(fields.all("Received")), b"")
    return mime_parse.parse_date(top.rpartition(b";")[2].strip()) if b";" in top else None


def _short(envelope: Envelope) -> Envelope:
    """A row need not know thousands of recipients."""
    return Envelope(
        date=envelope.date,
        subject=envelope.subject[:MOST_SUBJECT],
        from_=envelope.from_[:MOST_PEOPLE],
        sender=envelope.sender[:1],
        reply_to=envelope.reply_to[:MOST_PEOPLE],
        to=envelope.to[:MOST_PEOPLE],
        cc=envelope.cc[:MOST_PEOPLE],
        bcc=envelope.bcc[:MOST_PEOPLE],
        in_reply_to=envelope.in_reply_to[:MOST_SUBJECT],
        message_id=envelope.message_id[:MOST_SUBJECT],
    )


def _has_attachment(parsed: ParsedMessage, *, whole: bool) -> bool:
    """Of a beginning: what else can be as large as that, as a rule."""
    if decoding.has_attachment(parsed.structure):
        return True
    return not whole and parsed.structure.type == "multipart/mixed"


def _text(parsed: ParsedMessage) -> str:
    parts: list[Part] = [part for part in parsed.structure.walk() if part.type in ("text/plain", "text/html")]
    plain = [part for part in parts if part.type == "text/plain"] or parts
    found: list[str] = []
    left = MOST_TEXT
    for part in plain:
        if left <= 0:
            break
        text = decode.text(part, parsed.body(part.number)[: 4 * left])[:left].replace("\0", "")
        found.append(text)
        left -= len(text)
    return "\n".join(found)
