"""What a server's SEARCH cannot tell, message by message: files, the second of arrival, words beyond ASCII."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from apps.mail.mailbox.imap import decoding, fetch, guard, listing
from apps.mail.mailbox.imap.commands import command
from apps.mail.mailbox.imap.connection import Connection
from apps.mail.mailbox.imap.memory import Memory
from apps.mail.mailbox.store import Query, Summary, Words
from apps.mail.mime import decode
from apps.mail.mime.parts import Part

_STRUCTURE = guard.words("(UID BODYSTRUCTURE)")
TEXT_OCTETS = 256 * 1024  # of a message's text that words are looked for in
BATCH = 500


def sifted(
    connection: Connection, memory: Memory, query: Query, words: Sequence[Words], uids: Sequence[int]
) -> list[int]:
    """Those that match in what the server was not asked: ``words``, and the query's dates and attachments."""
    left = list(uids)
    if query.since is not None or query.before is not None:
        left = _in_time(connection, memory, query, left)
    if query.attachment:
        carries = attachments(connection, memory, left)
        left = [uid for uid in left if uid in carries and query.attachment == {carries[uid]}]
    return _with_words(connection, memory, words, left) if words else left


def _in_time(connection: Connection, memory: Memory, query: Query, uids: Sequence[int]) -> list[int]:
    dates = {}
    for uid in uids:
        row = memory.rows.get(listing.row_key(connection, uid))
        if row is not None:
            dates[uid] = row.received
    for some in guard.uid_sets(uid for uid in uids if uid not in dates):
        result = connection.execute(command("UID FETCH", some, fetch.UID_DATE))
        dates |= {uid: row.received for uid, row in fetch.by_uid(result, uids).items() if row.received}
    return [
        uid
        for uid in uids
        if uid in dates
        and (query.since is None or dates[uid] >= query.since)
        and (query.before is None or dates[uid] < query.before)
    ]


def attachments(connection: Connection, memory: Memory, uids: Sequence[int]) -> dict[int, bool]:
    """Whether each carries a file, as the paper clip in the list says it; those that have gone are left out."""
    known: dict[int, bool] = {}
    for uid in uids:
        key = listing.row_key(connection, uid)
        row = memory.rows.get(key)
        verdict = row.has_attachment if row is not None else memory.attached.get(key)
        if verdict is not None:
            known[uid] = verdict
    for uid, structure in _structures(connection, [uid for uid in uids if uid not in known]).items():
        known[uid] = structure is not None and decoding.has_attachment(structure)
        memory.attached.put(listing.row_key(connection, uid), known[uid])
    return known


def _structures(connection: Connection, uids: Sequence[int]) -> dict[int, Part | None]:
    """None where the server could not make sense of the message; at one such message some of them fall over."""
    found: dict[int, Part | None] = {}
    for start in range(0, len(uids), BATCH):
        some = uids[start : start + BATCH]
        result = connection.survive(command("UID FETCH", guard.uid_set(some), _STRUCTURE))
        rows = fetch.by_uid(result, some) if result is not None else {}
        if result is None or not result.completion.ok:
            for uid in some:
                if uid not in rows:
                    rows |= listing.one_by_one(connection, uid, _STRUCTURE)
        found |= {uid: row.structure for uid, row in rows.items()}
    return found


def _with_words(connection: Connection, memory: Memory, words: Sequence[Words], uids: Sequence[int]) -> list[int]:
    rows = {row.uid: row for row in listing.rows(connection, memory, uids)}
    bodies = any(word.field in ("", "body") for word in words)
    texts = _texts(connection, rows) if bodies else {}
    return [
        uid
        for uid in uids
        if uid in rows and all(holds(word, rows[uid], texts.get(uid, "")) != word.negated for word in words)
    ]


def holds(word: Words, row: Summary, text: str) -> bool:
    envelope = row.envelope
    people = {"from": envelope.from_, "to": envelope.to, "cc": envelope.cc, "bcc": envelope.bcc}
    fields = {name: " ".join(f"{person.name} {person.email}" for person in some) for name, some in people.items()}
    fields |= {"subject": envelope.subject, "body": text}
    if word.field == "with":
        wanted = [fields[name] for name in people]
    elif word.field == "addressed":
        wanted = [fields["to"], fields["cc"]]
    else:
        wanted = [fields[word.field]] if word.field else [value for name, value in fields.items() if name != "bcc"]
    return any(folded(text) in folded(value) for value in wanted for text in word.texts)


def _texts(connection: Connection, uids: Iterable[int]) -> Mapping[int, str]:
    """The readable text of messages, tags and all where it is HTML: the server would search it like that too."""
    parts: dict[int, Part] = {}
    places: dict[str, list[int]] = {}
    for uid, structure in _structures(connection, list(uids)).items():
        part = decoding.text_part(structure) if structure is not None else None
        if part is not None and part.number and part.size:
            parts[uid] = part
            places.setdefault(part.number, []).append(uid)
    texts: dict[int, str] = {}
    for number, some in sorted(places.items()):
        items = guard.group([guard.words("UID"), guard.section(number, offset=0, size=TEXT_OCTETS)])
        result = connection.attempt(command("UID FETCH", guard.uid_set(some), items))
        for uid, row in fetch.by_uid(result, some).items():
            octets = next((data for name, data in row.sections.items() if name == number), b"")
            texts[uid] = decode.text(parts[uid], octets)
    return texts


def folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
