"""The part of ``MailStore`` that is about messages which belong together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from apps.mail.mailbox.store import Conversation, Page, Query, Sort, Summary


class GathersMessages(Protocol):
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
        sort: Sort = ...,
    ) -> Page:
        """``page``, or with a query ``search``, as CONVERSATIONS or as THREADS. Raises ``CannotThread`` too."""
        ...

    def around(
        self, mailbox: str, uid: int, *, uidvalidity: int, mode: str, sort: Sort = ...
    ) -> tuple[tuple[Summary, Conversation] | None, tuple[Summary, Conversation] | None]:
        """The rows above and below that of this message."""
        ...

    def thread(self, mailbox: str, uid: int, *, uidvalidity: int) -> Sequence[int]:
        """The messages of the mailbox that belong together with this one, and itself. Raises ``CannotThread``."""
        ...

    def together(self, mailbox: str, groups: Sequence[Sequence[int]], *, uidvalidity: int) -> Sequence[Conversation]:
        """These messages, as rows of a list stand for them; groups of which none is left are left out."""
        ...

    def linked(
        self, mailbox: str, message_ids: Sequence[str], *, newest: int
    ) -> tuple[int, Sequence[Summary], Mapping[int, Sequence[str]]]:
        """(UIDVALIDITY, messages, the Message-IDs each refers to): those among the ``newest`` so many of the mailbox
        that have one of these Message-IDs (without brackets), or refer to one."""
        ...
