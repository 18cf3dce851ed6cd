"""Where a moment lies among the messages of the selected mailbox, and whom the newest are from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from apps.mail.mailbox.imap import fetch, guard, listing, ordering
from apps.mail.mailbox.imap.commands import command
from apps.mail.mailbox.imap.connection import Connection
from apps.mail.mailbox.imap.memory import Memory, Order

PARTS = 20  # in which what is left is divided at each step: 100,000 messages take four


def newer_than(connection: Connection, memory: Memory, moment: datetime) -> int:
    """How many messages have an INTERNALDATE of ``moment`` or later."""
    order = ordering.current(connection, memory)
    low, high = 0, order.exists  # the oldest ``low`` are older; those from ``high`` on are not
    while low < high:
        step = -(-(high - low) // PARTS)
        marks = range(low, high, step)
        dates = _dates(connection, order, marks)
        older = [at for at in marks if (date := dates.get(at)) is not None and date < moment]
        newer = [at for at in marks if (date := dates.get(at)) is not None and date >= moment]
        if not older and not newer:  # they have just gone
            break
        low, high = max(low, max(older, default=low - 1) + 1), min([high, *newer])
    return order.exists - min(low, order.exists)


def _dates(connection: Connection, order: Order, places: Sequence[int]) -> dict[int, datetime]:
    """By place, counted from the oldest, 0."""
    if order.uids is None:
        numbers = guard.uid_set(at + 1 for at in places)
        found = fetch.rows(connection.execute(command("FETCH", numbers, fetch.UID_DATE)))
        return {row.number - 1: row.received for row in found if row.received}
    uids = {order.uids[at]: at for at in places}
    result = connection.execute(command("UID FETCH", guard.uid_set(uids), fetch.UID_DATE))
    return {uids[uid]: row.received for uid, row in fetch.by_uid(result, uids).items() if row.received}


def senders(connection: Connection, memory: Memory, limit: int) -> list[str]:
    """The addresses in From of the newest messages, in lower case, the most frequent first."""
    order = ordering.current(connection, memory)
    low = max(order.exists - limit, 0)
    if order.exists == low:
        return []
    counted: Counter[str] = Counter()
    if order.uids is None:
        found = fetch.rows(connection.execute(command("FETCH", guard.span(low + 1, order.exists), fetch.UID_ENVELOPE)))
        envelopes = [row.envelope for row in found]
    else:
        unknown = []
        envelopes = []
        for uid in order.uids[low:]:
            known = memory.rows.get(listing.row_key(connection, uid))
            envelopes.append(known.envelope if known else None)
            if known is None:
                unknown.append(uid)
        for some in guard.uid_sets(unknown):
            result = connection.execute(command("UID FETCH", some, fetch.UID_ENVELOPE))
            envelopes += [row.envelope for row in fetch.by_uid(result, unknown).values()]
    for envelope in envelopes:
        counted.update({person.email.lower() for person in (envelope.from_ if envelope else ()) if person.email})
    return [email for email, _count in counted.most_common()]
