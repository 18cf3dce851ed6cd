"""Messages carried from one account to another: read, stored there with flags and date, and only then removed here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from apps.mail.mailbox.errors import BadArgument, HalfMoved, MailError, NoSuchMessage, ServerUnreachable
from apps.mail.mailbox.names import split
from apps.mail.mailbox.store import MailboxStatus, MoveResult
from apps.mail.mailbox.wholesale import Appended, New, Stored

if TYPE_CHECKING:
    from apps.mail.mailbox.store import MailStore

AT_ONCE, OCTETS = 20, 8 * 1024 * 1024  # messages, and octets of them, in memory


def is_same(one: str, other: str) -> bool:
    return split(one)[0] == split(other)[0]


def same(one: str, other: str) -> None:
    """Raises ``BadArgument``: no command of a server is about another server."""
    if not is_same(one, other):
        raise BadArgument("two accounts")


def carry(
    store: MailStore, mailbox: str, uids: Sequence[int], target: str, *, uidvalidity: int, keep: bool
) -> MoveResult:
    """``keep``: they stay where they were as well. Messages that the other server refuses stay in any case; where it
    refuses the first one already, that error is raised. Raises ``HalfMoved`` where nobody knows whether the other
    server has stored what it was just sent, or what it has stored cannot be removed here."""
    takes = store.opened(target)
    validity, done, places = 0, 0, dict[int, int]()
    for some in _portions(store, mailbox, uids, uidvalidity):
        try:
            found = [each for each in store.whole(mailbox, some, uidvalidity=uidvalidity) if each.octets is not None]
            answers = _stored(store, target, [_new(each, takes) for each in found])
        except HalfMoved:
            raise
        except MailError:
            if not done:
                raise
            break
        there = [(each, answer) for each, answer in zip(found, answers, strict=True) if answer.error is None]
        if not keep:
            _remove(store, mailbox, [each.uid for each, _answer in there], uidvalidity)
        done += len(there)
        for each, answer in there:
            if answer.uid:
                places[each.uid], validity = answer.uid, answer.uidvalidity
        if len(there) < len(found):
            break
    if not done:
        raise NoSuchMessage
    return MoveResult(done=done, uidvalidity=validity, uids=places)


def _stored(store: MailStore, target: str, messages: Sequence[New]) -> Sequence[Appended]:
    """Raises what is wrong with the first of them."""
    if not messages:
        return []
    try:
        answers = store.append_many(target, messages)
    except ServerUnreachable as error:
        raise HalfMoved(server_text=error.server_text) from error
    if answers[0].error is not None and all(answer.error is not None for answer in answers):
        raise answers[0].error
    return answers


def _remove(store: MailStore, mailbox: str, uids: Sequence[int], uidvalidity: int) -> None:
    if not uids:
        return
    try:
        store.expunge(mailbox, uids, uidvalidity=uidvalidity)
    except MailError as error:
        raise HalfMoved(server_text=error.server_text) from error


def _portions(store: MailStore, mailbox: str, uids: Sequence[int], uidvalidity: int) -> Iterator[list[int]]:
    """What is held in memory at a time, by the sizes that the server tells."""
    portion: list[int] = []
    size = 0
    for row in store.summaries(mailbox, uids, uidvalidity=uidvalidity):
        if portion and (len(portion) == AT_ONCE or size + row.size > OCTETS):
            yield portion
            portion, size = [], 0
        portion.append(row.uid)
        size += row.size
    if portion:
        yield portion


def _new(message: Stored, target: MailboxStatus) -> New:
    """With the flags that the other mailbox takes."""
    flags = [flag for flag in message.flags if flag.lower() != "\\recent" and (flag[0] == "\\" or target.takes(flag))]
    return New(octets=message.octets or b"", flags=sorted(flags), when=message.received)
