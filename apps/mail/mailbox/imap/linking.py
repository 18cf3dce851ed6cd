"""Messages of the selected mailbox by what they refer to: for conversations that lie in several folders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from apps.mail.mailbox.imap import fetch, guard, threaded
from apps.mail.mailbox.imap.answers import found_uids
from apps.mail.mailbox.imap.commands import command
from apps.mail.mailbox.imap.connection import Connection
from apps.mail.mailbox.imap.memory import Memory

MOST_IDS = 20
MOST_FOUND = 200
_FIELDS = ("MESSAGE-ID", "REFERENCES", "IN-REPLY-TO")


def find(connection: Connection, message_ids: Sequence[str], *, newest: int) -> list[int]:
    """Their UIDs, ascending; at most the ``MOST_FOUND`` latest. Of the Message-IDs the first ``MOST_IDS`` count."""
    selected = connection.selected
    assert selected is not None
    wanted = [name for name in message_ids if name.isascii() and name.isprintable()][:MOST_IDS]
    if not wanted or not selected.exists:
        return []
    ways = [(field, name) for name in wanted for field in _FIELDS]
    pieces: list[guard.Piece] = []
    for at, (field, name) in enumerate(ways, 1):
        pieces += [guard.words("OR")] if at < len(ways) else []
        pieces += [guard.words("HEADER"), guard.words(field), guard.string(name)]
    returning = [guard.words("RETURN (ALL)")] if connection.has("ESEARCH") else []
    result = connection.attempt(command("UID SEARCH", *returning, *_among(connection, newest), *pieces))
    return sorted(found_uids(result))[-MOST_FOUND:] if result.completion.ok else []


def _among(connection: Connection, newest: int) -> list[guard.Piece]:
    """The newest so many, by UID: some servers (pymap) take sequence numbers here for UIDs."""
    assert connection.selected is not None
    if connection.selected.exists <= newest:
        return []
    number = connection.selected.exists - newest + 1
    rows = fetch.rows(connection.execute(command("FETCH", guard.number(number), fetch.UID_ONLY)))
    low = next((row.uid for row in rows if row.number == number and row.uid), 1)
    return [guard.words("UID"), guard.span(low, None)]


def references(connection: Connection, memory: Memory, uids: Sequence[int]) -> Mapping[int, Sequence[str]]:
    """What each says of itself and of those it answers."""
    selected = connection.selected
    assert selected is not None
    place = (connection.account.id, selected.name, selected.uidvalidity)
    known = dict(memory.linked.get(place) or {})
    missing = [uid for uid in uids if uid not in known]
    if missing:
        known |= threaded.read(connection, missing)
        memory.linked.put(place, known)
    return {uid: (*known[uid].references, *([known[uid].message_id] if known[uid].message_id else ())) for uid in uids}
