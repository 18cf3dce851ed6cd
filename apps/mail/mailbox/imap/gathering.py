"""The lists of conversations of the selected mailbox (see ``apps.mail.mailbox.gathering``)."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence

from apps.mail.mailbox.gathering import MOST_LOOKED, gathered, with_tree
from apps.mail.mailbox.imap import fetch, guard, listing, ordering, sorting, threaded
from apps.mail.mailbox.imap.commands import Command, command
from apps.mail.mailbox.imap.connection import Connection
from apps.mail.mailbox.imap.memory import Gathering, Memory, Threads
from apps.mail.mailbox.store import THREADS, Sort, Summary


class Look:
    """Asks the server."""

    def __init__(self, connection: Connection, memory: Memory) -> None:
        self._connection, self._memory = connection, memory

    def rows(self, uids: Sequence[int]) -> Sequence[Summary]:
        return listing.rows(self._connection, self._memory, uids)

    def oldest_first(self, uids: Sequence[int]) -> Sequence[int]:
        return listing.in_order(ordering.current(self._connection, self._memory), uids)[::-1]

    def flags(self, uids: Sequence[int]) -> Mapping[int, frozenset[str]]:
        found: dict[int, frozenset[str]] = {}
        for some in guard.uid_sets(uids):
            result = self._connection.execute(command("UID FETCH", some, fetch.UID_FLAGS))
            found |= {uid: row.flags for uid, row in fetch.by_uid(result, uids).items() if row.flags is not None}
        return found


def current(connection: Connection, memory: Memory, sort: Sort, mode: str) -> Gathering:
    """Raises ``CannotThread`` and ``CannotSort``."""
    selected = connection.selected
    assert selected is not None
    key = (connection.account.id, selected.name, sort)
    threads = threaded.current(connection, memory)
    known = memory.gatherings.get(key)
    if known is None or known.threads is not threads:
        same = known is not None and known.threads.members[0] == threads.members[0]
        former = (known.flat, known.tree) if known is not None and same else ((), ())
        known = gathered(threads, _flat(connection, memory, threads, sort), former)
    if mode == THREADS and not known.tree:
        known = with_tree(known)
    memory.gatherings.put(key, known)
    return known


def _flat(connection: Connection, memory: Memory, threads: Threads, sort: Sort) -> Sequence[int]:
    if not sort.is_usual:
        return sorting.current(connection, memory, sort).uids
    order = ordering.current(connection, memory)
    if order.uids is not None:
        return order.uids[::-1]
    return array("I", sorted(threads.forest.uids, reverse=True))


# what is asked first


def likely(connection: Connection, memory: Memory, sort: Sort, mode: str, *, offset: int, limit: int) -> Command | None:
    """What a page asks first in the mailbox that is open, unless there is news; None where that cannot be told."""
    selected = connection.selected
    known = memory.gatherings.get((connection.account.id, selected.name, sort)) if selected is not None else None
    if selected is None or known is None or known.threads.members[0] != selected.uidvalidity:
        return None
    start = max(offset, 0)
    if mode == THREADS:
        uids = list(known.tree[start : start + limit])
    else:
        end = min(start + limit, len(known.leads))
        groups = [known.threads.forest.members(known.numbers[at]) for at in range(start, end)]
        if any(len(group) > MOST_LOOKED for group in groups):
            return None
        uids = [uid for group in groups for uid in group]
    there = [uid for uid in uids if memory.rows.get(listing.row_key(connection, uid)) is not None]
    return command("UID FETCH", guard.uid_sets(there)[0], fetch.UID_FLAGS) if there else None
