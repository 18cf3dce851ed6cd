"""A message that was sent in pieces (RFC 2046 section 5.2.2): which of them are here, and the whole of them."""

from __future__ import annotations

from dataclasses import dataclass

from apps.mail.mailbox.store import MailStore
from apps.mail.mime import decode, partial
from apps.mail.mime.partial import Piece
from apps.mail.services.refs import MessageRef

MOST_OCTETS = 64 * 1024 * 1024  # of all pieces


@dataclass(frozen=True, slots=True)
class Pieces:
    """Those in one folder. ``total`` is 0 where none of them says how many there are."""

    uids: dict[int, int]  # by number
    total: int
    octets: int

    @property
    def missing(self) -> list[int]:
        return [number for number in range(1, self.total + 1) if number not in self.uids]

    @property
    def complete(self) -> bool:
        return self.total > 0 and not self.missing and self.octets <= MOST_OCTETS

    @property
    def too_large(self) -> bool:
        return self.octets > MOST_OCTETS


def look(store: MailStore, ref: MessageRef, piece: Piece) -> Pieces:
    """In the folder of this piece. Raises ``MailError``."""
    uids: dict[int, int] = {}
    total = octets = 0
    for uid in store.find_message_id(ref.mailbox, piece.id, header="Content-Type")[: partial.MOST_PIECES]:
        structure = store.message(ref.mailbox, uid, uidvalidity=ref.uidvalidity).structure
        other = partial.piece(structure) if structure.type == "message/partial" else None
        if other is not None and other.id == piece.id and other.number not in uids:
            uids[other.number] = uid
            total = max(total, other.total)
            octets += structure.size
    return Pieces(uids, min(total, partial.MOST_PIECES), octets)


def join(store: MailStore, ref: MessageRef, piece: Piece) -> MessageRef | None:
    """Store the whole message in the same folder; None where that cannot be. Raises ``MailError``."""
    found = look(store, ref, piece)
    if not found.complete:
        return None
    bodies = []
    for number in range(1, found.total + 1):
        detail = store.message(ref.mailbox, found.uids[number], uidvalidity=ref.uidvalidity)
        raw = store.part(ref.mailbox, found.uids[number], "1", uidvalidity=ref.uidvalidity)
        bodies.append(decode.payload(detail.structure, raw))
    first = store.message(ref.mailbox, found.uids[1], uidvalidity=ref.uidvalidity)
    whole = partial.join(first.header, bodies)
    uidvalidity, uid = store.append(ref.mailbox, whole, when=first.summary.received)
    return MessageRef(ref.mailbox, uidvalidity, uid) if uid else None
