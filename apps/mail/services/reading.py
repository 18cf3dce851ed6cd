"""An open message: what is shown of it, in which order, and what can be saved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2b
from typing import Any

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from apps.mail.mailbox.cache import LruCache
from apps.mail.mailbox.errors import NoSuchMessage
from apps.mail.mailbox.store import MailStore, MessageDetail, Summary
from apps.mail.mime import compare, decode, embedded, filenames, headers, render, reports, select
from apps.mail.mime.inner import Inner
from apps.mail.mime.links import Mismatch
from apps.mail.mime.parts import Envelope, Part
from apps.mail.mime.render_text import MAX_LINES
from apps.mail.services import images, invitations, kinds
from apps.mail.services.invitations import Invitation
from portal import taking
from portal.contracts import Address, FileTaker, Text

#: Beyond so many octets a text is cut on the page; all of it can be saved.
MOST_TEXT = 512 * 1024
MOST_HTML = 4 * 1024 * 1024
MESSAGE_TYPES = {"message/rfc822", "message/global"}
PICTURES = {"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"}  # that are shown small
MOST_PICTURE = 8 * 1024 * 1024  # octets of one of them
MOST_FILES = 200  # named on the page; all of them are in the archive
MOST_REPORT = 512 * 1024  # octets of a report, or of the header it returns, that are read along
MOST_PARTS = 50  # bodies drawn one below the other; hostile messages bring thousands


@dataclass(frozen=True, slots=True)
class Remembered:
    """What only drawing an HTML text can tell."""

    blocked: int  # remote things it wants to load
    cut: bool
    mismatches: tuple[Mismatch, ...]
    trackers: tuple[tuple[str, str], ...]  # (company or "", host)


_known_html: LruCache[bytes, Remembered] = LruCache(20_000, lambda _: 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """One part of the text. Plain text is drawn in the page; HTML in a frame of its own."""

    part: Part
    html: bool
    text: SafeString = field(default_factory=lambda: mark_safe(""))
    cut: bool = False  # there is more than is shown
    empty: bool = False  # nothing was written
    files: tuple[Attachment, ...] = ()  # that stand in the text as uuencode or yEnc


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    part: Part
    name: str  # safe as a file name
    kind: Text  # "PDF", for people
    icon: str
    hue: int  # 0-8, of the coloured square
    size: int  # octets, about: of the content, not of its transfer encoding
    is_message: bool  # opens in the reading pane
    shown: bool  # opens in the browser
    takers: tuple[FileTaker, ...] = ()  # who has a use for it
    item: int = 0  # which of the files within the part, from 1; 0 for the part itself

    @property
    def is_picture(self) -> bool:
        """Whether it can be shown small beside its name."""
        return not self.item and self.part.type in PICTURES and 0 < self.size <= MOST_PICTURE


@dataclass(frozen=True, kw_only=True)
class Opened:
    """An open message, or one that came inside another: then ``root`` is that part's content."""

    detail: MessageDetail
    root: Part
    envelope: Envelope
    bodies: tuple[Body, ...]
    attachments: tuple[Attachment, ...]
    blocked: int  # how many remote things the HTML wanted to load
    inside: str = ""  # the section number of the message/rfc822 part this is
    has_alternative: bool = False  # there is another form of the text than the one shown
    mismatches: tuple[Mismatch, ...] = ()  # links that lead elsewhere than they say
    trackers: tuple[tuple[str, str], ...] = ()  # who would learn that it was opened: (company or "", host)
    delivery: reports.Delivery | None = None  # it is a report about a message that was sent
    receipt: reports.Reading | None = None
    about: str = ""  # the Message-ID of that message
    invitations: tuple[Invitation, ...] = ()  # calendars in it

    @property
    def named_files(self) -> tuple[Attachment, ...]:
        """Those that the page names."""
        return self.attachments[:MOST_FILES]

    @property
    def further_files(self) -> int:
        return len(self.attachments) - len(self.named_files)

    @property
    def saved_together(self) -> int:
        """How many files the archive of all would hold: those that are parts of their own."""
        return sum(not file.item for file in self.attachments)

    @cached_property
    def removable(self) -> bool:
        """Whether there are attachments that can be taken out of it."""
        whole = not self.inside and self.root.is_multipart and self.root.type != "multipart/encrypted"
        return whole and any(not file.item for file in self.attachments)

    @cached_property
    def fields(self) -> headers.Header:
        """Of the message itself: what it says of itself. One that came inside another says nothing that counts."""
        return headers.parse(b"" if self.inside else self.detail.header)

    @cached_property
    def empty(self) -> bool:
        """Nothing but a subject. A multipart without parts was meant to have some: servers make up an empty text."""
        declared = self.root.type if self.inside else headers.parse(self.detail.header).text("Content-Type").lower()
        is_whole = not declared.startswith("multipart/") or len(self.root.children) > 1
        return is_whole and bool(self.bodies) and not self.attachments and all(body.empty for body in self.bodies)

    @cached_property
    def unreadable(self) -> bool:
        """Nothing of the message could be understood as text or as a file: its source is what remains."""
        if self.empty or self.attachments or self.invitations or self.delivery or self.receipt:
            return False
        return not any(body.html or body.text.strip() for body in self.bodies)


