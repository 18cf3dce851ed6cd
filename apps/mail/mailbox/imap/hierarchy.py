"""Renaming a mailbox with all that lies below it, whatever the server does of that by itself."""

from __future__ import annotations

from collections.abc import Sequence

from apps.mail.mailbox import errors
from apps.mail.mailbox.imap import folders, guard
from apps.mail.mailbox.imap.commands import command
from apps.mail.mailbox.imap.connection import Connection
from apps.mail.mailbox.store import Mailbox


def rename(connection: Connection, old: str, new: str) -> None:
    """RENAME takes inferior names along (RFC 9051 section 6.3.6). Some servers know nothing of a level that holds no
    mailbox itself, and some leave behind what is below: there each is renamed by itself.

    Subscriptions belong to names, not to mailboxes, and are carried over here.
    """
    family = _family(connection, old)
    below = [mailbox for mailbox in family if mailbox.name != old]
    try:
        connection.execute(command("RENAME", guard.mailbox(old), guard.mailbox(new)))
    except errors.NoSuchMailbox:
        if not any(mailbox.selectable for mailbox in below):
            raise
    if below:
        left = {mailbox.name for mailbox in _family(connection, old) if mailbox.selectable}
        for mailbox in below:
            if mailbox.name in left:
                moved = new + mailbox.name[len(old) :]
                connection.execute(command("RENAME", guard.mailbox(mailbox.name), guard.mailbox(moved)))
    _carry_subscriptions(connection, [mailbox.name for mailbox in family if mailbox.subscribed], old, new)


def _family(connection: Connection, name: str) -> list[Mailbox]:
    """A mailbox and what lies below it."""
    found = folders.mailboxes(connection, folders.Look(), status=False)
    return [
        mailbox
        for mailbox in found
        if mailbox.name == name or (mailbox.delimiter and mailbox.name.startswith(name + mailbox.delimiter))
    ]


def _carry_subscriptions(connection: Connection, subscribed: Sequence[str], old: str, new: str) -> None:
    """A server that refuses one keeps the mailbox renamed all the same."""
    for start in range(0, len(subscribed), folders.PIPELINE):
        some = subscribed[start : start + folders.PIPELINE]
        connection.attempt(*(command("UNSUBSCRIBE", guard.mailbox(name)) for name in some))
        connection.attempt(*(command("SUBSCRIBE", guard.mailbox(new + name[len(old) :])) for name in some))
