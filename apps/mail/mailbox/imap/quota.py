"""QUOTA (RFC 9208): how full a mailbox is."""

from __future__ import annotations

import time

from apps.mail.mailbox.imap import guard, tokens
from apps.mail.mailbox.imap.commands import Result, command
from apps.mail.mailbox.imap.connection import Connection
from apps.mail.mailbox.imap.memory import Memory
from apps.mail.mailbox.imap.tokens import octets
from apps.mail.mailbox.store import Quota

FRESH = 60.0  # seconds for which an answer serves, unless this process adds or removes messages


def current(connection: Connection, memory: Memory, mailbox: str) -> tuple[Quota, ...]:
    """The limits of the mailbox's quota roots; none where the server has no QUOTA or sets no limit."""
    if not connection.has("QUOTA"):
        return ()
    key = (connection.account.id, mailbox)
    known = memory.quotas.get(key)
    if known is not None and time.monotonic() - known[0] < FRESH:
        return known[1]
    result = connection.attempt(command("GETQUOTAROOT", guard.mailbox(mailbox)))
    found = _quotas(result) if result.completion.ok else ()
    memory.quotas.put(key, (time.monotonic(), found))
    return found


def _quotas(result: Result) -> tuple[Quota, ...]:
    found: list[Quota] = []
    for answer in result.named(b"QUOTA"):
        values = tokens.parse(answer.data, answer.literals)
        if len(values) < 2 or not isinstance(values[1], list):
            continue
        root = octets(values[0]).decode("utf-8", "replace")
        triplets = values[1]
        for index in range(0, len(triplets) - 2, 3):
            resource = octets(triplets[index]).decode("ascii", "replace").upper()
            unit = 1024 if resource == "STORAGE" else 1
            used, limit = (tokens.number(value) * unit for value in triplets[index + 1 : index + 3])
            if limit:
                found.append(Quota(root=root, resource=resource, used=used, limit=limit))
    return tuple(found)
