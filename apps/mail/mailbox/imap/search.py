"""Search in one mailbox: our ``Query`` as SEARCH criteria, and what to do where a server cannot.

What SEARCH cannot say is asked for more widely, and ``sift`` looks at what came back: attachments have no search key,
and dates are compared by the day in the server's zone, not in the reader's.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections.abc import Sequence
from datetime import UTC, date, timedelta

from apps.mail.mailbox.imap import guard, listing, ordering, sift
from apps.mail.mailbox.imap.answers import found_uids
from apps.mail.mailbox.imap.commands import Command, command
from apps.mail.mailbox.imap.connection import Connection
from apps.mail.mailbox.imap.guard import Literal, Piece, Wire
from apps.mail.mailbox.imap.memory import Memory
from apps.mail.mailbox.store import Query, Words

MAX_WORDS = 20
FIELDS = {"": ("FROM", "TO", "CC", "SUBJECT", "BODY"), "with": ("FROM", "TO", "CC", "BCC"), "addressed": ("TO", "CC")}

_OLDEST, _NEWEST = date(1970, 1, 2), date(2037, 12, 31)
_LIST_HEADERS = ("List-Id", "List-Unsubscribe")
_FLAG_KEYS = {"\\Seen": "SEEN", "\\Flagged": "FLAGGED", "\\Answered": "ANSWERED"}
_WORD = re.compile(r'"([^"]+)"?|(\S+)')


def words(text: str) -> list[str]:
    """The words of one search box; what stands in quotes is one word."""
    clean = "".join(" " if unicodedata.category(char) in ("Cc", "Zl", "Zp") else char for char in text)
    found = (match[1] or match[2] for match in _WORD.finditer(clean))
    return [word.strip() for word in found if word.strip(' "')][:MAX_WORDS]


def matching(connection: Connection, memory: Memory, query: Query) -> Sequence[int]:
    """UIDs of the selected mailbox, newest first. Raises ``BadArgument`` for what no server could be asked."""
    selected = connection.selected
    assert selected is not None
    order = ordering.current(connection, memory)
    # Without CONDSTORE nobody can tell whether a flag has changed since.
    lasting = selected.highestmodseq or not (query.unseen or query.flagged or query.flags)
    key = (
        *(connection.account.id, selected.name, query, selected.highestmodseq),
        *(order.uidvalidity, order.uidnext, order.exists),
    )
    known = memory.searches.get(key) if lasting else None
    if known is not None:
        return known
    found = array("I", listing.in_order(order, find(connection, memory, query)))
    if lasting:
        memory.searches.put(key, found)
    return found


def offset_beside(
    connection: Connection,
    memory: Memory,
    uids: Sequence[int],
    *,
    offset: int,
    limit: int,
    after: int | None,
    before: int | None,
) -> int:
    """Where a page of the results begins that follows ``after`` or precedes ``before``, even if that no longer is among
    them: read mail leaves "unread". ``offset`` where that cannot be told."""
    beside = after or before
    if not beside:
        return max(offset, 0)
    if beside in uids:
        at = uids.index(beside)
        return at + 1 if after else max(at - limit, 0)
    order = ordering.current(connection, memory).uids
    if order is None:
        at = sum(uid > beside for uid in uids)
    elif beside in order:
        newer = set(order[order.index(beside) + 1 :])
        at = sum(uid in newer for uid in uids)
    else:
        return max(offset, 0)
    return at if after else max(at - limit, 0)


def find(connection: Connection, memory: Memory, query: Query, within: Wire | None = None) -> list[int]:
    """Which messages of the selected mailbox match, of the UIDs ``within`` or of all; in no order."""
    tests = (*(Words("", word) for word in words(query.text)), *query.words)
    result = connection.attempt(_command(connection, query, tests, within))
    here: Sequence[Words] = ()
    if not result.completion.ok:
        here = [test for test in tests if not _is_ascii(test)]
        if not here:
            raise result.completion.error()
        # BADCHARSET and its silent relatives: the server answers for the rest, and these words are looked for here.
        plain = [test for test in tests if _is_ascii(test)]
        result = connection.execute(_command(connection, query, plain, within))
    found = [uid for uid in found_uids(result) if uid not in query.without]
    return sift.sifted(connection, memory, query, here, found)


def _is_ascii(test: Words) -> bool:
    return all(text.isascii() for text in test.texts)


def _command(connection: Connection, query: Query, tests: Sequence[Words], within: Wire | None) -> Command:
    pieces = [*([guard.words("UID"), within] if within else []), *criteria(query, tests)] or [guard.words("ALL")]
    start: list[Piece] = []
    if connection.has("ESEARCH"):
        start.append(guard.words("RETURN (ALL)"))
    if any(isinstance(piece, Literal) for piece in pieces):
        start.append(guard.words("CHARSET UTF-8"))
    return command("UID SEARCH", *start, *pieces)


def criteria(query: Query, tests: Sequence[Words]) -> list[Piece]:
    """AND over everything; for a word without a field, OR over the fields."""
    pieces: list[Piece] = []
    flags = [
        *query.flags,
        *([("\\Seen", False)] if query.unseen else ()),
        *([("\\Flagged", True)] if query.flagged else ()),
    ]
    for flag, on in flags:
        if key := _FLAG_KEYS.get(flag):
            pieces.append(guard.words(f"{'' if on else 'UN'}{key}"))
        else:
            pieces += [guard.words("KEYWORD" if on else "UNKEYWORD"), guard.keyword(flag)]
    if query.listed:  # a header that has the empty text in it is there (RFC 9051 section 6.4.4)
        headers = [[guard.words("HEADER"), guard.string(name), guard.string("")] for name in _LIST_HEADERS]
        pieces += [guard.words("OR"), *(piece for header in headers for piece in header)]
    if query.larger is not None:
        pieces += [guard.words("LARGER"), guard.number(query.larger)]
    if query.smaller is not None:
        pieces += [guard.words("SMALLER"), guard.number(query.smaller)]
    return [*pieces, *_days(query), *(piece for test in tests for piece in _one_test(test))]


def _days(query: Query) -> list[Piece]:
    """Wider than what is meant: the server's day of a moment is that of Greenwich, or one beside it. Years that not
    every server can count are left to ``sift``."""
    pieces: list[Piece] = []
    if query.since is not None:
        day = query.since.astimezone(UTC).date() - timedelta(days=1)
        pieces += [guard.words("SINCE"), guard.date(min(max(day, _OLDEST), _NEWEST))]
    if query.before is not None:
        day = query.before.astimezone(UTC).date() + timedelta(days=2)
        pieces += [guard.words("BEFORE"), guard.date(max(day, _OLDEST))] if day < _NEWEST else []
    return pieces


def _one_test(test: Words) -> list[Piece]:
    """``FROM w``, or ``OR FROM w OR TO w OR CC w OR SUBJECT w BODY w``; with NOT before either."""
    pieces: list[Piece] = [guard.words("NOT")] if test.negated else []
    fields = FIELDS.get(test.field, (test.field.upper(),))
    ways = [(field, text) for text in test.texts for field in fields]
    for at, (field, text) in enumerate(ways, 1):
        if at < len(ways):
            pieces.append(guard.words("OR"))
        pieces += [guard.words(field), guard.string(text)]
    return pieces
