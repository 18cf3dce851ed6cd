"""From an ``OutgoingMessage`` to octets: RFC 5322 with MIME (RFC 2045-2047, 2231, 3676), CRLF, seven bits (but for
addresses that have none, RFC 6532, and 8-bit messages inside).

Nothing of this machine shows: no User-Agent, no host name, a Message-ID made of chance. What a header cannot carry is
refused with ``Refused``, which names the field.
"""

from __future__ import annotations

import binascii
import quopri
import re
import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import quote

from apps.mail.mime import addresses, flowed, to_text, wire
from apps.mail.mime.drafts import from_draft
from apps.mail.mime.headers import MAX_VALUE
from apps.mail.mime.outgoing import Attachment, OutgoingMessage, Refused
from apps.mail.mime.reply import (
    Recipients,
    forward,
    forward_attached,
    forward_subject,
    quote_html,
    quote_text,
    references,
    reply,
    reply_recipients,
    reply_subject,
)

__all__ = [
    "Attachment",
    "OutgoingMessage",
    "Recipients",
    "Refused",
    "draft",
    "forward",
    "forward_attached",
    "forward_subject",
    "from_draft",
    "message",
    "new_message_id",
    "quote_html",
    "quote_text",
    "references",
    "reply",
    "reply_recipients",
    "reply_subject",
]

MAX_LINE = 998  # octets (RFC 5322 section 2.1.1)
DRAFT_STATE = "X-Yurt-Draft"
_STATE_PIECE = 50  # characters; encoded, at most 600
_STRETCH = 64 * 1024  # octets of text that are cut into lines at once
#: Fields that ``OutgoingMessage.headers`` must not set behind the back of the others.
_OWN = frozenset(
    {"from", "sender", "to", "cc", "bcc", "reply-to", "subject", "date", "message-id", "in-reply-to", "references"}
    | {"mime-version", "return-path", "received", DRAFT_STATE.lower()}
)
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}")
_DOMAIN = re.compile(r"[A-Za-z0-9.-]{1,253}")


def new_message_id(domain: str) -> str:
    """RFC 5322 section 3.6.4; ``domain`` is the writer's. Says neither when nor where it was made."""
    try:
        domain = domain if domain.isascii() else domain.encode("idna").decode("ascii")
    except UnicodeError:
        domain = ""
    if not _DOMAIN.fullmatch(domain):
        raise Refused("Message-ID", domain, "address")
    return f"<{secrets.token_hex(16)}@{domain}>"


def message(outgoing: OutgoingMessage) -> bytes:
    """The message as it is sent and filed in Sent: without Bcc. Raises ``Refused``, also for a group whose people have
    not been put in its place: nothing is sent to half of those it is for."""
    for name, groups in outgoing.groups.items():
        if groups:
            raise Refused(name, groups[0].name, "group")
    return _whole(outgoing, is_draft=False)


def draft(outgoing: OutgoingMessage) -> bytes:
    """The message as it is kept for later, with Bcc and the compose view's notes; ``from_draft`` reads it back."""
    return _whole(outgoing, is_draft=True)


def draft_notes(outgoing: OutgoingMessage) -> str:
    """The header lines that make a draft of a message: the compose view's notes to itself."""
    return "".join(_state(outgoing))


def _whole(outgoing: OutgoingMessage, *, is_draft: bool) -> bytes:
    headers = _headers(outgoing)
    if is_draft:
        if outgoing.bcc or outgoing.groups.get("Bcc"):
            headers.append(wire.address_list("Bcc", outgoing.bcc, outgoing.groups.get("Bcc", ())))
        headers.append(draft_notes(outgoing))
    return "".join(headers).encode() + b"MIME-Version: 1.0\r\n" + _body(outgoing)


def _state(outgoing: OutgoingMessage) -> list[str]:
    """``key=value`` pairs, percent-encoded; a long value in pieces, each under the same key again, in as many fields as
    it takes: of one that is too long, nobody reads the end. That goes for lists of addresses as well."""
    state = dict(outgoing.draft_state)
    for name, people in (("to", outgoing.to), ("cc", outgoing.cc), ("bcc", outgoing.bcc)):
        # not every server keeps letters of other scripts in a header
        if len(wire.address_list(name, people)) > MAX_VALUE or any(wire.needs_utf8(each.email) for each in people):
            state.setdefault(name, addresses.format(people, outgoing.groups.get(name.capitalize(), ())))
    return _notes(state)


