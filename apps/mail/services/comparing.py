"""What is new in a message that answers another one: the two of them compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from apps.mail.mailbox.store import Mailbox, MailStore
from apps.mail.mime import compare, decode, flowed, select
from apps.mail.mime.compare import Block, Kind
from apps.mail.mime.flowed import Line
from apps.mail.mime.headers import message_ids, parse
from apps.mail.mime.parts import Part
from apps.mail.services import conversing
from apps.mail.services.conversing import Item
from apps.mail.services.refs import MessageRef

MOST_OCTETS = 256 * 1024  # of each text
MOST_PARTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    blocks: tuple[Block, ...]
    original: Item | None  # what it was compared with; None where that is not here

    @property
    def changed(self) -> int:
        """How many lines of its quotes say something else than the original."""
        return sum(len(each.lines) for each in self.blocks if each.kind in (Kind.CHANGED, Kind.ADDED))

    @property
    def quotes(self) -> bool:
        return any(each.kind in (Kind.CHANGED, Kind.ADDED, Kind.SAME) for each in self.blocks)


def with_original(store: MailStore, ref: MessageRef, mailboxes: Sequence[Mailbox]) -> Compared:
    """Raises ``NoSuchMessage``."""
    detail = store.message(ref.mailbox, ref.uid, uidvalidity=ref.uidvalidity)
    found = conversing.gather(store, ref.mailbox, ref.uid, uidvalidity=ref.uidvalidity, mailboxes=mailboxes)
    original = _answered(found.items, detail.header)
    forms = _forms(store, ref, detail.structure)
    if original is None:
        return Compared(blocks=tuple(compare.compare(forms[0], ())), original=None)
    where = MessageRef(original.mailbox, original.uidvalidity, original.uid)
    structure = store.message(where.mailbox, where.uid, uidvalidity=where.uidvalidity).structure
    known = _forms(store, where, structure)
    tried = [compare.compare(forms[0], form) for form in known]  # programs quote one form or the other
    return Compared(blocks=tuple(max(tried, key=compare.same_words)), original=original)


def _answered(items: Sequence[Item], header: bytes) -> Item | None:
    """The message that it answers, or the nearest one before that which is here."""
    fields = parse(header)
    named = [*reversed(message_ids(fields.get("References"))), *message_ids(fields.get("In-Reply-To"))[::-1]]
    named = [*message_ids(fields.get("In-Reply-To"))[-1:], *named]
    own = message_ids(fields.get("Message-ID"))
    by_name: dict[str, Item] = {}
    for item in items:
        for name in message_ids(item.summary.envelope.message_id)[:1]:
            if not item.is_draft:
                by_name.setdefault(name, item)
    return next((by_name[name] for name in named if name in by_name and name not in own), None)


def _forms(store: MailStore, ref: MessageRef, structure: Part) -> list[list[Line]]:
    """The text of a message in each of its forms, plain text first."""
    chosen = [select.bodies(structure, prefer=form)[:MOST_PARTS] for form in ("plain", "html")]
    numbers = list(dict.fromkeys(part.number for parts in chosen for part in parts))
    octets = store.parts(ref.mailbox, ref.uid, numbers, uidvalidity=ref.uidvalidity) if numbers else {}
    forms = [[line for part in parts for line in _lines(part, octets.get(part.number, b""))] for parts in chosen]
    return forms[:1] if chosen[0] == chosen[1] else forms


def _lines(part: Part, raw: bytes) -> list[Line]:
    text = decode.text(part, raw[: MOST_OCTETS * 2])[:MOST_OCTETS].replace("\r\n", "\n").replace("\r", "\n")
    if part.type == "text/html":
        return compare.lines_of_html(text)
    if part.params.get("format", "").lower() == "flowed":
        return list(flowed.decode(text, delsp=part.params.get("delsp", "").lower() == "yes"))
    return list(flowed.fixed(text))
