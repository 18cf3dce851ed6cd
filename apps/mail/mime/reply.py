"""Answering and passing on: who gets it, what it is called, how the original is quoted (RFC 5322 section 3.6)."""

from __future__ import annotations

import html as escapes
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from apps.mail.mime import addresses, headers, render_html, to_text
from apps.mail.mime.outgoing import Attachment, OutgoingMessage
from portal.contracts import Address

MAX_REFERENCES = 20  # the first and the newest ones; threads stay whole with these
MAX_SUBJECT = 500

#: What programs in many languages put in front of a subject when they answer, and when they pass on.
_REPLY = "re|aw|antw|antwort|sv|vs|vá|rif|odp|ynt|atb|απ|отв|на|رد|回复|回覆|答复|返信|답장"
_FORWARD = "fwd?|wg|tr|rv|enc|doorst|vl|vb|i|pd|ilt|i̇lt|πρθ|пер|fw|إعادة توجيه|转发|轉寄|転送|전달"
_REPLY_PREFIX = re.compile(rf"\s*(?:{_REPLY})\s*(?:\[\d+\]|\(\d+\)|\d*)?\s*[:：]\s*", re.IGNORECASE)
_FORWARD_PREFIX = re.compile(rf"\s*(?:{_FORWARD})\s*(?:\[\d+\])?\s*[:：]\s*", re.IGNORECASE)
_LIST_POST = re.compile(r"<mailto:([^>?\s]+)")


@dataclass(frozen=True, slots=True)
class Recipients:
    to: tuple[Address, ...]
    cc: tuple[Address, ...] = ()
    to_list: Address | None = None  # where the message came through a mailing list: its address


def reply_subject(subject: str) -> str:
    """ "Re: " once, whatever answered before."""
    rest = subject.strip()
    while (match := _REPLY_PREFIX.match(rest)) is not None and match.end():
        rest = rest[match.end() :]
    return f"Re: {rest[:MAX_SUBJECT]}".rstrip()


def forward_subject(subject: str) -> str:
    """ "Fwd: " once. What it answers stays visible: "Fwd: Re: ..."."""
    rest = subject.strip()
    while (match := _FORWARD_PREFIX.match(rest)) is not None and match.end():
        rest = rest[match.end() :]
    return f"Fwd: {rest[:MAX_SUBJECT]}".rstrip()


def reply_recipients(header: bytes, *, own: Collection[str], to_all: bool) -> Recipients:
    """Whom an answer goes to. ``own`` are the writer's addresses; they get no copy.

    One person: Reply-To, else From; the writer's own message is answered to whom it went. Everybody:
    Mail-Followup-To where the writer asks for it, else that person and all of To and Cc.
    """
    fields = headers.parse(header)
    mine = {email.casefold() for email in own}

    def people(name: str) -> tuple[Address, ...]:
        found = addresses.parse(b", ".join(fields.all(name)))
        return tuple(address for address in found if address.email)

    written_by = people("From")
    is_mine = bool(written_by) and all(address.email.casefold() in mine for address in written_by)
    back = people("Mail-Reply-To") or people("Reply-To") or written_by or people("Sender")
    back = people("To") or back if is_mine else back
    to_list = _list_address(fields.text("List-Post"))
    if not to_all:
        (to,) = addresses.unique([back])
        return Recipients(to, to_list=to_list)
    followup = people("Mail-Followup-To")
    groups = [followup, ()] if followup and not is_mine else [back, (*people("To"), *people("Cc"))]
    to, cc = addresses.unique(groups, without=mine)
    if not to:  # only the writer's own address was left: a note to oneself
        to, cc = (cc, ()) if cc else (addresses.unique([back])[0], ())
    return Recipients(tuple(to), tuple(cc), to_list=to_list)


def _list_address(value: str) -> Address | None:
    match = _LIST_POST.search(value)
    return Address(match[1]) if match and addresses.is_valid(match[1]) else None


