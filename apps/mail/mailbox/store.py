"""``MailStore``: what the mail app asks of a mail server, whichever protocol speaks to it. Knows no Django.

A UID never travels without its UIDVALIDITY (RFC 9051 section 2.3.1.1): every method that takes UIDs takes the
``uidvalidity`` they were seen under, and raises ``UidValidityChanged`` before it touches anything when the mailbox has
another one now. Mailbox names are decoded text with the server's own delimiter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from apps.mail.mailbox.gathers import GathersMessages
from apps.mail.mailbox.names import bare, shown
from apps.mail.mailbox.sharing import Sharing
from apps.mail.mailbox.summaries import Conversation as Conversation
from apps.mail.mailbox.summaries import Summary as Summary
from apps.mail.mailbox.wholesale import Wholesale
from apps.mail.mailbox.wishes import Asked
from apps.mail.mime.parts import Part

#: Special uses (RFC 6154) by the names our URLs, icons and code use; "inbox" for INBOX, "" for an ordinary mailbox.
ROLES = ("inbox", "drafts", "sent", "archive", "junk", "trash", "flagged", "all")


#: What lists are sorted by: INTERNALDATE, the Date header, people as they are shown, the base subject, RFC822.SIZE.
SORT_KEYS = ("arrival", "date", "from", "to", "subject", "size")


@dataclass(frozen=True, slots=True)
class Sort:
    """The order of a list. Written as its key, behind a minus sign when it descends: ``-arrival``, ``subject``."""

    by: str = "arrival"
    descending: bool = True

    @classmethod
    def parse(cls, text: str) -> Sort:
        """The usual order for what is none."""
        by = text.removeprefix("-")
        return cls(by, text.startswith("-")) if by in SORT_KEYS else cls()

    def __str__(self) -> str:
        return f"-{self.by}" if self.descending else self.by

    @property
    def is_usual(self) -> bool:
        return self == NEWEST_FIRST

    @property
    def by_time(self) -> bool:
        return self.by in ("arrival", "date")


NEWEST_FIRST = Sort()

#: Among the capabilities of a store whose folders, but for the inbox, lie in the portal, and all marks with them: POP3.
KEPT_HERE = "YURT-KEPT-HERE"

#: How a list shows messages that belong together: a row for all of them; each below the one it answers; not at all.
CONVERSATIONS, THREADS, FLAT = MODES = ("conversations", "threads", "flat")


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxStatus:
    """STATUS or SELECT of a mailbox (RFC 9051 sections 6.3.11 and 6.3.2)."""

    uidvalidity: int
    messages: int = 0
    unseen: int = 0
    uidnext: int = 0
    highestmodseq: int = 0  # 0 where the server has no CONDSTORE (RFC 7162)
    read_only: bool = False
    permanent_flags: frozenset[str] = frozenset()
    keywords: frozenset[str] = frozenset()  # in lower case: those that messages here may have; of SELECT only

    def takes(self, keyword: str) -> bool:
        """Whether messages of the selected mailbox can be given this keyword. Without PERMANENTFLAGS one may try (RFC
        3501 section 7.1)."""
        allowed = {flag.lower() for flag in self.permanent_flags}
        return not self.read_only and (not allowed or "\\*" in allowed or keyword.lower() in allowed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """One line of LIST."""

    name: str  # full decoded name: "Projects/Glacier survey"
    delimiter: str = "/"  # "" for a flat namespace
    role: str = ""  # one of ROLES, from SPECIAL-USE or, where that is missing, from the usual names
    selectable: bool = True
    subscribed: bool = True
    attributes: frozenset[str] = frozenset()  # as sent, lower case: "\\haschildren"
    status: MailboxStatus | None = None  # None when not selectable or not asked for
    kind: str = ""  # "others": somebody else's, "shared": of all, "": one's own
    colour: str = ""  # see ``wishes.Wish``, as the next
    polled: bool = True

    @property
    def leaf(self) -> str:
        """Its own part of the name, for people."""
        name = bare(self.name)
        return shown(name.rpartition(self.delimiter)[2] if self.delimiter else name)

    @property
    def depth(self) -> int:
        return bare(self.name).count(self.delimiter) if self.delimiter else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """How much of one resource may be used, and is (RFC 9208): octets for STORAGE, else a number of things."""

    root: str
    resource: str  # "STORAGE", "MESSAGE" ...
    used: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A window of a message list. Where messages are put together, ``conversations`` stand beside the rows, which are
    each the first message of one in the list's order."""

    mailbox: str
    status: MailboxStatus
    rows: tuple[Summary, ...]
    offset: int  # of the first row, 0 is the top of the list
    total: int  # rows in the whole list (of the mailbox, or of the search)
    conversations: tuple[Conversation, ...] = ()
    messages: int = 0  # in the whole list, where that is more than its rows
    looked_at: int = 0  # of how many messages, the newest ones, threads were made; 0 for all


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDetail:
    """What is needed to draw one message, without its parts' contents."""

    summary: Summary
    structure: Part
    header: bytes  # raw header block of the message


