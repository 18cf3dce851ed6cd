"""The mail that the demo mailboxes begin with: letters from TOML files, and the special cases that code must make."""

from datetime import datetime

from demo.accounts import ACCOUNTS
from demo.content.plan import letters
from demo.content.render import render
from demo.content.specials import Stored, specials
from demo.database import MailDatabase

SPECIAL_FOLDERS = ("INBOX", "Drafts", "Sent", "Archive", "Junk", "Trash")


def messages(now: datetime) -> list[Stored]:
    """Every message with its owners' places, oldest first; the same `now` gives the same mail."""
    stored = [Stored(letter.when, render(letter), letter.places) for letter in letters(now)]
    return sorted([*stored, *specials(now)], key=lambda one: one.when)


def fill(database: MailDatabase, *, now: datetime, with_mail: bool = True) -> None:
    """Make the accounts' mailboxes, once; a filling that was interrupted leaves nothing behind."""
    if database.fact("filled"):
        return
    with database.transaction():
        keys = {(account, name): database.create(account, name) for account in ACCOUNTS for name in SPECIAL_FOLDERS}
        for message in messages(now) if with_mail else ():
            for place in message.places:
                key = (place.account, place.mailbox)
                if key not in keys:
                    keys[key] = database.create(*key)
                database.append(keys[key], message.raw, received=message.when, flags=place.flags, recent=False)
        database.set_fact("filled", now.isoformat())
