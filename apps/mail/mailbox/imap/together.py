"""The part of ``ImapStore`` that is about messages which belong together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from apps.mail.mailbox.gathering import PAGES, around, together
from apps.mail.mailbox.imap import gathering, guard, linking, listing, ordering, search, threaded
from apps.mail.mailbox.imap.commands import Command
from apps.mail.mailbox.imap.connection import Connection
from apps.mail.mailbox.imap.memory import Memory, place
from apps.mail.mailbox.imap.selected import Selected
from apps.mail.mailbox.store import NEWEST_FIRST, Conversation, Page, Query, Sort, Summary


class Together(ABC):
    connection: Connection
    _memory: Memory

    @abstractmethod
    def _open(
        self,
        mailbox: str,
        uidvalidity: int | None,
        *,
        news: bool = False,
        change: bool = False,
        ahead: Command | None = None,
    ) -> Selected: ...

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
        connection, memory = self.connection, self._memory
        turned = after or before or query is not None
        ahead = None if turned else gathering.likely(connection, memory, sort, mode, offset=offset, limit=limit)
        selected = self._open(mailbox, uidvalidity, news=True, ahead=ahead)
        known = gathering.current(connection, memory, sort, mode)
        found = None if query is None else search.matching(connection, memory, query)
        rows, start, total = PAGES[mode](
            gathering.Look(connection, memory), known, found, offset=offset, limit=limit, after=after, before=before
        )
        return Page(
            mailbox=mailbox,
            status=selected.status,
            rows=tuple(row for row, _conversation in rows),
            offset=start,
            total=total,
            conversations=tuple(conversation for _row, conversation in rows),
            messages=len(known.flat) if found is None else len(found),
            looked_at=known.threads.looked_at,
        )

    def around(
        self, mailbox: str, uid: int, *, uidvalidity: int, mode: str, sort: Sort = NEWEST_FIRST
    ) -> tuple[tuple[Summary, Conversation] | None, tuple[Summary, Conversation] | None]:
        guard.uid(uid)
        self._open(mailbox, uidvalidity)
        known = gathering.current(self.connection, self._memory, sort, mode)
        return around(gathering.Look(self.connection, self._memory), known, mode, uid)

    def thread(self, mailbox: str, uid: int, *, uidvalidity: int) -> Sequence[int]:
        guard.uid(uid)
        self._open(mailbox, uidvalidity)
        forest = threaded.current(self.connection, self._memory).forest
        at = place(forest.uids, uid)
        found = [uid] if at is None else forest.members(forest.at(at))
        return listing.in_order(ordering.current(self.connection, self._memory), found)[::-1]

    def together(self, mailbox: str, groups: Sequence[Sequence[int]], *, uidvalidity: int) -> Sequence[Conversation]:
        for group in groups:
            guard.uid_sets(group)
        self._open(mailbox, uidvalidity)
        last = [group[-1] for group in groups]
        found = together(gathering.Look(self.connection, self._memory), last, groups)
        return [conversation for _row, conversation in found]

    def linked(
        self, mailbox: str, message_ids: Sequence[str], *, newest: int
    ) -> tuple[int, Sequence[Summary], Mapping[int, Sequence[str]]]:
        selected = self._open(mailbox, None, news=True)
        uids = linking.find(self.connection, message_ids, newest=newest)
        rows = listing.rows(self.connection, self._memory, uids)
        return selected.uidvalidity, rows, linking.references(self.connection, self._memory, uids)
