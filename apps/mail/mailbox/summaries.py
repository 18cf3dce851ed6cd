"""What lists show of messages: one, and several that stand together. Knows no Django."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from apps.mail.mime.parts import Envelope


@lru_cache(maxsize=10_000)
def _folded(flags: frozenset[str]) -> frozenset[str]:
    """Flags are the same in any case (RFC 9051 section 2.3.2), and few sets of them occur."""
    return frozenset(flag.lower() for flag in flags)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One row of a message list. Only ``flags`` can change; the rest is immutable for a UID (RFC 9051 2.3.1.1)."""

    uid: int
    flags: frozenset[str]  # as sent: "\\Seen", "$Junk"
    size: int  # RFC822.SIZE, octets
    received: datetime  # INTERNALDATE, aware
    envelope: Envelope
    has_attachment: bool = False
    snippet: str = ""  # first words of the text, plain, at most 200 characters

    def has(self, flag: str) -> bool:
        return flag in self.flags or flag.lower() in _folded(self.flags)

    @property
    def seen(self) -> bool:
        return self.has("\\Seen")

    @property
    def flagged(self) -> bool:
        return self.has("\\Flagged")

    @property
    def answered(self) -> bool:
        return self.has("\\Answered")

    @property
    def forwarded(self) -> bool:
        return self.has("$Forwarded")

    @property
    def draft(self) -> bool:
        return self.has("\\Draft")

    @property
    def keywords(self) -> frozenset[str]:
        """In lower case."""
        return frozenset(flag for flag in _folded(self.flags) if not flag.startswith("\\"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """What a row of a list stands for, where that is more than its message. It is acted on as a whole: on ``uids``."""

    uids: tuple[int, ...]  # oldest first
    looked: tuple[Summary, ...]  # of them, those that were looked at: the newest ones
    unseen: bool  # any of them; so are the others
    flagged: bool
    attachment: bool  # of those that were looked at
    depth: int = 0  # in a list of threads: how many answers it is away from the first message

    @classmethod
    def of(
        cls, uids: Sequence[int], looked: Sequence[Summary], flags: Sequence[frozenset[str]], *, depth: int = 0
    ) -> Conversation:
        folded = [_folded(some) for some in flags]
        return cls(
            uids=tuple(uids),
            looked=tuple(looked),
            unseen=any("\\seen" not in some for some in folded),
            flagged=any("\\flagged" in some for some in folded),
            attachment=any(row.has_attachment for row in looked),
            depth=depth,
        )
