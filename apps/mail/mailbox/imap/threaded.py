"""The threads of the selected mailbox: THREAD (RFC 5256) where the server has it, else from the header fields.

Threads are kept for the set of messages they were made of, as orders are: nothing that they are made of ever changes
under a UID. REFS is asked for before REFERENCES, which joins whatever has the same subject. Where messages have only
gone that nothing stands below, and the server tells which, the threads are those that were, without them.

Without THREAD the newest ``MOST_HERE`` messages are looked at, and never more than ``SECONDS`` in one request; what was
read of each is kept, so the next request goes on. Messages that were not looked at stand alone.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Sequence
from datetime import datetime

from apps.mail.mailbox import errors, threads
from apps.mail.mailbox.imap import deltas, fetch, guard, ordering
from apps.mail.mailbox.imap.commands import command
from apps.mail.mailbox.imap.connection import Connection
from apps.mail.mailbox.imap.memory import Memory, Order, Threads
from apps.mail.mailbox.threads import Forest, Linked
from apps.mail.mime import headers
from apps.mail.mime.parse import parse_date
from apps.mail.mime.subjects import base_subject, is_answer

MOST = 200_000  # messages that a server is asked to thread
MOST_HERE = 5000  # newest messages that are threaded here
SECONDS = 2.0
BATCH = 500
_ALGORITHMS = ("REFS", "REFERENCES")
_ATTEMPTS = 3
_FIELDS = guard.words("(UID INTERNALDATE BODY.PEEK[HEADER.FIELDS (DATE SUBJECT MESSAGE-ID REFERENCES IN-REPLY-TO)])")


def current(connection: Connection, memory: Memory) -> Threads:
    """Raises ``CannotThread`` for more than ``MOST`` messages."""
    selected = connection.selected
    assert selected is not None
    key = (connection.account.id, selected.name)
    known = memory.threads.get(key)
    for _ in range(_ATTEMPTS):
        order = ordering.current(connection, memory)
        members = (order.uidvalidity, order.uidnext, order.exists)
        if known is not None and known.members == members and known.complete:
            return known
        if order.exists > MOST:
            raise errors.CannotThread(f"{order.exists} messages")
        found = _without_those_gone(connection, known, order) or _asked(connection, memory, order)
        known = found or _made_here(connection, memory, order)
        if len(known.forest.uids) == order.exists == selected.exists:
            break  # else mail came or went meanwhile
    assert known is not None
    memory.threads.put(key, known)
    return known


def algorithm(connection: Connection) -> str:
    """ "" where the server has none that serves."""
    return next((name for name in _ALGORITHMS if connection.has(f"THREAD={name}")), "")


def _asked(connection: Connection, memory: Memory, order: Order) -> Threads | None:
    """None where the server does not tell: Dovecot 2.3 falls over some Message-IDs that come several times."""
    assert connection.selected is not None
    key = (connection.account.id, connection.selected.name)
    if not (name := algorithm(connection)) or memory.beyond.get(key):
        return None
    result = connection.survive(command("UID THREAD", guard.words(f"{name} UTF-8 ALL")))
    if result is None:
        memory.beyond.put(key, True)
    if result is None or not result.completion.ok:
        return None
    forest = threads.read(answer.data for answer in result.named(b"THREAD"))
    return Threads((order.uidvalidity, order.uidnext, order.exists), forest, order.modseq)


def _without_those_gone(connection: Connection, known: Threads | None, order: Order) -> Threads | None:
    """Where nothing stands below what has gone: else those below may belong to nothing any more."""
    if (
        known is None
        or not known.complete
        or known.looked_at
        or known.members[:2] != (order.uidvalidity, order.uidnext)
    ):
        return None
    was = len(known.forest.uids)
    gone = deltas.went(connection, order.uidnext, known.modseq, was) if was > order.exists else None
    if not gone:
        return None
    uids, depths, starts = array("I"), bytearray(), array("I")
    for thread in range(len(known.forest)):
        begin, end = known.forest.span(thread)
        left = [at for at in range(begin, end) if known.forest.uids[at] not in gone]
        if any(_has_below(known.forest, at, end) for at in set(range(begin, end)).difference(left)):
            return None
        if left:
            starts.append(len(uids))
            uids.extend(known.forest.uids[at] for at in left)
            depths += bytes(known.forest.depths[at] for at in left)
    if len(uids) != order.exists:
        return None
    return Threads((order.uidvalidity, order.uidnext, order.exists), Forest(uids, bytes(depths), starts), order.modseq)


def _has_below(forest: Forest, at: int, end: int) -> bool:
    return at + 1 < end and forest.depths[at + 1] > forest.depths[at]


# without THREAD


def _made_here(connection: Connection, memory: Memory, order: Order) -> Threads:
    selected = connection.selected
    assert selected is not None
    newest = ordering.newest_first(connection, memory)
    place = (connection.account.id, selected.name, selected.uidvalidity)
    known = dict(memory.linked.get(place) or {})
    wanted = newest[:MOST_HERE]
    missing = [uid for uid in wanted if uid not in known]
    until = time.monotonic() + SECONDS
    for start in range(0, len(missing), BATCH):
        known |= read(connection, missing[start : start + BATCH])
        if time.monotonic() > until:
            break
    looked = [known[uid] for uid in reversed(wanted) if uid in known]
    memory.linked.put(place, {linked.uid: linked for linked in looked})
    complete = len(looked) == len(wanted)
    forest = threads.gather([*(Linked(uid) for uid in newest if uid not in known), *looked])
    members = (order.uidvalidity, order.uidnext, order.exists)
    return Threads(members, forest, looked_at=0 if len(looked) == len(newest) else len(looked), complete=complete)


def read(connection: Connection, uids: Sequence[int]) -> dict[int, Linked]:
    """Their header fields; a message at which the server falls over is one that nothing is known of."""
    result = connection.survive(command("UID FETCH", guard.uid_set(uids), _FIELDS))
    rows = fetch.by_uid(result, uids) if result is not None else {}
    return {uid: _linked(uid, rows.get(uid)) for uid in uids}


def _linked(uid: int, row: fetch.Fetched | None) -> Linked:
    if row is None:
        return Linked(uid)
    header = headers.parse(next(iter(row.sections.values()), b""))
    sent = parse_date(header.get("Date")) or row.received or fetch.EPOCH
    references = threads.references_of(header.text("References"), header.text("In-Reply-To"))
    return linked_by(uid, header.text("Message-ID"), references, header.text("Subject"), sent)


def linked_by(uid: int, message_id: str, references: tuple[str, ...], subject: str, sent: datetime) -> Linked:
    names = threads.message_ids(message_id)
    return Linked(
        uid,
        message_id=names[0] if names else "",
        references=references,
        subject=base_subject(subject),
        is_answer=is_answer(subject),
        date=sent.timestamp(),
    )
