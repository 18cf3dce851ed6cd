"""An import taken back: exactly the messages that it has stored, and the folders it made if nothing else is in them."""

from __future__ import annotations

import json
import time

from apps.mail.folder_models import Transfer
from apps.mail.mailbox.errors import NoSuchMailbox, ServerRefused, UidValidityChanged
from apps.mail.mailbox.store import MailStore
from apps.mail.services.folder_names import is_below
from apps.mail.services.transfers import imports, running

State = Transfer.State
AT_ONCE = 1000  # messages


def begin(row: Transfer) -> bool:
    """Whether it can be undone."""
    ended = Transfer.objects.filter(pk=row.pk, state__in=Transfer.ENDS, kind=Transfer.Kind.IMPORT)
    return bool(ended.update(state=State.UNDOING))


def proceed(row: Transfer, store: MailStore, *, seconds: float) -> None:
    """A request's share of it; ``row`` is as it was noted last. The same again does no harm."""
    if row.state != State.UNDOING:
        return
    until = time.monotonic() + seconds
    if row.begun:
        _find_the_last(row, store)
    while stored := imports.stored(row):
        folder, uidvalidity, ranges = stored[-1]
        some, rest = last_of(ranges, AT_ONCE)
        try:
            store.expunge(folder, some, uidvalidity=uidvalidity)
        except (NoSuchMailbox, UidValidityChanged):
            rest = ""  # the folder, and all that was in it, has gone
        stored[-1:] = [(folder, uidvalidity, rest)] if rest else []
        row.stored = json.dumps(stored)
        row.save(update_fields=["stored"])
        if time.monotonic() > until:
            return
    _remove_folders(row, store)
    row.state = State.UNDONE
    row.save(update_fields=["state"])


def _find_the_last(row: Transfer, store: MailStore) -> None:
    """What went out last before it broke off: nobody has written down yet where it lies."""
    begun = json.loads(row.begun)
    try:
        there = running.arrived(store, begun)
    except (NoSuchMailbox, UidValidityChanged):
        there = {}
    stored = imports.stored(row)
    known = {uid for name, _validity, ranges in stored if name == begun["folder"] for uid in last_of(ranges, 10_000)[0]}
    new = [uid for uid in there.values() if uid not in known]
    row.stored = json.dumps(running.with_uids(stored, begun["folder"], begun["uidvalidity"], new))
    row.begun = ""
    row.save(update_fields=["stored", "begun"])


def _remove_folders(row: Transfer, store: MailStore) -> None:
    known = store.mailboxes()
    for name in sorted(json.loads(row.made), key=len, reverse=True):
        mailbox = next((each for each in known if each.name == name), None)
        if mailbox is None or mailbox.role or mailbox.status is None or mailbox.status.messages:
            continue
        if any(is_below(other, mailbox) for other in known):
            continue
        try:
            store.delete(name)
        except ServerRefused:
            continue
        known = [each for each in known if each.name != name]


def last_of(ranges: str, count: int) -> tuple[list[int], str]:
    """(the last UIDs, the ranges of those before them)."""
    pieces = ranges.split(",") if ranges else []
    uids: list[int] = []
    while pieces and len(uids) < count:
        first, _colon, last = pieces.pop().partition(":")
        low, high = int(first), int(last or first)
        begin = max(low, high - (count - len(uids)) + 1)
        uids += range(begin, high + 1)
        if begin > low:
            pieces.append(f"{low}:{begin - 1}" if begin - 1 > low else f"{low}")
    return uids, ",".join(pieces)


def remaining(row: Transfer) -> int:
    """Messages still to be removed."""
    total = 0
    for _folder, _validity, ranges in imports.stored(row):
        for piece in ranges.split(","):
            first, _colon, last = piece.partition(":")
            total += int(last or first) - int(first) + 1
    return total