@dataclass(frozen=True, slots=True)
class Words:
    """A word or phrase to look for. ``field``: from, to, cc, bcc, subject or body; "with" is any of the first four, ""
    any of them but bcc, "addressed" is to or cc. One of ``others`` will do as well as ``text``."""

    field: str
    text: str
    negated: bool = False
    others: tuple[str, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.text, *self.others)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A search in one mailbox; all that is given must hold. ``text`` is one box over from, to, cc, subject and body: OR
    over the fields, AND over its words (a quoted phrase counts as one word), never AND over fields. ``query.meaning``
    makes the rest of what people type."""

    text: str = ""
    unseen: bool = False
    flagged: bool = False
    words: tuple[Words, ...] = ()
    flags: tuple[tuple[str, bool], ...] = ()  # ("\\Answered", True): it is set; keywords too
    listed: bool = False  # through a mailing list (RFC 2919), or to many who may leave (RFC 2369)
    without: frozenset[int] = frozenset()  # UIDs that are left out
    larger: int | None = None  # octets, exclusive like RFC 9051's LARGER and SMALLER
    smaller: int | None = None
    since: datetime | None = None  # INTERNALDATE, exact to the second; inclusive
    before: datetime | None = None  # exclusive
    attachment: frozenset[bool] = frozenset()  # with one, without one; both: nothing can be found


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What a part of a search has found, newest first, and where it goes on."""

    mailbox: str
    status: MailboxStatus
    rows: tuple[Summary, ...]
    searched: int  # how many of the mailbox's messages, from the newest on, have been looked at by now
    total: int  # messages in the mailbox
    below: int = 0  # the UID below which it goes on; 0 at the end
    window: int = 0  # how many messages to look at next, by how fast the server was

    @property
    def complete(self) -> bool:
        return not self.below


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveResult:
    """Where messages went: UIDs in the target by UID in the source; empty where the server does not tell, as one
    without UIDPLUS, and others now and then (RFC 4315 section 3). ``done`` is how many went, in either case."""

    done: int
    uidvalidity: int = 0
    uids: Mapping[int, int] = field(default_factory=dict)