def further_notes(state: Mapping[str, str]) -> str:
    """Header lines that add to the notes of a draft."""
    return "".join(_notes(state))


def _notes(state: Mapping[str, str]) -> list[str]:
    words = [
        f"{quote(key, safe='')}={quote(value[start : start + _STATE_PIECE], safe='')}"
        for key, value in state.items()
        for start in range(0, len(value) or 1, _STATE_PIECE)
    ]
    return [wire.header(DRAFT_STATE, " ".join(words[at : at + 100])) for at in range(0, len(words), 100)]


def _headers(outgoing: OutgoingMessage) -> list[str]:
    when = outgoing.date or datetime.now(UTC)
    headers = [wire.header("Date", format_datetime(when)), wire.address_list("From", [outgoing.from_])]
    if outgoing.sender is not None and outgoing.sender.email != outgoing.from_.email:
        headers.append(wire.address_list("Sender", [outgoing.sender]))
    for name, people in (("Reply-To", outgoing.reply_to), ("To", outgoing.to), ("Cc", outgoing.cc)):
        groups = outgoing.groups.get(name, ())
        if people or groups:
            headers.append(wire.address_list(name, people, groups))
    headers.append(wire.text("Subject", outgoing.subject))
    if outgoing.message_id:
        headers.append(wire.header("Message-ID", wire.message_id("Message-ID", outgoing.message_id)))
    if outgoing.in_reply_to:
        headers.append(wire.header("In-Reply-To", wire.message_id("In-Reply-To", outgoing.in_reply_to)))
    if outgoing.references:
        ids = " ".join(wire.message_id("References", value) for value in outgoing.references)
        headers.append(wire.header("References", ids))
    for name, value in outgoing.headers:
        if name.lower() in _OWN or name.lower().startswith("content-"):
            raise Refused(name, value, "header name")
        headers.append(wire.text(name, value))
    return headers


# --- the body, from the inside out: each function returns an entity, its MIME header and its content -----------------


def _body(outgoing: OutgoingMessage) -> bytes:
    inline = [file for file in outgoing.attachments if file.inline and file.content_id and outgoing.html]
    files = [file for file in outgoing.attachments if file not in inline]
    if outgoing.html:
        entity = _text("html", _with_crlf(outgoing.html).encode())
        if inline:
            entity = _multipart("related", [entity, *(_file(file) for file in inline)], {"type": "text/html"})
        plain = outgoing.text or to_text.text(outgoing.html)
        entity = _multipart("alternative", [_plain(plain), entity])
    else:
        entity = _plain(outgoing.text)
    if outgoing.calendar is not None:
        entity = _multipart("alternative", [entity, _alternative(outgoing.calendar)])
    if files:
        entity = _multipart("mixed", [entity, *(_file(file) for file in files)])
    return entity


def _plain(text: str) -> bytes:
    content = flowed.encode(text.replace("\r\n", "\n").replace("\r", "\n"))
    return _text("plain", _with_crlf(content).encode("utf-8", "replace"), {"format": "flowed"})


def _with_crlf(text: str) -> str:
    text = re.sub(r"\r\n?|\n", "\r\n", text)
    return text if text.endswith("\r\n") else text + "\r\n"


def _text(subtype: str, octets: bytes, params: dict[str, str] | None = None) -> bytes:
    is_plain = octets.isascii() and b"\0" not in octets and b"\n" not in octets.replace(b"\r\n", b"")
    if is_plain and max(map(len, _lines(octets))) <= MAX_LINE:
        encoding, content = "7bit", octets
    elif sum(octet > 126 for octet in octets) * 3 > len(octets):
        encoding, content = "base64", _base64(octets)
    else:
        encoding, content = "quoted-printable", _quoted_printable(octets)
    charset = "us-ascii" if octets.isascii() else "utf-8"
    type_ = wire.parameters("Content-Type", f"text/{subtype}", {"charset": charset, **(params or {})})
    return _entity([wire.header("Content-Type", type_), wire.header("Content-Transfer-Encoding", encoding)], content)


