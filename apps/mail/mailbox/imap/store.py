"""``MailStore`` over IMAP: checks UIDVALIDITY, keeps the mailbox selected, and asks the modules beside it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from apps.mail.mailbox import errors, names, wishes
from apps.mail.mailbox.imap import (
    changes,
    dates,
    folders,
    guard,
    hierarchy,
    identity,
    listing,
    messages,
    quota,
    scan,
    search,
    sorting,
)
from apps.mail.mailbox.imap.commands import Command, command
from apps.mail.mailbox.imap.connection import Connection
from apps.mail.mailbox.imap.memory import Memory
from apps.mail.mailbox.imap.selected import Selected
from apps.mail.mailbox.imap.sharing import SharingStore
from apps.mail.mailbox.imap.together import Together
from apps.mail.mailbox.store import (
    NEWEST_FIRST,
    Mailbox,
    MailboxStatus,
    MessageDetail,
    MoveResult,
    Page,
    Query,
    Quota,
    Sort,
    Stretch,
    Summary,
)

T = TypeVar("T")

TRUSTED = 60.0  # seconds after a SELECT in which witnesses may say that the mailbox is still that of its name


class ImapStore(Together, SharingStore):
    """One lease of a connection. ``commands`` counts what this lease has sent.

    A connection that died while nobody looked is replaced once, before its first command has succeeded; later than
    that, or after a time-out, the error is the caller's: nobody knows what was done.

    A session goes on with the mailbox it has selected when that is deleted or renamed away and another one is made in
    its place, and a change may hit that one's messages. So before messages are changed, and when a lease looks into a
    mailbox first, it is selected anew, or witnessed to be the same (see ``identity``).
    """

    def __init__(self, connection: Connection, memory: Memory) -> None:
        self.connection = connection
        self._memory = memory
        self._before, self._answered = connection.commands, connection.answered
        self._checked: str | None = None  # the mailbox whose news this lease has asked for
        self.wish: wishes.Asked = wishes.none
        self._found: dict[int, int] = {}  # the sequence number of the message that was read last in it, by its UID

    @property
    def capabilities(self) -> frozenset[str]:
        return self.connection.capabilities

    @property
    def commands(self) -> int:
        return self.connection.commands - self._before

    # mailboxes

    def mailboxes(self, *, status: bool = True, polled: bool = False) -> Sequence[Mailbox]:
        if status:
            self._hear_news(folders.asking(self.connection, status=True))
        look = folders.Look(self.wish, self.namespaces)
        return self._first(lambda: folders.mailboxes(self.connection, look, status=status, polled=polled))

    def status(self, mailbox: str) -> MailboxStatus:
        self._hear_news()
        return self._first(lambda: folders.status(self.connection, mailbox))

    def opened(self, mailbox: str, *, uidvalidity: int | None = None) -> MailboxStatus:
        return self._open(mailbox, uidvalidity).status

    def rename(self, mailbox: str, new_name: str) -> None:
        self._leave(mailbox)
        guard.mailbox(new_name)
        try:
            hierarchy.rename(self.connection, mailbox, new_name)
        finally:
            self._memory.turn(self.connection.account.id)

    def delete(self, mailbox: str) -> None:
        self._leave(mailbox)
        name = guard.mailbox(mailbox)
        try:
            self.connection.execute(command("DELETE", name))
        finally:
            self._memory.turn(self.connection.account.id)
        self._changed()
        self.connection.attempt(command("UNSUBSCRIBE", name))

    def subscribe(self, mailbox: str, *, on: bool) -> None:
        self._first(self.connection.refresh)
        self.connection.execute(command("SUBSCRIBE" if on else "UNSUBSCRIBE", guard.mailbox(mailbox)))

    def quotas(self, mailbox: str = "INBOX") -> Sequence[Quota]:
        return self._first(lambda: quota.current(self.connection, self._memory, mailbox))

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
        connection, memory = self.connection, self._memory
        turned = after or before or not sort.is_usual
        ahead = None if turned else listing.likely(connection, memory, offset=offset, limit=limit)
        self._open(mailbox, uidvalidity, news=True, ahead=ahead)
        if not sort.is_usual:
            return self._sorted_page(mailbox, None, sort, offset=offset, limit=limit, after=after, before=before)
        start = listing.offset_beside(connection, memory, offset=offset, limit=limit, after=after, before=before)
        rows, total = listing.window(connection, memory, offset=start, limit=limit)
        return Page(mailbox=mailbox, status=self._status, rows=tuple(rows), offset=start, total=total)

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
    ) -> Page:
        self._open(mailbox, uidvalidity, news=True)
        connection, memory = self.connection, self._memory
        uids = search.matching(connection, memory, query)
        if not sort.is_usual:
            return self._sorted_page(mailbox, uids, sort, offset=offset, limit=limit, after=after, before=before)
        start = search.offset_beside(connection, memory, uids, offset=offset, limit=limit, after=after, before=before)
        rows = listing.rows(connection, memory, list(uids[start : start + max(limit, 0)]))
        return Page(mailbox=mailbox, status=self._status, rows=tuple(rows), offset=start, total=len(uids))

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
        if after:
            guard.uid(after)
        self._open(mailbox, uidvalidity, news=True)
        place = scan.Place(limit=limit, seconds=seconds, after=after, searched=searched, window=window, eager=eager)
        return scan.stretch(self.connection, self._memory, mailbox, query, place)

    def matching(
        self, mailbox: str, query: Query, *, uidvalidity: int | None = None, seconds: float = 300.0
    ) -> tuple[int, Sequence[int]]:
        selected = self._open(mailbox, uidvalidity, news=True)
        with self.connection.patience(seconds):
            return selected.uidvalidity, search.matching(self.connection, self._memory, query)

    def summaries(self, mailbox: str, uids: Sequence[int], *, uidvalidity: int) -> Sequence[Summary]:
        wanted = [guard.uid(uid) for uid in uids]
        self._open(mailbox, uidvalidity)
        return listing.rows(self.connection, self._memory, wanted)

    def newer_than(self, mailbox: str, moment: datetime, *, uidvalidity: int | None = None) -> int:
        self._open(mailbox, uidvalidity, news=True)
        return dates.newer_than(self.connection, self._memory, moment)

    def senders(self, mailbox: str, *, limit: int) -> Sequence[str]:
        self._open(mailbox, None)
        return dates.senders(self.connection, self._memory, limit)

    def _sorted_page(
        self,
        mailbox: str,
        found: Sequence[int] | None,
        sort: Sort,
        *,
        offset: int,
        limit: int,
        after: int | None,
        before: int | None,
    ) -> Page:
        """A page of all messages, or of those ``found``, in an order of somebody's choice."""
        arranged = sorting.current(self.connection, self._memory, sort)
        uids = arranged.uids if found is None else sorting.among(arranged, found)
        start = sorting.offset_beside(arranged, uids, offset=offset, limit=limit, after=after, before=before)
        rows = listing.rows(self.connection, self._memory, list(uids[start : start + max(limit, 0)]))
        return Page(mailbox=mailbox, status=self._status, rows=tuple(rows), offset=start, total=len(uids))

    def neighbours(
        self, mailbox: str, uid: int, *, uidvalidity: int, sort: Sort = NEWEST_FIRST
    ) -> tuple[int | None, int | None]:
        guard.uid(uid)
        self._open(mailbox, uidvalidity)
        if not sort.is_usual:
            return sorting.neighbours(self.connection, self._memory, sort, uid)
        return listing.neighbours(self.connection, self._memory, uid, self._found.get(uid, 0))

    # messages

    def message(self, mailbox: str, uid: int, *, uidvalidity: int) -> MessageDetail:
        self._open(mailbox, uidvalidity, ahead=messages.asking(uid))
        number, detail = messages.detail(self.connection, self._memory, uid)
        self._found = {uid: number}
        return detail

    def part(self, mailbox: str, uid: int, number: str, *, uidvalidity: int, limit: int | None = None) -> bytes:
        guard.uid(uid), guard.section(number)
        self._open(mailbox, uidvalidity)
        return messages.part(self.connection, self._memory, uid, number, limit=limit)

    def parts(self, mailbox: str, uid: int, numbers: Sequence[str], *, uidvalidity: int) -> Mapping[str, bytes]:
        guard.uid(uid)
        self._open(mailbox, uidvalidity)
        ahead = listing.around(self.connection, self._memory, self._found.get(uid, 0))  # is what a reader asks next
        return messages.parts(self.connection, self._memory, uid, numbers, ahead=ahead)

    def stream(self, mailbox: str, uid: int, number: str = "", *, uidvalidity: int) -> Iterator[bytes]:
        guard.uid(uid), guard.section(number)
        self._open(mailbox, uidvalidity)
        return messages.chunks(self.connection, self._memory, uid, number)

    # actions

    def set_flags(
        self,
        mailbox: str,
        uids: Sequence[int],
        *,
        uidvalidity: int,
        add: Sequence[str] = (),
        remove: Sequence[str] = (),
    ) -> None:
        guard.flags([*add, *remove]), guard.uid_sets(uids)
        self._open(mailbox, uidvalidity, change=True)
        changes.set_flags(self.connection, uids, add=add, remove=remove)

    def mark(self, mailbox: str, uids: Sequence[int], flag: str, *, on: bool, uidvalidity: int) -> Sequence[int]:
        guard.flags([flag]), guard.uid_sets(uids)
        selected = self._open(mailbox, uidvalidity, change=True)
        if not flag.startswith("\\") and on and not selected.status.takes(flag):
            raise errors.NoKeywords
        return changes.mark(self.connection, self._memory, uids, flag, on=on)

    def move(self, mailbox: str, uids: Sequence[int], target: str, *, uidvalidity: int) -> MoveResult:
        guard.mailbox(target), guard.uid_sets(uids)
        self._open(mailbox, uidvalidity, change=True)
        if names.to_wire(mailbox) == names.to_wire(target):
            return MoveResult(done=len(uids), uidvalidity=uidvalidity, uids={uid: uid for uid in uids})
        return changes.move(self.connection, uids, target)

    def copy(self, mailbox: str, uids: Sequence[int], target: str, *, uidvalidity: int) -> MoveResult:
        guard.mailbox(target), guard.uid_sets(uids)
        self._open(mailbox, uidvalidity, change=True)
        return changes.copy(self.connection, uids, target)

    def expunge(self, mailbox: str, uids: Sequence[int], *, uidvalidity: int) -> int:
        guard.uid_sets(uids)
        self._open(mailbox, uidvalidity, change=True)
        self._changed()
        return changes.expunge(self.connection, uids)

    def append(
        self, mailbox: str, message: bytes, *, flags: Sequence[str] = (), when: datetime | None = None
    ) -> tuple[int, int | None]:
        self._first(self.connection.refresh)
        uidvalidity, uid = changes.append(self.connection, mailbox, message, flags=flags, when=when)
        self._changed()
        if uid is not None:
            return uidvalidity, uid
        message_id, selected = changes.message_id_of(message), self._open(mailbox, None, news=True)
        found = changes.find_message_id(self.connection, message_id) if message_id else []
        return selected.uidvalidity, found[-1] if found else None

    def find_message_id(self, mailbox: str, message_id: str, *, header: str = "Message-ID") -> Sequence[int]:
        guard.string(message_id), guard.string(header)
        self._open(mailbox, None, news=True)
        return changes.find_message_id(self.connection, message_id, header)

    # the selected mailbox

    def _open(
        self,
        mailbox: str,
        uidvalidity: int | None,
        *,
        news: bool = False,
        change: bool = False,
        ahead: Command | None = None,
    ) -> Selected:
        """Select it, or let the server say what is new in it; raises ``UidValidityChanged`` before anything is done.

        Without ``news`` a mailbox that this lease has looked into already is taken as it is; a ``change`` wants to know
        in any case that it is the one of its name. ``ahead`` is what will be read first, if all is as it was.
        """
        name = names.from_wire(names.to_wire(mailbox))
        selected = self._first(lambda: self._selected(name, news=news, change=change, ahead=ahead))
        if uidvalidity is not None and uidvalidity != selected.uidvalidity:
            raise errors.UidValidityChanged
        return selected

    def _selected(self, name: str, *, news: bool, change: bool, ahead: Command | None) -> Selected:
        selected = self.connection.selected
        if selected is None or selected.name != name or not self._is_same(selected, news, change, ahead):
            turn = self._memory.turns.get(self.connection.account.id)
            selected = self.connection.select(name)
            selected.turn = turn
        self._checked = name
        return selected

    def _is_same(self, selected: Selected, news: bool, change: bool, ahead: Command | None) -> bool:
        """Whether this lease may go on with it, its news heard where they are wanted."""
        known = self._checked == selected.name
        if known and not news and not change:
            return True
        self._found = {}
        if not self._is_current(selected):
            return False
        fresh = time.monotonic() - selected.since < TRUSTED
        if fresh and selected.highestmodseq and self.connection.has("CONDSTORE"):
            return identity.is_witnessed(self.connection, ahead)
        return known and not change and self.connection.refresh()

    def _is_current(self, selected: Selected) -> bool:
        """Whether this process has renamed and deleted nothing in this account since."""
        return selected.turn == self._memory.turns.get(self.connection.account.id)

    def _hear_news(self, ahead: Command | None = None) -> None:
        """STATUS of the mailbox that is open says what the session knows (RFC 9051 section 6.3.11), on Dovecot too."""
        selected = self.connection.selected
        if selected is not None:
            clean = self._first(lambda: self.connection.refresh(ahead))
            if self.connection.selected is not None and not (clean and self._is_current(selected)):
                self.connection.deselect()
                self._checked = None

    @property
    def _status(self) -> MailboxStatus:
        assert self.connection.selected is not None
        return self.connection.selected.status

    def _first(self, act: Callable[[], T]) -> T:
        """Do it; on a new connection where this one is found dead before anything was done with it."""
        try:
            return act()
        except (errors.ServerTimeout, errors.TlsFailed):
            raise
        except errors.ServerUnreachable:
            if self.connection.answered > self._answered or not self.connection.broken:
                raise
            self.connection.selected = None
            self.connection.reconnect()
            return act()

    def _leave(self, mailbox: str) -> None:
        """Before a mailbox is renamed or deleted, no connection of this lease may have it open."""
        self._first(self.connection.refresh)
        if self.connection.selected is not None:
            self.connection.deselect()
            self._checked = None
