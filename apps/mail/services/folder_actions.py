"""What can be done to folders, and the way back. What cannot be done is said with ``FolderRefused``."""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.core.cache import cache
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.mail.mailbox.errors import MailboxExists, NoSuchMailbox, QuotaExceeded, ServerRefused
from apps.mail.mailbox.names import bare
from apps.mail.mailbox.store import Mailbox, MailStore, Query
from apps.mail.services import folders
from apps.mail.services.folder_names import (
    FolderRefused,
    can_hold_folders,
    delimiter_of,
    family,
    find,
    is_below,
    joined,
    parent_of,
    vanished,
)

UNDO_SECONDS = 3600  # for which "mark all as read" can be taken back

_TIMING = re.compile(r"\s*\([\d. +]+ secs\)\.?$")  # how long it took, which Dovecot adds


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderUndo:
    """The way back: a folder from ``now`` to ``before``, or, with ``unread``, the messages that were unread."""

    now: str
    before: str = ""
    uidvalidity: int = 0  # of the folder, 0 where it holds no messages: another one of its name is left alone
    unread: str = ""  # names what ``mark_all_read`` has noted

    def fields(self) -> dict[str, str]:
        return {"now": self.now, "before": self.before, "v": str(self.uidvalidity), "unread": self.unread}


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderDone:
    text: str  # for the toast
    undo: FolderUndo | None = None
    renamed: tuple[str, str] | None = None  # (old, new): with all that lies below
    messages: str = ""  # the folder whose messages have changed
    made: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What is offered for a folder. Those with a role stay where programs look for them."""

    rename: bool
    inside: bool
    read: bool
    empty: bool
    subscribe: bool
    export: bool
    fill: bool  # with messages
    for_ever: bool  # deleting it cannot be undone: it lies in the trash already

    @property
    def delete(self) -> bool:
        return self.rename


def rights(
    mailbox: Mailbox, mailboxes: Sequence[Mailbox], told: str | None = None, *, subscribes: bool = True
) -> Rights:
    """``told``: what the server says one may do oneself (MYRIGHTS, RFC 4314), where it does. ``subscribes``: whether
    there are subscriptions."""
    mine = not any(
        known.role and (known.name == mailbox.name or is_below(known, mailbox)) for known in mailboxes
    )  # of those with a role there are few
    everything = told is None
    letters = told or ""
    return Rights(
        rename=mine and (everything or "x" in letters),
        inside=can_hold_folders(mailbox) and (everything or "k" in letters),
        read=mailbox.selectable and (everything or "s" in letters),
        empty=mailbox.role in ("trash", "junk") and (everything or set("te") <= set(letters)),
        subscribe=subscribes and mailbox.selectable and not mailbox.role,
        for_ever=in_trash(mailbox, mailboxes),
        export=mailbox.selectable and (everything or "r" in letters),
        fill=mailbox.selectable and (everything or "i" in letters),
    )


def in_trash(mailbox: Mailbox, mailboxes: Sequence[Mailbox]) -> bool:
    trash = folders.by_role(mailboxes, "trash")
    return trash is not None and is_below(mailbox, trash)


@contextlib.contextmanager
def in_words(name: str, mailboxes: Sequence[Mailbox] = ()) -> Iterator[None]:
    """What the server answers to a command about a folder, as ``FolderRefused``."""
    try:
        yield
    except MailboxExists:
        raise FolderRefused(_("There is a folder with this name already."), field="name") from None
    except NoSuchMailbox:
        raise vanished(name, mailboxes) from None
    except QuotaExceeded:
        raise
    except ServerRefused as error:
        reason = _TIMING.sub("", error.server_text).strip()
        if not reason:
            raise FolderRefused(_("The mail server does not permit this.")) from error
        text = _("The mail server does not permit this. It says: %(reason)s") % {"reason": reason[:200]}
        raise FolderRefused(text) from error


def create(store: MailStore, *, name: str, parent: str, mailboxes: Sequence[Mailbox]) -> FolderDone:
    full = joined(parent, name, mailboxes)
    with in_words(full, mailboxes):
        store.create(full)
    return FolderDone(text=_("Folder “%(folder)s” created.") % {"folder": _leaf(full, mailboxes)}, made=full)


def relocate(
    store: MailStore, *, folder: str, name: str, parent: str, mailboxes: Sequence[Mailbox]
) -> FolderDone | None:
    """Give a folder another name, another place or both; None where it has them already."""
    mailbox = find(folder, mailboxes)
    _refuse_with_role(mailbox, mailboxes)
    if name.strip() == mailbox.leaf and parent == parent_of(mailbox, mailboxes):
        return None
    above = find(parent, mailboxes) if parent else None
    if above is not None and (above.name == mailbox.name or is_below(above, mailbox)):
        raise FolderRefused(_("A folder cannot be inside itself."), field="parent")
    new = joined(parent, name, mailboxes)
    undo = _rename(store, mailbox, new, mailboxes)
    if parent == parent_of(mailbox, mailboxes):
        text = _("Folder renamed to “%(folder)s”.") % {"folder": _leaf(new, mailboxes)}
    elif above is not None:
        names = {"folder": _leaf(new, mailboxes), "parent": folders.label(above)}
        text = _("Folder “%(folder)s” moved to “%(parent)s”.") % names
    else:
        text = _("Folder “%(folder)s” moved to the top.") % {"folder": _leaf(new, mailboxes)}
    return FolderDone(text=text, undo=undo, renamed=(mailbox.name, new))


def throw_away(store: MailStore, *, folder: str, mailboxes: Sequence[Mailbox]) -> FolderDone | None:
    """Into the trash, with everything in it; None where the server has no room for folders there, or it is there
    already: then it can only be deleted for ever."""
    mailbox = find(folder, mailboxes)
    _refuse_with_role(mailbox, mailboxes)
    if not mailbox.delimiter or in_trash(mailbox, mailboxes):
        return None
    trash_name = folders.ensure_role(store, "trash", mailboxes)
    trash = next((known for known in mailboxes if known.name == trash_name), None)
    if trash is not None and not can_hold_folders(trash):
        return None
    new = _free_name(f"{trash_name}{mailbox.delimiter}{mailbox.leaf}", mailboxes)
    try:
        undo = _rename(store, mailbox, new, mailboxes)
    except FolderRefused as refused:
        if refused.vanished:
            raise
        return None
    text = _("Folder “%(folder)s” moved to the trash.") % {"folder": mailbox.leaf}
    return FolderDone(text=text, undo=undo)


def mark_all_read(store: MailStore, *, folder: str, user_id: int, mailboxes: Sequence[Mailbox]) -> FolderDone:
    mailbox = find(folder, mailboxes)
    with in_words(folder, mailboxes):
        uidvalidity, uids = store.matching(folder, Query(unseen=True))
        if not uids:
            return FolderDone(text=_("Nothing is unread in “%(folder)s”.") % {"folder": folders.label(mailbox)})
        store.set_flags(folder, uids, uidvalidity=uidvalidity, add=["\\Seen"])
    token = secrets.token_urlsafe(12)
    cache.set(_noted(user_id, token), list(uids), UNDO_SECONDS)
    text = ngettext("%(count)d message marked as read.", "%(count)d messages marked as read.", len(uids))
    undo = FolderUndo(now=folder, uidvalidity=uidvalidity, unread=token)
    return FolderDone(text=text % {"count": len(uids)}, undo=undo, messages=folder)


def subscribe(store: MailStore, *, folder: str, on: bool, mailboxes: Sequence[Mailbox]) -> FolderDone:
    mailbox = find(folder, mailboxes)
    with in_words(folder, mailboxes):
        store.subscribe(folder, on=on)
    text = _("You are subscribed to “%(folder)s”.") if on else _("You are no longer subscribed to “%(folder)s”.")
    return FolderDone(text=text % {"folder": folders.label(mailbox)})


def undo(store: MailStore, way: FolderUndo, *, user_id: int) -> FolderDone:
    mailboxes = store.mailboxes()
    mailbox = find(way.now, mailboxes)
    if way.uidvalidity and (mailbox.status is None or mailbox.status.uidvalidity != way.uidvalidity):
        raise vanished(way.now, mailboxes)
    if way.unread:
        uids = cache.get(_noted(user_id, way.unread))
        if uids is None:
            raise FolderRefused(_("Too much time has passed: this cannot be undone any more."))
        store.set_flags(way.now, uids, uidvalidity=way.uidvalidity, remove=["\\Seen"])
        text = ngettext("%(count)d message is unread again.", "%(count)d messages are unread again.", len(uids))
        return FolderDone(text=text % {"count": len(uids)}, messages=way.now)
    if any(known.name == way.before and known.selectable for known in mailboxes):
        raise FolderRefused(_("It stays where it is: there is a new folder with its old name."))
    _rename(store, mailbox, way.before, mailboxes)
    text = _("Folder “%(folder)s” is back.") % {"folder": _leaf(way.before, mailboxes)}
    return FolderDone(text=text, renamed=(way.now, way.before))


def _rename(store: MailStore, mailbox: Mailbox, new: str, mailboxes: Sequence[Mailbox]) -> FolderUndo:
    with in_words(mailbox.name, mailboxes):
        store.rename(mailbox.name, new)
        uidvalidity = store.status(new).uidvalidity if mailbox.selectable else 0
    return FolderUndo(now=new, before=mailbox.name, uidvalidity=uidvalidity)


def _refuse_with_role(mailbox: Mailbox, mailboxes: Sequence[Mailbox]) -> None:
    """INBOX, Sent and their like are looked for by their names, here and by other programs."""
    held = next((known for known in family(mailbox, mailboxes) if known.role), None)
    if held is not None:
        text = _("“%(folder)s” is where mail programs look for it, so it is neither renamed nor deleted.")
        raise FolderRefused(text % {"folder": folders.label(held)})


def _free_name(wanted: str, mailboxes: Sequence[Mailbox]) -> str:
    taken = {mailbox.name for mailbox in mailboxes}
    number = 1
    name = wanted
    while name in taken:
        number += 1
        name = f"{wanted} {number}"
    return name


def _leaf(name: str, mailboxes: Sequence[Mailbox]) -> str:
    delimiter = delimiter_of(mailboxes)
    return bare(name).rpartition(delimiter)[2] if delimiter else bare(name)


def _noted(user_id: int, token: str) -> str:
    return f"mail.unread.{user_id}.{token}"


def name_after(done: FolderDone, name: str, delimiter: str) -> str:
    """What the folder ``name`` is called after this."""
    old, new = done.renamed or ("", "")
    if old and (name == old or (delimiter and name.startswith(f"{old}{delimiter}"))):
        return f"{new}{name[len(old) :]}"
    return name
