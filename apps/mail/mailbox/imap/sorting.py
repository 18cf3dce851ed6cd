"""Lists in an order of somebody's choice: SORT (RFC 5256) where the server has it, else sorted here.

An order is kept for the set of messages it was made of, which UIDVALIDITY, UIDNEXT and the number of messages name
exactly: dates, people, subjects and sizes never change under a UID, and flags, which do, play no part. When messages
come and go it is corrected (``deltas``), where the server sorts.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from apps.mail.mailbox import errors
from apps.mail.mailbox.imap import deltas, fetch, guard, listing, ordering
from apps.mail.mailbox.imap.commands import command
from apps.mail.mailbox.imap.connection import Connection
from apps.mail.mailbox.imap.memory import Arrangement, Memory, Order, SortKey, place
from apps.mail.mailbox.store import Sort
from apps.mail.mime.parts import Envelope
from apps.mail.mime.subjects import base_subject, collated
from portal.contracts import Address

MOST_HERE = 5000  # messages whose envelopes are read to sort a mailbox where the server cannot
_ATTEMPTS = 3


def current(connection: Connection, memory: Memory, sort: Sort) -> Arrangement:
    """All messages of the selected mailbox in this order; raises ``CannotSort``."""
    selected = connection.selected
    assert selected is not None
    key = (connection.account.id, selected.name, sort)
    known = memory.arrangements.get(key)
    former = known.uids if known is not None and known.members[0] == selected.uidvalidity else array("I")
    for _ in range(_ATTEMPTS):
        order = ordering.current(connection, memory)
        members = (order.uidvalidity, order.uidnext, order.exists)
        if known is not None and known.members == members:
            if order.modseq > known.modseq:
                known = replace(known, modseq=order.modseq)
                memory.arrangements.put(key, known)
            return known
        uids = _corrected(connection, sort, known, order) or array("I", _sorted(connection, memory, sort))
        known = Arrangement(members, uids, former, order.modseq)
        if len(uids) == order.exists == selected.exists and max(uids, default=0) < order.uidnext:
            memory.arrangements.put(key, known)
            break
        known = None  # mail came or went meanwhile
    return known or Arrangement(members, uids, former)


def _corrected(connection: Connection, sort: Sort, known: Arrangement | None, order: Order) -> array[int] | None:
    if known is None or known.members[0] != order.uidvalidity or not connection.has("SORT"):
        return None
    uidnext, keys = known.members[1], _comparable(sort)
    return deltas.corrected(
        connection, known.uids, uidnext=uidnext, modseq=known.modseq, keys=keys, exists=order.exists
    )


def _comparable(sort: Sort) -> deltas.Keys:
    """As ``_criteria`` says it to the server, which compares sequence numbers at last."""

    def key(row: fetch.Fetched) -> deltas.Key | None:
        if row.received is None:
            return None
        received, uid = row.received.timestamp(), -row.uid if sort.descending else row.uid
        if sort.by == "arrival":
            return received, uid
        if sort.by != "size" and row.envelope is None:
            return None
        value = row.size if sort.by == "size" else VALUES[sort.by](_key(row))
        return value, received if sort.descending else -received, uid

    items = {"arrival": fetch.UID_DATE, "size": fetch.UID_DATE_SIZE}.get(sort.by, fetch.UID_ENVELOPE)
    return deltas.Keys(items, key, sort.descending)


def _sorted(connection: Connection, memory: Memory, sort: Sort) -> Sequence[int]:
    if not connection.has("SORT"):
        return _sorted_here(connection, memory, sort)
    uids = deltas.sort(connection, _criteria(connection, sort))
    if uids is None:
        raise errors.CannotSort("the server refuses")
    return uids


def _criteria(connection: Connection, sort: Sort) -> str:
    """Among equals the newest comes first. People are sorted as they are shown (RFC 5957) where that is offered."""
    display = "DISPLAY" if connection.has("SORT=DISPLAY") and sort.by in ("from", "to") else ""
    first = f"{'REVERSE ' if sort.descending else ''}{display}{sort.by.upper()}"
    return first if sort.by == "arrival" else f"{first} REVERSE ARRIVAL"


def among(arranged: Arrangement, found: Sequence[int]) -> list[int]:
    """Those found, in this order."""
    wanted = set(found)
    return [uid for uid in arranged.uids if uid in wanted]


def offset_beside(
    arranged: Arrangement, uids: Sequence[int], *, offset: int, limit: int, after: int | None, before: int | None
) -> int:
    """Where a page of ``uids`` begins that follows ``after`` or precedes ``before``; ``offset`` where nobody knows."""
    beside = after or before
    at = _place(arranged, uids, beside) if beside else None
    if at is None or not beside:
        return max(offset, 0)
    if before:
        return max(at - limit, 0)
    return at + 1 if at < len(uids) and uids[at] == beside else at


def _place(arranged: Arrangement, uids: Sequence[int], uid: int) -> int | None:
    """Where the message is among ``uids``, or where the next one below it is, when it has left them."""
    at = place(uids, uid)
    if at is not None:
        return at
    orders = ((order, place(order, uid)) for order in (arranged.uids, arranged.former))
    order, at = next(((order, at) for order, at in orders if at is not None), (arranged.uids, None))
    if at is None:
        return None
    places = {known: index for index, known in enumerate(uids)}
    return next((places[known] for known in order[at:] if known in places), len(uids))


def neighbours(connection: Connection, memory: Memory, sort: Sort, uid: int) -> tuple[int | None, int | None]:
    """(above, below)"""
    uids = current(connection, memory, sort).uids
    at = place(uids, uid)
    if at is None:
        return None, None
    return uids[at - 1] if at else None, uids[at + 1] if at + 1 < len(uids) else None


# without SORT


def _sorted_here(connection: Connection, memory: Memory, sort: Sort) -> list[int]:
    newest_first = ordering.newest_first(connection, memory)
    if not newest_first:
        return []
    if sort.by == "arrival":
        return newest_first[::-1]
    values = (
        _sizes(connection, len(newest_first))
        if sort.by == "size"
        else _keys(connection, memory, newest_first, VALUES[sort.by])
    )
    known = [uid for uid in newest_first if uid in values]
    known.sort(key=lambda uid: values[uid], reverse=sort.descending)  # keeps equals as they are: the newest first
    return [*known, *(uid for uid in newest_first if uid not in values)]  # what could not be read stands at the end


def _sizes(connection: Connection, exists: int) -> dict[int, float | str]:
    sizes: dict[int, float | str] = {}
    for some in fetch.spans(exists):
        result = connection.execute(command("FETCH", some, fetch.UID_SIZE))
        sizes |= {row.uid: row.size for row in fetch.rows(result) if row.uid}
    return sizes


def _keys(
    connection: Connection, memory: Memory, uids: Sequence[int], value: Callable[[SortKey], float | str]
) -> dict[int, float | str]:
    """Read once for each message; raises ``CannotSort`` for more than ``MOST_HERE``."""
    if len(uids) > MOST_HERE:
        raise errors.CannotSort(f"{len(uids)} messages")
    selected = connection.selected
    assert selected is not None
    place = (connection.account.id, selected.name, selected.uidvalidity)
    known = dict(memory.sort_keys.get(place) or {})
    missing = [uid for uid in uids if uid not in known]
    for start in range(0, len(missing), listing.BATCH):
        some = missing[start : start + listing.BATCH]
        result = connection.survive(command("UID FETCH", guard.uid_set(some), fetch.UID_ENVELOPE))
        rows = fetch.by_uid(result, some) if result is not None else {}
        listing.complete_headers(connection, rows)
        known |= {uid: _key(row) for uid, row in rows.items()}
    memory.sort_keys.put(place, {uid: known[uid] for uid in uids if uid in known})
    return {uid: value(known[uid]) for uid in uids if uid in known}


VALUES: dict[str, Callable[[SortKey], float | str]] = {
    "date": lambda key: key.date,
    "from": lambda key: key.from_,
    "to": lambda key: key.to,
    "subject": lambda key: key.subject,
}


def _key(row: fetch.Fetched) -> SortKey:
    return key_of(row.envelope or Envelope(), row.received or fetch.EPOCH)


def key_of(envelope: Envelope, received: datetime) -> SortKey:
    return SortKey(
        date=(envelope.date or received).timestamp(),
        from_=_person(envelope.from_),
        to=_person(envelope.to),
        subject=base_subject(envelope.subject),
    )


def _person(people: Sequence[Address]) -> str:
    """As DISPLAYFROM compares: the name of the first, or else the address."""
    return collated(people[0].name or people[0].email) if people else ""
