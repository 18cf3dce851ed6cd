"""An order of a mailbox, corrected by what has come and gone since it was asked for.

The order of 100,000 messages takes 80 ms of Dovecot and 600 KB; what has changed is mostly one message.

* What has come is searched for above the UIDNEXT of then. Its place is found by halving, in twenty parts at a time: the
  keys of some known messages are read and compared here. (To let the server sort a few alone is no way: Dovecot
  remembers for each message where its subject stands among those that were sorted together.)
* What has gone is told by the server since the mod-sequence of then (QRESYNC: VANISHED, RFC 7162 section 3.2.6).

Whatever does not fit (too much has changed, or the server does not tell; the messages looked at do not stand in the
order of their keys as they are compared here; the numbers differ) gives None, and the caller asks for the whole. What
was taken out is not there any more, and what was put in is: so the set is right if its number is.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from apps.mail.mailbox.imap import fetch, guard
from apps.mail.mailbox.imap.answers import found_uids, vanished
from apps.mail.mailbox.imap.commands import command
from apps.mail.mailbox.imap.connection import Connection
from apps.mail.mailbox.imap.memory import place

LEAST = 2000  # messages; fewer are sorted by the server in less time than it takes to find a place among them
MOST_NEW = 10  # messages that are put into their places; more are sorted with all others
PARTS = 20

#: No two messages have the same: the UID is part of it.
Key = tuple[float | str, ...]


@dataclass(frozen=True, slots=True)
class Keys:
    """What a list is sorted by: ``items`` are fetched, ``of`` makes a key of them; they fall when ``descending``."""

    items: guard.Wire
    of: Callable[[fetch.Fetched], Key | None]
    descending: bool = False


def by_arrival(row: fetch.Fetched) -> Key | None:
    return (row.received.timestamp(), row.uid) if row.received else None


ARRIVAL = Keys(fetch.UID_DATE, by_arrival)


def corrected(
    connection: Connection, uids: array[int], *, uidnext: int, modseq: int, keys: Keys, exists: int
) -> array[int] | None:
    """``uids`` were all messages in the order of ``keys`` when UIDNEXT was ``uidnext`` and HIGHESTMODSEQ at least
    ``modseq`` (0: unknown); now they are ``exists``."""
    if exists < LEAST:
        return None
    new = _came(connection, uidnext)
    known = uids
    if len(uids) + len(new) != exists:
        gone = went(connection, uidnext, modseq, len(uids)) if len(uids) + len(new) > exists else None
        if gone is None:
            return None
        known = _without(uids, gone)
    if len(known) + len(new) != exists or len(new) > MOST_NEW:
        return None
    arriving = _read(connection, keys, new) if new else {}
    if len(arriving) != len(new):
        return None
    merged = known[:]
    for uid, key in arriving.items():
        at = _place(connection, keys, merged, key)
        if at is None:
            return None
        merged.insert(at, uid)
    return merged


def sort(connection: Connection, criteria: str) -> list[int] | None:
    """All UIDs of the selected mailbox in this order; None where the server refuses, or does not know the charset."""
    returning = [guard.words("RETURN (ALL)")] if connection.has("ESORT") else []
    result = connection.attempt(command("UID SORT", *returning, guard.words(f"({criteria}) UTF-8 ALL")))
    return found_uids(result) if result.completion.ok else None


def _came(connection: Connection, uidnext: int) -> list[int]:
    returning = [guard.words("RETURN (ALL)")] if connection.has("ESEARCH") else []
    above = guard.span(max(uidnext, 1), None)
    found = found_uids(connection.execute(command("UID SEARCH", *returning, guard.words("UID"), above)))
    return sorted(uid for uid in found if uid >= uidnext)  # "n:*" tells the last message even if it is below n


def went(connection: Connection, uidnext: int, modseq: int, known: int) -> set[int] | None:
    """Which UIDs below ``uidnext`` have gone since, and perhaps some that had gone before; there were ``known``."""
    if not modseq or uidnext < 2 or not connection.resynchronises:
        return None
    since = guard.Wire(b"(CHANGEDSINCE %b VANISHED)" % guard.number(modseq))
    everything = guard.span(1, uidnext - 1)
    result = connection.attempt(command("UID FETCH", everything, guard.words("(UID)"), since))
    return vanished(result, limit=4 * known + 10_000) if result.completion.ok else None


def _without(uids: array[int], gone: set[int]) -> array[int]:
    if len(gone) > MOST_NEW:
        return array("I", [uid for uid in uids if uid not in gone])
    rest = uids[:]
    for uid in gone:
        if (at := place(rest, uid)) is not None:
            del rest[at]
    return rest


def _place(connection: Connection, keys: Keys, known: array[int], key: Key) -> int | None:
    """How many of ``known`` come before a message with this key; None where they stand in another order."""
    low, high = 0, len(known)  # it comes behind the first ``low`` and before those from ``high`` on
    while low < high:
        step = -(-(high - low) // PARTS)
        marks = range(low, high, step)
        found = _read(connection, keys, known[low:high:step])
        if len(found) != len(marks):
            return None
        read = [found[known[at]] for at in marks]
        if any((one < other) == keys.descending for one, other in pairwise(read)):
            return None
        before = sum((mark < key) != keys.descending for mark in read)
        if not before:
            return low
        low, high = marks[before - 1] + 1, marks[before] if before < len(marks) else high
    return low


def _read(connection: Connection, keys: Keys, uids: Sequence[int]) -> dict[int, Key]:
    result = connection.attempt(command("UID FETCH", guard.uid_set(uids), keys.items))
    read = {uid: keys.of(row) for uid, row in fetch.by_uid(result, uids).items()}
    return {uid: key for uid, key in read.items() if key is not None}
