"""What is known of a message as JSON, for the database, and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from apps.mail.mailbox.pop.shelf import Digest
from apps.mail.mime.parts import Envelope
from portal.contracts import Address

_PEOPLE = ("from_", "sender", "reply_to", "to", "cc", "bcc")
_TEXTS = ("subject", "in_reply_to", "message_id")


def packed(digest: Digest) -> str:
    """Without its text. What is empty is left out."""
    envelope = digest.envelope
    values: dict[str, Any] = {name: getattr(envelope, name) for name in _TEXTS}
    values |= {name: [[each.email, each.name] for each in getattr(envelope, name)] for name in _PEOPLE}
    values |= {
        "date": envelope.date.isoformat() if envelope.date else "",
        "file": digest.has_attachment,
        "snippet": digest.snippet,
        "references": list(digest.references),
        "resent": digest.resent_id,
        "listed": digest.listed,
    }
    # In ASCII: half characters of broken headers are escapes there, which any database takes.
    return json.dumps({name: value for name, value in values.items() if value}, separators=(",", ":"))


def unpacked(packed: str, *, size: int, received: datetime) -> Digest:
    values: dict[str, Any] = json.loads(packed or "{}")
    people: dict[str, tuple[Address, ...]] = {name: _people(values.get(name, ())) for name in _PEOPLE}
    date = values.get("date")
    return Digest(
        size=size,
        received=received,
        envelope=Envelope(
            date=datetime.fromisoformat(date) if date else None,
            subject=values.get("subject", ""),
            in_reply_to=values.get("in_reply_to", ""),
            message_id=values.get("message_id", ""),
            from_=people["from_"],
            sender=people["sender"],
            reply_to=people["reply_to"],
            to=people["to"],
            cc=people["cc"],
            bcc=people["bcc"],
        ),
        has_attachment=bool(values.get("file")),
        snippet=values.get("snippet", ""),
        references=tuple(values.get("references", ())),
        resent_id=values.get("resent", ""),
        listed=bool(values.get("listed")),
    )


def _people(pairs: Sequence[Sequence[str]]) -> tuple[Address, ...]:
    return tuple(Address(email=email, name=name) for email, name in pairs)
