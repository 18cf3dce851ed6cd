"""One line of a message list, and what the views add to it."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from apps.mail.mailbox.store import Conversation, Summary
from apps.mail.services import noted
from apps.mail.services.labels import Label
from apps.mail.services.refs import MessageRef
from apps.mail.services.view import View
from portal.contracts import Address, Text
from portal.templatetags.portal import hue_of, initials_of

DEEPEST = 6  # answers further down stand below each other


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the list. ``label`` is what a screen reader says of it."""

    summary: Summary
    people: tuple[Address, ...]  # senders; in Sent and Drafts, recipients
    who: str
    subject: str
    snippet: str
    when: str  # its time; in a list by size, its size
    time: str  # its time as machines read it; "" in a list by size
    moment: datetime  # by which lists in the order of time are divided
    label: str
    pick: str  # the name of its checkbox
    url: str
    uidvalidity: int
    ref: MessageRef | None = None  # in a list over several folders
    folder: Text = ""  # where it lies; in such a list only
    folder_hue: str = ""  # the class of the colour of its account
    conversation: Conversation | None = None  # what it stands for, in lists where messages are put together
    labels: tuple[Label, ...] = ()
    marks: tuple[str, ...] = ()  # the keywords of pinned and muted
    size: str = ""  # as people read it, where it is shown
    shape: tuple[str, ...] = ()  # "columns" and those that were chosen; nothing for a card
    #: Its markup by where it stands, with the template that has drawn it.
    drawn: dict[Hashable, tuple[object, str]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def uid(self) -> int:
        return self.summary.uid

    @property
    def key(self) -> str:
        return key_of(self.uid, self.ref)

    @property
    def value(self) -> str:
        """What names it in a form: of a conversation, each of the messages that are counted."""
        if self.count > 1 and self.conversation:
            return noted.ranges(self.conversation.uids)
        return str(self.uid if self.ref is None else self.ref)

    @property
    def count(self) -> int:
        """How many messages it stands for."""
        return len(self.conversation.uids) if self.conversation else 1

    @property
    def seen(self) -> bool:
        return not self.conversation.unseen if self.conversation else self.summary.seen

    @property
    def flagged(self) -> bool:
        return self.conversation.flagged if self.conversation else self.summary.flagged

    @property
    def has_attachment(self) -> bool:
        return self.conversation.attachment if self.conversation else self.summary.has_attachment

    @property
    def depth(self) -> int:
        return min(self.conversation.depth, DEEPEST) if self.conversation else 0

    @property
    def address(self) -> Address | None:
        return self.people[0] if self.people else None

    @property
    def hue(self) -> int:
        return hue_of(self.address or "?")

    @property
    def initials(self) -> str:
        return initials_of(self.address or "?")


def key_of(uid: int, ref: MessageRef | None) -> str:
    """Of a row: unique in its list."""
    if ref is None:
        return str(uid)
    return f"{uid}-{hashlib.blake2b(ref.mailbox.encode(), digest_size=6).hexdigest()}"


class Look(Protocol):
    """What the views add to a row."""

    labels: Mapping[str, Label]  # shown ones, by keyword
    outgoing: bool  # the list names those written to, not the writer
    snippets: bool
    shape: tuple[str, ...]  # of its rows
    folder: Text  # in a list over several folders: the name of this one
    folder_hue: str  # and the class of the colour of its account

    def url(self, uid: int, uidvalidity: int, view: View, *, together: bool = False) -> str:
        """``together``: of the conversation the message is in."""
        ...

    def ref(self, uid: int, uidvalidity: int) -> MessageRef | None: ...
