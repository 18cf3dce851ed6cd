"""What the compose form begins with: nothing, an answer, a message passed on, or a draft; and the form as a message."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from apps.mail.mailbox.store import MailStore, MessageDetail
from apps.mail.mime import addresses, build, drafts, headers, parse, render_html, select, texts, wire
from apps.mail.mime.outgoing import Attachment, OutgoingMessage
from apps.mail.mime.parts import Envelope, Part
from apps.mail.mime.reply import text_as_html
from apps.mail.prefs import ANSWER, FORMAT, SENDER_NAME, SIGNATURE
from apps.mail.services import attaching
from apps.mail.services.attaching import Item
from apps.mail.services.refs import MessageRef
from apps.mail.services.times import full_time
from portal.contracts import Address
from portal.http import PortalRequest

MOST_QUOTED = 256 * 1024  # octets of each part of an original that are quoted in an answer
MOST_PASSED_ON = 4_000_000  # octets of text, in either form: with more, the page could not be sent back to us
MOST_REFERENCES = 50
_SPACE = '<div dir="auto"><br></div>'


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefill:
    initial: Mapping[str, Any]
    items: tuple[Item, ...] = ()
    notes: tuple[str, ...] = ()  # what the writer is told about it


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Who writes, and how they like to."""

    address: Address
    rich: bool = False
    signature: str = ""
    below: bool = False  # answers stand below what they quote

    @classmethod
    def of(cls, request: PortalRequest) -> Writer:
        prefs = request.prefs
        return cls(
            address=sender_of(request),
            rich=request.GET.get("format", prefs[FORMAT]) == "html",
            signature=prefs[SIGNATURE].strip("\n"),
            below=prefs[ANSWER] == "below",
        )


def new_id() -> str:
    return secrets.token_urlsafe(18)


def sender_of(request: PortalRequest) -> Address:
    """A mail account without any address writes as its login."""
    user = request.user
    name = addresses.clean_name(request.prefs[SENDER_NAME]) or user.display_name
    return Address(user.email or user.login, name)


def message_of(data: Mapping[str, Any], *, sender: Address, attachments: Sequence[Attachment] = ()) -> OutgoingMessage:
    """The cleaned form as a message. Rich text is sanitised here, whatever the browser has done before."""
    html = html_of(data)[0]
    return OutgoingMessage(
        from_=sender,
        to=tuple(data.get("to") or ()),
        cc=tuple(data.get("cc") or ()),
        bcc=tuple(data.get("bcc") or ()),
        subject=data.get("subject") or "",
        text="" if html else _lf(data.get("text") or ""),
        html=render_html.clean_outgoing(html) if html else "",
        attachments=tuple(attachments),
        in_reply_to=next(iter(_message_ids(data.get("in_reply_to"))), ""),
        references=_message_ids(data.get("references")),
        reply_to=tuple(
            address
            for address in addresses.split(data.get("reply_to") or "")
            if wire.can_be_written_to(address.email) and address.name.isprintable()
        ),
        headers=tuple(
            (name, value)
            for name, value in parse_qsl(data.get("kept") or "")
            if name in drafts.KEPT and value.isprintable()
        ),
    )


def html_of(data: Mapping[str, Any]) -> tuple[str, frozenset[str]]:
    """The rich text as it is sent, and the Content-IDs of the pictures in it; "" for a message in plain text."""
    html = data.get("html") or ""
    return attaching.as_sent(html) if data.get("format") == "html" and html.strip() else ("", frozenset())


def _message_ids(text: str | None) -> tuple[str, ...]:
    """Those that can stand in a header again: the original may hold anything."""
    found = [value for value in headers.message_ids(text or "") if wire.is_message_id(value)]
    return tuple(found[-MOST_REFERENCES:])


# --- beginnings -------------------------------------------------------------------------------------------------------


def new(writer: Writer, query: Mapping[str, str]) -> Prefill:
    """``query``: to, cc, bcc, subject, body; or ``mailto``, a whole mailto: address (RFC 6068)."""
    fields = {name: query.get(name, "") for name in ("to", "cc", "bcc", "subject", "body")}
    if query.get("mailto"):
        fields |= _mailto(query["mailto"])
    body = _lf(fields.pop("body"))
    signature = f"\n\n-- \n{writer.signature}\n" if writer.signature else ""
    html = (f'<div dir="auto">{text_as_html(body)}</div>' if body else _SPACE) + _signature_html(writer)
    return Prefill(
        initial={"id": new_id(), "kind": "new", **_form(f"{body}{signature}", html, rich=writer.rich), **fields}
    )


