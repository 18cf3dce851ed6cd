"""What the compose form begins with: nothing, an answer, a message passed on, or a draft; and the form as a message."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from apps.mail.mailbox.names import account_of
from apps.mail.mailbox.store import MailStore, MessageDetail
from apps.mail.mime import addresses, build, drafts, headers, mailto, parse, render_html, select, texts, wire
from apps.mail.mime.outgoing import Attachment, Group, OutgoingMessage
from apps.mail.mime.parts import Envelope, Part
from apps.mail.mime.reply import text_as_html
from apps.mail.mime.signature import Signature
from apps.mail.models import Identity
from apps.mail.prefs import ANSWER, FORMAT
from apps.mail.services import attaching, identities, options
from apps.mail.services.attaching import Item
from apps.mail.services.identities import Choice
from apps.mail.services.refs import MessageRef
from apps.mail.services.times import full_time
from portal.contracts import Address
from portal.http import PortalRequest

MOST_QUOTED = 256 * 1024  # octets of each part of an original that are quoted in an answer
MOST_PARTS = 50  # texts below each other that are quoted or passed on; hostile messages bring thousands
MOST_PASSED_ON = 4_000_000  # octets of text, in either form: with more, the page could not be sent back to us
MOST_REFERENCES = 50
_SPACE = '<div dir="auto"><br></div>'


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefill:
    initial: Mapping[str, Any]
    items: tuple[Item, ...] = ()
    notes: tuple[str, ...] = ()  # what the writer is told about it
    answers: int = 0  # how many people an answer to everybody is for
    refused: Mapping[str, str] = field(default_factory=dict)  # why the server has not taken an address


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Who writes, and how they like to."""

    identities: Sequence[Identity]  # the default first
    choice: Choice
    rich: bool = False
    below: bool = False  # answers stand below what they quote

    @classmethod
    def of(cls, request: PortalRequest) -> Writer:
        known = identities.of(request)
        wanted = request.GET.get("account", "")
        return cls(
            identities=known,
            choice=Choice(next((each for each in known if wanted and str(each.number) == wanted), known[0])),
            rich=request.GET.get("format", request.prefs[FORMAT]) == "html",
            below=request.prefs[ANSWER] == "below",
        )

    def answering(self, header: bytes, mailbox: str) -> Writer:
        """As whoever this message was sent to, or has the account that it lies in."""
        return replace(self, choice=identities.choose(self.identities, header, account=account_of(mailbox)))

    @property
    def identity(self) -> Identity:
        return self.choice.identity

    @property
    def address(self) -> Address:
        return self.identity.address

    @property
    def signature(self) -> Signature:
        return identities.signature_of(self.identity)

    def form(self, *, bcc: str = "") -> dict[str, str]:
        """The fields of the form that say who writes."""
        key = self.identity.key
        return {
            "identity": key,
            "signed": key,
            "because": self.choice.because,
            "reply_to": self.identity.reply_to,
            "bcc": identities.with_bcc(bcc, self.identity),
        }


def new_id() -> str:
    return secrets.token_urlsafe(18)


def message_of(data: Mapping[str, Any], *, sender: Address, attachments: Sequence[Attachment] = ()) -> OutgoingMessage:
    """The cleaned form as a message. Rich text is sanitised here, whatever the browser has done before."""
    html = html_of(data)[0]
    return OutgoingMessage(
        from_=sender,
        to=tuple(data.get("to") or ()),
        cc=tuple(data.get("cc") or ()),
        bcc=tuple(data.get("bcc") or ()),
        groups={name.capitalize(): getattr(data.get(name), "groups", ()) for name in ("to", "cc", "bcc")},
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
        headers=options.headers(data, _kept(data.get("kept")), sender=sender),
    )


def _kept(text: str | None) -> options.Headers:
    return tuple(pair for pair in parse_qsl(text or "") if pair[0] in drafts.KEPT and pair[1].isprintable())


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
        fields |= mailto.fields(query["mailto"])
    body = _lf(fields.pop("body"))
    signature = f"\n\n{writer.signature.block}" if writer.signature.block else ""
    html = (f'<div dir="auto">{text_as_html(body)}</div>' if body else _SPACE) + _signature_html(writer)
    fields |= writer.form(bcc=fields["bcc"])
    return Prefill(
        initial={"id": new_id(), "kind": "new", **_form(f"{body}{signature}", html, rich=writer.rich), **fields}
    )


def _signature_html(writer: Writer) -> str:
    return f"{_SPACE}{writer.signature.html_block}" if writer.signature.html_block else ""


