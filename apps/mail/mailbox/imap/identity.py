"""Whether the mailbox that a session has open is still the one of its name.

It may have been deleted or renamed away by another program, and another one made in its place. A UID means nothing in
that one, and some servers let a session that has the old one open reach into it all the same (Dovecot moves *its*
messages on UID MOVE). SELECT is the sure answer, and takes as long as the mailbox is large: 70 ms of Dovecot for
100,000 messages in a Maildir.

Where the server keeps mod-sequences of the mailbox (HIGHESTMODSEQ in the answer to SELECT, RFC 7162 section 3.1.2.1: an
index of its own for each mailbox, which another one of that name has not), two witnesses are asked in one round trip,
and one that objects is enough:

* STATUS. Servers that look the name up tell the UIDVALIDITY of what bears it now.
* NOOP. Dovecot, which answers STATUS from the session, looks whether the index is still the one it has open, and says
  an untagged NO, or ends the session, where it is not.

What neither can see is what happens between their answers and the next command; nor can SELECT.
"""

from __future__ import annotations

from apps.mail.mailbox import errors
from apps.mail.mailbox.imap import guard
from apps.mail.mailbox.imap.answers import has_news
from apps.mail.mailbox.imap.commands import Command, Result, command
from apps.mail.mailbox.imap.connection import Connection
from apps.mail.mailbox.imap.selected import Selected
from apps.mail.mailbox.imap.tokens import Value, number, octets, parse

_ASKED = guard.words("(UIDVALIDITY UIDNEXT MESSAGES)")


def is_witnessed(connection: Connection, ahead: Command | None = None) -> bool:
    """Let the server say what is new in the mailbox that is open; False where it may be another one's by now.

    ``ahead``: a command that only reads, to be sent along; its answer is kept for the moment when it is wanted, and
    counts for nothing where a witness objects. Raises when the connection is dead; a session that is refused even a
    NOOP is begun anew, with no mailbox open, and so is one that ended at ``ahead``.
    """
    selected = connection.selected
    assert selected is not None
    exists, uidnext = selected.exists, selected.uidnext if selected.uidnext_known else 0
    witnesses = command("STATUS", guard.mailbox(selected.name), _ASKED), command("NOOP")
    try:
        result = connection.survive(*witnesses, ahead) if ahead else connection.attempt(*witnesses)
    except errors.UidValidityChanged:
        return False
    if result is None:
        return False
    if not result.completions[1].ok:
        connection.selected = None
        connection.reconnect()
        return False
    if connection.selected is not selected or any(answer.name == b"NO" for answer in result.untagged):
        return False
    if not any(_agrees(told, selected, exists, uidnext, result) for told in _told(result)):
        return False
    if ahead is not None and result.completion.ok and not has_news(result):
        connection.read_ahead(ahead, Result(result.untagged, result.completions[2:]))
    return True


def _agrees(told: dict[bytes, int], selected: Selected, exists: int, uidnext: int, result: Result) -> bool:
    """A server that keeps to itself in the session what it tells of the name is not believed either."""
    if told.get(b"UIDVALIDITY") != selected.uidvalidity:
        return False
    if any(answer.name in (b"EXISTS", b"EXPUNGE", b"VANISHED") for answer in result.untagged):
        return True  # which of the two it answered first, nobody knows
    return told.get(b"MESSAGES") == exists and told.get(b"UIDNEXT", 0) <= (uidnext or guard.MAX_UID)


def _told(result: Result) -> list[dict[bytes, int]]:
    lines = (parse(answer.data, answer.literals) for answer in result.named(b"STATUS"))
    return [_numbers(line[1]) for line in lines if len(line) > 1 and isinstance(line[1], list)]


def _numbers(values: list[Value]) -> dict[bytes, int]:
    return {octets(key).upper(): number(value) for key, value in zip(values[::2], values[1::2], strict=False)}
