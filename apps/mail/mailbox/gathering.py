"""Lists of conversations, and lists as trees: the threads of a mailbox put in the order of its flat list.

A conversation stands where the first of its messages would stand in the flat list; in the usual order that is its
newest one. So a page is found again by a message as in any other list, even when that message's conversation has moved
up. Pure: what there is to know of messages, a ``Look`` tells.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from apps.mail.mailbox.imap.memory import Gathering, Threads, place
from apps.mail.mailbox.store import CONVERSATIONS, THREADS, Conversation, Summary

MOST_LOOKED = 20  # of one conversation, the newest: who wrote, who sent files
Rows = list[tuple[Summary, Conversation]]


class Look(Protocol):
    def rows(self, uids: Sequence[int]) -> Sequence[Summary]:
        """Those that are there."""
        ...

    def oldest_first(self, uids: Sequence[int]) -> Sequence[int]: ...
    def flags(self, uids: Sequence[int]) -> Mapping[int, frozenset[str]]: ...


def gathered(threads: Threads, flat: Sequence[int], former: tuple[Sequence[int], Sequence[int]]) -> Gathering:
    thread_of = threads.forest.by_uid()
    leads, numbers, seen = array("I"), array("I"), bytearray(len(threads.forest))
    for at, uid in enumerate(flat):
        thread = thread_of.get(uid)
        if thread is not None and not seen[thread]:
            seen[thread] = 1
            leads.append(at)
            numbers.append(thread)
    return Gathering(threads, flat, leads, numbers, array("I"), b"", *former)


def with_tree(known: Gathering) -> Gathering:
    forest, tree, depths = known.threads.forest, array("I"), bytearray()
    for thread in known.numbers:
        begin, end = forest.span(thread)
        tree.extend(forest.uids[begin:end])
        depths += forest.depths[begin:end]
    return replace(known, tree=tree, depths=bytes(depths))


# a page of conversations


def conversations(
    look: Look,
    known: Gathering,
    found: Sequence[int] | None,
    *,
    offset: int,
    limit: int,
    after: int | None,
    before: int | None,
) -> tuple[list[tuple[Summary, Conversation]], int, int]:
    """(rows, offset, how many conversations there are): of all messages, or of those ``found`` alone."""
    forest = known.threads.forest
    leads: Sequence[int] = known.leads
    everyone: Sequence[Sequence[int]] = ()
    if found is not None:
        leads, everyone = _among(known, found)
    start = _offset(known, leads, offset=offset, limit=limit, after=after, before=before)
    end = min(start + max(limit, 0), len(leads))
    groups = everyone[start:end] if found is not None else [forest.members(n) for n in known.numbers[start:end]]
    shown = [known.flat[at] for at in leads[start:end]]
    return together(look, shown, groups), start, len(leads)


def _among(known: Gathering, found: Sequence[int]) -> tuple[list[int], list[list[int]]]:
    """Where the first of those found stands of each thread, and all of its found messages."""
    thread_of, wanted = known.threads.forest.by_uid(), set(found)
    groups: dict[int, list[int]] = {}
    leads: list[int] = []
    for at, uid in enumerate(known.flat):
        if uid in wanted and (thread := thread_of.get(uid)) is not None:
            if thread not in groups:
                leads.append(at)
            groups.setdefault(thread, []).append(uid)
    return leads, list(groups.values())


def _offset(
    known: Gathering, leads: Sequence[int], *, offset: int, limit: int, after: int | None, before: int | None
) -> int:
    beside = after or before
    at, there = _place(known.flat, known.former, beside) if beside else (None, False)
    if at is None:
        return max(offset, 0)
    if after:
        return bisect_right(leads, at) if there else bisect_left(leads, at)
    return max(bisect_left(leads, at) - limit, 0)


def _place(uids: Sequence[int], former: Sequence[int], uid: int) -> tuple[int | None, bool]:
    """(where the message stands, True), or (where the one stands that followed it when it was there, False); None where
    nobody knows."""
    at = place(uids, uid)
    if at is not None or (was := place(former, uid)) is None:
        return at, at is not None
    places = {known: index for index, known in enumerate(uids)}
    return next((places[known] for known in former[was:] if known in places), len(uids)), False


def together(look: Look, shown: Sequence[int], groups: Sequence[Sequence[int]]) -> list[tuple[Summary, Conversation]]:
    """A row for each of the messages ``shown``, which stands for its group. What has gone is left out, and a group
    whose first message has gone is led by its newest one."""
    everyone = [uid for group in groups for uid in group]
    ordered = look.oldest_first(everyone)
    rank = {uid: number for number, uid in enumerate(ordered)}
    sorted_groups = [sorted((uid for uid in group if uid in rank), key=rank.__getitem__) for group in groups]
    looked = _looked(sorted_groups, shown)
    rows = {row.uid: row for row in look.rows(looked)}
    flags = look.flags([uid for uid in everyone if uid not in rows and uid in rank and uid not in set(looked)])
    found = []
    for lead, group in zip(shown, sorted_groups, strict=True):
        there = [uid for uid in group if uid in rows or uid in flags]
        known = [rows[uid] for uid in there if uid in rows]
        if known:
            first = rows.get(lead, known[-1])
            told = [*(row.flags for row in known), *(flags[uid] for uid in there if uid in flags)]
            found.append((first, Conversation.of(there, known, told)))
    return found


def _looked(groups: Iterable[Sequence[int]], shown: Iterable[int]) -> list[int]:
    return list(dict.fromkeys([*(uid for group in groups for uid in group[-MOST_LOOKED:]), *shown]))


# a page of a tree


def branches(
    look: Look,
    known: Gathering,
    found: Sequence[int] | None,
    *,
    offset: int,
    limit: int,
    after: int | None,
    before: int | None,
) -> tuple[list[tuple[Summary, Conversation]], int, int]:
    """(rows, offset, how many messages there are), each with how deep it stands."""
    if found is None:
        uids: Sequence[int] = known.tree
        depths: Sequence[int] = known.depths
    else:
        wanted = set(found)
        pairs = [(uid, depth) for uid, depth in zip(known.tree, known.depths, strict=True) if uid in wanted]
        uids, depths = [uid for uid, _depth in pairs], [depth for _uid, depth in pairs]
    beside = after or before
    at, there = _place(uids, known.former_tree, beside) if beside else (None, False)
    start = max(offset, 0) if at is None else at + there if after else max(at - limit, 0)
    end = min(start + max(limit, 0), len(uids))
    deep = dict(zip(uids[start:end], depths[start:end], strict=True))
    rows = look.rows(list(deep))
    return (
        [(row, Conversation.of([row.uid], [row], [row.flags], depth=deep[row.uid])) for row in rows],
        start,
        len(uids),
    )


def around(
    look: Look, known: Gathering, mode: str, uid: int
) -> tuple[tuple[Summary, Conversation] | None, tuple[Summary, Conversation] | None]:
    """The rows above and below that of this message."""
    if mode == THREADS:
        at, last = place(known.tree, uid), len(known.tree) - 1
    else:
        inside = place(known.threads.forest.uids, uid)
        number = None if inside is None else known.threads.forest.at(inside)
        at, last = None if number is None else place(known.numbers, number), len(known.numbers) - 1
    found: list[tuple[Summary, Conversation] | None] = []
    for beside in () if at is None else (at - 1, at + 1):
        limit = 1 if 0 <= beside <= last else 0
        show = PAGES[mode]
        rows, _start, _total = show(look, known, None, offset=beside, limit=limit, after=None, before=None)
        found.append(rows[0] if rows else None)
    return (found[0], found[1]) if found else (None, None)


PAGES = {CONVERSATIONS: conversations, THREADS: branches}
