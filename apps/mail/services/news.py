"""Whether what an open page shows is still true. Pages ask on a timer, and nearly always it is: that answer is cheap.

Three short texts stand for what is shown: ``of_rows`` for a page of a list, ``of_folders`` for the counts of the folder
column, and ``mark`` for everything that could change either. The last takes one command, and is there only where the
server tells all counts in one answer (LIST-STATUS, RFC 5819) and numbers its changes (CONDSTORE, RFC 7162).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from apps.mail.mailbox import names
from apps.mail.mailbox.store import Conversation, Mailbox, MailStore, Page, Summary
from apps.mail.services import folders
from apps.mail.services.listing import Listing


def counts(store: MailStore) -> Sequence[Mailbox]:
    """All mailboxes with their counts, where that is one command; else none. Raises ``MailError``."""
    return store.mailboxes() if store.capabilities >= {"LIST-EXTENDED", "LIST-STATUS"} else ()


def mark(mailboxes: Sequence[Mailbox], mailbox: str) -> str:
    """While this stays the same, so do the counts and every row of ``mailbox``. "" where the server does not tell."""
    name = names.from_wire(names.to_wire(mailbox))
    status = next((each.status for each in mailboxes if each.name == name), None)
    if status is None or not status.highestmodseq:
        return ""
    return f"{of_folders(mailboxes)}.{status.uidvalidity}.{status.uidnext}.{status.messages}.{status.highestmodseq}"


def of_folders(mailboxes: Sequence[Mailbox]) -> str:
    """Of what the folder column draws."""
    drawn = [
        (node.name, node.role, node.selectable, each.subscribed, node.count)
        for each in mailboxes
        for node in (folders.Node(name=each.name, label="", icon="", mailbox=each),)
    ]
    return _short(drawn)


def of_rows(page: Page) -> str:
    """Of what can change about the rows of a page: which ones they are, and how they are marked."""
    rows, together = [_marks(row) for row in page.rows], [_together(some) for some in page.conversations]
    return _short((page.status.uidvalidity, page.offset, page.total, rows, *([together] if together else [])))


def of_list(shown: Listing) -> str:
    """``of_rows``, and of what stands above them."""
    standing = shown.standing
    if standing is None:
        return of_rows(shown.page)
    return _short((of_rows(shown.page), [[_marks(row) for row in some] for some in (standing.back, standing.pinned)]))


def _together(some: Conversation) -> tuple[object, ...]:
    return (some.uids, some.unseen, some.flagged, some.depth)


def _marks(row: Summary) -> tuple[object, ...]:
    return (row.uid, row.seen, row.flagged, row.answered, row.forwarded, sorted(row.keywords))


def until(mark: str) -> int:
    """Until when a mark holds, seconds since 1970; 0 where the time changes nothing."""
    _mark, _sign, moment = mark.partition("~")
    return int(moment) if moment.isascii() and moment.isdigit() and len(moment) < 12 else 0


def with_until(mark: str, moment: int) -> str:
    return f"{mark}~{moment}" if mark and moment else mark


def _short(value: object) -> str:
    return hashlib.blake2b(repr(value).encode(), digest_size=8).hexdigest()
