"""The part of ``PopStore`` that is about messages themselves: their octets, their marks, where they go."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from apps.mail.mailbox import errors, names
from apps.mail.mailbox.imap import guard
from apps.mail.mailbox.imap.decoding import has_attachment
from apps.mail.mailbox.pop.base import Base
from apps.mail.mailbox.pop.box import Box
from apps.mail.mailbox.pop.checking import WHOLE
from apps.mail.mailbox.pop.digesting import digest
from apps.mail.mailbox.pop.shelf import INBOX, Entry, Fresh
from apps.mail.mailbox.store import MessageDetail, MoveResult
from apps.mail.mailbox.wholesale import Appended, New, Stored
from apps.mail.mime import parse as mime_parse
from apps.mail.mime.parse import ParsedMessage

log = logging.getLogger(__name__)

CHUNK = 256 * 1024
TOGETHER = 16 * 1024 * 1024  # octets of messages that are fetched, stored and deleted at a time
MOST_REMEMBERED = 8 * 1024 * 1024  # octets of a message that a process keeps
SIZES = 2000


class Messages(Base):
    _parsed: tuple[str, int, ParsedMessage] | None = None  # what this lease has read last

    # reading

    def message(self, mailbox: str, uid: int, *, uidvalidity: int) -> MessageDetail:
        box, entry = self._entry(mailbox, uid, uidvalidity)
        parsed = self._read(box, entry)
        (row,) = box.rows([uid])
        summary = type(row)(
            uid=uid,
            flags=row.flags,
            size=row.size,
            received=row.received,
            envelope=parsed.envelope,
            has_attachment=has_attachment(parsed.structure),
            snippet=row.snippet,
        )
        return MessageDetail(summary=summary, structure=parsed.structure, header=parsed.header)

    def part(self, mailbox: str, uid: int, number: str, *, uidvalidity: int, limit: int | None = None) -> bytes:
        return self.parts(mailbox, uid, [number], uidvalidity=uidvalidity)[number][:limit]

    def parts(self, mailbox: str, uid: int, numbers: Sequence[str], *, uidvalidity: int) -> Mapping[str, bytes]:
        for number in numbers:
            guard.section(number)
        parsed = self._read(*self._entry(mailbox, uid, uidvalidity))
        if any(number and number not in parsed.spans for number in numbers):
            raise errors.NoSuchMessage
        return {number: parsed.body(number) for number in numbers}

    def stream(self, mailbox: str, uid: int, number: str = "", *, uidvalidity: int) -> Iterator[bytes]:
        whole = self.part(mailbox, uid, number, uidvalidity=uidvalidity)
        return (whole[start : start + CHUNK] for start in range(0, len(whole), CHUNK))

    def find_message_id(self, mailbox: str, message_id: str, *, header: str = "Message-ID") -> Sequence[int]:
        guard.string(message_id)
        box, wanted = self._open(mailbox, None, news=True), message_id.strip()
        resent = header.lower() == "resent-message-id"
        found = {uid: each.digest for uid, each in box.entries.items()}
        return [
            uid
            for uid, each in found.items()
            if (each.resent_id if resent else each.envelope.message_id).strip() == wanted
        ]

    # marks

    def set_flags(
        self,
        mailbox: str,
        uids: Sequence[int],
        *,
        uidvalidity: int,
        add: Sequence[str] = (),
        remove: Sequence[str] = (),
    ) -> None:
        guard.flags([*add, *remove]), guard.uid_sets(uids)
        box = self._open(mailbox, uidvalidity)
        self.shelf.set_flags(box.folder, _changed(box, uids, add, remove))

    def mark(self, mailbox: str, uids: Sequence[int], flag: str, *, on: bool, uidvalidity: int) -> Sequence[int]:
        guard.flags([flag]), guard.uid_sets(uids)
        box = self._open(mailbox, uidvalidity)
        flags = _changed(box, uids, [flag] if on else [], [] if on else [flag])
        self.shelf.set_flags(box.folder, flags)
        return sorted(flags)

    # where they go

    def move(self, mailbox: str, uids: Sequence[int], target: str, *, uidvalidity: int) -> MoveResult:
        """What lies on the server is stored here safely first, and only then deleted there."""
        guard.uid_sets(uids)
        box, goal = self._open(mailbox, uidvalidity), self.shelf.folder(_name(target))
        if goal.name == box.folder.name:
            return MoveResult(done=len(uids), uidvalidity=uidvalidity, uids={uid: uid for uid in uids})
        entries = [box.entries[uid] for uid in dict.fromkeys(uids) if uid in box.entries]
        here = [each.uid for each in entries if each.file]
        found = dict(self.shelf.move(box.folder, here, goal)) if here else {}
        leaving: list[Entry] = []
        try:
            for some in _batches([each for each in entries if not each.file]):
                fresh = [(each, self._fresh(each)) for each in some]
                there = [(each, new) for each, new in fresh if new is not None]
                numbers = self.shelf.add(
                    goal, [new for _each, new in there], leaving=[each.uid for each, _new in there]
                )
                found |= {each.uid: number for (each, _new), number in zip(there, numbers, strict=True)}
                leaving += [each for each, _new in there]
        finally:
            self._delete(leaving)
        return MoveResult(done=len(found), uidvalidity=goal.uidvalidity, uids=found)

    def copy(self, mailbox: str, uids: Sequence[int], target: str, *, uidvalidity: int) -> MoveResult:
        guard.uid_sets(uids)
        box, goal = self._open(mailbox, uidvalidity), self.shelf.folder(_name(target))
        entries = [box.entries[uid] for uid in dict.fromkeys(uids) if uid in box.entries]
        here = [each.uid for each in entries if each.file]
        found = dict(self.shelf.copy(box.folder, here, goal)) if here else {}
        for some in _batches([each for each in entries if not each.file]):
            fresh = {each.uid: new for each in some if (new := self._fresh(each)) is not None}
            found |= dict(zip(fresh, self.shelf.add(goal, list(fresh.values())), strict=True))
        return MoveResult(done=len(found), uidvalidity=goal.uidvalidity, uids=found)

    def expunge(self, mailbox: str, uids: Sequence[int], *, uidvalidity: int) -> int:
        guard.uid_sets(uids)
        box = self._open(mailbox, uidvalidity)
        entries = [box.entries[uid] for uid in dict.fromkeys(uids) if uid in box.entries]
        self.shelf.throw_away(box.folder, [each.uid for each in entries])
        self._delete([each for each in entries if each.uidl])
        return len(entries)

    def append(
        self, mailbox: str, message: bytes, *, flags: Sequence[str] = (), when: datetime | None = None
    ) -> tuple[int, int | None]:
        guard.message(message), guard.flags(flags)
        folder = self.shelf.folder(_name(mailbox))
        new = Fresh(digest=digest(message, when=when), flags=frozenset(flags), octets=message)
        return folder.uidvalidity, self.shelf.add(folder, [new])[0]

    # whole folders

    def sizes(self, mailbox: str, *, uidvalidity: int, after: int = 0) -> Iterator[Sequence[Stored]]:
        box = self._open(mailbox, uidvalidity, news=True)
        uids = [uid for uid in sorted(box.entries) if uid > after]
        for start in range(0, len(uids), SIZES):
            some = uids[start : start + SIZES]
            yield [Stored(uid=uid, size=box.entries[uid].digest.size) for uid in some]

    def whole(self, mailbox: str, uids: Sequence[int], *, uidvalidity: int) -> Sequence[Stored]:
        guard.uid_sets(uids)
        box = self._open(mailbox, uidvalidity)
        found = []
        for entry in (box.entries[uid] for uid in sorted(set(uids)) if uid in box.entries):
            try:
                octets = self._octets(entry)
            except errors.NoSuchMessage:
                continue
            found.append(
                Stored(
                    uid=entry.uid,
                    size=len(octets),
                    flags=entry.flags,
                    received=entry.digest.received,
                    octets=octets,
                )
            )
        return found

    def append_many(self, mailbox: str, messages: Sequence[New]) -> Sequence[Appended]:
        done: list[Appended] = []
        for each in messages:
            try:
                uidvalidity, uid = self.append(mailbox, each.octets, flags=each.flags, when=each.when)
                done.append(Appended(uidvalidity=uidvalidity, uid=uid or 0))
            except (errors.NoSuchMailbox, errors.QuotaExceeded) as error:
                if not done:
                    raise
                done.append(Appended(error=error))
            except errors.BadArgument as error:
                done.append(Appended(error=error))
        return done

    def total_size(self, mailbox: str) -> int:
        return sum(each.digest.size for each in self._open(mailbox, None, news=True).entries.values())

    def keywords(self, mailbox: str) -> Sequence[str]:
        found = {flag for each in self._open(mailbox, None).entries.values() for flag in each.flags}
        return sorted(flag for flag in found if not flag.startswith("\\"))

    # inside

    def _entry(self, mailbox: str, uid: int, uidvalidity: int) -> tuple[Box, Entry]:
        guard.uid(uid)
        box = self._open(mailbox, uidvalidity)
        if uid not in box.entries:
            raise errors.NoSuchMessage
        return box, box.entries[uid]

    def _read(self, box: Box, entry: Entry) -> ParsedMessage:
        known = self._parsed
        if known is not None and known[:2] == (box.folder.name, entry.uid):
            return known[2]
        octets = self._octets(entry)
        parsed = mime_parse.parse(octets)
        self._parsed = (box.folder.name, entry.uid, parsed)
        if box.folder.name == INBOX and entry.uidl and entry.digest.size > WHOLE:
            self._know_better(entry, octets)
        return parsed

    def _know_better(self, entry: Entry, octets: bytes) -> None:
        """Of a large message the list knows what its beginning says, until somebody has opened it."""
        if entry.digest.has_attachment != has_attachment(mime_parse.parse(octets).structure):
            self.shelf.index({entry.uid: digest(octets, when=entry.digest.received)})

    def _octets(self, entry: Entry) -> bytes:
        if entry.file:
            return self.shelf.octets(entry.file)
        key = self.shelf.key, entry.uidl
        octets = self.memory.contents.get(key)
        if octets is None:
            octets = self.door.retrieve(entry.uidl)
            if len(octets) <= MOST_REMEMBERED:
                self.memory.contents.put(key, octets)
        return octets

    def _fresh(self, entry: Entry) -> Fresh | None:
        """The message as it will lie here; None where it has gone from the server meanwhile."""
        try:
            octets = self._octets(entry)
        except errors.NoSuchMessage:
            return None
        return Fresh(digest=digest(octets, when=entry.digest.received), flags=entry.flags, octets=octets)

    def _delete(self, entries: Sequence[Entry]) -> None:
        """At the server, of what is gone here. Where that fails the next look into the maildrop does it."""
        if not entries:
            return
        try:
            self.door.delete([each.uidl for each in entries])
            self.shelf.heard_of([], [each.uid for each in entries])
        except errors.MailError as error:
            log.warning("not deleted at the server yet: %s", error.__class__.__name__)


def _name(mailbox: str) -> str:
    return names.from_wire(names.to_wire(mailbox))


def _changed(box: Box, uids: Sequence[int], add: Sequence[str], remove: Sequence[str]) -> dict[int, frozenset[str]]:
    """The new flags of those whose flags change; flags are the same in any case (RFC 9051 section 2.3.2)."""
    found: dict[int, frozenset[str]] = {}
    gone = {flag.lower() for flag in remove}
    for entry in (box.entries[uid] for uid in uids if uid in box.entries):
        had = {flag.lower() for flag in entry.flags}
        kept = {flag for flag in entry.flags if flag.lower() not in gone}
        flags = frozenset(kept | {flag for flag in add if flag.lower() not in had})
        if flags != entry.flags:
            found[entry.uid] = flags
    return found


def _batches(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    some: list[Entry] = []
    octets = 0
    for entry in entries:
        if some and octets + entry.digest.size > TOGETHER:
            yield some
            some, octets = [], 0
        some.append(entry)
        octets += entry.digest.size
    if some:
        yield some
