"""What can be done to messages: marks, moves, and the way back."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.mail.mailbox.errors import NoSuchMailbox, NoSuchMessage, ServerRefused, UidValidityChanged
from apps.mail.mailbox.store import Mailbox, MailStore, MoveResult
from apps.mail.services import folders

#: Marks by what the form calls them: (flag, whether it is set).
MARKS: dict[str, tuple[str, bool]] = {
    "read": ("\\Seen", True),
    "unread": ("\\Seen", False),
    "flag": ("\\Flagged", True),
    "unflag": ("\\Flagged", False),
}
_OPPOSITES = {"read": "unread", "unread": "read", "flag": "unflag", "unflag": "flag"}
#: Moves to a mailbox with a role.
TARGET_ROLES = {"archive": "archive", "delete": "trash", "junk": "junk", "notjunk": "inbox"}
#: Those that ask for a folder.
WITH_TARGET = ("move", "copy")
ALL = frozenset({*MARKS, *TARGET_ROLES, *WITH_TARGET})
#: Spam filters learn from these (RFC 5788 registry): (add, remove).
LESSONS = {"junk": (("$Junk",), ("$NotJunk",)), "notjunk": (("$NotJunk",), ("$Junk",))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """The way back for these messages: where they are now, and what brings back how it was."""

    mailbox: str
    uidvalidity: int
    uids: tuple[int, ...]
    do: str = "move"  # to ``back_to``; or a key of ``MARKS``; or "uncopy": they are copies that go for ever
    back_to: str = ""
    lesson: str = ""  # a key of ``LESSONS`` that was taught and is taken back

    @property
    def is_whole(self) -> bool:
        """Whether it makes sense, wherever it came from."""
        known = self.do in {"move", "uncopy", *MARKS} and self.lesson in {"", *LESSONS}
        return known and bool(self.mailbox) and (self.do == "move") == bool(self.back_to)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    text: str  # for the toast
    undo: Undo | None = None
    failed: bool = False


def mark(store: MailStore, mailbox: str, uids: Sequence[int], *, uidvalidity: int, do: str) -> Done:
    """Set or take away a flag. ``do`` is a key of ``MARKS``. The way back is about those that were changed by it: a
    message that was flagged before stays so."""
    flag, on = MARKS[do]
    changed = store.mark(mailbox, uids, flag, on=on, uidvalidity=uidvalidity)
    undo = Undo(mailbox=mailbox, uidvalidity=uidvalidity, uids=tuple(changed), do=_OPPOSITES[do]) if changed else None
    return Done(text=said(do, len(uids)), undo=undo)


def said(do: str, count: int) -> str:
    """The sentence for the toast. ``do`` is a key of ``MARKS`` or ``TARGET_ROLES``."""
    texts = {
        "read": ngettext("%(count)d message marked as read.", "%(count)d messages marked as read.", count),
        "unread": ngettext("%(count)d message marked as unread.", "%(count)d messages marked as unread.", count),
        "flag": ngettext("%(count)d message flagged.", "%(count)d messages flagged.", count),
        "unflag": ngettext("Flag removed from %(count)d message.", "Flag removed from %(count)d messages.", count),
        "archive": ngettext("%(count)d message archived.", "%(count)d messages archived.", count),
        "delete": ngettext("%(count)d message moved to the trash.", "%(count)d messages moved to the trash.", count),
        "junk": ngettext("%(count)d message reported as junk.", "%(count)d messages reported as junk.", count),
        "notjunk": ngettext("%(count)d message moved to the inbox.", "%(count)d messages moved to the inbox.", count),
    }
    return texts[do] % {"count": count}


def said_of_move(folder: object, count: int) -> str:
    text = ngettext("%(count)d message moved to %(folder)s.", "%(count)d messages moved to %(folder)s.", count)
    return text % {"count": count, "folder": folder}


def said_of_copy(folder: object, count: int) -> str:
    text = ngettext("%(count)d message copied to %(folder)s.", "%(count)d messages copied to %(folder)s.", count)
    return text % {"count": count, "folder": folder}


def move_by_role(
    store: MailStore, mailbox: str, uids: Sequence[int], *, uidvalidity: int, do: str, mailboxes: Sequence[Mailbox]
) -> Done:
    """Archive, delete (to the trash), junk, not junk. ``do`` is a key of ``TARGET_ROLES``."""
    role = TARGET_ROLES[do]
    target = "INBOX" if role == "inbox" else folders.ensure_role(store, role, mailboxes)
    if do in LESSONS:
        add, remove = LESSONS[do]
        with contextlib.suppress(ServerRefused):  # a server without keywords still moves
            store.set_flags(mailbox, uids, uidvalidity=uidvalidity, add=add, remove=remove)
    count, undo = _move(store, mailbox, uids, target, uidvalidity=uidvalidity, lesson=do if do in LESSONS else "")
    return Done(text=said(do, count), undo=undo)


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
    found = _folder(target, mailboxes)
    count, undo = _move(store, mailbox, uids, target, uidvalidity=uidvalidity)
    return Done(text=said_of_move(folders.label(found), count), undo=undo)


def copy(
    store: MailStore,
    mailbox: str,
    uids: Sequence[int],
    *,
    uidvalidity: int,
    target: str,
    mailboxes: Sequence[Mailbox],
) -> Done:
    """Copy to a folder the account has. Raises ``NoSuchMailbox`` before anything is touched."""
    found = _folder(target, mailboxes)
    result = store.copy(mailbox, uids, target, uidvalidity=uidvalidity)
    count = _how_many(store, result, uids)
    text = said_of_copy(folders.label(found), count)
    if not result.uids:
        # Nobody knows which of the messages there are the copies: one that looks the same may have been there before.
        return Done(text=f"{text} {no_way_back()}")
    copies = tuple(sorted(result.uids.values()))
    return Done(text=text, undo=Undo(mailbox=target, uidvalidity=result.uidvalidity, uids=copies, do="uncopy"))


def _folder(name: str, mailboxes: Sequence[Mailbox]) -> Mailbox:
    found = next((known for known in mailboxes if known.name == name and known.selectable), None)
    if found is None:
        raise NoSuchMailbox(name)
    return found


def _move(
    store: MailStore, mailbox: str, uids: Sequence[int], target: str, *, uidvalidity: int, lesson: str = ""
) -> tuple[int, Undo | None]:
    """How many went; None for the undo where the server does not say where to (no UIDPLUS), or nothing moved."""
    if target == mailbox:
        return len(uids), None
    result: MoveResult = store.move(mailbox, uids, target, uidvalidity=uidvalidity)
    count = _how_many(store, result, uids)
    if not result.uids:
        return count, None
    now = tuple(sorted(result.uids.values()))
    way = Undo(mailbox=target, uidvalidity=result.uidvalidity, uids=now, back_to=mailbox, lesson=lesson)
    return count, way


def _how_many(store: MailStore, result: MoveResult, uids: Sequence[int]) -> int:
    """As far as the server tells. Raises ``NoSuchMessage`` where it says that there were none."""
    if result.uids:
        return len(result.uids)
    if "UIDPLUS" in store.capabilities:
        raise NoSuchMessage
    return len(uids)


def undo(store: MailStore, *ways: Undo) -> Done:
    """Again does no harm: what is no longer where it was put is left alone; what has gone holds up no other."""
    gone: NoSuchMailbox | UidValidityChanged | None = None
    count = 0
    for way in ways:
        try:
            _take_back(store, way)
            count += len(way.uids)
        except (UidValidityChanged, NoSuchMailbox) as error:
            gone = error
    if gone and not count:
        raise gone
    do = ways[0].do if ways else "move"
    return Done(text=said_of_undo(do, count))


def _take_back(store: MailStore, way: Undo) -> None:
    if way.do == "uncopy":
        store.expunge(way.mailbox, way.uids, uidvalidity=way.uidvalidity)
    elif way.do in MARKS:
        flag, on = MARKS[way.do]
        store.mark(way.mailbox, way.uids, flag, on=on, uidvalidity=way.uidvalidity)
    else:
        _move_back(store, way)


def _move_back(store: MailStore, way: Undo) -> None:
    if way.lesson:
        with contextlib.suppress(ServerRefused):
            store.set_flags(way.mailbox, way.uids, uidvalidity=way.uidvalidity, remove=LESSONS[way.lesson][0])
    store.move(way.mailbox, way.uids, way.back_to, uidvalidity=way.uidvalidity)


def said_of_undo(do: str, count: int) -> str:
    if do in MARKS:
        return said(do, count)
    if do == "uncopy":
        text = ngettext("%(count)d copy removed.", "%(count)d copies removed.", count)
    else:
        text = ngettext("%(count)d message is back.", "%(count)d messages are back.", count)
    return text % {"count": count}


def delete_for_ever(store: MailStore, mailbox: str, uids: Sequence[int], *, uidvalidity: int) -> Done:
    store.expunge(mailbox, uids, uidvalidity=uidvalidity)
    count = len(uids)
    text = ngettext("%(count)d message deleted for ever.", "%(count)d messages deleted for ever.", count)
    return Done(text=text % {"count": count})


def nothing_chosen() -> str:
    return _("No message is selected. Tick the boxes of the ones you mean.")


def no_way_back() -> str:
    return _("Your mail server does not say where they are, so this cannot be undone.")


def gone() -> str:
    return _("This is not here any more: it was moved or deleted, perhaps by another program.")
