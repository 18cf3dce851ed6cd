"""What a new name of a folder must be like: checked here before a server hears of it.

The rest is the server's: it may know further rules, and the store writes the name as modified UTF-7.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from django.utils.translation import gettext as _

from apps.mail.mailbox.errors import BadArgument
from apps.mail.mailbox.names import bare, is_an_inbox, qualified, to_wire
from apps.mail.mailbox.store import Mailbox
from apps.mail.services.folders import personal_prefix

MAX_LEAF = 120  # characters of one level; file systems below many servers take 255 octets

# Controls, halves of characters, and what turns text around: a name must not look like another one.
_UNSEEN = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff\u2028\u2029")


class FolderRefused(Exception):
    """Why a folder is not made, or stays as it is, in words. ``field`` is the field of the form that it is about."""

    def __init__(self, text: str, *, field: str = "", vanished: bool = False) -> None:
        super().__init__(text)
        self.text = text
        self.field = field
        self.vanished = vanished


def leaf(text: str, delimiter: str) -> str:
    """The name of one level, tidied; raises ``FolderRefused``."""
    name = unicodedata.normalize("NFC", " ".join(text.split(" ")).strip(" "))
    if not name:
        raise FolderRefused(_("Give the folder a name."), field="name")
    if len(name) > MAX_LEAF:
        raise FolderRefused(_("A name has at most %(count)d characters.") % {"count": MAX_LEAF}, field="name")
    if any(unicodedata.category(char) in ("Cc", "Cs", "Cn") or char in _UNSEEN for char in name):
        raise FolderRefused(_("The name has invisible characters. Type it again."), field="name")
    if delimiter and delimiter in name:
        text = _("“%(sign)s” separates folders on this server and cannot be part of a name.")
        raise FolderRefused(text % {"sign": delimiter}, field="name")
    if name in (".", ".."):
        raise FolderRefused(_("The mail server does not accept this name."), field="name")
    return name


def joined(parent: str, name: str, mailboxes: Sequence[Mailbox]) -> str:
    """The full name of folder ``name`` below ``parent``, "" for the top; raises ``FolderRefused``.

    The result is a name that no mailbox has yet, as far as ``mailboxes`` knows.
    """
    above = find(parent, mailboxes) if parent else None
    delimiter = above.delimiter if above else delimiter_of(mailboxes)
    last = leaf(name, delimiter)
    if above and not can_hold_folders(above):
        raise FolderRefused(_("This folder cannot hold others."), field="parent")
    full = f"{above.name}{delimiter}{last}" if above else _at_the_top(last, mailboxes)
    try:
        to_wire(bare(full))
    except BadArgument:
        raise FolderRefused(_("Together with the folders above it, the name is too long."), field="name") from None
    if is_an_inbox(full) or any(known.name == full for known in mailboxes):
        raise FolderRefused(_("There is a folder with this name already."), field="name")
    return full


def _at_the_top(name: str, mailboxes: Sequence[Mailbox]) -> str:
    return f"{prefix}{name}" if (prefix := personal_prefix(mailboxes)) else qualified(0, name)


def find(name: str, mailboxes: Sequence[Mailbox]) -> Mailbox:
    """Raises ``FolderRefused`` where it has vanished meanwhile."""
    found = next((mailbox for mailbox in mailboxes if mailbox.name == name), None)
    if found is None:
        raise vanished(name, mailboxes)
    return found


def vanished(name: str, mailboxes: Sequence[Mailbox] = ()) -> FolderRefused:
    delimiter = delimiter_of(mailboxes)
    shown = bare(name).rpartition(delimiter)[2] if delimiter else bare(name)
    text = _("The folder “%(folder)s” isn’t there any more. Another program has renamed or deleted it.")
    return FolderRefused(text % {"folder": shown}, vanished=True)


def can_hold_folders(mailbox: Mailbox) -> bool:
    return bool(mailbox.delimiter) and "\\noinferiors" not in mailbox.attributes


def delimiter_of(mailboxes: Sequence[Mailbox]) -> str:
    """Of the person's own folders: INBOX stands among them."""
    inbox = next((mailbox for mailbox in mailboxes if mailbox.role == "inbox" and mailbox.delimiter), None)
    return inbox.delimiter if inbox else next((mailbox.delimiter for mailbox in mailboxes if mailbox.delimiter), "")


def parent_of(mailbox: Mailbox, mailboxes: Sequence[Mailbox]) -> str:
    """The name of the folder it lies in; "" at the top, which on some servers is below INBOX."""
    above = mailbox.name.rpartition(mailbox.delimiter)[0] if mailbox.delimiter else ""
    return "" if f"{above}{mailbox.delimiter}" == personal_prefix(mailboxes) else above


def family(mailbox: Mailbox, mailboxes: Sequence[Mailbox]) -> list[Mailbox]:
    """The folder and all that lies below it, in their order."""
    return [known for known in mailboxes if known.name == mailbox.name or is_below(known, mailbox)]


def is_below(mailbox: Mailbox, above: Mailbox) -> bool:
    return bool(above.delimiter) and mailbox.name.startswith(f"{above.name}{above.delimiter}")
