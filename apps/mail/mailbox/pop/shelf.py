"""What is kept here of a maildrop: an index of its messages, and folders of our own, because POP3 has none.

The store asks a ``Shelf`` for it; who keeps it where is not its affair. All that changes more than one thing is done
wholly or not at all.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from apps.mail.mime.parts import Envelope

INBOX = "INBOX"
#: Folders that everybody has, with what they are for.
STANDARD = {"Drafts": "drafts", "Sent": "sent", "Archive": "archive", "Junk": "junk", "Trash": "trash"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """What lists, search and threads need of a message; it never changes."""

    size: int
    received: datetime  # aware
    envelope: Envelope
    has_attachment: bool = False
    snippet: str = ""
    references: tuple[str, ...] = ()  # Message-IDs without brackets, see ``threads.references_of``
    resent_id: str = ""  # Resent-Message-ID
    listed: bool = False  # through a mailing list
    text: str = ""  # to be searched; what was looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A message of a folder, without its text."""

    uid: int
    flags: frozenset[str]
    digest: Digest
    uidl: str = ""  # what the server calls it, if it lies there
    file: str = ""  # where it lies here, if it does


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """A message that is put into a folder. One of ``octets`` and ``file`` is given."""

    digest: Digest
    flags: frozenset[str] = frozenset()
    octets: bytes = b""
    file: str = ""  # it lies here already


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    name: str
    role: str
    uidvalidity: int
    uidnext: int
    modseq: int  # grows with every change of its messages
    messages: int = 0
    unseen: int = 0


@dataclass(frozen=True, slots=True)
class Known:
    """A message of the maildrop that we have heard of."""

    uid: int
    indexed: bool  # else only that it is there
    leaving: bool = False  # it is to be deleted at the server, and for people it is gone


class Shelf(Protocol):
    key: str  # of this person's things of this maildrop, for caches

    # folders
    def folders(self, *, counted: bool = True) -> Sequence[Folder]:
        """INBOX and all others."""
        ...

    def folder(self, name: str) -> Folder:
        """Without counts of what is unread. Raises ``NoSuchMailbox``."""
        ...

    def make(self, name: str, *, role: str = "") -> None:
        """Raises ``MailboxExists``, ``BadArgument`` for a name that is too long."""
        ...

    def rename(self, name: str, new_name: str) -> None:
        """With all below it."""
        ...

    def remove(self, name: str) -> None:
        """With its messages. What lies below it stays."""
        ...

    # messages
    def entries(self, folder: Folder) -> Sequence[Entry]:
        """By UID."""
        ...

    def texts(self, folder: Folder, uids: Collection[int]) -> Mapping[int, str]: ...
    def octets(self, file: str) -> bytes:
        """Raises ``NoSuchMessage``."""
        ...

    def add(self, folder: Folder, messages: Sequence[Fresh], *, leaving: Collection[int] = ()) -> Sequence[int]:
        """Their UIDs, once all of them lie safely. ``leaving``: UIDs of INBOX whose messages these are, and which leave
        the server now. Raises ``QuotaExceeded``."""
        ...

    def move(self, folder: Folder, uids: Sequence[int], target: Folder) -> Mapping[int, int]:
        """Messages that lie here, from folder to folder: the new UIDs by the old ones."""
        ...

    def copy(self, folder: Folder, uids: Sequence[int], target: Folder) -> Mapping[int, int]:
        """Raises ``QuotaExceeded``."""
        ...

    def set_flags(self, folder: Folder, flags: Mapping[int, frozenset[str]]) -> None: ...
    def throw_away(self, folder: Folder, uids: Sequence[int]) -> None:
        """For ever: what lies here at once, what lies on the server is ``leaving`` from now on."""
        ...

    # the maildrop
    def known(self) -> Mapping[str, Known]:
        """By UIDL."""
        ...

    def heard_of(self, uidls: Sequence[tuple[str, int]], gone: Collection[int]) -> None:
        """New ones with their sizes, in the order of the maildrop, and the UIDs of those that have left it."""
        ...

    def index(self, digests: Mapping[int, Digest]) -> None:
        """Of messages of INBOX; from now on they are entries."""
        ...

    def room(self) -> tuple[int, int]:
        """Octets that lie here, and how many may."""
        ...
