"""What the compose form begins with: nothing, an answer, a message passed on, or a draft; and the form as a message."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from apps.mail.mailbox.store import MailStore, MessageDetail
from apps.mail.mime import addresses, build, decode, drafts, headers, parse, render_html, select
from apps.mail.mime.outgoing import Attachment, OutgoingMessage
from apps.mail.mime.parts import Envelope, Part
from apps.mail.mime.reply import text_as_html
from apps.mail.services import attaching
from apps.mail.services.attaching import Item
from apps.mail.services.listing import full_time
from apps.mail.services.refs import MessageRef
from portal.contracts import Address

if TYPE_CHECKING:
    from apps.auth.models import User

MOST_QUOTED = 256 * 1024  # octets of an original that are quoted


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefill:
    initial: Mapping[str, Any]
    items: tuple[Item, ...] = ()


def new_id() -> str:
    return secrets.token_urlsafe(18)


def sender_of(user: User) -> Address:
    """Who writes. A mail account without any address writes as its login."""
    return Address(user.email or user.login, user.display_name)


def message_of(data: Mapping[str, Any], *, sender: Address, attachments: Sequence[Attachment] = ()) -> OutgoingMessage:
    """The cleaned form as a message. Rich text is sanitised here, whatever the browser has done before."""
    rich = data.get("format") == "html" and bool((data.get("html") or "").strip())
    return OutgoingMessage(
        from_=sender,
        to=tuple(data.get("to") or ()),
        cc=tuple(data.get("cc") or ()),
        bcc=tuple(data.get("bcc") or ()),
        subject=headers.decode(data.get("subject") or ""),
        text="" if rich else _lf(data.get("text") or ""),
        html=render_html.clean_outgoing(data["html"]) if rich else "",
        attachments=tuple(attachments),
        in_reply_to=next(iter(headers.message_ids(data.get("in_reply_to") or "")), ""),
        references=headers.message_ids(data.get("references") or ""),
    )


# --- beginnings -------------------------------------------------------------------------------------------------------


def new(user: User, query: Mapping[str, str]) -> Prefill:
    """``query``: to, cc, bcc, subject, body; or ``mailto``, a whole mailto: address (RFC 6068)."""
    fields = {name: query.get(name, "") for name in ("to", "cc", "bcc", "subject", "body")}
    if query.get("mailto"):
        fields |= _mailto(query["mailto"])
    text = fields.pop("body")
    return Prefill(initial={"id": new_id(), "kind": "new", "text": _lf(text), "format": "plain", **fields})


def _mailto(address: str) -> dict[str, str]:
    parts = urlsplit(address)
    if parts.scheme.lower() != "mailto":
        return {}
    fields = {"to": unquote(parts.path)}
    for key, value in parse_qsl(parts.query.replace("+", "%2B")):
        name = key.lower()
        if name in {"to", "cc", "bcc"}:
            fields[name] = ", ".join(filter(None, (fields.get(name), value)))
        elif name in {"subject", "body"}:
            fields[name] = value
    return fields


def reply(store: MailStore, ref: MessageRef, user: User, *, rich: bool, everybody: bool = False) -> Prefill:
    detail = _detail(store, ref)
    envelope = detail.summary.envelope
    plain, html = _texts(store, ref, detail.structure, rich=rich)
    message = build.reply(
        detail.header,
        from_=sender_of(user),
        own=[user.email],
        attribution=_attribution(envelope),
        text=plain,
        html=html,
        to_all=everybody,
    )
    return Prefill(initial=_initial(message, kind="reply", source=ref, rich=bool(html)))


def forward(store: MailStore, ref: MessageRef, user: User, *, rich: bool) -> Prefill:
    detail = _detail(store, ref)
    plain, html = _texts(store, ref, detail.structure, rich=rich)
    message = build.forward(
        detail.header,
        from_=sender_of(user),
        heading=_("Forwarded message"),
        summary=list(_summary(detail.summary.envelope)),
        text=plain,
        html=html,
    )
    files = [*select.inline_images(detail.structure), *select.attachments(detail.structure)]
    return Prefill(
        initial=_initial(message, kind="forward", source=ref, rich=bool(html)),
        items=tuple(attaching.items_of_parts(files, "s")),
    )


def draft(store: MailStore, ref: MessageRef) -> Prefill:
    """A draft of ours, or of another program: then it begins a new life here and replaces the old one when saved."""
    raw = b"".join(store.stream(ref.mailbox, ref.uid, uidvalidity=ref.uidvalidity))
    parsed = parse.parse(raw)
    message = drafts.from_draft(parsed)
    state = message.draft_state
    initial = _initial(
        message, kind=state.get("kind", ""), source=MessageRef.parse(state.get("source", "")), rich=bool(message.html)
    )
    initial |= {"id": state.get("id") or new_id(), "draft": str(ref)}
    return Prefill(initial=initial, items=tuple(attaching.items_of_parts(files_of_draft(parsed.structure), "d")))


def parts_of_draft(store: MailStore, ref: MessageRef) -> list[Part]:
    return files_of_draft(_detail(store, ref).structure)


def files_of_draft(structure: Part) -> list[Part]:
    return [*select.inline_images(structure), *select.attachments(structure)]


def _initial(message: OutgoingMessage, *, kind: str, source: MessageRef | None, rich: bool) -> dict[str, Any]:
    return {
        "id": new_id(),
        "kind": kind,
        "source": str(source or ""),
        "in_reply_to": message.in_reply_to,
        "references": " ".join(message.references),
        "to": _people(message.to),
        "cc": _people(message.cc),
        "bcc": _people(message.bcc),
        "subject": message.subject,
        "text": message.text,
        "html": message.html if rich else "",
        "format": "html" if rich else "plain",
    }


# --- the original -----------------------------------------------------------------------------------------------------


def _detail(store: MailStore, ref: MessageRef) -> MessageDetail:
    return store.message(ref.mailbox, ref.uid, uidvalidity=ref.uidvalidity)


def _texts(store: MailStore, ref: MessageRef, structure: Part, *, rich: bool) -> tuple[str, str]:
    """The original's plain text, and its HTML where the answer is to be rich and there is any."""
    shown = select.bodies(structure, "plain")
    formatted = [p for p in select.bodies(structure, "html") if p.type == "text/html"] if rich else []
    numbers = list(dict.fromkeys(part.number for part in (*shown, *formatted)))
    octets = store.parts(ref.mailbox, ref.uid, numbers, uidvalidity=ref.uidvalidity) if numbers else {}

    def cut(part: Part) -> bytes:
        return octets.get(part.number, b"")[:MOST_QUOTED]

    plain = "\n\n".join(drafts.body_text(part, cut(part)) for part in shown)
    html = "".join(decode.text(part, cut(part)) for part in formatted)
    if rich and not html:
        html = text_as_html(plain)
    return plain, html


def _attribution(envelope: Envelope) -> str:
    who = envelope.from_[0].label if envelope.from_ else _("somebody")
    if envelope.date is None:
        return _("%(name)s wrote:") % {"name": who}
    return _("On %(date)s, %(name)s wrote:") % {"date": full_time(envelope.date), "name": who}


def _summary(envelope: Envelope) -> Iterable[tuple[str, str]]:
    yield pgettext("header field", "From"), _people(envelope.from_)
    if envelope.date is not None:
        yield pgettext("header field", "Date"), date_format(envelope.date, "DATETIME_FORMAT")
    yield pgettext("header field", "Subject"), envelope.subject
    yield pgettext("header field", "To"), _people(envelope.to)
    if envelope.cc:
        yield pgettext("header field", "Cc"), _people(envelope.cc)


def _people(people: Iterable[Address]) -> str:
    return addresses.format(people)


def _lf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
