"""The order of a list: newest first by the date of arrival (INTERNALDATE), on every page of it.

Where a mailbox was filled by delivery alone, that is the order of the UIDs, and a page is a window of sequence numbers,
however large the mailbox is. After an import or a move it is not. A single window cannot tell: the newest messages may
lie anywhere below it, and each of its dates may fall steadily all the same. So the rule is about the whole mailbox:

* Seen for the first time by this process, the whole order is asked for once: ``SORT (ARRIVAL)``, which Dovecot answers
  with one range where the order is steady, or the INTERNALDATE of every message where the server cannot sort.
* From then on only what has changed is looked at. Mail that is not older than the newest known keeps the order; what
  has gone changes no order that was steady. In one that was not, see ``deltas``. Anything else asks for all of it.
"""

from __future__ import annotations

from array import array
from dataclasses import replace
from datetime import datetime

from apps.mail.mailbox.imap import deltas, fetch, guard
from apps.mail.mailbox.imap.answers import found_uids
from apps.mail.mailbox.imap.commands import command
from apps.mail.mailbox.imap.connection import Connection
from apps.mail.mailbox.imap.memory import Memory, Order
from apps.mail.mailbox.imap.selected import Selected

MOST_DATED = 200_000  # messages whose dates are read where the server cannot sort
_ATTEMPTS = 4


def current(connection: Connection, memory: Memory) -> Order:
    """The order of the selected mailbox as the server last described it."""
    selected = connection.selected
    assert selected is not None
    key = (connection.account.id, selected.name)
    known = memory.orders.get(key)
    if known is not None and known.uidvalidity == selected.uidvalidity:
        if _same(known, selected):
            if selected.highestmodseq > known.modseq:
                known = replace(known, modseq=selected.highestmodseq)
                memory.orders.put(key, known)
            return known
        order = _extended(connection, selected, known) or _corrected(connection, selected, known)
    else:
        order = None
    for _ in range(_ATTEMPTS):
        if order is not None and order.exists == selected.exists:
            break
        order = _whole(connection, selected)
    assert order is not None
    memory.orders.put(key, order)
    return order


def newest_first(connection: Connection, memory: Memory) -> list[int]:
    """All UIDs of the selected mailbox in the list's usual order."""
    order = current(connection, memory)
    if order.uids is not None:
        return order.uids.tolist()[::-1]
    returning = [guard.words("RETURN (ALL)")] if connection.has("ESEARCH") else []
    return sorted(found_uids(connection.execute(command("UID SEARCH", *returning, guard.words("ALL")))), reverse=True)


def _same(known: Order, selected: Selected) -> bool:
    if known.exists != selected.exists:
        return False
    return selected.uidnext_known and known.uidnext == selected.uidnext


def _extended(connection: Connection, selected: Selected, known: Order) -> Order | None:
    """What was known and what has come since; None where that does not settle it."""
    if not known.newest:
        return None
    # "n:*" always tells the last message, even one below n (RFC 9051 section 9, seq-range).
    above = guard.span(min(known.uidnext or 1, guard.MAX_UID), None)
    wanted = guard.Wire(guard.uid_set([known.newest]) + b"," + above)
    result = connection.execute(command("UID FETCH", wanted, fetch.UID_DATE))
    rows = {row.uid: row for row in fetch.rows(result) if row.uid and row.received}
    fresh = sorted(uid for uid in rows if uid >= known.uidnext)
    selected.uidnext = max([known.uidnext, selected.uidnext, *(uid + 1 for uid in fresh)])
    selected.uidnext_known = True
    gone = known.exists + len(fresh) - selected.exists
    if gone < 0 or (gone and known.uids is not None):
        return None
    newest = rows.get(known.newest)
    if newest is None and fresh:
        before = rows[fresh[0]].number - 1
        newest = _by_number(connection, before) if before else fetch.Fetched(0, received=fetch.EPOCH)
    last = newest.received if newest is not None else None
    for uid in fresh:
        received = rows[uid].received
        if received is None or last is None or received < last:
            return None
        last = received
    uids = None
    if known.uids is not None:
        uids = array("I", known.uids)
        uids.extend(fresh)
    top = fresh[-1] if fresh else known.newest if newest is not None else max(rows, default=0)
    return Order(selected.uidvalidity, selected.uidnext, selected.exists, top, uids, selected.highestmodseq)


def _corrected(connection: Connection, selected: Selected, known: Order) -> Order | None:
    """What has come lies anywhere among what was known, or that has gone in part."""
    if not known.uids or not connection.has("SORT"):
        return None
    modseq = selected.highestmodseq
    uids = deltas.corrected(
        connection,
        known.uids,
        uidnext=known.uidnext,
        modseq=known.modseq,
        keys=deltas.ARRIVAL,
        exists=selected.exists,
    )
    if not uids:
        return None
    selected.uidnext, selected.uidnext_known = max(selected.uidnext, max(uids) + 1), True
    return Order(selected.uidvalidity, selected.uidnext, len(uids), uids[-1], uids, modseq)


def _by_number(connection: Connection, number: int) -> fetch.Fetched | None:
    result = connection.execute(command("FETCH", guard.number(number), fetch.UID_DATE))
    return next((row for row in fetch.rows(result) if row.number == number), None)


def _whole(connection: Connection, selected: Selected) -> Order:
    if not selected.exists:
        return Order(selected.uidvalidity, selected.uidnext, 0, 0, None, selected.highestmodseq)
    modseq = selected.highestmodseq
    uids = deltas.sort(connection, "ARRIVAL") if connection.has("SORT") else None
    if uids is None:
        uids = _sorted_here(connection, selected.exists)
    highest = max(uids, default=0)
    if not selected.uidnext_known:
        selected.uidnext, selected.uidnext_known = max(highest + 1, selected.uidnext), True
    steady = all(uids[index] < uids[index + 1] for index in range(len(uids) - 1))
    packed = None if steady else array("I", uids)
    return Order(selected.uidvalidity, selected.uidnext, len(uids), uids[-1] if uids else 0, packed, modseq)


def _sorted_here(connection: Connection, exists: int) -> list[int]:
    """By date; beyond ``MOST_DATED`` messages nobody would wait for that, and they come by UID."""
    if exists > MOST_DATED:
        return sorted(found_uids(connection.execute(command("UID SEARCH", guard.words("ALL")))))
    dates: dict[int, datetime] = {}
    for some in fetch.spans(exists):
        result = connection.execute(command("FETCH", some, fetch.UID_DATE))
        dates |= {row.uid: row.received or fetch.EPOCH for row in fetch.rows(result) if row.uid}
    return sorted(dates, key=lambda uid: (dates[uid], uid))