class MailStore(GathersMessages, Wholesale, Sharing, Protocol):
    """One account on one server, leased for one request. Raises subclasses of ``errors.MailError`` only."""

    wish: Asked  # how somebody wants folders

    @property
    def capabilities(self) -> frozenset[str]: ...

    # mailboxes
    def mailboxes(self, *, status: bool = True, polled: bool = False) -> Sequence[Mailbox]:
        """All mailboxes in display order (roles first, then by name), with counts: one command where LIST-STATUS is.
        ``polled``: elsewhere those that somebody does not want looked into are not."""
        ...

    def status(self, mailbox: str) -> MailboxStatus: ...
    def create(self, mailbox: str, *, role: str = "") -> None:
        """``role``: what it is for, told to servers that take it (CREATE-SPECIAL-USE, RFC 6154)."""
        ...

    def opened(self, mailbox: str, *, uidvalidity: int | None = None) -> MailboxStatus:
        """As SELECT tells it, keywords too, without counts of what is unread. Costs nothing where this lease has looked
        into the mailbox last."""
        ...

    def rename(self, mailbox: str, new_name: str) -> None:
        """With everything below it. Subscriptions go along."""
        ...

    def delete(self, mailbox: str) -> None:
        """The mailbox and its messages, for ever. What lies below it stays."""
        ...

    def subscribe(self, mailbox: str, *, on: bool) -> None: ...
    def quotas(self, mailbox: str = "INBOX") -> Sequence[Quota]:
        """The limits that count for a mailbox, as they were within the last minute; none where there are none."""
        ...

    # lists
    def page(
        self,
        mailbox: str,
        *,
        offset: int = 0,
        limit: int = 50,
        uidvalidity: int | None = None,
        after: int | None = None,
        before: int | None = None,
        sort: Sort = NEWEST_FIRST,
    ) -> Page:
        """Rows from ``offset`` on. A page found by a UID neither repeats nor hides rows when mail arrives: ``after``
        goes on below that message, wherever it is by now (or was, if it has gone); ``before`` ends above it, and
        ``offset`` serves where it has gone. Raises ``CannotSort`` where this order cannot be had."""
        ...

    def search(
        self,
        mailbox: str,
        query: Query,
        *,
        offset: int = 0,
        limit: int = 50,
        uidvalidity: int | None = None,
        after: int | None = None,
        before: int | None = None,
        sort: Sort = NEWEST_FIRST,
    ) -> Page: ...
    def scan(
        self,
        mailbox: str,
        query: Query,
        *,
        limit: int,
        seconds: float,
        uidvalidity: int | None = None,
        after: int = 0,
        searched: int = 0,
        window: int = 0,
        eager: bool = False,
    ) -> Stretch:
        """Search window by window from the newest message on, or on below the message ``after``, until ``limit`` are
        found, the mailbox ends, or ``seconds`` are over; at least one window is searched. ``searched`` and ``window``
        are those of the stretch before; ``after`` is of ``uidvalidity``. ``eager``: once something is found, it is not
        kept back for long."""
        ...

    def matching(
        self, mailbox: str, query: Query, *, uidvalidity: int | None = None, seconds: float = 300.0
    ) -> tuple[int, Sequence[int]]:
        """(UIDVALIDITY, the UIDs of all messages that match), newest first: for what is done to many at once. Raises
        ``ServerTimeout`` where the server has not told them after so many ``seconds``."""
        ...

    def summaries(self, mailbox: str, uids: Sequence[int], *, uidvalidity: int) -> Sequence[Summary]: ...
    def newer_than(self, mailbox: str, moment: datetime, *, uidvalidity: int | None = None) -> int:
        """How many messages arrived at this moment or later: where a day begins in the usual list."""
        ...

    def senders(self, mailbox: str, *, limit: int) -> Sequence[str]:
        """The addresses that the newest ``limit`` messages are from, in lower case, the most frequent first."""
        ...

    def neighbours(
        self, mailbox: str, uid: int, *, uidvalidity: int, sort: Sort = NEWEST_FIRST
    ) -> tuple[int | None, int | None]:
        """The UIDs of the messages above and below in the list: the next newer and the next older one, as a rule."""
        ...

    # messages; everything is fetched with PEEK
    def message(self, mailbox: str, uid: int, *, uidvalidity: int) -> MessageDetail: ...
    def part(self, mailbox: str, uid: int, number: str, *, uidvalidity: int, limit: int | None = None) -> bytes:
        """A part's octets, still transfer-encoded; ``limit`` cuts. Several parts: ``parts``."""
        ...

    def parts(self, mailbox: str, uid: int, numbers: Sequence[str], *, uidvalidity: int) -> Mapping[str, bytes]: ...
    def stream(self, mailbox: str, uid: int, number: str = "", *, uidvalidity: int) -> Iterator[bytes]:
        """The part (or with "" the whole message) in chunks of at most 256 KiB, still transfer-encoded."""
        ...

    # actions
    def set_flags(
        self,
        mailbox: str,
        uids: Sequence[int],
        *,
        uidvalidity: int,
        add: Sequence[str] = (),
        remove: Sequence[str] = (),
    ) -> None: ...
    def mark(self, mailbox: str, uids: Sequence[int], flag: str, *, on: bool, uidvalidity: int) -> Sequence[int]:
        """Set \\Seen, \\Flagged or a keyword, or take it away; the UIDs of those it was changed for. Raises
        ``NoKeywords`` where the server does not let messages have it."""
        ...

    def move(self, mailbox: str, uids: Sequence[int], target: str, *, uidvalidity: int) -> MoveResult: ...
    def copy(self, mailbox: str, uids: Sequence[int], target: str, *, uidvalidity: int) -> MoveResult: ...
    def expunge(self, mailbox: str, uids: Sequence[int], *, uidvalidity: int) -> int:
        """Remove exactly these messages for ever (UID EXPUNGE, or the safe detour where UIDPLUS is missing); how many
        went."""
        ...

    def append(
        self, mailbox: str, message: bytes, *, flags: Sequence[str] = (), when: datetime | None = None
    ) -> tuple[int, int | None]:
        """Store a message; returns (UIDVALIDITY, UID), the UID found by Message-ID where APPENDUID is missing."""
        ...

    def find_message_id(self, mailbox: str, message_id: str, *, header: str = "Message-ID") -> Sequence[int]:
        """``header``: the field it stands in; "Resent-Message-ID" of a redirected message (RFC 5322 section 3.6.6)."""
        ...
