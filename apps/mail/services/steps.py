"""Something to do to messages of one folder, and the way back from it: as it is done, and as it travels in forms."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from apps.mail.mailbox.errors import BadArgument
from apps.mail.services import noted


class Chosen(NamedTuple):
    """Messages of one folder."""

    mailbox: str
    uidvalidity: int
    uids: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    do: str  # see ``actions``
    mailbox: str
    uidvalidity: int
    uids: tuple[int, ...]
    target: str = ""  # the folder they go to

    def divided(self, count: int) -> tuple[Step, Step | None]:
        """The first ``count`` messages, and the rest."""
        rest = self.uids[count:]
        return replace(self, uids=self.uids[:count]), replace(self, uids=rest) if rest else None

    def is_like(self, other: Step) -> bool:
        """Whether it differs in its messages only."""
        return replace(self, uids=()) == replace(other, uids=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What has become of a step."""

    count: int  # messages that are as they were wanted, as far as the server tells
    changed: int  # those that were not so before
    ways: tuple[Step, ...] = ()  # back
    nowhere: int = 0  # of them, those of which nobody knows it


def count(steps: Iterable[Step]) -> int:
    return sum(len(step.uids) for step in steps)


def dump(steps: Sequence[Step]) -> str:
    return json.dumps([(s.do, s.mailbox, s.uidvalidity, noted.ranges(s.uids), s.target) for s in steps])


MOST = 4000  # steps: one for each folder, as a rule


def load(text: str) -> list[Step]:
    """The reading of ``dump``; raises ``BadArgument``."""
    found: list[Step] = []
    room = noted.MOST
    try:
        told = json.loads(text)
        if len(told) > MOST:
            raise BadArgument("too many steps")
        for do, mailbox, uidvalidity, uids, target in told:
            some = noted.uids_of(uids, most=room)
            room -= len(some)
            found.append(Step(do=do, mailbox=mailbox, uidvalidity=uidvalidity, uids=some, target=target))
    except (ValueError, TypeError, RecursionError) as error:
        raise BadArgument("no steps") from error
    if not all(_is_whole(step) for step in found):
        raise BadArgument("no steps")
    return found


def _is_whole(step: Step) -> bool:
    named = isinstance(step.do, str) and isinstance(step.mailbox, str) and isinstance(step.target, str)
    number = isinstance(step.uidvalidity, int) and not isinstance(step.uidvalidity, bool)
    return named and step.mailbox != "" and number and 0 < step.uidvalidity < 2**32
