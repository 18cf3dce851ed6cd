"""What is new in a maildrop: one session brings the index up to it.

New messages are known at once and fetched from the newest on, as many as there is time for; the next look goes on. Of
a large one only the beginning is fetched: the rest comes when it is opened.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from apps.mail.mailbox.pop.connection import PIPELINE, Listed
from apps.mail.mailbox.pop.digesting import digest
from apps.mail.mailbox.pop.door import Door
from apps.mail.mailbox.pop.shelf import Known, Shelf

SECONDS = 2.0  # that one look may spend on messages
WHOLE = 64 * 1024  # octets of a message that is fetched whole
LINES = 200  # of the body of a larger one


def check(door: Door, shelf: Shelf, *, seconds: float = SECONDS) -> bool:
    """Whether all messages are indexed now. Raises ``MailError``."""
    told = door.listing()
    known = shelf.known()
    there = {each.uidl for each in told}
    new = [(each.uidl, each.size) for each in told if each.uidl not in known]
    gone = [each.uid for uidl, each in known.items() if uidl not in there]
    if new or gone:
        shelf.heard_of(new, gone)
        known = shelf.known()
    complete = _index(door, shelf, told, known, until=time.monotonic() + seconds)
    _finish_deleting(door, shelf, known)
    return complete


def _index(door: Door, shelf: Shelf, told: Sequence[Listed], known: Mapping[str, Known], *, until: float) -> bool:
    missing = [each for each in reversed(told) if each.uidl in known and _is_wanted(known[each.uidl])]
    for start in range(0, len(missing), PIPELINE):
        some = {each.number: each for each in missing[start : start + PIPELINE]}
        wanted = [(each.number, None if each.size <= WHOLE else LINES) for each in some.values()]
        found = {}
        for number, octets in door.fetched(wanted):
            if octets is not None:
                each = some[number]
                found[known[each.uidl].uid] = digest(octets, size=each.size)
        shelf.index(found)
        if time.monotonic() > until:
            return start + PIPELINE >= len(missing)
    return True


def _is_wanted(each: Known) -> bool:
    return not each.indexed and not each.leaving


def _finish_deleting(door: Door, shelf: Shelf, known: Mapping[str, Known]) -> None:
    """What was to be deleted when a connection broke off."""
    left = {uidl: each.uid for uidl, each in known.items() if each.leaving}
    if left:
        door.delete(list(left))
        shelf.heard_of([], list(left.values()))