def _signature_html(writer: Writer) -> str:
    return f'{_SPACE}<div dir="auto">-- <br>{text_as_html(writer.signature)}</div>' if writer.signature else ""


def _form(text: str, html: str, *, rich: bool) -> dict[str, str]:
    return {"text": text, "html": html if rich else "", "format": "html" if rich else "plain"}


def _with_room(message: OutgoingMessage, writer: Writer, *, below: bool) -> OutgoingMessage:
    """The quoted original with room for what is to be written, and the signature beneath that."""
    quote, html = message.text.lstrip("\n"), message.html.removeprefix("<p><br></p>")
    signature = f"\n-- \n{writer.signature}\n" if writer.signature else ""
    written_html = _SPACE + _signature_html(writer)
    text = f"{quote}\n\n\n{signature}" if below else f"\n{signature}\n{quote}"
    if html:
        html = f"{html}{written_html}" if below else f"{written_html}{_SPACE}{html}"
    return replace(message, text=text, html=html)


def _mailto(address: str) -> dict[str, str]:
    scheme, _colon, rest = address.partition(":")
    if scheme.strip().lower() != "mailto":
        return {}
    path, _mark, query = rest.partition("#")[0].partition("?")
    fields = {"to": unquote(path)}
    for key, value in parse_qsl(query.replace("+", "%2B")):
        name = key.lower()
        if name in {"to", "cc", "bcc"}:
            fields[name] = ", ".join(filter(None, (fields.get(name), value)))
        elif name in {"subject", "body"}:
            fields[name] = value
    return fields


def reply(store: MailStore, ref: MessageRef, writer: Writer, *, everybody: bool = False) -> Prefill:
    detail = _detail(store, ref)
    plain, html = _texts(store, ref, detail.structure, rich=writer.rich, most=MOST_QUOTED)
    message = build.reply(
        detail.header,
        from_=writer.address,
        own=[writer.address.email],
        attribution=_attribution(detail.summary.envelope),
        text=plain,
        html=html,
        to_all=everybody,
    )
    message = _with_room(message, writer, below=writer.below)
    shown = attaching.pictures(detail.structure, message.html)
    return _prefill(message, "reply", ref, shown, files=shown)


def forward(store: MailStore, ref: MessageRef, writer: Writer) -> Prefill:
    """All of the original, in the text and among the files; one too long for that goes along as a file itself."""
    detail = _detail(store, ref)
    try:
        plain, html = _texts(store, ref, detail.structure, rich=writer.rich)
    except TooLong:
        return _forward_attached(detail, ref, writer)
    message = _with_room(_forwarded(detail, writer, plain, html), writer, below=False)
    shown = attaching.pictures(detail.structure, message.html)
    return _prefill(message, "forward", ref, shown, files=_files(detail.structure))


def _forwarded(detail: MessageDetail, writer: Writer, plain: str, html: str) -> OutgoingMessage:
    return build.forward(
        detail.header,
        from_=writer.address,
        heading=_("Forwarded message"),
        summary=list(_summary(detail.summary.envelope)),
        text=plain,
        html=html,
    )


def _forward_attached(detail: MessageDetail, ref: MessageRef, writer: Writer) -> Prefill:
    message = _with_room(_forwarded(detail, writer, "", _SPACE if writer.rich else ""), writer, below=False)
    return Prefill(
        initial=_initial(message, kind="forward", source=ref),
        items=(attaching.item_of_source(detail),),
        notes=(_("The message is too long to stand in the text of another one. It goes along as a file."),),
    )


def _prefill(
    message: OutgoingMessage, kind: str, ref: MessageRef, shown: Sequence[Part], *, files: Sequence[Part]
) -> Prefill:
    initial = _initial(message, kind=kind, source=ref)
    initial["html"] = attaching.as_shown(message.html, shown, ref)
    return Prefill(initial=initial, items=tuple(attaching.items_of_parts(files, "s")))


