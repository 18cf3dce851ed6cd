"""Removing for ever: the trash and junk emptied, a folder deleted that no undo brings back.

What goes is what was counted when the person was asked, and nothing that has come since. A folder is put out of reach
of deliveries (renamed) before it is looked at for the last time.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.mail.mailbox.errors import NoSuchMailbox, ServerRefused
from apps.mail.mailbox.names import decode_segment, encode_segment
from apps.mail.mailbox.store import Mailbox, MailboxStatus, MailStore, Query
from apps.mail.services.folder_actions import FolderDone, in_words, rights
from apps.mail.services.folder_names import FolderRefused, family, find, is_below

BATCH = 1000  # messages removed by one command: the server answers before anybody takes it for dead


class CountChanged(Exception):
    """There is more now than was counted: nothing was removed, and the person is asked again."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A folder as it was when its messages were counted. UIDs only grow: what came later has ``uidnext`` or more."""

    mailbox: str
    uidvalidity: int  # 0, as the others, for a level that holds no messages
    uidnext: int
    messages: int

    def __str__(self) -> str:
        return f"{encode_segment(self.mailbox)}:{self.uidvalidity}:{self.uidnext}:{self.messages}"

    @classmethod
    def parse(cls, text: str) -> Counted | None:
        segment, *numbers = text.rsplit(":", 3)
        if len(numbers) != 3 or not all(n.isascii() and n.isdigit() and len(n) < 20 for n in numbers):
            return None
        try:
            return cls(decode_segment(segment), *(int(number) for number in numbers))
        except ValueError:
            return None

    def covers(self, status: MailboxStatus | None) -> bool:
        """Whether all that is in the folder now was counted."""
        if status is None:
            return True
        return self.uidvalidity == status.uidvalidity and status.uidnext <= self.uidnext


def count(mailbox: Mailbox, mailboxes: Sequence[Mailbox]) -> tuple[Counted, ...]:
    """The folder and what lies below it; junk is emptied without what lies below."""
    members = [mailbox] if mailbox.role == "junk" else family(mailbox, mailboxes)
    return tuple(_counted(member) for member in members)


def _counted(mailbox: Mailbox) -> Counted:
    status = mailbox.status
    if status is None:
        return Counted(mailbox.name, 0, 0, 0)
    return Counted(mailbox.name, status.uidvalidity, status.uidnext, status.messages)


def delete_for_ever(store: MailStore, *, folder: str, counted: Sequence[Counted]) -> FolderDone:
    """Raises ``CountChanged``."""
    mailboxes = store.mailboxes()
    mailbox = find(folder, mailboxes)
    if not rights(mailbox, mailboxes).delete:
        raise FolderRefused(_("Mail programs look for this folder, so it is not deleted."))
    _remove(store, mailbox, mailboxes, {each.mailbox: each for each in counted})
    return FolderDone(text=_("Folder “%(folder)s” deleted for ever.") % {"folder": mailbox.leaf})


def empty(store: MailStore, *, folder: str, counted: Sequence[Counted]) -> FolderDone:
    """Trash or junk, with the folders that lie in the trash. What has changed since the count is left."""
    mailboxes = store.mailboxes()
    mailbox = find(folder, mailboxes)
    if not rights(mailbox, mailboxes).empty:
        raise FolderRefused(_("Only the trash and junk are emptied."))
    known = {each.mailbox: each for each in counted}
    removed = _expunge_counted(store, known[folder]) if folder in known else 0
    left = 0
    for child in _children(mailbox, mailboxes) if mailbox.role == "trash" else []:
        try:
            removed += _remove(store, child, mailboxes, known)
        except (CountChanged, FolderRefused):
            left += 1
    text = ngettext("%(count)d message deleted for ever.", "%(count)d messages deleted for ever.", removed)
    text %= {"count": removed}
    if left:
        stay = ngettext(
            "%(count)d folder has changed meanwhile and stays.",
            "%(count)d folders have changed meanwhile and stay.",
            left,
        )
        text = f"{text} {stay % {'count': left}}"
    return FolderDone(text=text, messages=folder)


def _children(mailbox: Mailbox, mailboxes: Sequence[Mailbox]) -> list[Mailbox]:
    """Right below it."""
    return [known for known in mailboxes if is_below(known, mailbox) and known.depth == mailbox.depth + 1]


def _expunge_counted(store: MailStore, counted: Counted) -> int:
    if not counted.uidvalidity:
        return 0
    with in_words(counted.mailbox):
        _validity, found = store.matching(counted.mailbox, Query(), uidvalidity=counted.uidvalidity)
        uids = sorted(uid for uid in found if uid < counted.uidnext)
        for start in range(0, len(uids), BATCH):
            store.expunge(counted.mailbox, uids[start : start + BATCH], uidvalidity=counted.uidvalidity)
    return len(uids)


def _remove(store: MailStore, mailbox: Mailbox, mailboxes: Sequence[Mailbox], counted: Mapping[str, Counted]) -> int:
    """Delete a folder with all below it; returns how many messages went. Raises ``CountChanged``."""
    members = family(mailbox, mailboxes)
    if not all(member.name in counted and counted[member.name].covers(member.status) for member in members):
        raise CountChanged
    aside = _put_aside(store, mailbox, mailboxes)
    names = {f"{aside}{member.name[len(mailbox.name) :]}": counted[member.name] for member in members}
    now = {known.name: known for known in store.mailboxes() if known.name == aside or _inside(known, aside)}
    if not all(name in names and _same(names[name], known.status) for name, known in now.items()):
        _put_back(store, aside, mailbox.name)
        raise CountChanged
    removed = sum(known.status.messages for known in now.values() if known.status)
    for name in sorted(now, key=lambda name: (-now[name].depth, name)):
        try:
            store.delete(name)
        except NoSuchMailbox:
            continue  # a level that held no mailbox went with its last one
        except ServerRefused:
            if now[name].selectable:
                _put_back(store, aside, mailbox.name)
                raise FolderRefused(_("The mail server does not permit this.")) from None
    return removed


def _inside(mailbox: Mailbox, name: str) -> bool:
    return bool(mailbox.delimiter) and mailbox.name.startswith(f"{name}{mailbox.delimiter}")


def _same(counted: Counted, status: MailboxStatus | None) -> bool:
    """After the renaming, which may have changed UIDVALIDITY."""
    if status is None:
        return True
    return status.messages <= counted.messages and (
        status.uidvalidity != counted.uidvalidity or status.uidnext <= counted.uidnext
    )


def _put_aside(store: MailStore, mailbox: Mailbox, mailboxes: Sequence[Mailbox]) -> str:
    """Under a name that nobody delivers to; where the server renames nothing it stays where it is."""
    aside = f"{mailbox.name} {secrets.token_hex(4)}"
    try:
        store.rename(mailbox.name, aside)
    except NoSuchMailbox:
        with in_words(mailbox.name, mailboxes):
            raise
    except ServerRefused:
        return mailbox.name
    return aside


def _put_back(store: MailStore, aside: str, name: str) -> None:
    if aside != name:
        store.rename(aside, name)
