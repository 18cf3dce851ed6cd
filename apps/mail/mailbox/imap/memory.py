"""What one process remembers of IMAP mailboxes: rows of lists, orders, results of searches."""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from apps.mail.mailbox.cache import LruCache
from apps.mail.mailbox.sharing import Namespaces
from apps.mail.mailbox.store import Quota, Summary
from apps.mail.mailbox.threads import Forest, Linked

_turns = itertools.count(1)

#: (account, mailbox, UIDVALIDITY, UID)
RowKey = tuple[Hashable, str, int, int]


@dataclass(frozen=True, slots=True)
class Order:
    """All messages of a mailbox by date of arrival (INTERNALDATE), those of one second by UID.

    ``uidvalidity``, ``uidnext`` and ``exists`` together name the set of messages exactly: UIDs only grow, so that
    with ``uidnext`` the same, messages can only have gone, and then ``exists`` is smaller.
    """

    uidvalidity: int
    uidnext: int
    exists: int
    newest: int  # the UID of the newest message, 0 in an empty mailbox
    uids: array[int] | None  # oldest first; None where that is the order of the UIDs themselves
    modseq: int = 0  # what went before this had gone already (HIGHESTMODSEQ); 0 where the server keeps none


@dataclass(frozen=True, slots=True)
class Arrangement:
    """All messages of a mailbox in an order of somebody's choice, from the top of the list down.

    It holds for the set of messages that ``members`` names (see ``Order``): what it is sorted by never changes.
    ``former`` is what it was before: there a page finds where a message was that has gone.
    """

    members: tuple[int, int, int]  # (UIDVALIDITY, UIDNEXT, EXISTS)
    uids: array[int]
    former: array[int]
    modseq: int = 0  # see ``Order``


@dataclass(frozen=True, slots=True)
class SortKey:
    """What is compared where a server cannot sort."""

    date: float
    from_: str
    to: str
    subject: str


@dataclass(frozen=True, slots=True)
class Threads:
    """The threads of a mailbox. ``members`` as in ``Arrangement``; ``looked_at``: of how many messages they were made;
    0 for all."""

    members: tuple[int, int, int]
    forest: Forest
    modseq: int = 0
    looked_at: int = 0
    complete: bool = True  # False while there is more to be looked at


@dataclass(frozen=True, slots=True)
class Gathering:
    """A list that has a row for each thread, or one for each message in the order of the threads, of these ``threads``
    and this order of messages (``flat``, from the top of the list down)."""

    threads: Threads
    flat: Sequence[int]
    leads: array[int]  # where in ``flat`` the first message of each thread stands, from the top down
    numbers: array[int]  # the thread of each, as ``Forest`` counts them
    tree: array[int]  # all messages as a threaded list shows them; empty until somebody wants it
    depths: bytes
    former: Sequence[int] = ()  # ``flat`` and ``tree`` as they were before: see ``Arrangement``
    former_tree: Sequence[int] = ()


class Memory:
    """Shared by all leases of a process; bounded by octets.

    ``rows`` holds what never changes of a message (RFC 9051 section 2.3.1.1); ``odd`` says whose structure the server
    could not give, so that its parts are read from the message itself; ``attached`` says who carries a file of those
    that a search has looked at and no list has shown.
    """

    def __init__(self, *, rows: int = 24 * 2**20, orders: int = 16 * 2**20, searches: int = 4 * 2**20) -> None:
        self.rows: LruCache[RowKey, Summary] = LruCache(rows, _row_size)  # their flags are empty
        self.odd: LruCache[RowKey, bool] = LruCache(20_000, lambda _: 1)
        self.attached: LruCache[RowKey, bool] = LruCache(200_000, lambda _: 1)
        self.orders: LruCache[Hashable, Order] = LruCache(orders, _order_size)
        self.searches: LruCache[Hashable, array[int]] = LruCache(searches, lambda uids: 200 + 4 * len(uids))
        self.quotas: LruCache[Hashable, tuple[float, tuple[Quota, ...]]] = LruCache(5_000, lambda _: 1)
        self.namespaces: LruCache[Hashable, Namespaces] = LruCache(20_000, lambda _: 1)
        self.turns: LruCache[Hashable, int] = LruCache(20_000, lambda _: 1)
        self.arrangements: LruCache[Hashable, Arrangement] = LruCache(
            orders, lambda known: 300 + 4 * (len(known.uids) + len(known.former))
        )
        self.sort_keys: LruCache[Hashable, dict[int, SortKey]] = LruCache(orders, lambda known: 300 + 500 * len(known))
        self.threads: LruCache[Hashable, Threads] = LruCache(orders, lambda known: 300 + 9 * len(known.forest.uids))
        self.beyond: LruCache[Hashable, bool] = LruCache(20_000, lambda _: 1)  # mailboxes over which THREAD fell
        self.gatherings: LruCache[Hashable, Gathering] = LruCache(2 * orders, _gathering_size)
        self.linked: LruCache[Hashable, dict[int, Linked]] = LruCache(orders, lambda known: 300 + 900 * len(known))

    def turn(self, account: Hashable) -> None:
        """A mailbox of this account was renamed or deleted: from now on its name may mean another one."""
        self.turns.put(account, next(_turns))

    def clear(self) -> None:
        self.rows.clear()
        self.odd.clear()
        self.attached.clear()
        self.orders.clear()
        self.searches.clear()
        self.quotas.clear()
        self.namespaces.clear()
        self.arrangements.clear()
        self.sort_keys.clear()
        self.threads.clear()
        self.gatherings.clear()
        self.beyond.clear()
        self.linked.clear()


def place(uids: Sequence[int], uid: int) -> int | None:
    """``uids.index(uid)``, or None; in an array without making numbers of 100,000 UIDs."""
    if not isinstance(uids, array):
        return uids.index(uid) if uid in uids else None
    octets, wanted = uids.tobytes(), array(uids.typecode, [uid]).tobytes()
    at = octets.find(wanted)
    while at >= 0 and at % uids.itemsize:  # the end of one and the beginning of the next
        at = octets.find(wanted, at + 1)
    return None if at < 0 else at // uids.itemsize


def _row_size(row: Summary) -> int:
    """Roughly; what counts is that a long header counts."""
    envelope = row.envelope
    people = (*envelope.from_, *envelope.sender, *envelope.reply_to, *envelope.to, *envelope.cc, *envelope.bcc)
    text = len(envelope.subject) + len(envelope.message_id) + len(envelope.in_reply_to) + len(row.snippet)
    return 1500 + 2 * text + sum(160 + len(person.name) + len(person.email) for person in people)


def _order_size(order: Order) -> int:
    return 300 + (4 * len(order.uids) if order.uids is not None else 0)


def _gathering_size(known: Gathering) -> int:
    return 500 + 9 * len(known.threads.forest.uids) + 8 * len(known.flat) + 8 * len(known.leads) + 9 * len(known.tree)