def draft(store: MailStore, ref: MessageRef) -> Prefill:
    """A draft of ours, or of another program: then it begins a new life here and replaces the old one when saved."""
    raw = b"".join(store.stream(ref.mailbox, ref.uid, uidvalidity=ref.uidvalidity))
    parsed = parse.parse(raw)
    message = drafts.from_draft(parsed)
    state = message.draft_state
    initial = _initial(message, kind=state.get("kind", ""), source=MessageRef.parse(state.get("source", "")))
    shown = attaching.pictures(parsed.structure, message.html)
    initial |= {
        "id": state.get("id") or new_id(),
        "draft": str(ref),
        "html": attaching.as_shown(message.html, shown, ref),
        **{name: state[name] for name in ("to", "cc", "bcc") if name in state},
    }
    return Prefill(initial=initial, items=tuple(attaching.items_of_parts(_files(parsed.structure), "d")))


def tokens_in_draft(store: MailStore, ref: MessageRef) -> list[str]:
    """The files of a draft just saved: pictures in the text first, then the others, each in the order of the form."""
    return [item.token for item in attaching.items_of_parts(_files(_detail(store, ref).structure), "d")]


def _files(structure: Part) -> list[Part]:
    return [*select.inline_images(structure), *select.attachments(structure)]


def _initial(message: OutgoingMessage, *, kind: str, source: MessageRef | None) -> dict[str, Any]:
    return {
        "id": new_id(),
        "kind": kind,
        "source": str(source or ""),
        "in_reply_to": message.in_reply_to,
        "references": " ".join(message.references),
        "reply_to": _people(message.reply_to),
        "kept": urlencode(message.headers),
        "to": _people(message.to),
        "cc": _people(message.cc),
        "bcc": _people(message.bcc),
        "subject": message.subject,
        **_form(message.text, message.html, rich=bool(message.html)),
    }


# --- the original -----------------------------------------------------------------------------------------------------


def _detail(store: MailStore, ref: MessageRef) -> MessageDetail:
    return store.message(ref.mailbox, ref.uid, uidvalidity=ref.uidvalidity)


class TooLong(Exception):
    """The original cannot stand in the form as a whole."""


def _texts(
    store: MailStore, ref: MessageRef, structure: Part, *, rich: bool, most: int | None = None
) -> tuple[str, str]:
    """The original's plain text, and its HTML where the answer is to be rich. Each part ends after ``most`` octets;
    without, raises ``TooLong`` rather than leave anything out."""
    shown = {prefer: select.bodies(structure, prefer) for prefer in (("plain", "html") if rich else ("plain",))}
    numbers = list(dict.fromkeys(part.number for parts in shown.values() for part in parts))
    octets = store.parts(ref.mailbox, ref.uid, numbers, uidvalidity=ref.uidvalidity) if numbers else {}
    contents = {
        prefer: [(part, octets.get(part.number, b"")[:most]) for part in parts] for prefer, parts in shown.items()
    }
    if most is None and any(texts.is_cut(found, MOST_PASSED_ON) for found in contents.values()):
        raise TooLong
    plain = texts.plain(contents["plain"])
    if most is not None and any(len(octets.get(part.number, b"")) > most for part in shown["plain"]):
        plain += "\n[…]"
    return plain, (texts.html(contents["html"]) or text_as_html(plain)) if rich else ""


def _attribution(envelope: Envelope) -> str:
    who = envelope.from_[0].label if envelope.from_ else _("somebody")
    if envelope.date is None:
        return _("%(name)s wrote:") % {"name": who}
    return _("On %(date)s, %(name)s wrote:") % {"date": full_time(envelope.date), "name": who}


def _summary(envelope: Envelope) -> Iterable[tuple[str, str]]:
    yield pgettext("header field", "From"), _people(envelope.from_)
    if envelope.date is not None:
        yield pgettext("header field", "Date"), full_time(envelope.date)
    yield pgettext("header field", "Subject"), envelope.subject
    yield pgettext("header field", "To"), _people(envelope.to)
    if envelope.cc:
        yield pgettext("header field", "Cc"), _people(envelope.cc)


def _people(people: Iterable[Address]) -> str:
    return addresses.format(people)


def _lf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
