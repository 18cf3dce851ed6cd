"""Rows of message lists: which ones, from memory where they are known, else from the server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from apps.mail.mailbox.imap import decoding, envelope, fetch, guard, ordering
from apps.mail.mailbox.imap.answers import found_count
from apps.mail.mailbox.imap.commands import Command, command
from apps.mail.mailbox.imap.connection import Connection
from apps.mail.mailbox.imap.memory import Memory, Order, RowKey, place
from apps.mail.mailbox.store import Summary
from apps.mail.mime import headers, snippet
from apps.mail.mime import parse as mime_parse
from apps.mail.mime.parts import Envelope, Part

SNIPPET_OCTETS = 2048
SNIPPET_LENGTH = 200
BATCH = 500  # messages in one FETCH of rows


def window(connection: Connection, memory: Memory, *, offset: int, limit: int) -> tuple[list[Summary], int]:
    """Rows ``offset`` to ``offset + limit`` of the selected mailbox, newest first, and how many there are in all."""
    order = ordering.current(connection, memory)
    high = order.exists - offset
    low = max(high - limit, 0)
    if high <= 0 or limit <= 0:
        return [], order.exists
    if order.uids is not None:
        uids = list(reversed(order.uids[low:high]))
        return rows(connection, memory, uids), order.exists
    result = connection.execute(_numbered(low, high))
    found = [row for row in fetch.rows(result) if row.uid and row.flags is not None and low < row.number <= high]
    flags = {row.uid: row.flags for row in found if row.flags is not None}
    return rows(connection, memory, sorted(flags, reverse=True), flags=flags), order.exists


def likely(connection: Connection, memory: Memory, *, offset: int, limit: int) -> Command | None:
    """What ``window`` asks first in the mailbox that is open, unless there is news; None where that cannot be told."""
    order = _known_order(connection, memory)
    if order is None:
        return None
    high = order.exists - max(offset, 0)
    low = max(high - limit, 0)
    if high <= 0 or limit <= 0:
        return None
    if order.uids is None:
        return _numbered(low, high)
    known = [uid for uid in order.uids[low:high] if memory.rows.get(row_key(connection, uid)) is not None]
    return command("UID FETCH", guard.uid_sets(known)[0], fetch.UID_FLAGS) if known else None


def _numbered(low: int, high: int) -> Command:
    return command("FETCH", guard.span(low + 1, high), fetch.UID_FLAGS)


def rows(
    connection: Connection, memory: Memory, uids: Sequence[int], *, flags: Mapping[int, frozenset[str]] | None = None
) -> list[Summary]:
    """Summaries in the order of ``uids``; those that have gone are left out."""
    if not uids:
        return []
    known = {uid: memory.rows.get(row_key(connection, uid)) for uid in uids}
    cold = [uid for uid in uids if known[uid] is None]
    current = dict(flags or {})
    if flags is None:
        for some in guard.uid_sets(uid for uid in uids if known[uid] is not None):
            result = connection.execute(command("UID FETCH", some, fetch.UID_FLAGS))
            current |= {uid: row.flags for uid, row in fetch.by_uid(result, uids).items() if row.flags is not None}
    for start in range(0, len(cold), BATCH):
        for summary in _learn(connection, memory, cold[start : start + BATCH]):
            current.setdefault(summary.uid, summary.flags)
            known[summary.uid] = summary = replace(summary, flags=frozenset())
            if summary.envelope != Envelope():  # else it could not be read this time
                memory.rows.put(row_key(connection, summary.uid), summary)
    found: list[Summary] = []
    for uid in uids:
        row, row_flags = known[uid], current.get(uid)
        if row is not None and row_flags is not None:
            found.append(replace(row, flags=row_flags))
    return found


def row_key(connection: Connection, uid: int) -> RowKey:
    selected = connection.selected
    assert selected is not None
    return (connection.account.id, selected.name, selected.uidvalidity, uid)


def position(connection: Connection, memory: Memory, uid: int) -> int | None:
    """How many messages of the selected mailbox are newer than this one; None when it is not there."""
    order = ordering.current(connection, memory)
    if order.uids is not None:
        at = place(order.uids, uid)
        return None if at is None else len(order.uids) - 1 - at
    number = _number(connection, uid)
    return None if number is None else order.exists - number


def offset_beside(
    connection: Connection, memory: Memory, *, offset: int, limit: int, after: int | None, before: int | None
) -> int:
    """Where a page begins that follows ``after`` or precedes ``before``; ``offset`` where that cannot be told."""
    beside = after or before
    if not beside:
        return max(offset, 0)
    at = position(connection, memory, beside)
    if at is None:
        at = _position_of_gone(connection, memory, beside)
        return max(offset, 0) if at is None else at if after else max(at - limit, 0)
    return at + 1 if after else max(at - limit, 0)


def _position_of_gone(connection: Connection, memory: Memory, uid: int) -> int | None:
    """How many messages are newer than this one was; None where the order of UIDs does not tell."""
    order = ordering.current(connection, memory)
    if order.uids is not None or uid == 1:
        return None if order.uids is not None else order.exists
    returning = [guard.words("RETURN (COUNT)")] if connection.has("ESEARCH") else []
    below = connection.execute(command("UID SEARCH", *returning, guard.words("UID"), guard.span(1, uid - 1)))
    return order.exists - found_count(below)


def neighbours(connection: Connection, memory: Memory, uid: int, number: int = 0) -> tuple[int | None, int | None]:
    """(next newer, next older). ``number``: its sequence number, where it is known."""
    order = ordering.current(connection, memory)
    if order.uids is not None:
        at = place(order.uids, uid)
        if at is None:
            return None, None
        newer = order.uids[at + 1] if at + 1 < len(order.uids) else None
        return newer, order.uids[at - 1] if at else None
    uids = _uids_around(connection, order, number) if number else {}
    if uids.get(number) != uid:  # it was not known, or messages before it have gone since
        at = _number(connection, uid)
        uids = _uids_around(connection, order, at) if at else {}
    above = [found for found in uids.values() if found > uid]  # what goes meanwhile shifts the numbers, not the UIDs
    below = [found for found in uids.values() if found < uid]
    return min(above, default=None), max(below, default=None)


def _uids_around(connection: Connection, order: Order, number: int) -> dict[int, int]:
    """By sequence number."""
    return {row.number: row.uid for row in fetch.rows(connection.execute(_around(order, number))) if row.uid}


def _around(order: Order, number: int) -> Command:
    return command("FETCH", guard.span(max(number - 1, 1), min(number + 1, max(order.exists, number))), fetch.UID_ONLY)


def around(connection: Connection, memory: Memory, number: int) -> Command | None:
    """What ``neighbours`` asks about the message of this sequence number (0: nobody knows it)."""
    order = _known_order(connection, memory)
    return _around(order, number) if number and order is not None and order.uids is None else None


def _known_order(connection: Connection, memory: Memory) -> Order | None:
    selected = connection.selected
    order = memory.orders.get((connection.account.id, selected.name)) if selected is not None else None
    return order if selected is not None and order is not None and order.uidvalidity == selected.uidvalidity else None


def _number(connection: Connection, uid: int) -> int | None:
    result = connection.execute(command("UID FETCH", guard.uid_set([uid]), fetch.UID_ONLY))
    return next((row.number for row in fetch.rows(result) if row.uid == uid), None)


# rows that this process has not seen yet


def _learn(connection: Connection, memory: Memory, uids: Sequence[int]) -> list[Summary]:
    """One FETCH for all of them, one more per place where their first words lie."""
    items = fetch.ROW_WITH_PREVIEW if connection.has("PREVIEW") else fetch.ROW
    result = connection.survive(command("UID FETCH", guard.uid_set(uids), items))
    found = fetch.by_uid(result, uids) if result is not None else {}
    if result is None or not result.completion.ok:
        for uid in uids:
            if uid not in found:
                found |= one_by_one(connection, uid, items)
    complete_headers(connection, found)
    # A server that offers previews may have none (NIL): Cyrus makes them when mail comes, or never.
    snippets = _snippets(connection, {uid: row for uid, row in found.items() if row.preview is None})
    for uid, row in found.items():
        memory.odd.put(row_key(connection, uid), row.structure is None or is_odd(connection, row.structure))
    return [to_summary(row, row.preview or snippets.get(uid, "")) for uid, row in found.items()]


def to_summary(row: fetch.Fetched, words: str) -> Summary:
    structure = row.structure
    return Summary(
        uid=row.uid,
        flags=row.flags or frozenset(),
        size=row.size,
        received=row.received or (row.envelope.date if row.envelope else None) or datetime.now(UTC),
        envelope=row.envelope or Envelope(),
        has_attachment=structure is not None and decoding.has_attachment(structure),
        snippet=" ".join(words.split())[:SNIPPET_LENGTH],
    )


def is_odd(connection: Connection, structure: Part) -> bool:
    """A structure whose parts cannot be asked for by its numbers: a multipart without parts, which is what a server
    sends that could not read the message; and on the poorest servers a message in the message, whose parts they count
    one level too deep (pymap)."""
    poor = not connection.has("ESEARCH")
    for part in structure.walk():
        if part.is_multipart and not part.children:
            return True
        if poor and part.type.startswith("message/") and any(child.is_multipart for child in part.children):
            return True
    return False


def one_by_one(connection: Connection, uid: int, items: guard.Wire) -> dict[int, fetch.Fetched]:
    """A message that may be the one at which the server failed: then without what the server must understand for, or
    as one that is there and cannot be shown."""
    for wanted in (items, fetch.POOR_ROW):
        result = connection.survive(command("UID FETCH", guard.uid_set([uid]), wanted))
        found = fetch.by_uid(result, [uid]) if result is not None else {}
        if found or (result is not None and result.completion.ok):
            return found
    return fetch.by_uid(connection.attempt(command("UID FETCH", guard.uid_set([uid]), fetch.UID_FLAGS)), [uid])


def complete_headers(connection: Connection, found: Mapping[int, fetch.Fetched]) -> None:
    """Read the header block ourselves where the server could make no envelope of it."""
    bare = [uid for uid, row in found.items() if row.envelope is None or envelope.is_doubtful(row.envelope)]
    unread = [uid for uid in bare if "HEADER" not in found[uid].sections]
    if unread:
        items = guard.group([guard.words("UID"), guard.section("HEADER")])
        result = connection.survive(command("UID FETCH", guard.uid_set(unread), items))
        for uid, row in (fetch.by_uid(result, unread) if result is not None else {}).items():
            found[uid].sections.update(row.sections)
    for uid in bare:
        header = found[uid].sections.get("HEADER")
        if header:
            found[uid].envelope = mime_parse.envelope(headers.parse(header))


def _snippets(connection: Connection, found: Mapping[int, fetch.Fetched]) -> dict[int, str]:
    parts: dict[int, Part] = {}
    places: dict[str, list[int]] = {}
    for uid, row in found.items():
        part = decoding.text_part(row.structure) if row.structure is not None else None
        if part is not None and part.number and part.size:
            parts[uid] = part
            places.setdefault(part.number, []).append(uid)
    commands = [
        command("UID FETCH", guard.uid_set(uids), _first_words(number)) for number, uids in sorted(places.items())
    ]
    if not commands:
        return {}
    words: dict[int, str] = {}
    for uid, row in fetch.by_uid(connection.attempt(*commands), parts).items():
        octets = next((data for name, data in row.sections.items() if name == parts[uid].number), b"")
        words[uid] = snippet.snippet(parts[uid], octets)
    return words


def _first_words(number: str) -> guard.Wire:
    return guard.group([guard.words("UID"), guard.section(number, offset=0, size=SNIPPET_OCTETS)])


def in_order(order: Order, uids: Iterable[int]) -> list[int]:
    """UIDs of a search, newest first."""
    if order.uids is None:
        return sorted(uids, reverse=True)
    wanted = set(uids)
    return [uid for uid in reversed(order.uids) if uid in wanted]
