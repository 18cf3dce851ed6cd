"""Where the IMAP side asks the MIME side: which part shows the text, what counts as attachment."""

from __future__ import annotations

from apps.mail.mime import select
from apps.mail.mime.parts import Part


def has_attachment(structure: Part) -> bool:
    return bool(select.attachments(structure))


def text_part(structure: Part) -> Part | None:
    """The part whose first words make the snippet: plain text where there is any."""
    return next((part for part in select.bodies(structure, "plain") if part.type.startswith("text/")), None)