def references(header: bytes) -> tuple[str, tuple[str, ...]]:
    """(In-Reply-To, References) of an answer; RFC 5322 section 3.6.4."""
    fields = headers.parse(header)
    parent = headers.message_ids(fields.get("Message-ID"))[:1]
    before = headers.message_ids(fields.get("References"))
    if not before:
        answered = headers.message_ids(fields.get("In-Reply-To"))
        before = answered if len(answered) == 1 else ()
    chain = tuple(dict.fromkeys(value for value in (*before, *parent) if value.isascii()))
    if len(chain) > MAX_REFERENCES:
        chain = (chain[0], *chain[1 - MAX_REFERENCES :])
    return (parent[0] if parent and parent[0].isascii() else ""), chain


def quote_text(text: str, *, attribution: str) -> str:
    """``attribution`` ("On Monday Ann wrote:") and every line with "> " in front."""
    lines = text.strip("\n").split("\n")
    quoted = (f">{line}" if line.startswith(">") else f"> {line}".rstrip(" ") for line in lines)
    return "\n".join([attribution, *quoted])


def quote_html(html: str, *, attribution: str, keep_remote: bool = False) -> str:
    """The original, sanitised, in a blockquote; ``attribution`` is text."""
    clean = render_html.clean_outgoing(html, keep_remote=keep_remote)
    return f'<p>{escapes.escape(attribution)}</p><blockquote type="cite" dir="auto">{clean}</blockquote>'


def text_as_html(text: str) -> str:
    """Plain text as the HTML of an answer."""
    return "<br>".join(escapes.escape(line) for line in text.split("\n"))


def reply(
    header: bytes,
    *,
    from_: Address,
    own: Collection[str],
    attribution: str,
    text: str = "",
    html: str = "",
    to_all: bool = False,
    rich: bool = False,
    images: Sequence[Attachment] = (),
) -> OutgoingMessage:
    """An answer ready to be written. ``header`` is the original's header block, ``text`` its plain text as
    ``texts.plain`` gives it; with ``html`` or ``rich`` the answer is in HTML; ``images`` are those it may show."""
    recipients = reply_recipients(header, own=[*own, from_.email], to_all=to_all)
    in_reply_to, chain = references(header)
    original = text or (to_text.text(html) if html else "")
    html = html or (text_as_html(text) if rich else "")
    return OutgoingMessage(
        from_=from_,
        to=recipients.to,
        cc=recipients.cc,
        subject=reply_subject(headers.parse(header).text("Subject")),
        text="\n\n" + quote_text(original, attribution=attribution),
        html="<p><br></p>" + quote_html(html, attribution=attribution) if html else "",
        attachments=_shown(images, html),
        in_reply_to=in_reply_to,
        references=chain,
    )


def _shown(images: Sequence[Attachment], html: str) -> tuple[Attachment, ...]:
    return tuple(image for image in images if image.content_id and f"cid:{image.content_id}" in html)


def forward(
    header: bytes,
    *,
    from_: Address,
    heading: str,
    summary: Sequence[tuple[str, str]],
    text: str = "",
    html: str = "",
    attachments: Sequence[Attachment] = (),
) -> OutgoingMessage:
    """The original inside of a new message. ``heading`` ("Forwarded message") and ``summary`` (label and value: From,
    Date, Subject, To) come translated; ``attachments`` are the original's files and images."""
    original = text or (to_text.text(html) if html else "")
    lines = [f"---------- {heading} ----------", *(f"{label}: {value}" for label, value in summary), "", original]
    rows = "<br>".join(f"<b>{escapes.escape(label)}:</b> {escapes.escape(value)}" for label, value in summary)
    intro = f"<p>---------- {escapes.escape(heading)} ----------<br>{rows}</p>"
    return OutgoingMessage(
        from_=from_,
        subject=forward_subject(headers.parse(header).text("Subject")),
        text="\n\n" + "\n".join(lines),
        html=f'<p><br></p>{intro}<div dir="auto">{render_html.clean_outgoing(html)}</div>' if html else "",
        attachments=tuple(attachments),
        references=references(header)[1],
    )


def forward_attached(raw: bytes, *, from_: Address, filename: str) -> OutgoingMessage:
    """The original untouched, as a message/rfc822 attachment. ``filename`` comes from ``filenames.safe``."""
    header = raw.split(b"\r\n\r\n", 1)[0]
    return OutgoingMessage(
        from_=from_,
        subject=forward_subject(headers.parse(header).text("Subject")),
        attachments=(Attachment(content=raw, filename=filename, type="message/rfc822"),),
        references=references(header)[1],
    )