def _lines(octets: bytes) -> Iterator[bytes]:
    """As ``split`` would give them: all at once, a million short ones take fifty times the memory of their text."""
    start = 0
    while start <= len(octets):
        end = octets.find(b"\r\n", start + _STRETCH)
        end = len(octets) if end < 0 else end
        yield from octets[start:end].split(b"\r\n")
        start = end + 2


def _quoted_printable(octets: bytes) -> bytes:
    coded = bytearray()
    for line in _lines(octets):
        text = quopri.encodestring(line, quotetabs=False).replace(b"\n", b"\r\n")
        # a lone "." ends the message in SMTP, "From " is changed by mbox files
        if text.startswith((b".", b"From ")):
            text = b"=%02X" % text[0] + text[1:]
        coded += text + b"\r\n"
    return bytes(coded[:-2])


def _base64(octets: bytes) -> bytes:
    return b"".join(
        binascii.b2a_base64(octets[at : at + 57], newline=False) + b"\r\n" for at in range(0, len(octets), 57)
    )


def _file(file: Attachment) -> bytes:
    type_ = file.type.lower()
    if not _TYPE.fullmatch(type_) or type_.startswith("multipart/"):
        raise Refused("attachment", file.type, "type")
    encoding, content = "base64", _base64(file.content)
    if type_.startswith("message/"):
        # RFC 2046 section 5.2.1: a message inside a message is not encoded
        encoding = _bare_encoding(file.content)
        if encoding:
            content = file.content
        else:
            encoding, type_ = "base64", "application/octet-stream"
    named = {"name": file.filename} if file.filename else {}
    headers = [
        wire.header("Content-Type", wire.parameters("attachment", type_, {**file.params, **named})),
        wire.header("Content-Transfer-Encoding", encoding),
        wire.header("Content-Disposition", _disposition(file)),
    ]
    if file.content_id:
        headers.append(wire.header("Content-ID", wire.message_id("attachment", f"<{file.content_id}>")))
    if file.description:
        headers.append(wire.text("Content-Description", file.description))
    return _entity(headers, content)


def _alternative(file: Attachment) -> bytes:
    """A form of the text, not a file: programs look for a calendar here (RFC 6047 section 2.4)."""
    type_ = wire.header("Content-Type", wire.parameters("attachment", file.type, file.params))
    return _entity([type_, wire.header("Content-Transfer-Encoding", "base64")], _base64(file.content))


def _disposition(file: Attachment) -> str:
    kind = "inline" if file.inline else "attachment"
    return wire.parameters("attachment", kind, {"filename": file.filename} if file.filename else {})


def _bare_encoding(octets: bytes) -> str:
    """The encoding under which these octets may travel as they are; "" when none allows it."""
    lines = octets.split(b"\r\n")
    if b"\0" in octets or any(b"\n" in line or b"\r" in line or len(line) > MAX_LINE for line in lines):
        return ""
    return "7bit" if octets.isascii() else "8bit"


def _multipart(subtype: str, entities: list[bytes], params: dict[str, str] | None = None) -> bytes:
    boundary = f"=_{secrets.token_hex(16)}".encode()  # "=_" occurs in neither quoted-printable nor base64
    type_ = wire.parameters("Content-Type", f"multipart/{subtype}", {**(params or {}), "boundary": boundary.decode()})
    pieces = [b"--" + boundary + b"\r\n" + entity + b"\r\n" for entity in entities]
    content = b"".join([*pieces, b"--", boundary, b"--\r\n"])
    headers = [wire.header("Content-Type", type_)]
    if not content.isascii():  # an 8bit message inside
        headers.append(wire.header("Content-Transfer-Encoding", "8bit"))
    return _entity(headers, content)


def report(text: str, kind: str, fields: str) -> bytes:
    """The body of a report (RFC 6522), beginning with its Content-Type: words for people, and header fields for
    programs as message/``kind``."""
    entities = [_plain(text), _entity([wire.header("Content-Type", f"message/{kind}")], fields.encode("ascii"))]
    return _multipart("report", entities, {"report-type": kind})


def _entity(headers: list[str], content: bytes) -> bytes:
    return "".join(headers).encode("ascii") + b"\r\n" + content


def is_seven_bit(octets: bytes) -> bool:
    """False for a message that needs 8BITMIME (RFC 6152): one that carries another, 8-bit message untouched."""
    return octets.isascii()
