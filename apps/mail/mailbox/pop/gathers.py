"""The part of ``PopStore`` that is about messages which belong together, and what POP3 has nothing of: whose mailboxes
these are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn

from apps.mail.mailbox import errors
from apps.mail.mailbox.gathering import PAGES, around, together
from apps.mail.mailbox.imap import guard
from apps.mail.mailbox.imap.memory import place
from apps.mail.mailbox.pop.base import Base
from apps.mail.mailbox.pop.shelf import Entry
from apps.mail.mailbox.sharing import Grant, Namespaces
from apps.mail.mailbox.store import NEWEST_FIRST, Conversation, Page, Query, Sort, Summary
from apps.mail.mailbox.threads import message_ids as read_message_ids

MOST_FOUND = 200


class Gathers(Base):
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
        box = self._open(mailbox, uidvalidity, news=True)
        known = box.gathered(sort, mode)
        found = None if query is None else box.matching(query, self._texts(box))
        rows, start, total = PAGES[mode](box, known, found, offset=offset, limit=limit, after=after, before=before)
        return Page(
            mailbox=mailbox,
            status=box.status,
            rows=tuple(row for row, _conversation in rows),
            offset=start,
            total=total,
            conversations=tuple(conversation for _row, conversation in rows),
            messages=len(box.entries) if found is None else len(found),
        )

    def around(
        self, mailbox: str, uid: int, *, uidvalidity: int, mode: str, sort: Sort = NEWEST_FIRST
    ) -> tuple[tuple[Summary, Conversation] | None, tuple[Summary, Conversation] | None]:
        guard.uid(uid)
        box = self._open(mailbox, uidvalidity)
        return around(box, box.gathered(sort, mode), mode, uid)

    def thread(self, mailbox: str, uid: int, *, uidvalidity: int) -> Sequence[int]:
        guard.uid(uid)
        box = self._open(mailbox, uidvalidity)
        forest = box.gathered(NEWEST_FIRST, "").threads.forest
        at = place(forest.uids, uid)
        return box.oldest_first([uid] if at is None else forest.members(forest.at(at)))

    def together(self, mailbox: str, groups: Sequence[Sequence[int]], *, uidvalidity: int) -> Sequence[Conversation]:
        for group in groups:
            guard.uid_sets(group)
        box = self._open(mailbox, uidvalidity)
        found = together(box, [group[-1] for group in groups], groups)
        return [conversation for _row, conversation in found]

    def linked(
        self, mailbox: str, message_ids: Sequence[str], *, newest: int
    ) -> tuple[int, Sequence[Summary], Mapping[int, Sequence[str]]]:
        box = self._open(mailbox, None, news=True)
        wanted = set(message_ids)
        among = [box.entries[uid] for uid in box.order().uids[:newest]]
        said = {each.uid: _refers(each) for each in among}
        uids = sorted(uid for uid, names in said.items() if wanted & set(names))[-MOST_FOUND:]
        return box.folder.uidvalidity, box.rows(uids), {uid: said[uid] for uid in uids}

    # nobody else's

    @property
    def shares(self) -> bool:
        return False

    def namespaces(self) -> Namespaces:
        return Namespaces()

    def acl(self, mailbox: str) -> Sequence[Grant]:
        return []

    def my_rights(self, mailboxes: Sequence[str]) -> dict[str, str]:
        return {}

    def set_rights(self, mailbox: str, identifier: str, rights: str) -> NoReturn:
        raise errors.ServerRefused("nobody else can see these folders")

    def delete_rights(self, mailbox: str, identifier: str) -> NoReturn:
        raise errors.ServerRefused("nobody else can see these folders")

    def special_use(self, mailbox: str, role: str) -> bool:
        return False

    def colour(self, mailbox: str) -> str | None:
        return None

    def set_colour(self, mailbox: str, colour: str) -> bool:
        return False


def _refers(entry: Entry) -> tuple[str, ...]:
    """What it says of those it answers, and of itself."""
    return (*entry.digest.references, *read_message_ids(entry.digest.envelope.message_id)[:1])
