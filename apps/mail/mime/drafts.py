"""A message that we (or another program) kept, back into the compose form's value."""

from __future__ import annotations

from urllib.parse import unquote

from apps.mail.mime import decode, flowed, headers, select, to_text
from apps.mail.mime.outgoing import Attachment, OutgoingMessage
from apps.mail.mime.parse import ParsedMessage
from apps.mail.mime.parts import Part
from portal.contracts import Address

#: Fields of ours that a person set in the form and that must survive.
KEPT = ("Organization", "Importance", "X-Priority", "Disposition-Notification-To")


def from_draft(parsed: ParsedMessage) -> OutgoingMessage:
    """Attachments come back octet for octet. A message without From gets an empty address there."""
    envelope = parsed.envelope
    html = next((part for part in select.bodies(parsed.structure, "html") if part.type == "text/html"), None)
    plain = [part for part in select.bodies(parsed.structure, "plain") if part is not html and part.type != "text/html"]
    text = "\n".join(body_text(part, parsed.body(part.number)) for part in plain)
    html_text = decode.text(html, parsed.body(html.number)).removesuffix("\n") if html else ""
    files = [_attachment(part, parsed, inline=True) for part in select.inline_images(parsed.structure)]
    files += [_attachment(part, parsed, inline=False) for part in select.attachments(parsed.structure)]
    message_ids = headers.message_ids(parsed.fields.get("Message-ID"))
    return OutgoingMessage(
        from_=envelope.from_[0] if envelope.from_ else Address(""),
        sender=envelope.sender[0] if envelope.sender else None,
        to=envelope.to,
        cc=envelope.cc,
        bcc=envelope.bcc,
        reply_to=envelope.reply_to,
        subject=envelope.subject,
        text=text or (to_text.text(html_text) if html else ""),
        html=html_text,
        attachments=tuple(files),
        message_id=message_ids[0] if message_ids else "",
        date=envelope.date,
        in_reply_to=next(iter(headers.message_ids(parsed.fields.get("In-Reply-To"))), ""),
        references=headers.message_ids(parsed.fields.get("References")),
        headers=tuple((name, parsed.fields.text(name)) for name in KEPT if name in parsed.fields),
        draft_state=state_of(parsed.fields),
    )


def body_text(part: Part, octets: bytes) -> str:
    """A text part as the compose form holds text: paragraphs on one line, LF, no line end at the end."""
    if part.type == "text/html":
        return to_text.text(decode.text(part, octets))
    text = decode.text(part, octets).removesuffix("\n")
    if part.params.get("format", "").lower() == "flowed":
        text = flowed.joined(text, delsp=part.params.get("delsp", "").lower() == "yes")
    return text


def _attachment(part: Part, parsed: ParsedMessage, *, inline: bool) -> Attachment:
    return Attachment(
        content=decode.payload(part, parsed.body(part.number)),
        filename=part.filename,
        type=part.type,
        params={key: value for key, value in part.params.items() if key != "name"},
        content_id=part.content_id,
        inline=inline or part.disposition == "inline",
        description=part.description,
    )


def state_of(fields: headers.Header) -> dict[str, str]:
    """The compose view's notes; {} in a message that no Yurt has kept."""
    pairs = (item.partition("=") for item in fields.text("X-Yurt-Draft").split())
    return {unquote(key): unquote(value) for key, _equals, value in pairs}
