"""``MailStore`` over POP3: the inbox is the maildrop, everything else lies here.

Lists, marks, searches and threads come from the index. The maildrop is looked into once in a while, for messages and to
delete them, and left at once: while we are in it nobody else is.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from apps.mail.mailbox import errors, names, wishes
from apps.mail.mailbox.imap import folders, guard
from apps.mail.mailbox.imap.sorting import offset_beside
from apps.mail.mailbox.pop import checking
from apps.mail.mailbox.pop.box import SYSTEM_FLAGS, Box, Looked
from apps.mail.mailbox.pop.gathers import Gathers
from apps.mail.mailbox.pop.messages import Messages
from apps.mail.mailbox.pop.shelf import INBOX, Folder
from apps.mail.mailbox.store import (
    KEPT_HERE,
    NEWEST_FIRST,
    Mailbox,
    MailboxStatus,
    Page,
    Query,
    Quota,
    Sort,
    Stretch,
    Summary,
)

log = logging.getLogger(__name__)

AGAIN = 3.0  # seconds until the next look where not all messages are indexed yet
AWAY = 15.0  # seconds for which a server that did not answer is left alone
_AWAY = (errors.ServerUnreachable, errors.TooManyConnections)


class PopStore(Gathers, Messages):
    """One lease: see ``mailbox.pool``."""

    wish: wishes.Asked

    @property
    def capabilities(self) -> frozenset[str]:
        """What costs nothing here, by the names of IMAP: all counts at once, and threads of many messages."""
        return frozenset({KEPT_HERE, "LIST-EXTENDED", "LIST-STATUS", "THREAD=REFS"})

    # mailboxes

    def mailboxes(self, *, status: bool = True, polled: bool = False) -> Sequence[Mailbox]:
        """A maildrop that cannot be looked into is as it was last: the other folders are here all the same."""
        try:
            self._look()
        except _AWAY as error:
            log.info("the maildrop cannot be looked into: %s", error.__class__.__name__)
        found = [_mailbox(folder, status=status) for folder in self.shelf.folders(counted=status)]
        return folders.dressed(found, self.wish)

    def status(self, mailbox: str) -> MailboxStatus:
        return self._open(mailbox, None, news=True).status

    def opened(self, mailbox: str, *, uidvalidity: int | None = None) -> MailboxStatus:
        return self._open(mailbox, uidvalidity, news=True).status

    def create(self, mailbox: str, *, role: str = "") -> None:
        self.shelf.make(_name(mailbox), role=role)

    def rename(self, mailbox: str, new_name: str) -> None:
        self.shelf.rename(_name(mailbox), _name(new_name))

    def delete(self, mailbox: str) -> None:
        self.shelf.remove(_name(mailbox))

    def subscribe(self, mailbox: str, *, on: bool) -> None:
        """All folders are always shown."""
        self.shelf.folder(_name(mailbox))

    def quotas(self, mailbox: str = INBOX) -> Sequence[Quota]:
        """Of what lies here. How full the maildrop may be, POP3 does not tell."""
        used, limit = self.shelf.room()
        return [Quota(root="", resource="STORAGE", used=used, limit=limit)]

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
        box = self._open(mailbox, uidvalidity, news=True)
        return _page(mailbox, box, box.order(sort).uids, sort, (offset, limit, after, before))

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
        box = self._open(mailbox, uidvalidity, news=True)
        found = set(box.matching(query, self._texts(box)))
        uids = [uid for uid in box.order(sort).uids if uid in found]
        return _page(mailbox, box, uids, sort, (offset, limit, after, before))

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
        box = self._open(mailbox, uidvalidity, news=True)
        order, until = box.order(), time.monotonic() + seconds
        start = offset_beside(order, order.uids, offset=searched, limit=0, after=after or None, before=None)
        at, below, found = start, after, list[int]()
        while at < len(order.uids):
            some = order.uids[at : at + _WINDOW]
            found += box.matching(query, self._texts(box), some)
            if len(found) > limit or (len(found) == limit and at + len(some) < len(order.uids)):
                found = found[:limit]
                at, below = order.uids.index(found[-1]) + 1, found[-1]
                break
            at, below = at + len(some), some[-1]
            if time.monotonic() > until:
                break
        rows, ended = box.rows(found), at >= len(order.uids)
        return Stretch(
            mailbox=mailbox,
            status=box.status,
            rows=tuple(rows),
            searched=at,
            total=len(order.uids),
            below=0 if ended else below,
            window=_WINDOW,
        )

    def matching(
        self, mailbox: str, query: Query, *, uidvalidity: int | None = None, seconds: float = 300.0
    ) -> tuple[int, Sequence[int]]:
        box = self._open(mailbox, uidvalidity, news=True)
        return box.folder.uidvalidity, box.matching(query, self._texts(box))

    def summaries(self, mailbox: str, uids: Sequence[int], *, uidvalidity: int) -> Sequence[Summary]:
        return self._open(mailbox, uidvalidity).rows([guard.uid(uid) for uid in uids])

    def newer_than(self, mailbox: str, moment: datetime, *, uidvalidity: int | None = None) -> int:
        box = self._open(mailbox, uidvalidity, news=True)
        return sum(each.digest.received >= moment for each in box.entries.values())

    def senders(self, mailbox: str, *, limit: int) -> Sequence[str]:
        box = self._open(mailbox, None, news=True)
        counted: dict[str, int] = {}
        for row in box.rows(box.order().uids[:limit]):
            for email in {person.email.lower() for person in row.envelope.from_ if person.email}:
                counted[email] = counted.get(email, 0) + 1
        return sorted(counted, key=lambda email: -counted[email])

    def neighbours(
        self, mailbox: str, uid: int, *, uidvalidity: int, sort: Sort = NEWEST_FIRST
    ) -> tuple[int | None, int | None]:
        guard.uid(uid)
        uids = self._open(mailbox, uidvalidity).order(sort).uids
        if uid not in uids:
            return None, None
        at = uids.index(uid)
        return uids[at - 1] if at else None, uids[at + 1] if at + 1 < len(uids) else None

    # the folder that is open

    def _open(self, mailbox: str, uidvalidity: int | None, *, news: bool = False) -> Box:
        """Raises ``UidValidityChanged`` before anything is done. ``news``: the maildrop is looked into, if it is one
        and has not been just now; while another program is in it, it is as it was last."""
        name = _name(mailbox)
        in_use: errors.MailError | None = None
        if news and name == INBOX:
            try:
                self._look()
            except errors.MaildropInUse as error:
                in_use = error
        folder = self.shelf.folder(name)
        if uidvalidity is not None and uidvalidity != folder.uidvalidity:
            raise errors.UidValidityChanged
        if in_use is not None and not folder.messages:
            raise in_use
        return self.memory.box(self.shelf, folder)

    def _look(self) -> None:
        """Raises ``MailError``."""
        known = self.memory.looked.get(self.key)
        since = time.monotonic() - known.at if known is not None else 0.0
        if known is not None and known.error is not None and since < AWAY:
            raise known.error
        if known is not None and known.error is None and since < (self.every if known.complete else AGAIN):
            return
        try:
            complete = checking.check(self.door, self.shelf)
        except _AWAY as error:
            self.memory.looked.put(self.key, Looked(time.monotonic(), error=error))
            raise
        self.memory.looked.put(self.key, Looked(time.monotonic(), complete=complete))

    def _texts(self, box: Box) -> Callable[..., Mapping[int, str]]:
        return lambda uids: self.shelf.texts(box.folder, uids)


_WINDOW = 1000  # messages of a search between two looks at the clock


def _name(mailbox: str) -> str:
    """Raises ``BadArgument`` for what can be no mailbox's."""
    return names.from_wire(names.to_wire(mailbox))


def _mailbox(folder: Folder, *, status: bool) -> Mailbox:
    counts = MailboxStatus(
        uidvalidity=folder.uidvalidity,
        messages=folder.messages,
        unseen=folder.unseen,
        uidnext=folder.uidnext,
        highestmodseq=folder.modseq,
        permanent_flags=SYSTEM_FLAGS,
    )
    return Mailbox(name=folder.name, delimiter="/", role=folder.role, status=counts if status else None)


def _page(
    mailbox: str, box: Box, uids: Sequence[int], sort: Sort, place: tuple[int, int, int | None, int | None]
) -> Page:
    offset, limit, after, before = place
    start = offset_beside(box.order(sort), uids, offset=offset, limit=limit, after=after, before=before)
    rows = box.rows(list(uids[start : start + max(limit, 0)]))
    return Page(mailbox=mailbox, status=box.status, rows=tuple(rows), offset=start, total=len(uids))