def open_message(
    store: MailStore,
    mailbox: str,
    uid: int,
    *,
    uidvalidity: int,
    prefer: str = "html",
    inside: str = "",
    as_text: bool = False,
) -> Opened:
    """Fetch what the page of one message shows, with PEEK: two commands, however many parts it has.

    ``inside``: the number of a message/rfc822 part to open instead. Raises ``NoSuchMessage`` where there is none.
    ``as_text``: HTML as plain text, too.
    """
    detail = store.message(mailbox, uid, uidvalidity=uidvalidity)
    root, envelope = root_of(detail.structure, inside)
    envelope = envelope or detail.summary.envelope
    shown = select.bodies(root, prefer=prefer)[:MOST_PARTS]
    report, original = reports.parts_of(root)
    further = [part.number for part in (report, original) if part is not None and part.size <= MOST_REPORT]
    dated = invitations.parts_of(root)
    numbers = list(dict.fromkeys([*(part.number for part in (*shown, *dated)), *further]))
    octets = store.parts(mailbox, uid, numbers, uidvalidity=uidvalidity) if numbers else {}
    told = _told(root, report, original, octets)
    calendars = invitations.of([(part, octets.get(part.number, b"")) for part in dated], detail.summary, envelope.from_)
    in_cards = {invitation.number for invitation in calendars if invitation.entries}
    shown = tuple(part for part in shown if part.number not in in_cards)
    bodies, drawn = [], []
    for part in shown:
        raw = octets.get(part.number, b"")
        if part.type == "text/html":
            drawn.append(_of_html(part, raw))
            bodies.append(
                _plain_body(part, raw, cut=drawn[-1].cut)
                if as_text
                else Body(part=part, html=True, cut=drawn[-1].cut, empty=not raw.strip())
            )
        elif part is not report or not told:
            bodies.append(_text_body(part, raw))
    other = select.bodies(root, prefer="plain" if prefer == "html" else "html")
    return Opened(
        detail=detail,
        root=root,
        envelope=envelope,
        bodies=tuple(bodies),
        attachments=(*attachments_of(root), *(file for body in bodies for file in body.files)),
        blocked=0 if as_text else sum(each.blocked for each in drawn),
        mismatches=tuple(dict.fromkeys(found for each in drawn for found in each.mismatches)),
        trackers=tuple(dict.fromkeys(found for each in drawn for found in each.trackers)),
        inside=inside,
        has_alternative=bool(drawn) or {part.number for part in other} - in_cards != {part.number for part in shown},
        invitations=calendars,
        **told,
    )


def _told(root: Part, report: Part | None, original: Part | None, octets: Mapping[str, bytes]) -> dict[str, Any]:
    """What a report tells, as fields of ``Opened``; nothing for one that cannot be understood."""
    if report is None or report.number not in octets:
        return {}
    raw = octets[report.number]
    if report.type in reports.READING:
        receipt = reports.reading(report, raw)
        return {"receipt": receipt, "about": receipt.original_id} if receipt else {}
    delivery = reports.delivery(report, raw)
    header = decode.payload(original, octets.get(original.number, b"")) if original is not None else b""
    return {"delivery": delivery, "about": reports.original_id(root, header)} if delivery else {}


def root_of(structure: Part, inside: str) -> tuple[Part, Envelope | None]:
    """The content of the message, or of the message in its part ``inside``, which then has its own envelope."""
    if not inside:
        return structure, None
    part = structure.find(inside)
    if part is None or part.type not in MESSAGE_TYPES or not part.children:
        raise NoSuchMessage(f"no message in part {inside}")
    return part.children[0], part.envelope or Envelope()


