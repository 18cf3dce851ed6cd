"""What is asked of a mail server when whole folders go through the portal: all messages of one, and many new ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from apps.mail.mailbox.errors import MailError


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A message as the server has it."""

    uid: int
    size: int  # RFC822.SIZE, octets
    flags: frozenset[str] = frozenset()
    received: datetime | None = None  # INTERNALDATE, aware
    octets: bytes | None = None  # None where they were not asked for, or the server does not give them


@dataclass(frozen=True, slots=True, kw_only=True)
class New:
    octets: bytes  # with CRLF
    flags: Sequence[str] = ()
    when: datetime | None = None  # aware


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """What became of one message: where it lies (0 where the server does not tell), or why it was not taken."""

    uidvalidity: int = 0
    uid: int = 0
    error: MailError | None = None


class Wholesale(Protocol):
    def sizes(self, mailbox: str, *, uidvalidity: int, after: int = 0) -> Iterator[Sequence[Stored]]:
        """All messages with a UID above ``after`` in ascending order, at most some thousands at a time: their UIDs and
        sizes."""
        ...

    def whole(self, mailbox: str, uids: Sequence[int], *, uidvalidity: int) -> Sequence[Stored]:
        """These messages with flags, date and octets, in ascending order; those that have gone are left out. How much
        comes at once is the caller's affair."""
        ...

    def append_many(self, mailbox: str, messages: Sequence[New]) -> Sequence[Appended]:
        """Store them, all at once (MULTIAPPEND, RFC 3502) or in one round trip (RFC 7888): each is taken or refused by
        itself. Raises for what is wrong with all of them: ``NoSuchMailbox``, ``QuotaExceeded`` of the first."""
        ...

    def total_size(self, mailbox: str) -> int:
        """Octets of all messages: STATUS=SIZE (RFC 8438) where it is offered, else their sum."""
        ...

    def keywords(self, mailbox: str) -> Sequence[str]:
        """Keywords that its messages may have, as the mailbox says when it is opened."""
        ...
