"""The mailbox that a connection has open."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field

from apps.mail.mailbox.imap.commands import Untagged
from apps.mail.mailbox.imap.tokens import expand, is_number
from apps.mail.mailbox.store import MailboxStatus

#: News about flags (RFC 7162 section 3.2): these answers are short, unlike those that carry a sender's words.
_MODSEQ = re.compile(rb"\A\((?:UID \d+ |FLAGS \([^()]*\) )*MODSEQ \((\d{1,19})\)")


@dataclass(slots=True)
class Selected:
    """Kept up to date by whatever the server says."""

    name: str
    read_only: bool = False
    uidvalidity: int = 0
    uidnext: int = 0
    uidnext_known: bool = False  # False once mail has arrived: SELECT tells UIDNEXT, later answers do not
    exists: int = 0
    highestmodseq: int = 0
    flags: frozenset[str] = frozenset()
    permanent_flags: frozenset[str] = frozenset()
    since: float = field(default_factory=time.monotonic)
    rebuilt: bool = False  # its messages are numbered anew: what was known of it is void
    turn: int | None = None  # see ``Memory.turn``

    @property
    def status(self) -> MailboxStatus:
        """As far as the selected mailbox tells: ``unseen`` is not part of that (see ``MailStore.mailboxes``)."""
        return MailboxStatus(
            uidvalidity=self.uidvalidity,
            messages=self.exists,
            uidnext=self.uidnext,
            highestmodseq=self.highestmodseq,
            read_only=self.read_only,
            permanent_flags=self.permanent_flags,
            keywords=frozenset(flag.lower() for flag in self.flags if not flag.startswith("\\")),
        )

    def observe(self, answer: Untagged) -> None:
        if answer.name == b"EXISTS" and answer.number is not None:
            if answer.number > self.exists:
                self.uidnext_known = False
            self.exists = answer.number
        elif answer.name == b"EXPUNGE":
            self.exists = max(0, self.exists - 1)
        elif answer.name == b"VANISHED" and not answer.data.startswith(b"("):  # (EARLIER) has been counted before
            self.exists = max(0, self.exists - len(expand(answer.data)))
        elif answer.name == b"FLAGS":
            self.flags = _flag_set(answer.data)
        elif answer.name == b"FETCH" and (news := _MODSEQ.search(answer.data)):
            self.highestmodseq = max(self.highestmodseq, int(news[1]))
        elif answer.name == b"OK":
            self._observe_code(*answer.code)

    def _observe_code(self, code: bytes, data: bytes) -> None:
        if code == b"PERMANENTFLAGS":
            self.permanent_flags = _flag_set(data)
        elif code == b"UIDVALIDITY":
            told = int(data) if is_number(data) else 0
            if self.uidvalidity and told != self.uidvalidity:
                self.rebuilt = True
            else:
                self.uidvalidity = told
        elif is_number(data):
            if code == b"UIDNEXT":
                self.uidnext, self.uidnext_known = int(data), True
            elif code == b"HIGHESTMODSEQ":
                self.highestmodseq = int(data)


def _flag_set(data: bytes) -> frozenset[str]:
    return frozenset(flag.decode("utf-8", "replace") for flag in data.strip(b"()").split())
