"""Search in one mailbox: our ``Query`` as SEARCH criteria, and what to do where a server cannot."""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections.abc import Sequence

from apps.mail.mailbox.imap import guard, listing, ordering
from apps.mail.mailbox.imap.answers import found_uids
from apps.mail.mailbox.imap.commands import Command, command
from apps.mail.mailbox.imap.connection import Connection
from apps.mail.mailbox.imap.guard import Literal, Piece
from apps.mail.mailbox.imap.memory import Memory
from apps.mail.mailbox.store import Query

MAX_WORDS = 20
FIELDS = ("FROM", "TO", "CC", "SUBJECT", "BODY")

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
    lasting = selected.highestmodseq or not (query.unseen or query.flagged)
    key = (
        *(connection.account.id, selected.name, query, selected.highestmodseq),
        *(order.uidvalidity, order.uidnext, order.exists),
    )
    known = memory.searches.get(key) if lasting else None
    if known is not None:
        return known
    found = array("I", listing.in_order(order, _search(connection, memory, query)))
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


def _search(connection: Connection, memory: Memory, query: Query) -> list[int]:
    pieces = criteria(query)
    charset = any(isinstance(piece, Literal) for piece in pieces)
    result = connection.attempt(_command(connection, pieces, charset=charset))
    if result.completion.ok:
        return found_uids(result)
    if not charset:
        raise result.completion.error()
    # BADCHARSET and its silent relatives: the answer is made of what the server can search, read here.
    return _search_here(connection, memory, query)


def _command(connection: Connection, pieces: Sequence[Piece], *, charset: bool) -> Command:
    start: list[Piece] = []
    if connection.has("ESEARCH"):
        start.append(guard.words("RETURN (ALL)"))
    if charset:
        start.append(guard.words("CHARSET UTF-8"))
    return command("UID SEARCH", *start, *pieces)


def criteria(query: Query) -> list[Piece]:
    """AND over the words, OR over the fields of each."""
    pieces: list[Piece] = []
    if query.unseen:
        pieces.append(guard.words("UNSEEN"))
    if query.flagged:
        pieces.append(guard.words("FLAGGED"))
    for word in words(query.text):
        pieces += _any_field(word)
    return pieces or [guard.words("ALL")]


def _any_field(word: str) -> list[Piece]:
    """``OR FROM w OR TO w OR CC w OR SUBJECT w BODY w``"""
    pieces: list[Piece] = []
    for field in FIELDS:
        if field != FIELDS[-1]:
            pieces.append(guard.words("OR"))
        pieces += [guard.words(field), guard.string(word)]
    return pieces


def _search_here(connection: Connection, memory: Memory, query: Query) -> list[int]:
    """Without the server's help for the words beyond ASCII: the rows of the list are compared, not the bodies."""
    plain = [word for word in words(query.text) if word.isascii()]
    quoted = " ".join(f'"{word}"' for word in plain)
    narrowed = Query(text=quoted, unseen=query.unseen, flagged=query.flagged)
    result = connection.execute(_command(connection, criteria(narrowed), charset=False))
    wanted = [_folded(word) for word in words(query.text) if not word.isascii()]
    found: list[int] = []
    for row in listing.rows(connection, memory, found_uids(result)):
        people = (*row.envelope.from_, *row.envelope.to, *row.envelope.cc)
        names = " ".join(f"{person.name} {person.email}" for person in people)
        text = _folded(f"{names}\n{row.envelope.subject}\n{row.snippet}")
        if all(word in text for word in wanted):
            found.append(row.uid)
    return found


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
