"""Flags, copies, moves, removal, new messages. The mailbox is selected already."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from apps.mail.mailbox import errors
from apps.mail.mailbox.imap import guard, search
from apps.mail.mailbox.imap.answers import copied, found_uids, gone, merged
from apps.mail.mailbox.imap.commands import command
from apps.mail.mailbox.imap.connection import Connection
from apps.mail.mailbox.imap.memory import Memory
from apps.mail.mailbox.imap.tokens import expand, is_number
from apps.mail.mailbox.store import MoveResult, Query

_MESSAGE_ID = re.compile(rb"^message-id:\s*(<[^<>\s]+>)", re.I | re.M)

BATCH = 5000  # messages of one command: a server that copies files answers it long before it is taken for dead


def _sets(uids: Sequence[int]) -> list[guard.Wire]:
    ordered = sorted(set(uids))
    parts = (ordered[start : start + BATCH] for start in range(0, len(ordered), BATCH))
    return [some for part in parts for some in guard.uid_sets(part)]


def mark(connection: Connection, memory: Memory, uids: Sequence[int], flag: str, *, on: bool) -> list[int]:
    """Set a flag, or take it away, where it is not so yet; their UIDs. A server that names others is not heard."""
    query, ours = Query(flags=((flag, not on),)), set(uids)
    changed = [uid for some in _sets(uids) for uid in search.find(connection, memory, query, some) if uid in ours]
    set_flags(connection, changed, add=[flag] if on else [], remove=[] if on else [flag])
    return sorted(changed)


def set_flags(connection: Connection, uids: Sequence[int], *, add: Sequence[str], remove: Sequence[str]) -> None:
    commands = [
        command("UID STORE", some, guard.words(f"{sign}FLAGS.SILENT"), guard.flags(values))
        for some in _sets(uids)
        for sign, values in (("+", add), ("-", remove))
        if values
    ]
    for one in commands:
        connection.execute(one)
    if connection.selected is not None:  # not every server says that there are more of them now
        connection.selected.flags |= set(add)


def copy(connection: Connection, uids: Sequence[int], target: str) -> MoveResult:
    where = guard.mailbox(target)
    return merged([_copy(connection, some, where) for some in _sets(uids)])


def _copy(connection: Connection, some: guard.Wire, target: guard.Piece) -> MoveResult:
    """Of a set that does not exist nothing is copied, and the answer is OK (RFC 9051 section 6.4.9). Where it names no
    copies either, those that are there are what was copied."""
    result = copied(connection.execute(command("UID COPY", some, target)))
    if result.done:
        return result
    there = found_uids(connection.execute(command("UID SEARCH", guard.words("UID"), some)))
    return MoveResult(done=len(set(there) & set(expand(some))))


def move(connection: Connection, uids: Sequence[int], target: str) -> MoveResult:
    """MOVE (RFC 6851), or a copy of which the originals are removed only once it is there."""
    where = guard.mailbox(target)
    if connection.has("MOVE"):
        return merged([_move(connection, some, where) for some in _sets(uids)])
    result = None
    try:
        result = copy(connection, uids, target)
        expunge(connection, uids)
    except (errors.ServerUnreachable, errors.TooManyConnections) as error:
        if result is None and isinstance(error, errors.TooManyConnections):  # said instead of copying
            raise
        raise errors.HalfMoved(str(error), server_text=error.server_text) from error
    return result


def _move(connection: Connection, some: guard.Wire, target: guard.Piece) -> MoveResult:
    result = connection.execute(command("UID MOVE", some, target))
    found = copied(result)
    return found if found.done else MoveResult(done=gone(result, expand(some)))


def expunge(connection: Connection, uids: Sequence[int]) -> int:
    """Remove these messages and no other one, though others may be marked \\Deleted by somebody else; how many went."""
    if not connection.has("UIDPLUS"):
        return _expunge_all_but_others(connection, uids)
    count = 0
    for some in _sets(uids):
        deleted = command("UID STORE", some, guard.words("+FLAGS.SILENT"), guard.flags(["\\Deleted"]))
        ours = expand(some)  # Gmail removes them at once, as it is set up, and says so already here
        count += min(
            sum(gone(connection.execute(one), ours) for one in (deleted, command("UID EXPUNGE", some))), len(ours)
        )
    return count


def _expunge_all_but_others(connection: Connection, uids: Sequence[int]) -> int:
    """EXPUNGE takes every message marked \\Deleted: the marks of others are lifted meanwhile and put back.

    Where we are cut off in between, others find their mark gone, and no message is lost.
    """
    ours = set(uids)
    others = [uid for uid in _deleted(connection) if uid not in ours]
    if others:
        set_flags(connection, others, add=(), remove=["\\Deleted"])
    try:
        set_flags(connection, uids, add=["\\Deleted"], remove=())
        if not set(_deleted(connection)) <= ours:
            set_flags(connection, uids, add=(), remove=["\\Deleted"])
            raise errors.ServerRefused("somebody else is removing messages from this mailbox")
        return gone(connection.execute(command("EXPUNGE")), ours)
    finally:
        if others and not connection.broken:
            set_flags(connection, others, add=["\\Deleted"], remove=())


def _deleted(connection: Connection) -> list[int]:
    # What others have done shows after a NOOP; one after the other, because servers put off the NOOP of two together.
    connection.refresh()
    return found_uids(connection.execute(command("UID SEARCH", guard.words("DELETED"))))


def append(
    connection: Connection, mailbox: str, message: bytes, *, flags: Sequence[str], when: datetime | None
) -> tuple[int, int | None]:
    """(UIDVALIDITY, UID) from APPENDUID; (0, None) where the server does not tell."""
    pieces: list[guard.Piece] = [guard.mailbox(mailbox)]
    if flags:
        pieces.append(guard.flags(flags))
    if when is not None:
        pieces.append(guard.date_time(when))
    result = connection.execute(command("APPEND", *pieces, guard.message(message)))
    words = (result.code(b"APPENDUID") or b"").split()
    if len(words) == 2 and all(is_number(word) for word in words):
        return int(words[0]), int(words[1])
    return 0, None


def message_id_of(message: bytes) -> str:
    """The Message-ID header, "" without a plain one."""
    header = re.split(rb"\r?\n\r?\n", message, maxsplit=1)[0]
    found = _MESSAGE_ID.search(header)
    return found[1].decode("ascii", "replace") if found and found[1].isascii() else ""


def find_message_id(connection: Connection, message_id: str, header: str = "Message-ID") -> list[int]:
    pieces = (guard.words("HEADER"), guard.string(header), guard.string(message_id))
    return sorted(found_uids(connection.execute(command("UID SEARCH", *pieces))))
