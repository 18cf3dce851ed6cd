"""pymap's mailboxes and messages on `MailDatabase`: pymap speaks IMAP, SQLite remembers."""

import email
import email.message
import logging
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any, Self

from pymap.backend.mailbox import MailboxDataInterface, MailboxSetInterface
from pymap.concurrent import Event
from pymap.context import subsystem
from pymap.exceptions import MailboxHasChildren, NotSupportedError
from pymap.flags import FlagOp
from pymap.interfaces.message import CachedMessage
from pymap.listtree import ListTree
from pymap.mailbox import MailboxSnapshot
from pymap.message import BaseLoadedMessage, BaseMessage
from pymap.mime import MessageContent
from pymap.parsing.message import AppendMessage
from pymap.parsing.response.fetch import BodyStructure, EnvelopeStructure
from pymap.parsing.specials import FetchRequirement, ObjectId
from pymap.parsing.specials.flag import Flag, Recent, Seen, Wildcard, get_system_flags
from pymap.selected import SelectedMailbox, SelectedSet

from demo.database import MailboxRow, MailDatabase, MessageRow

log = logging.getLogger("demo.imap")

KEYWORDS = frozenset(Flag(name) for name in (b"$Forwarded", b"$MDNSent", b"$Junk", b"$NotJunk"))
PERMANENT_FLAGS = (get_system_flags() - {Recent}) | KEYWORDS | {Wildcard}  # and any other keyword


@lru_cache(maxsize=256)
def _parse_flags(flags: str) -> frozenset[Flag]:
    return frozenset(Flag(name.encode()) for name in flags.split())


def _format_flags(flags: Iterable[Flag]) -> str:
    return " ".join(sorted(str(flag) for flag in flags if flag not in {Recent, Wildcard}))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _text_of(part: email.message.Message) -> str:
    octets = part.get_payload(decode=True)
    if not isinstance(octets, bytes):
        return ""
    try:
        return octets.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:
        return octets.decode("utf-8", "replace")


class Written:
    """An envelope or a structure that is put into octets once; for everything else it is what it stands for."""

    def __init__(self, value: EnvelopeStructure | BodyStructure, extended: bytes = b"") -> None:
        self._value = value
        self._octets = bytes(value)
        self.extended = extended

    def __bytes__(self) -> bytes:
        return self._octets

    def __getattr__(self, name: str) -> Any:
        return getattr(self._value, name)


class Parsed:
    """A message as pymap parsed it, with the two answers that cost most written once.

    Its header parser raises on the worst mail; such a message shows up without envelope or structure instead.
    """

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self.content = MessageContent.parse(raw)

    @cached_property
    def envelope(self) -> Written:
        try:
            return Written(self._loaded.get_envelope_structure())
        except Exception:  # border: whatever the parser of another project throws at hostile mail
            log.debug("envelope not parsed", exc_info=True)
            return Written(EnvelopeStructure.empty())

    @cached_property
    def structure(self) -> Written:
        try:
            structure = self._loaded.get_body_structure()
            return Written(structure, bytes(structure.extended))
        except Exception:  # border, as above
            log.debug("structure not parsed", exc_info=True)
            empty = BodyStructure.empty()
            return Written(empty, bytes(empty.extended))

    @cached_property
    def words(self) -> str:
        """The text of its parts as people read it, folded: what BODY and TEXT search in (RFC 9051 section 6.4.4)."""
        parts = [part for part in email.message_from_bytes(self._raw).walk() if part.get_content_maintype() == "text"]
        return _folded("\n".join(_text_of(part) for part in parts))

    @property
    def _loaded(self) -> BaseLoadedMessage:
        message: Any = None  # only asked for flags and the like, never for content
        return BaseLoadedMessage(message, FetchRequirement.CONTENT, self.content)