def _form(text: str, html: str, *, rich: bool) -> dict[str, str]:
    return {"text": text, "html": html if rich else "", "format": "html" if rich else "plain"}


def _with_room(message: OutgoingMessage, writer: Writer, *, below: bool, written: str = "") -> OutgoingMessage:
    """The quoted original with room for what is to be written, or what is ``written``, and the signature beneath."""
    quote, html = message.text.lstrip("\n"), message.html.removeprefix("<p><br></p>")
    signature = f"\n{writer.signature.block}" if writer.signature.block else ""
    written_html = (f'<div dir="auto">{text_as_html(written)}</div>' if written else _SPACE) + _signature_html(writer)
    text = f"{quote}\n\n{written}\n{signature}" if below else f"{written}\n{signature}\n{quote}"
    if html:
        html = f"{html}{written_html}" if below else f"{written_html}{_SPACE}{html}"
    return replace(message, text=text, html=html)


def reply(
    store: MailStore, ref: MessageRef, writer: Writer, *, everybody: bool = False, marked: str = "", written: str = ""
) -> Prefill:
    """``marked``: the part of the original that is quoted; without, all of it is. ``written``: what is answered."""
    detail = _detail(store, ref)
    writer = writer.answering(detail.header, ref.mailbox)
    if marked := _lf(marked).strip("\n")[:MOST_QUOTED]:
        plain, html = marked, text_as_html(marked) if writer.rich else ""
    else:
        plain, html = _texts(store, ref, detail.structure, rich=writer.rich, most=MOST_QUOTED)
    message = build.reply(
        detail.header,
        from_=writer.address,
        own=[identity.address.email for identity in writer.identities],
        attribution=_attribution(detail.summary.envelope),
        text=plain,
        html=html,
        to_all=everybody,
    )
    message = _with_room(message, writer, below=writer.below, written=_lf(written).rstrip("\n"))
    shown = attaching.pictures(detail.structure, message.html)
    filled = _prefill(message, "reply", ref, shown, writer, files=shown)
    return replace(filled, answers=len(message.recipients)) if everybody else filled


def forward(store: MailStore, ref: MessageRef, writer: Writer, *, attached: bool = False) -> Prefill:
    """All of the original, in the text and among the files; ``attached``, or too much for that, as a file itself."""
    detail = _detail(store, ref)
    writer = writer.answering(detail.header, ref.mailbox)
    if attached:
        return forward_attached(detail, ref, writer)
    files = _files(detail.structure)
    if len(files) > attaching.MOST:
        note = _("The message has too many files to forward them one by one. It is attached as a file.")
        return replace(forward_attached(detail, ref, writer), notes=(note,))
    try:
        plain, html = _texts(store, ref, detail.structure, rich=writer.rich)
    except TooLong:
        note = _("The message is too long to be quoted. It is attached as a file.")
        return replace(forward_attached(detail, ref, writer), notes=(note,))
    message = _with_room(_forwarded(detail, writer, plain, html), writer, below=False)
    shown = attaching.pictures(detail.structure, message.html)
    return _prefill(message, "forward", ref, shown, writer, files=files)


def _forwarded(detail: MessageDetail, writer: Writer, plain: str, html: str) -> OutgoingMessage:
    return build.forward(
        detail.header,
        from_=writer.address,
        heading=_("Forwarded message"),
        summary=list(_summary(detail.summary.envelope)),
        text=plain,
        html=html,
    )


def forward_attached(detail: MessageDetail, ref: MessageRef, writer: Writer) -> Prefill:
    message = _with_room(_forwarded(detail, writer, "", _SPACE if writer.rich else ""), writer, below=False)
    initial = _initial(message, kind="forward", source=ref) | writer.form()
    return Prefill(initial=initial, items=(attaching.item_of_source(detail),))


def _prefill(
    message: OutgoingMessage,
    kind: str,
    ref: MessageRef,
    shown: Sequence[Part],
    writer: Writer,
    *,
    files: Sequence[Part],
) -> Prefill:
    initial = _initial(message, kind=kind, source=ref) | writer.form()
    initial["html"] = attaching.as_shown(message.html, shown, ref)
    return Prefill(initial=initial, items=tuple(attaching.items_of_parts(files, "s")))


