"""The mail that the demo mailboxes begin with."""

from datetime import datetime

from demo.accounts import ACCOUNTS
from demo.database import MailDatabase

SPECIAL = ("INBOX", "Drafts", "Sent", "Archive", "Junk", "Trash")


def fill(database: MailDatabase, *, now: datetime, letters: bool = True) -> None:
    """Make the accounts' mailboxes, once."""
    if database.fact("filled"):
        return
    with database.transaction():
        for account in ACCOUNTS:
            for name in SPECIAL:
                database.create(account, name)
        database.set_fact("filled", now.isoformat())