def _text_body(part: Part, raw: bytes) -> Body:
    whole = part
    files: tuple[Attachment, ...] = ()
    if b"begin" in raw or part.encoding == "base64":
        content = decode.payload(part, raw)
        if blocks := embedded.find(content):
            files = tuple(_embedded(part, number, block.file) for number, block in enumerate(blocks, 1))
            part, raw = replace(part, encoding="8bit"), embedded.without(content, blocks)
    text = decode.text(part, raw[: MOST_TEXT * 2])
    cut = len(text) > MOST_TEXT or len(raw) > MOST_TEXT * 2 or text.count("\n") > MAX_LINES
    flowed = part.params.get("format", "").lower() == "flowed"
    delsp = part.params.get("delsp", "").lower() == "yes"
    return Body(
        part=whole,
        files=files,
        html=False,
        text=mark_safe(render.text(text[:MOST_TEXT].rstrip(), flowed=flowed, delsp=delsp, more=_("Quoted text"))),  # noqa: S308 - escapes first
        cut=cut,
        empty=not raw.strip(),
    )


def _plain_body(part: Part, raw: bytes, *, cut: bool) -> Body:
    """HTML as text: what it quotes has quote marks."""
    text = compare.text_of_html(decode.text(part, raw[:MOST_HTML]))
    cut = cut or len(text) > MOST_TEXT or text.count("\n") > MAX_LINES
    shown = mark_safe(render.text(text[:MOST_TEXT], more=_("Quoted text")))  # noqa: S308 - escapes first
    return Body(part=part, html=False, text=shown, cut=cut, empty=not raw.strip())


def _of_html(part: Part, raw: bytes) -> Remembered:
    """Drawing takes some milliseconds; so that much is remembered of it, by a digest of its octets."""
    digest = blake2b(f"{part.encoding} {part.charset}\n".encode(errors="replace") + raw).digest()
    known = _known_html.get(digest)
    if known is None:
        drawn = draw_html(part, raw, cid=lambda _id: None, remote=None)
        known = Remembered(drawn.blocked, drawn.cut, drawn.mismatches, drawn.trackers)
        _known_html.put(digest, known)
    return known


def draw_html(
    part: Part,
    raw: bytes,
    *,
    cid: Callable[[str], str | None],
    remote: Callable[[str], str] | None,
    fold: bool = False,
) -> render.RenderedHtml:
    """Sanitised HTML, with ``fold`` the messages it quotes folded. Nothing may touch the string after this."""
    words = _("Quoted text") if fold else ""
    drawn = render.html(decode.text(part, raw[:MOST_HTML]), cid=cid, remote=remote, fold=words)
    return replace(drawn, cut=drawn.cut or len(raw) > MOST_HTML)


def attachments_of(structure: Part) -> list[Attachment]:
    found = []
    for part in select.attachments(structure):
        is_message = part.type in MESSAGE_TYPES and bool(part.children)
        subject = part.envelope.subject if is_message and part.envelope else ""
        name = filenames.safe(part.filename or (f"{subject}.eml" if subject else ""), part.type)
        kind = kinds.of(part.type, name)
        found.append(
            Attachment(
                part=part,
                name=name,
                kind=kind.label,
                icon=kind.icon,
                hue=kind.hue,
                size=part.size * 3 // 4 if part.encoding == "base64" else part.size,
                is_message=is_message,
                shown=part.type in images.TYPES,
                takers=taking.takers(part.type, name),
            )
        )
    return found


def _embedded(part: Part, number: int, file: Inner) -> Attachment:
    name = filenames.safe(file.name, file.type)
    kind = kinds.of(file.type, name)
    return Attachment(
        part=part,
        name=name,
        kind=kind.label,
        icon=kind.icon,
        hue=kind.hue,
        size=len(file.content),
        is_message=False,
        shown=False,
        item=number,
    )


def inline_numbers(structure: Part) -> dict[str, str]:
    """The section numbers of images that the HTML may show, by Content-ID and by Content-Location."""
    numbers: dict[str, str] = {}
    for part in select.inline_images(structure):
        for reference in (part.content_id, part.location):
            if reference:
                numbers.setdefault(reference, part.number)
    return numbers


def as_seen(summary: Summary) -> Summary:
    return replace(summary, flags=summary.flags | {"\\Seen"})


def people_lines(envelope: Envelope) -> list[tuple[str, tuple[Address, ...]]]:
    """The address fields that are filled, with their labels."""
    lines = [
        (pgettext("message header", "From"), envelope.from_),
        (pgettext("message header", "Sender"), envelope.sender if envelope.sender != envelope.from_ else ()),
        (pgettext("message header", "Reply to"), envelope.reply_to if envelope.reply_to != envelope.from_ else ()),
        (pgettext("message header", "To"), envelope.to),
        (pgettext("message header", "Cc"), envelope.cc),
        (pgettext("message header", "Bcc"), envelope.bcc),
    ]
    return [(label, people) for label, people in lines if people]
