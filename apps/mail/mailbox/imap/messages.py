"""One message: its structure, its header, its parts.

Where a server could not make sense of a message (no structure, or a multipart without parts) the message is read here
from its own octets, and then its parts come from there too, under the numbers of that reading.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from apps.mail.mailbox import errors
from apps.mail.mailbox.imap import answers, fetch, guard, listing
from apps.mail.mailbox.imap.commands import Command, Result, command
from apps.mail.mailbox.imap.connection import Connection
from apps.mail.mailbox.imap.memory import Memory
from apps.mail.mailbox.store import MessageDetail
from apps.mail.mime import headers
from apps.mail.mime import parse as mime_parse

CHUNK = 256 * 1024
SECTIONS = 200  # that one command names: its line must not become too long


def asking(uid: int) -> Command:
    """The FETCH of ``detail``."""
    return command("UID FETCH", guard.uid_set([uid]), fetch.ROW_WITH_HEADER)


def detail(connection: Connection, memory: Memory, uid: int) -> tuple[int, MessageDetail]:
    """Everything to draw the message, in one FETCH, and its sequence number; raises ``NoSuchMessage``."""
    row = _row(connection, uid)
    header = row.sections.get("HEADER", b"")
    structure = row.structure
    odd = structure is None or listing.is_odd(connection, structure)
    memory.odd.put(listing.row_key(connection, uid), odd)
    if odd or structure is None:
        parsed = mime_parse.parse(octets(connection, uid, ""))
        structure = row.structure = parsed.structure
        header = header or parsed.header
    row.envelope = mime_parse.envelope(headers.parse(header))
    known = memory.rows.get(listing.row_key(connection, uid))
    summary = listing.to_summary(row, known.snippet if known else "")
    return row.number, MessageDetail(summary=summary, structure=structure, header=header)


def _row(connection: Connection, uid: int) -> fetch.Fetched:
    row = listing.one_by_one(connection, uid, fetch.ROW_WITH_HEADER).get(uid)
    if row is None:
        raise errors.NoSuchMessage
    return row


def parts(
    connection: Connection, memory: Memory, uid: int, numbers: Sequence[str], *, ahead: Command | None = None
) -> dict[str, bytes]:
    """Octets of parts, as transferred; raises ``NoSuchMessage`` where the message or one of its parts is missing.

    ``ahead``: what is likely to be read next, by sequence numbers; it is sent along.
    """
    if not numbers:
        return {}
    if any(numbers) and _is_odd(connection, memory, uid):
        parsed = mime_parse.parse(octets(connection, uid, ""))
        return {number: parsed.body(number) if number else octets(connection, uid, "") for number in numbers}
    if len(numbers) > SECTIONS:
        some = parts(connection, memory, uid, numbers[:SECTIONS])
        return some | parts(connection, memory, uid, numbers[SECTIONS:], ahead=ahead)
    items = guard.group([guard.words("UID"), *(guard.section(number) for number in dict.fromkeys(numbers))])
    result = connection.attempt(command("UID FETCH", guard.uid_set([uid]), items), *([ahead] if ahead else []))
    if not result.completions[0].ok:
        raise result.completions[0].error()
    if ahead and result.completion.ok and not answers.has_news(result):
        connection.read_ahead(ahead, Result(result.untagged, result.completions[1:]))
    row = fetch.by_uid(result, [uid]).get(uid)
    if row is None or any(number not in row.sections for number in numbers):
        raise errors.NoSuchMessage
    return {number: row.sections[number] for number in numbers}


def part(connection: Connection, memory: Memory, uid: int, number: str, *, limit: int | None) -> bytes:
    if limit is None or (number and _is_odd(connection, memory, uid)):
        return parts(connection, memory, uid, [number])[number][:limit]
    return octets(connection, uid, number, size=limit)


def chunks(connection: Connection, memory: Memory, uid: int, number: str) -> Iterator[bytes]:
    """Each chunk is a command of its own, so that a reader who stops half-way leaves the connection usable."""
    if number and _is_odd(connection, memory, uid):
        whole = parts(connection, memory, uid, [number])[number]
        yield from (whole[start : start + CHUNK] for start in range(0, len(whole), CHUNK))
        return
    offset = 0
    while True:
        chunk = octets(connection, uid, number, offset=offset, size=CHUNK)
        if chunk:
            yield chunk
        offset += len(chunk)
        if len(chunk) < CHUNK:
            return


def octets(connection: Connection, uid: int, number: str, *, offset: int = 0, size: int | None = None) -> bytes:
    """One section; raises ``NoSuchMessage``."""
    items = guard.group([guard.words("UID"), guard.section(number, offset=offset, size=size)])
    result = connection.execute(command("UID FETCH", guard.uid_set([uid]), items))
    row = fetch.by_uid(result, [uid]).get(uid)
    if row is None or number not in row.sections:
        raise errors.NoSuchMessage
    found = row.sections[number]
    if size is None:
        return found
    if len(found) > size and number not in row.cut:  # the server knows no parts of parts, and has sent all of it
        found = found[offset:]
    return found[:size]


def _is_odd(connection: Connection, memory: Memory, uid: int) -> bool:
    key = listing.row_key(connection, uid)
    known = memory.odd.get(key)
    if known is None:
        items = guard.words("(UID BODYSTRUCTURE)")
        result = connection.survive(command("UID FETCH", guard.uid_set([uid]), items))
        row = fetch.by_uid(result, [uid]).get(uid) if result is not None else None
        if row is None and result is not None and result.completion.ok:
            raise errors.NoSuchMessage
        known = row is None or row.structure is None or listing.is_odd(connection, row.structure)
        memory.odd.put(key, known)
    return known
