"""A message that we (or another program) kept, back into the compose form's value."""

from __future__ import annotations

from urllib.parse import unquote

from apps.mail.mime import addresses, decode, headers, select, texts
from apps.mail.mime.outgoing import Attachment, Group, OutgoingMessage
from apps.mail.mime.parse import ParsedMessage
from apps.mail.mime.parts import Part
from portal.contracts import Address

#: Fields of ours that a person set in the form and that must survive.
KEPT = ("Organization", "Importance", "X-Priority", "Disposition-Notification-To")

#: Begins the key of a note that says why the server did not take an address.
REFUSED = "refused "


def from_draft(parsed: ParsedMessage) -> OutgoingMessage:
    """Attachments come back octet for octet. A message without From gets an empty address there."""
    envelope = parsed.envelope
    formatted, plain = (
        [(part, parsed.body(part.number)) for part in select.bodies(parsed.structure, prefer)]
        for prefer in ("html", "plain")
    )
    files = [_attachment(part, parsed, inline=True) for part in select.inline_images(parsed.structure)]
    files += [_attachment(part, parsed, inline=False) for part in select.attachments(parsed.structure)]
    message_ids = headers.message_ids(parsed.fields.get("Message-ID"))
    return OutgoingMessage(
        from_=envelope.from_[0] if envelope.from_ else Address(""),
        sender=envelope.sender[0] if envelope.sender else None,
        to=envelope.to,
        cc=envelope.cc,
        bcc=envelope.bcc,
        groups=_groups(parsed.fields),
        reply_to=envelope.reply_to,
        subject=envelope.subject,
        text=texts.plain(plain),
        html=texts.html(formatted),
        attachments=tuple(files),
        message_id=message_ids[0] if message_ids else "",
        date=envelope.date,
        in_reply_to=next(iter(headers.message_ids(parsed.fields.get("In-Reply-To"))), ""),
        references=headers.message_ids(parsed.fields.get("References")),
        headers=tuple((name, parsed.fields.text(name)) for name in KEPT if name in parsed.fields),
        draft_state=state_of(parsed.fields),
    )


def _groups(fields: headers.Header) -> dict[str, tuple[Group, ...]]:
    found = {name: addresses.groups(fields.get(name)) for name in ("To", "Cc", "Bcc")}
    return {name: groups for name, groups in found.items() if groups}


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
    state: dict[str, str] = {}
    for value in fields.all("X-Yurt-Draft"):
        for word in headers.decode(value).split():
            key, _equals, piece = word.partition("=")
            state[unquote(key)] = state.get(unquote(key), "") + unquote(piece)
    return state
