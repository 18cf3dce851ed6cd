"""A search of one mailbox in windows, from the newest message on, so that what is found first is shown first.

A server without an index of words reads every message it is asked about; of 100,000 that takes it a while, of the
newest thousand it does not. Windows grow while the server is quick and shrink when it is not.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from apps.mail.mailbox.imap import fetch, guard, listing, ordering, search
from apps.mail.mailbox.imap.commands import command
from apps.mail.mailbox.imap.connection import Connection
from apps.mail.mailbox.imap.memory import Memory, Order
from apps.mail.mailbox.store import Query, Stretch

FIRST, LEAST, MOST = 1000, 125, 32_000  # messages in a window
QUICK, SLOW = 0.25, 1.0  # seconds that a window takes
SOON = 0.1  # seconds after which what was found is handed over to an eager reader


@dataclass(frozen=True, slots=True)
class Found:
    uids: list[int]  # newest first
    searched: int
    below: int
    window: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a stretch begins, and when it ends: see ``MailStore.scan``."""

    limit: int
    seconds: float
    after: int = 0
    searched: int = 0
    window: int = 0
    eager: bool = False


def stretch(connection: Connection, memory: Memory, mailbox: str, query: Query, place: Place) -> Stretch:
    """Of the selected mailbox, which people call ``mailbox``."""
    found = _scan(connection, memory, query, place)
    rows = listing.rows(connection, memory, found.uids)
    assert connection.selected is not None
    status = connection.selected.status
    return Stretch(
        mailbox=mailbox,
        status=status,
        rows=tuple(rows),
        searched=found.searched,
        total=status.messages,
        below=found.below,
        window=found.window,
    )


def _scan(connection: Connection, memory: Memory, query: Query, place: Place) -> Found:
    limit, seconds, after, eager = place.limit, place.seconds, place.after, place.eager
    order = ordering.current(connection, memory)
    at = 0
    if after:
        at = listing.offset_beside(connection, memory, offset=place.searched, limit=0, after=after, before=None)
    size = min(max(place.window or FIRST, LEAST), MOST)
    started = time.monotonic()
    found: list[int] = []
    below = after
    while at < order.exists:
        begun = time.monotonic()
        uids, below = _window(connection, memory, query, order, at=at, size=size, after=below)
        begin, at = at, min(at + size, order.exists)
        found += uids
        now = time.monotonic()
        size = _next(size, now - begun)
        if len(found) > limit or (len(found) == limit and at < order.exists):
            return Found(found[:limit], begin, found[limit - 1], size)
        if at >= order.exists or now - started >= (min(SOON, seconds) if eager and found else seconds):
            break
    return Found(found, at, below if at < order.exists else 0, size)


def _next(size: int, took: float) -> int:
    if took < QUICK:
        return min(size * 2, MOST)
    return max(size // 2, LEAST) if took > SLOW else size


def _window(
    connection: Connection, memory: Memory, query: Query, order: Order, *, at: int, size: int, after: int
) -> tuple[list[int], int]:
    """What matches of ``size`` messages, ``at`` of them being newer, and the last UID of these."""
    if order.uids is not None:
        high = len(order.uids) - at
        uids = list(reversed(order.uids[max(high - size, 0) : high]))
        matching = set(_found(connection, memory, query, guard.uid_sets(uids)))
        return [uid for uid in uids if uid in matching], uids[-1]
    low = order.exists - at - size + 1
    lowest = _uid_at(connection, low) if low > 1 else 1
    highest = after - 1 if after else None
    if highest is not None and highest < lowest:
        return [], lowest
    matching = set(_found(connection, memory, query, [guard.span(lowest, highest)]))
    return sorted((uid for uid in matching if uid >= lowest), reverse=True), lowest


def _found(connection: Connection, memory: Memory, query: Query, sets: Sequence[guard.Wire]) -> Iterator[int]:
    for some in sets:
        yield from search.find(connection, memory, query, some)


def _uid_at(connection: Connection, number: int) -> int:
    """The UID at a sequence number; 1, and so all that is left, where it has just gone."""
    result = connection.attempt(command("FETCH", guard.number(number), fetch.UID_ONLY))
    return next((row.uid for row in fetch.rows(result) if row.number == number and row.uid), 1)
