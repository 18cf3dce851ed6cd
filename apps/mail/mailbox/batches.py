"""How many messages a mail server is told of at a time."""

from __future__ import annotations

from collections.abc import Sequence

from apps.mail.mailbox.imap import guard
from apps.mail.mailbox.imap.tokens import expand


def at_once(uids: Sequence[int]) -> int:
    """How many of these, in ascending order, one command can name: what takes several may be done in part and fail."""
    return len(expand(guard.uid_sets(uids)[0])) if uids else 0
