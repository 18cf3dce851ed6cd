"""``MailStore`` over all of somebody's accounts: each call goes to the account that the mailbox's name tells.

What names no mailbox (the list of mailboxes, namespaces, what the server can do) is about the account at hand, that of
the page or form. Connections are leased when they are needed. A move or copy from one account to another goes through
the portal: a message is removed from its place only once the other server has said that it has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from apps.mail.mailbox import across
from apps.mail.mailbox.names import qualified, split
from apps.mail.mailbox.store import (
    NEWEST_FIRST,
    Conversation,
    Mailbox,
    MailboxStatus,
    MailStore,
    MessageDetail,
    MoveResult,
    Page,
    Query,
    Quota,
    Sort,
    Stretch,
    Summary,
)
from apps.mail.mailbox.ways import Ways


class Routed(Ways):
    """One request's way to the accounts."""

    # mailboxes

    @property
    def capabilities(self) -> frozenset[str]:
        with self._in(self.account) as store:
            return store.capabilities

    def mailboxes(self, *, status: bool = True, polled: bool = False) -> Sequence[Mailbox]:
        with self._in(self.account) as store:
            found = store.mailboxes(status=status, polled=polled)
        return [_named(each, qualified(self.account, each.name)) for each in found]

    def status(self, mailbox: str) -> MailboxStatus:
        with self._to(mailbox) as (store, name):
            return store.status(name)

    def create(self, mailbox: str, *, role: str = "") -> None:
        with self._to(mailbox) as (store, name):
            store.create(name, role=role)

    def opened(self, mailbox: str, *, uidvalidity: int | None = None) -> MailboxStatus:
        with self._to(mailbox) as (store, name):
            return store.opened(name, uidvalidity=uidvalidity)

    def rename(self, mailbox: str, new_name: str) -> None:
        across.same(mailbox, new_name)
        with self._to(mailbox) as (store, name):
            store.rename(name, split(new_name)[1])

    def delete(self, mailbox: str) -> None:
        with self._to(mailbox) as (store, name):
            store.delete(name)

    def subscribe(self, mailbox: str, *, on: bool) -> None:
        with self._to(mailbox) as (store, name):
            store.subscribe(name, on=on)

    def quotas(self, mailbox: str = "") -> Sequence[Quota]:
        """Without a name: of the inbox at hand."""
        with self._to(mailbox or qualified(self.account, "INBOX")) as (store, name):
            return store.quotas(name)

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
        with self._to(mailbox) as (store, name):
            found = store.page(
                name, offset=offset, limit=limit, uidvalidity=uidvalidity, after=after, before=before, sort=sort
            )
        return _paged(found, mailbox)

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
        with self._to(mailbox) as (store, name):
            found = store.search(
                name, query, offset=offset, limit=limit, uidvalidity=uidvalidity, after=after, before=before, sort=sort
            )
        return _paged(found, mailbox)

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
        with self._to(mailbox) as (store, name):
            found = store.scan(
                name,
                query,
                limit=limit,
                seconds=seconds,
                uidvalidity=uidvalidity,
                after=after,
                searched=searched,
                window=window,
                eager=eager,
            )
        return found if found.mailbox == mailbox else replace(found, mailbox=mailbox)

    def matching(
        self, mailbox: str, query: Query, *, uidvalidity: int | None = None, seconds: float = 300.0
    ) -> tuple[int, Sequence[int]]:
        with self._to(mailbox) as (store, name):
            return store.matching(name, query, uidvalidity=uidvalidity, seconds=seconds)

    def summaries(self, mailbox: str, uids: Sequence[int], *, uidvalidity: int) -> Sequence[Summary]:
        with self._to(mailbox) as (store, name):
            return store.summaries(name, uids, uidvalidity=uidvalidity)

    def newer_than(self, mailbox: str, moment: datetime, *, uidvalidity: int | None = None) -> int:
        with self._to(mailbox) as (store, name):
            return store.newer_than(name, moment, uidvalidity=uidvalidity)

    def senders(self, mailbox: str, *, limit: int) -> Sequence[str]:
        with self._to(mailbox) as (store, name):
            return store.senders(name, limit=limit)

    def neighbours(
        self, mailbox: str, uid: int, *, uidvalidity: int, sort: Sort = NEWEST_FIRST
    ) -> tuple[int | None, int | None]:
        with self._to(mailbox) as (store, name):
            return store.neighbours(name, uid, uidvalidity=uidvalidity, sort=sort)

    # messages that belong together

    def gathered(
        self,
        mailbox: str,
        query: Query | None = None,
        *,
        mode: str,
        offset: int = 0,
        limit: int = 50,
        uidvalidity: int | None = None,
        after: int | None = None,
        before: int | None = None,
        sort: Sort = NEWEST_FIRST,
    ) -> Page:
        with self._to(mailbox) as (store, name):
            found = store.gathered(
                name,
                query,
                mode=mode,
                offset=offset,
                limit=limit,
                uidvalidity=uidvalidity,
                after=after,
                before=before,
                sort=sort,
            )
        return _paged(found, mailbox)

    def around(
        self, mailbox: str, uid: int, *, uidvalidity: int, mode: str, sort: Sort = NEWEST_FIRST
    ) -> tuple[tuple[Summary, Conversation] | None, tuple[Summary, Conversation] | None]:
        with self._to(mailbox) as (store, name):
            return store.around(name, uid, uidvalidity=uidvalidity, mode=mode, sort=sort)

    def thread(self, mailbox: str, uid: int, *, uidvalidity: int) -> Sequence[int]:
        with self._to(mailbox) as (store, name):
            return store.thread(name, uid, uidvalidity=uidvalidity)

    def together(self, mailbox: str, groups: Sequence[Sequence[int]], *, uidvalidity: int) -> Sequence[Conversation]:
        with self._to(mailbox) as (store, name):
            return store.together(name, groups, uidvalidity=uidvalidity)

    def linked(
        self, mailbox: str, message_ids: Sequence[str], *, newest: int
    ) -> tuple[int, Sequence[Summary], Mapping[int, Sequence[str]]]:
        with self._to(mailbox) as (store, name):
            return store.linked(name, message_ids, newest=newest)

    # messages

    def message(self, mailbox: str, uid: int, *, uidvalidity: int) -> MessageDetail:
        with self._to(mailbox) as (store, name):
            return store.message(name, uid, uidvalidity=uidvalidity)

    def part(self, mailbox: str, uid: int, number: str, *, uidvalidity: int, limit: int | None = None) -> bytes:
        with self._to(mailbox) as (store, name):
            return store.part(name, uid, number, uidvalidity=uidvalidity, limit=limit)

    def parts(self, mailbox: str, uid: int, numbers: Sequence[str], *, uidvalidity: int) -> Mapping[str, bytes]:
        with self._to(mailbox) as (store, name):
            return store.parts(name, uid, numbers, uidvalidity=uidvalidity)

    def stream(self, mailbox: str, uid: int, number: str = "", *, uidvalidity: int) -> Iterator[bytes]:
        with self._to(mailbox) as (store, name):
            yield from store.stream(name, uid, number, uidvalidity=uidvalidity)

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
        with self._to(mailbox) as (store, name):
            store.set_flags(name, uids, uidvalidity=uidvalidity, add=add, remove=remove)

    def mark(self, mailbox: str, uids: Sequence[int], flag: str, *, on: bool, uidvalidity: int) -> Sequence[int]:
        with self._to(mailbox) as (store, name):
            return store.mark(name, uids, flag, on=on, uidvalidity=uidvalidity)

    def move(self, mailbox: str, uids: Sequence[int], target: str, *, uidvalidity: int) -> MoveResult:
        if not across.is_same(mailbox, target):
            return across.carry(self, mailbox, uids, target, uidvalidity=uidvalidity, keep=False)
        with self._to(mailbox) as (store, name):
            return store.move(name, uids, split(target)[1], uidvalidity=uidvalidity)

    def copy(self, mailbox: str, uids: Sequence[int], target: str, *, uidvalidity: int) -> MoveResult:
        if not across.is_same(mailbox, target):
            return across.carry(self, mailbox, uids, target, uidvalidity=uidvalidity, keep=True)
        with self._to(mailbox) as (store, name):
            return store.copy(name, uids, split(target)[1], uidvalidity=uidvalidity)

    def expunge(self, mailbox: str, uids: Sequence[int], *, uidvalidity: int) -> int:
        with self._to(mailbox) as (store, name):
            return store.expunge(name, uids, uidvalidity=uidvalidity)

    def append(
        self, mailbox: str, message: bytes, *, flags: Sequence[str] = (), when: datetime | None = None
    ) -> tuple[int, int | None]:
        with self._to(mailbox) as (store, name):
            return store.append(name, message, flags=flags, when=when)

    def find_message_id(self, mailbox: str, message_id: str, *, header: str = "Message-ID") -> Sequence[int]:
        with self._to(mailbox) as (store, name):
            return store.find_message_id(name, message_id, header=header)


def at(store: MailStore, mailbox: str) -> MailStore:
    """The same store with the account of this mailbox at hand."""
    return store.at(mailbox) if isinstance(store, Routed) else store


def standing(store: MailStore, account: int) -> MailStore:
    return store.standing(account) if isinstance(store, Routed) else store


def _named(mailbox: Mailbox, name: str) -> Mailbox:
    return mailbox if mailbox.name == name else replace(mailbox, name=name)


def _paged(page: Page, mailbox: str) -> Page:
    return page if page.mailbox == mailbox else replace(page, mailbox=mailbox)
