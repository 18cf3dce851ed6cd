"""What can be done to messages: marks, moves, and the way back."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.mail.mailbox.errors import NoSuchMailbox, ServerRefused
from apps.mail.mailbox.store import Mailbox, MailStore, MoveResult
from apps.mail.services import folders

#: Marks by what the form calls them: (flags to add, flags to remove).
MARKS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "read": (("\\Seen",), ()),
    "unread": ((), ("\\Seen",)),
    "flag": (("\\Flagged",), ()),
    "unflag": ((), ("\\Flagged",)),
}
#: Moves to a mailbox with a role.
TARGET_ROLES = {"archive": "archive", "delete": "trash", "junk": "junk", "notjunk": "inbox"}
#: Spam filters learn from these (RFC 5788 registry): (add, remove).
_LESSONS = {"junk": (("$Junk",), ("$NotJunk",)), "notjunk": (("$NotJunk",), ("$Junk",))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """The way back: these messages, from where they are now to where they were."""

    mailbox: str
    uidvalidity: int
    uids: tuple[int, ...]
    back_to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    text: str  # for the toast
    undo: Undo | None = None


def mark(store: MailStore, mailbox: str, uids: Sequence[int], *, uidvalidity: int, do: str) -> Done:
    """Set or take away a flag. ``do`` is a key of ``MARKS``."""
    add, remove = MARKS[do]
    store.set_flags(mailbox, uids, uidvalidity=uidvalidity, add=add, remove=remove)
    return Done(text=said(do, len(uids)))


def said(do: str, count: int) -> str:
    """The sentence for the toast. ``do`` is a key of ``MARKS`` or ``TARGET_ROLES``."""
    texts = {
        "read": ngettext("%(count)d message marked as read.", "%(count)d messages marked as read.", count),
        "unread": ngettext("%(count)d message marked as unread.", "%(count)d messages marked as unread.", count),
        "flag": ngettext("%(count)d message flagged.", "%(count)d messages flagged.", count),
        "unflag": ngettext("Flag taken off %(count)d message.", "Flag taken off %(count)d messages.", count),
        "archive": ngettext("%(count)d message archived.", "%(count)d messages archived.", count),
        "delete": ngettext("%(count)d message moved to the trash.", "%(count)d messages moved to the trash.", count),
        "junk": ngettext("%(count)d message reported as junk.", "%(count)d messages reported as junk.", count),
        "notjunk": ngettext("%(count)d message moved to the inbox.", "%(count)d messages moved to the inbox.", count),
    }
    return texts[do] % {"count": count}


def said_of_move(folder: object, count: int) -> str:
    text = ngettext("%(count)d message moved to %(folder)s.", "%(count)d messages moved to %(folder)s.", count)
    return text % {"count": count, "folder": folder}


def move_by_role(
    store: MailStore, mailbox: str, uids: Sequence[int], *, uidvalidity: int, do: str, mailboxes: Sequence[Mailbox]
) -> Done:
    """Archive, delete (to the trash), junk, not junk. ``do`` is a key of ``TARGET_ROLES``."""
    role = TARGET_ROLES[do]
    target = "INBOX" if role == "inbox" else folders.ensure_role(store, role, mailboxes)
    if do in _LESSONS:
        add, remove = _LESSONS[do]
        with contextlib.suppress(ServerRefused):  # a server without keywords still moves
            store.set_flags(mailbox, uids, uidvalidity=uidvalidity, add=add, remove=remove)
    undo = _move(store, mailbox, uids, target, uidvalidity=uidvalidity)
    return Done(text=said(do, len(uids)), undo=undo)


def move(
    store: MailStore,
    mailbox: str,
    uids: Sequence[int],
    *,
    uidvalidity: int,
    target: str,
    mailboxes: Sequence[Mailbox],
) -> Done:
    """Move to a folder the account has. Raises ``NoSuchMailbox`` before anything is touched."""
    found = next((known for known in mailboxes if known.name == target and known.selectable), None)
    if found is None:
        raise NoSuchMailbox(target)
    undo = _move(store, mailbox, uids, target, uidvalidity=uidvalidity)
    return Done(text=said_of_move(folders.label(found), len(uids)), undo=undo)


def _move(store: MailStore, mailbox: str, uids: Sequence[int], target: str, *, uidvalidity: int) -> Undo | None:
    """None for the undo where the server does not say where the messages went (no UIDPLUS), or nothing moved."""
    if target == mailbox:
        return None
    result: MoveResult = store.move(mailbox, uids, target, uidvalidity=uidvalidity)
    if not result.uids:
        return None
    return Undo(
        mailbox=target, uidvalidity=result.uidvalidity, uids=tuple(sorted(result.uids.values())), back_to=mailbox
    )


def undo(store: MailStore, *ways: Undo) -> Done:
    for way in ways:
        store.move(way.mailbox, way.uids, way.back_to, uidvalidity=way.uidvalidity)
    count = sum(len(way.uids) for way in ways)
    return Done(text=ngettext("%(count)d message is back.", "%(count)d messages are back.", count) % {"count": count})


def delete_for_ever(store: MailStore, mailbox: str, uids: Sequence[int], *, uidvalidity: int) -> Done:
    store.expunge(mailbox, uids, uidvalidity=uidvalidity)
    count = len(uids)
    text = ngettext("%(count)d message deleted for ever.", "%(count)d messages deleted for ever.", count)
    return Done(text=text % {"count": count})


def nothing_chosen() -> str:
    return _("No message was chosen. Tick the boxes of those you mean.")
