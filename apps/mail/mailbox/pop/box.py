"""A folder as it is now, in memory: its order, its threads, what matches a search. All from the index, no network."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from apps.mail.mailbox import gathering, threads
from apps.mail.mailbox.cache import LruCache
from apps.mail.mailbox.imap import search, sift, sorting, threaded
from apps.mail.mailbox.imap.memory import Arrangement, Gathering, Threads
from apps.mail.mailbox.pop.shelf import Entry, Folder, Shelf
from apps.mail.mailbox.store import NEWEST_FIRST, THREADS, MailboxStatus, Query, Sort, Summary, Words
from apps.mail.mailbox.threads import Linked

Texts = Callable[[Collection[int]], Mapping[int, str]]
SYSTEM_FLAGS = frozenset({"\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "\\*"})
WINDOW = 500  # messages whose texts are looked at together


@dataclass(slots=True)
class Box:
    """What it computes it keeps: all of it holds for this set of messages, whatever becomes of their flags."""

    folder: Folder
    entries: dict[int, Entry]
    orders: dict[Sort, Arrangement] = field(default_factory=dict)
    former: dict[Sort, array[int]] = field(default_factory=dict)  # the orders of the set before
    threads: Threads | None = None
    gatherings: dict[Sort, Gathering] = field(default_factory=dict)
    former_gatherings: dict[Sort, Gathering] = field(default_factory=dict)

    @property
    def status(self) -> MailboxStatus:
        flags = {flag for each in self.entries.values() for flag in each.flags}
        return MailboxStatus(
            uidvalidity=self.folder.uidvalidity,
            messages=len(self.entries),
            unseen=sum("\\Seen" not in each.flags for each in self.entries.values()),
            uidnext=self.folder.uidnext,
            highestmodseq=self.folder.modseq,
            permanent_flags=SYSTEM_FLAGS,
            keywords=frozenset(flag.lower() for flag in flags if not flag.startswith("\\")),
        )

    def rows(self, uids: Sequence[int]) -> list[Summary]:
        """Of those that are there."""
        return [_row(self.entries[uid]) for uid in uids if uid in self.entries]

    def oldest_first(self, uids: Sequence[int]) -> list[int]:
        there = [self.entries[uid] for uid in uids if uid in self.entries]
        return [each.uid for each in sorted(there, key=_arrival)]

    def flags(self, uids: Sequence[int]) -> dict[int, frozenset[str]]:
        return {uid: self.entries[uid].flags for uid in uids if uid in self.entries}

    # orders

    def order(self, sort: Sort = NEWEST_FIRST) -> Arrangement:
        """All messages in this order; among equals the newest comes first."""
        known = self.orders.get(sort)
        if known is None:
            newest = sorted(self.entries.values(), key=_arrival, reverse=True)
            members = (self.folder.uidvalidity, self.folder.uidnext, len(newest))
            uids = array("I", (each.uid for each in _sorted(newest, sort)))
            known = self.orders[sort] = Arrangement(members, uids, self.former.get(sort, array("I")))
        return known

    def gathered(self, sort: Sort, mode: str) -> Gathering:
        if self.threads is None:
            ordered = [self.entries[uid] for uid in sorted(self.entries)]
            forest = threads.gather([_linked(each) for each in ordered])
            self.threads = Threads((self.folder.uidvalidity, self.folder.uidnext, len(ordered)), forest)
        known = self.gatherings.get(sort)
        if known is None:
            before = self.former_gatherings.get(sort)
            former = (before.flat, before.tree) if before is not None else ((), ())
            known = gathering.gathered(self.threads, self.order(sort).uids, former)
        if mode == THREADS and not known.tree:
            known = gathering.with_tree(known)
        self.gatherings[sort] = known
        return known

    # search

    def matching(self, query: Query, texts: Texts, uids: Sequence[int] | None = None) -> list[int]:
        """Of these, or of all, newest first, as they come."""
        tests = (*(Words("", word) for word in search.words(query.text)), *query.words)
        left = [
            entry
            for uid in (self.order().uids if uids is None else uids)
            if (entry := self.entries.get(uid)) is not None and _fits(entry, query)
        ]
        if not tests:
            return [each.uid for each in left]
        bodies = any(word.field in ("", "body") for word in tests)
        found: list[int] = []
        for start in range(0, len(left), WINDOW):
            some = left[start : start + WINDOW]
            known = texts([each.uid for each in some]) if bodies else {}
            for each in some:
                row = _row(each)
                if all(sift.holds(word, row, known.get(each.uid, "")) != word.negated for word in tests):
                    found.append(each.uid)
        return found


class Memory:
    """What a process remembers of maildrops: folders as they were last, and messages that were fetched."""

    def __init__(self, *, boxes: int = 48 * 2**20, contents: int = 32 * 2**20) -> None:
        self.boxes: LruCache[tuple[str, str], Box] = LruCache(boxes, lambda box: 500 + 2500 * len(box.entries))
        self.contents: LruCache[tuple[str, str], bytes] = LruCache(contents, len)
        self.looked: LruCache[object, Looked] = LruCache(20_000, lambda _: 1)

    def box(self, shelf: Shelf, folder: Folder) -> Box:
        key = shelf.key, folder.name
        before = self.boxes.get(key)
        if before is not None and before.folder.uidvalidity != folder.uidvalidity:
            before = None
        if before is not None and before.folder.modseq == folder.modseq:
            return before
        entries = {each.uid: each for each in shelf.entries(folder)}
        box = Box(folder, entries)
        if before is not None and before.entries.keys() == entries.keys():
            box.orders, box.former, box.threads = before.orders, before.former, before.threads
            box.gatherings, box.former_gatherings = before.gatherings, before.former_gatherings
        elif before is not None:
            box.former = {sort: order.uids for sort, order in before.orders.items()}
            box.former_gatherings = dict(before.gatherings)
        self.boxes.put(key, box)
        return box


@dataclass(frozen=True, slots=True)
class Looked:
    """When a maildrop was looked into last, with one password: what came of it."""

    at: float  # time.monotonic()
    complete: bool = True  # all its messages are indexed
    error: Exception | None = None


def _row(entry: Entry) -> Summary:
    digest = entry.digest
    return Summary(
        uid=entry.uid,
        flags=entry.flags,
        size=digest.size,
        received=digest.received,
        envelope=digest.envelope,
        has_attachment=digest.has_attachment,
        snippet=digest.snippet,
    )


def _arrival(entry: Entry) -> tuple[float, int]:
    return entry.digest.received.timestamp(), entry.uid


def _sorted(newest: Sequence[Entry], sort: Sort) -> list[Entry]:
    if sort.by == "arrival":
        return list(newest) if sort.descending else list(newest)[::-1]
    if sort.by == "size":
        keyed: list[tuple[float | str, Entry]] = [(each.digest.size, each) for each in newest]
    else:
        value = sorting.VALUES[sort.by]
        keyed = [(value(sorting.key_of(each.digest.envelope, each.digest.received)), each) for each in newest]
    return [each for _key, each in sorted(keyed, key=itemgetter(0), reverse=sort.descending)]


def _linked(entry: Entry) -> Linked:
    envelope = entry.digest.envelope
    sent = envelope.date or entry.digest.received
    return threaded.linked_by(entry.uid, envelope.message_id, entry.digest.references, envelope.subject, sent)


def _fits(entry: Entry, query: Query) -> bool:
    """In all but words."""
    digest, row = entry.digest, _row(entry)
    return (
        entry.uid not in query.without
        and not (query.unseen and row.seen)
        and not (query.flagged and not row.flagged)
        and all(row.has(flag) == on for flag, on in query.flags)
        and not (query.listed and not digest.listed)
        and (query.larger is None or digest.size > query.larger)
        and (query.smaller is None or digest.size < query.smaller)
        and (query.since is None or digest.received >= query.since)
        and (query.before is None or digest.received < query.before)
        and (not query.attachment or query.attachment == {digest.has_attachment})
    )
