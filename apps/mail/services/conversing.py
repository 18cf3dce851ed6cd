"""A conversation as it is read: the messages of one folder that belong together, and with them what lies elsewhere.

Looked for elsewhere: in Sent and Drafts, by the Message-IDs of its messages; and where the server keeps an index of
such fields (it can THREAD), in the inbox and the archive too. Of each folder only the newest messages are searched, and
the page says which folders they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import structlog

from apps.mail.mailbox.errors import CannotThread, NoSuchMessage, ServerRefused
from apps.mail.mailbox.store import Mailbox, MailStore, Summary
from apps.mail.mailbox.threads import message_ids
from apps.mail.services import folders
from apps.mail.services.refs import MessageRef
from portal.contracts import Text

MOST = 200  # messages of one page, the newest ones
MOST_OPEN = 20  # texts drawn at first
MOST_AT_ONCE = 30  # when all are opened
NEWEST, NEWEST_POOR = 5000, 500  # messages of each other folder that are searched
ALWAYS, WITH_INDEX = ("sent", "drafts"), ("sent", "drafts", "inbox", "archive")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One message of a conversation."""

    summary: Summary
    mailbox: str
    uidvalidity: int
    role: str
    folder: Text
    here: bool  # in the folder whose list is shown: only these are acted on together

    @property
    def uid(self) -> int:
        return self.summary.uid

    @property
    def name(self) -> str:
        """In the page's address: of those that are open."""
        return str(self.uid) if self.here else str(MessageRef(self.mailbox, self.uidvalidity, self.uid))

    @property
    def id(self) -> str:
        """In the page."""
        return f"c{self.uid}" if self.here else f"c{self.role}{self.uid}"

    @property
    def is_draft(self) -> bool:
        return self.role == "drafts"

    @property
    def is_own(self) -> bool:
        return self.role in ("sent", "drafts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    items: tuple[Item, ...]  # oldest first
    searched: tuple[Text, ...]  # the other folders that were looked into
    left_out: int = 0  # older messages that are too many for one page
    read: frozenset[str] = field(default_factory=frozenset)  # that count as read from now on

    @property
    def here(self) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item.here)

    @property
    def elsewhere(self) -> int:
        return len(self.items) - len(self.here)

    @property
    def uids(self) -> tuple[int, ...]:
        """What is done to the conversation is done to these."""
        return tuple(item.uid for item in self.here)

    @property
    def flagged(self) -> bool:
        return any(item.summary.flagged for item in self.here)

    @property
    def subject(self) -> str:
        return next((item.summary.envelope.subject.strip() for item in self.items if item.summary.envelope.subject), "")

    def at_first(self) -> tuple[str, ...]:
        """Those that are open when nothing else is said: what is unread, and the newest one that is no draft."""
        unread = [item.name for item in self.items if not item.summary.seen and not item.is_own][:MOST_OPEN]
        last = [item.name for item in self.items if not item.is_draft][-1:]
        return tuple(dict.fromkeys([*unread, *last]))

    def all_at_once(self) -> tuple[str, ...]:
        """Those that are opened together: all but drafts, the newest ones of very many."""
        return tuple(item.name for item in self.items if not item.is_draft)[-MOST_AT_ONCE:]


def gather(store: MailStore, mailbox: str, uid: int, *, uidvalidity: int, mailboxes: Sequence[Mailbox]) -> Conversation:
    """The conversation of this message. Raises ``NoSuchMessage`` where it is there no more."""
    try:
        uids = store.thread(mailbox, uid, uidvalidity=uidvalidity)
    except CannotThread:
        uids = [uid]
    here = list(store.summaries(mailbox, uids[-MOST:], uidvalidity=uidvalidity))
    if not here:
        raise NoSuchMessage
    by_index = any(name.startswith("THREAD=") for name in store.capabilities)
    names = _names(here)
    found: list[Item] = []
    searched: list[Text] = []
    for known in _others(mailboxes, mailbox, WITH_INDEX if by_index else ALWAYS):
        try:
            validity, rows, said = store.linked(known.name, names, newest=NEWEST if by_index else NEWEST_POOR)
        except ServerRefused as error:
            log.info("conversation_without", error=error.__class__.__name__)
            continue
        label = folders.label(known)
        searched.append(label)
        found += [_item(row, known.name, validity, known.role, label, here=False) for row in rows]
        names = list(dict.fromkeys([*names, *(name for row in rows for name in said[row.uid])]))
    if by_index and found:
        _validity, rows, _said = store.linked(mailbox, names[len(_names(here)) :] or names, newest=NEWEST)
        there = {row.uid for row in here}
        here += [row for row in rows if row.uid not in there]
    label, role = folders.label_of(mailbox, mailboxes), folders.role_of(mailboxes, mailbox)
    items = [_item(row, mailbox, uidvalidity, role, label, here=True) for row in here]
    everyone = sorted(_each_once([*items, *found]), key=lambda item: (item.summary.received, item.uid))
    left_out = len(uids) - len(uids[-MOST:]) + max(0, len(everyone) - MOST)
    return Conversation(items=tuple(everyone[-MOST:]), searched=tuple(searched), left_out=left_out)


def _names(rows: Iterable[Summary]) -> list[str]:
    """Message-IDs, those of the newest first."""
    told = [f"{row.envelope.message_id} {row.envelope.in_reply_to}" for row in rows]
    return list(dict.fromkeys(name for text in reversed(told) for name in message_ids(text)))


def _others(mailboxes: Sequence[Mailbox], mailbox: str, roles: Sequence[str]) -> list[Mailbox]:
    chosen = [folders.by_role(mailboxes, role) for role in roles]
    return [known for known in chosen if known is not None and known.selectable and known.name != mailbox]


def _item(row: Summary, mailbox: str, uidvalidity: int, role: str, label: Text, *, here: bool) -> Item:
    return Item(summary=row, mailbox=mailbox, uidvalidity=uidvalidity, role=role, folder=label, here=here)


def _each_once(items: Iterable[Item]) -> list[Item]:
    """A copy in another folder is left out; copies in this one are messages that are counted."""
    known: set[str] = set()
    found = []
    for item in items:
        name = item.summary.envelope.message_id
        if item.here or not name or name not in known:
            found.append(item)
        known.add(name)
    return found


def as_read(conversation: Conversation, names: Iterable[str]) -> Conversation:
    """With these messages read; they are noted in ``read``."""
    wanted = set(names)
    fresh = frozenset(item.name for item in conversation.items if item.name in wanted and not item.summary.seen)
    items = tuple(
        replace(item, summary=replace(item.summary, flags=item.summary.flags | {"\\Seen"}))
        if item.name in fresh
        else item
        for item in conversation.items
    )
    return replace(conversation, items=items, read=fresh)