class LoadedMessage(BaseLoadedMessage):
    def __init__(self, message: "Message", requirement: FetchRequirement, parsed: Parsed | None) -> None:
        super().__init__(message, requirement, None if parsed is None else parsed.content)
        self._parsed = parsed

    def get_envelope_structure(self) -> Any:
        return EnvelopeStructure.empty() if self._parsed is None else self._parsed.envelope

    def get_body_structure(self) -> Any:
        return BodyStructure.empty() if self._parsed is None else self._parsed.structure

    def contains(self, value: bytes) -> bool:
        """pymap compares octets as they travel: base64 and quoted-printable would hide every word from it."""
        wanted = value.decode("utf-8", "replace")
        return self._parsed is not None and (super().contains(value) or _folded(wanted) in self._parsed.words)


class Message(BaseMessage):
    __slots__ = ("_box", "_row")

    def __init__(self, row: MessageRow, box: "Mailbox", *, expunged: bool = False) -> None:
        super().__init__(row.uid, row.received, _parse_flags(row.flags), expunged=expunged)
        self._row = row
        self._box = box

    @property
    def recent(self) -> bool:
        return self._row.recent

    def as_expunged(self) -> "Message":
        return Message(self._row, self._box, expunged=True)

    async def load_content(self, requirement: FetchRequirement) -> LoadedMessage:
        if requirement.has_none(FetchRequirement.CONTENT):
            return LoadedMessage(self, requirement, None)
        return LoadedMessage(self, requirement, self._box.store.parsed(self._row.content))


class Mailbox(MailboxDataInterface[Message]):
    """One mailbox, shared by all connections of its owner so that they notice each other's changes."""

    def __init__(self, row: MailboxRow, store: "MailStorage") -> None:
        super().__init__()
        self.key = row.id
        self.store = store
        self._uid_validity = row.uidvalidity
        self._version = 1
        self._changed = subsystem.get().new_event()
        self._selected_set = SelectedSet()
        self._messages: dict[int, Message] | None = None

    @property
    def mailbox_id(self) -> ObjectId:
        return ObjectId(b"F%08d" % self.key)

    @property
    def readonly(self) -> bool:
        return False

    @property
    def uid_validity(self) -> int:
        return self._uid_validity

    @property
    def permanent_flags(self) -> frozenset[Flag]:
        """With those in use: by them clients see which there are."""
        return PERMANENT_FLAGS.union(*(message.permanent_flags for message in self.load().values()))

    @property
    def selected_set(self) -> SelectedSet:
        return self._selected_set

    def touch(self) -> None:
        """Forget what is cached and wake everybody in IDLE."""
        self._messages = None
        self._version += 1
        self._changed.set()

    def load(self) -> dict[int, Message]:
        if self._messages is None:
            self._messages = {row.uid: Message(row, self) for row in self.store.database.messages(self.key)}
        return self._messages

    async def update_selected(self, selected: SelectedMailbox, *, wait_on: Event | None = None) -> SelectedMailbox:
        if wait_on is not None:
            await wait_on.or_event(self._changed).wait()
        if selected.mod_sequence != self._version:
            selected.mod_sequence = self._version
            selected.set_messages(list(self.load().values()))
        return selected

    async def append(self, append_msg: AppendMessage, *, recent: bool = False) -> Message:
        uid = self.store.database.append(
            self.key,
            bytes(append_msg.literal),
            received=append_msg.when or datetime.now(UTC),
            flags=_format_flags(append_msg.flag_set),
            recent=recent,
        )
        self.touch()
        return self.load()[uid]

    async def copy(self, uid: int, destination: Self, *, recent: bool = False) -> int | None:
        new_uid = self.store.database.copy(self.key, uid, destination.key, recent=recent)
        destination.touch()
        return new_uid

    async def move(self, uid: int, destination: Self, *, recent: bool = False) -> int | None:
        new_uid = self.store.database.move(self.key, uid, destination.key, recent=recent)
        self.touch()
        destination.touch()
        return new_uid

    async def get(self, uid: int, cached_msg: CachedMessage) -> Message:
        found = self.load().get(uid)
        if found is None:
            assert isinstance(cached_msg, Message)
            return cached_msg.as_expunged()
        return found

    async def update(self, uid: int, cached_msg: CachedMessage, flag_set: frozenset[Flag], mode: FlagOp) -> Message:
        message = await self.get(uid, cached_msg)
        flags = mode.apply(message.permanent_flags, flag_set)
        if message.expunged or flags == message.permanent_flags:
            return message
        self.store.database.set_flags(self.key, uid, _format_flags(flags))
        self.touch()
        return self.load()[uid]

    async def delete(self, uids: Iterable[int]) -> None:
        self.store.database.expunge(self.key, uids)
        self.touch()

    async def claim_recent(self, selected: SelectedMailbox) -> None:
        recent = [message.uid for message in self.load().values() if message.recent]
        for uid in recent:
            selected.session_flags.add_recent(uid)
        if recent:
            self.store.database.clear_recent(self.key)
            self.touch()

    async def cleanup(self) -> None:
        pass

    async def snapshot(self) -> MailboxSnapshot:
        messages = list(self.load().values())
        unseen = [number for number, message in enumerate(messages, 1) if Seen not in message.permanent_flags]
        return MailboxSnapshot(
            self.mailbox_id,
            self.readonly,
            self.uid_validity,
            self.permanent_flags,
            self.session_flags,
            len(messages),
            sum(message.recent for message in messages),
            len(unseen),
            unseen[0] if unseen else None,
            self.store.database.uidnext(self.key),
        )