def draft(store: MailStore, ref: MessageRef, writer: Writer) -> Prefill:
    """A draft of ours, or of another program: then it begins a new life here and replaces the old one when saved."""
    parsed = _whole(store, ref)
    files = _files(parsed.structure)
    if len(files) > attaching.MOST:
        return as_new(store, ref, writer)  # which leaves this one, with the files that would be missing, as it is
    message = drafts.from_draft(parsed)
    state = message.draft_state
    initial = _initial(message, kind=state.get("kind", ""), source=MessageRef.parse(state.get("source", "")))
    shown = attaching.pictures(parsed.structure, message.html)
    identity = identities.find(writer.identities, state.get("identity"))
    key = (identity or _written_by(writer, message)).key
    initial |= {
        "id": state.get("id") or new_id(),
        "draft": str(ref),
        "identity": key,
        "signed": key,
        "html": attaching.as_shown(message.html, shown, ref),
        **{name: state[name] for name in ("to", "cc", "bcc") if name in state},
        "also": state.get("also", ""),
        **options.of_state(state),
    }
    refused = {k.removeprefix(drafts.REFUSED): v for k, v in state.items() if k.startswith(drafts.REFUSED)}
    items = tuple(attaching.items_of_parts(files, "d"))
    return Prefill(initial=initial, items=items, refused=refused)


def as_new(store: MailStore, ref: MessageRef, writer: Writer) -> Prefill:
    """A message that is there, as the beginning of another one: its people, text and files, in no thread. What its
    writer asked for is theirs."""
    parsed = _whole(store, ref)
    found = drafts.from_draft(parsed)
    identity = _written_by(writer, found)
    writer = replace(writer, choice=Choice(identity))
    groups = {name: tuple(Group(each.name) for each in every) for name, every in found.groups.items()}
    message = replace(found, in_reply_to="", references=(), headers=(), groups=groups)
    initial = _initial(message, kind="new", source=ref)
    initial |= writer.form(bcc=initial["bcc"])
    shown = attaching.pictures(parsed.structure, message.html)
    initial["html"] = attaching.as_shown(message.html, shown, ref)
    files = _files(parsed.structure)
    most = attaching.MOST
    notes = (
        (_("At most %(count)d files can be attached to one message.") % {"count": most},) if len(files) > most else ()
    )
    return Prefill(initial=initial, items=tuple(attaching.items_of_parts(files[:most], "s")), notes=notes)


def _whole(store: MailStore, ref: MessageRef) -> parse.ParsedMessage:
    return parse.parse(b"".join(store.stream(ref.mailbox, ref.uid, uidvalidity=ref.uidvalidity)))


def _written_by(writer: Writer, message: OutgoingMessage) -> Identity:
    return identities.by_address(writer.identities, message.from_.email) or writer.identities[0]


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
        "reply_to": addresses.format(message.reply_to),
        "kept": urlencode(message.headers),
        **options.chosen(message.headers),
        "to": addresses.format(message.to, message.groups.get("To", ())),
        "cc": addresses.format(message.cc, message.groups.get("Cc", ())),
        "bcc": addresses.format(message.bcc, message.groups.get("Bcc", ())),
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
    cut = any(len(parts) > MOST_PARTS for parts in shown.values())
    if most is None and cut:
        raise TooLong
    shown = {prefer: parts[:MOST_PARTS] for prefer, parts in shown.items()}
    numbers = list(dict.fromkeys(part.number for parts in shown.values() for part in parts))
    octets = store.parts(ref.mailbox, ref.uid, numbers, uidvalidity=ref.uidvalidity) if numbers else {}
    contents = {
        prefer: [(part, octets.get(part.number, b"")[:most]) for part in parts] for prefer, parts in shown.items()
    }
    differing = [found for prefer, found in contents.items() if prefer == "plain" or found != contents["plain"]]
    if most is None and any(texts.is_cut(found, MOST_PASSED_ON) for found in differing):
        raise TooLong
    plain = texts.plain(contents["plain"])
    if cut or (most is not None and any(len(octets.get(part.number, b"")) > most for part in shown["plain"])):
        plain += "\n[…]"
    return plain, (texts.html(contents["html"]) or text_as_html(plain)) if rich else ""


def _attribution(envelope: Envelope) -> str:
    who = envelope.from_[0].label if envelope.from_ else _("somebody")
    if envelope.date is None:
        return _("%(name)s wrote:") % {"name": who}
    return _("On %(date)s, %(name)s wrote:") % {"date": full_time(envelope.date), "name": who}


def _summary(envelope: Envelope) -> Iterable[tuple[str, str]]:
    yield pgettext("header field", "From"), addresses.format(envelope.from_)
    if envelope.date is not None:
        yield pgettext("header field", "Date"), full_time(envelope.date)
    yield pgettext("header field", "Subject"), envelope.subject
    yield pgettext("header field", "To"), addresses.format(envelope.to)
    if envelope.cc:
        yield pgettext("header field", "Cc"), addresses.format(envelope.cc)


def _lf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
