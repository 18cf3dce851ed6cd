"""Whole folders out of a server and into it (see ``apps.mail.mailbox.wholesale``), with flat memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from apps.mail.mailbox import errors
from apps.mail.mailbox.imap import fetch, folders, guard, tokens
from apps.mail.mailbox.imap.commands import Completion, command
from apps.mail.mailbox.imap.connection import Connection
from apps.mail.mailbox.imap.memory import Memory
from apps.mail.mailbox.imap.selected import Selected
from apps.mail.mailbox.imap.tokens import octets
from apps.mail.mailbox.wholesale import Appended, New, Stored

T = TypeVar("T")
FIRST, MOST = 2000, 200_000  # UIDs of one command: more where few of them have messages
ANSWERS = 5000  # from so many on, the next command names fewer UIDs
_WHOLE = guard.words("(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])")
_FOR_ALL = (errors.NoSuchMailbox, errors.QuotaExceeded, errors.TooManyConnections, errors.ServerUnreachable)


class WholesaleStore:
    """The part of ``ImapStore`` that speaks of whole folders."""

    connection: Connection
    _memory: Memory

    if TYPE_CHECKING:

        def _open(self, mailbox: str, uidvalidity: int | None, *, news: bool = ..., change: bool = ...) -> Selected: ...
        def _first(self, act: Callable[[], T]) -> T: ...

    def sizes(self, mailbox: str, *, uidvalidity: int, after: int = 0) -> Iterator[Sequence[Stored]]:
        self._open(mailbox, uidvalidity, news=True)
        uidnext = folders.status(self.connection, mailbox).uidnext
        last = uidnext - 1 if uidnext else tokens.MAX_UID
        low, step = after + 1, FIRST
        while low <= last:
            self._open(mailbox, uidvalidity)
            high = min(low + step - 1, last)
            found = fetch.by_uid(
                self.connection.execute(command("UID FETCH", guard.span(low, high), fetch.UID_SIZE)),
                range(low, high + 1),
            )
            if found:
                yield [Stored(uid=uid, size=found[uid].size) for uid in sorted(found)]
            low = high + 1
            step = max(FIRST, step // 2) if len(found) > ANSWERS else min(step * 4, MOST) if len(found) < 500 else step

    def whole(self, mailbox: str, uids: Sequence[int], *, uidvalidity: int) -> Sequence[Stored]:
        wanted = guard.uid_set(uids)
        self._open(mailbox, uidvalidity)
        result = self.connection.survive(command("UID FETCH", wanted, _WHOLE))
        if result is None or not result.completion.ok:  # at one of them the server falls over: which?
            if len(uids) == 1:
                return [Stored(uid=uids[0], size=0)]
            return [each for uid in sorted(uids) for each in self.whole(mailbox, [uid], uidvalidity=uidvalidity)]
        found = fetch.by_uid(result, uids)
        return [
            Stored(
                uid=uid,
                size=found[uid].size,
                flags=found[uid].flags or frozenset(),
                received=found[uid].received,
                octets=found[uid].sections.get(""),
            )
            for uid in sorted(found)
        ]

    def append_many(self, mailbox: str, messages: Sequence[New]) -> Sequence[Appended]:
        self._first(self.connection.refresh)
        name, pieces = guard.mailbox(mailbox), [_pieces(each) for each in messages]
        try:
            if len(messages) > 1 and self.connection.has("MULTIAPPEND"):
                together = command("APPEND", name, *(piece for some in pieces for piece in some))
                done = _all_appended(self.connection.attempt(together).completion, len(messages))
                if done is not None:
                    return done
            result = self.connection.attempt(*(command("APPEND", name, *some) for some in pieces))
        finally:
            self._changed()
        each_done = [_appended(completion) for completion in result.completions]
        if each_done and isinstance(each_done[0].error, _FOR_ALL):
            raise each_done[0].error
        return each_done

    def total_size(self, mailbox: str) -> int:
        if self.connection.has("STATUS=SIZE"):
            asked = command("STATUS", guard.mailbox(mailbox), guard.words("(SIZE)"))
            result = self._first(lambda: self.connection.attempt(asked))
            if result.completion.ok:
                for answer in result.named(b"STATUS"):
                    values = tokens.parse(answer.data, answer.literals)
                    if len(values) > 1 and isinstance(values[1], list) and octets(values[1][0]).upper() == b"SIZE":
                        return tokens.number(values[1][1])
        selected = self._open(mailbox, None, news=True)
        return sum(each.size for some in self.sizes(mailbox, uidvalidity=selected.uidvalidity) for each in some)

    def keywords(self, mailbox: str) -> Sequence[str]:
        return sorted(flag for flag in self._open(mailbox, None).flags if not flag.startswith("\\"))

    def _changed(self) -> None:
        """There is more or less in the account than before."""
        self._memory.quotas.pop((self.connection.account.id, "INBOX"))


def _pieces(message: New) -> list[guard.Piece]:
    pieces: list[guard.Piece] = [guard.flags(message.flags)]
    if message.when is not None:
        pieces.append(guard.date_time(message.when))
    return [*pieces, guard.message(message.octets)]


def _all_appended(completion: Completion, count: int) -> list[Appended] | None:
    """All at once (MULTIAPPEND, RFC 3502) is all or nothing; None where it is nothing, so that each has to be tried."""
    if not completion.ok:
        return None
    words = completion.code_data.split() if completion.code == b"APPENDUID" else []
    uids = tokens.expand(words[1]) if len(words) == 2 and tokens.is_number(words[0]) else []
    if len(uids) != count:
        return [Appended()] * count
    return [Appended(uidvalidity=int(words[0]), uid=uid) for uid in uids]


def _appended(completion: Completion) -> Appended:
    if not completion.ok:
        return Appended(error=completion.error())
    words = completion.code_data.split() if completion.code == b"APPENDUID" else []
    if len(words) == 2 and all(tokens.is_number(word) for word in words):
        return Appended(uidvalidity=int(words[0]), uid=int(words[1]))
    return Appended()