class MailStorage:
    """The mailboxes of all accounts in this process, each opened once."""

    def __init__(self, database: MailDatabase) -> None:
        self.database = database
        self._open: dict[int, Mailbox] = {}
        self.parsed = lru_cache(maxsize=512)(self._parse)

    def _parse(self, content: int) -> Parsed:
        return Parsed(self.database.raw(content))

    def open(self, row: MailboxRow) -> Mailbox:
        return self._open.setdefault(row.id, Mailbox(row, self))

    def forget(self, key: int) -> None:
        self._open.pop(key, None)

    async def deliver(self, owner: str, raw: bytes) -> None:
        """Into the owner's INBOX, and at once to every connection that has it selected."""
        box = await MailboxSet(owner, self).get_mailbox("INBOX")
        await box.append(AppendMessage(raw, datetime.now(UTC)), recent=True)


class MailboxSet(MailboxSetInterface[Mailbox]):
    def __init__(self, owner: str, store: MailStorage) -> None:
        super().__init__()
        self._owner = owner
        self._store = store

    @property
    def delimiter(self) -> str:
        return "/"

    def _row(self, name: str) -> MailboxRow:
        row = self._store.database.mailbox(self._owner, "INBOX" if name.upper() == "INBOX" else name)
        if row is None:
            raise KeyError(name)
        return row

    async def set_subscribed(self, name: str, subscribed: bool) -> None:
        self._store.database.subscribe(self._row(name).id, subscribed)

    async def list_subscribed(self) -> ListTree:
        names = [row.name for row in self._store.database.mailboxes(self._owner) if row.subscribed]
        return ListTree(self.delimiter).update("INBOX", *names)

    async def list_mailboxes(self) -> ListTree:
        names = [row.name for row in self._store.database.mailboxes(self._owner)]
        return ListTree(self.delimiter).update("INBOX", *names)

    async def get_mailbox(self, name: str) -> Mailbox:
        return self._store.open(self._row(name))

    async def add_mailbox(self, name: str) -> ObjectId:
        if self._store.database.mailbox(self._owner, name):
            raise ValueError(name)
        return ObjectId(b"F%08d" % self._store.database.create(self._owner, name.rstrip("/")))

    async def delete_mailbox(self, name: str) -> None:
        row = self._row(name)
        if any(other.name.startswith(f"{row.name}/") for other in self._store.database.mailboxes(self._owner)):
            raise MailboxHasChildren(name)
        self._store.database.delete(row.id)
        self._store.forget(row.id)

    async def rename_mailbox(self, before: str, after: str) -> None:
        if before.upper() == "INBOX":
            raise NotSupportedError("INBOX cannot be renamed here.")
        rows = self._store.database.mailboxes(self._owner)
        if any(row.name == after for row in rows):
            raise ValueError(after)
        moved = [row for row in rows if row.name == before or row.name.startswith(f"{before}/")]
        if not moved:
            raise KeyError(before)
        with self._store.database.transaction():
            for row in moved:
                self._store.database.rename(row.id, after + row.name.removeprefix(before))
