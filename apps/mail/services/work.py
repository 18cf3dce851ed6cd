"""Something that is done to messages, in as many requests as it takes.

A request does for ``SECONDS`` what it can, batch by batch. What is left then is noted in the cache with what was done,
and the page asks for more of it, by itself or by a button: nothing goes on without somebody's browser, and no secret is
kept for it. The noted work is the truth about how far it has come, so a request that is repeated, or whose answer is
lost, does nothing twice and loses no way back. One request at a time is at it.
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from django.core.cache import cache

from apps.mail.mailbox import across
from apps.mail.mailbox.batches import at_once
from apps.mail.mailbox.errors import (
    BadArgument,
    HalfMoved,
    MailError,
    NoSuchMessage,
    ServerRefused,
    ServerUnreachable,
    TooManyConnections,
    UidValidityChanged,
)
from apps.mail.mailbox.store import MailStore
from apps.mail.services import actions, noted, said, steps, trouble
from apps.mail.services.steps import Step

SECONDS = 2.0
#: Messages in a batch. Small ones are no way to be quick: of a Maildir with 100,000, MOVE takes Dovecot 0.3 s at least.
FIRST, LEAST, MOST = 1000, 500, 5000
QUICK, SLOW = 1.5, 4.0  # seconds that a batch takes
LONGEST = 300  # seconds after which a request that was at it counts as dead

_NAME = re.compile(r"[\w-]{16}", re.ASCII)
_NOTED = ("do", "folder", "several", "undoing", "done", "left", "nowhere", "stopped", "size", "trouble")


class Busy(Exception):
    """Another request is at it."""


@dataclass(slots=True, kw_only=True)
class Work:
    do: str  # see ``said``
    steps: list[Step]  # still to do
    folder: str = ""  # where they go, as people call it
    several: bool = False  # the messages come from a list over several folders
    undoing: bool = False
    ways: list[Step] = field(default_factory=list)  # back
    done: int = 0  # messages, as those below
    left: int = 0  # alone
    nowhere: int = 0  # moved or copied to where nobody can find them again
    stopped: int = 0
    size: int = field(default_factory=lambda: FIRST)  # messages in the next batch, by how fast the server was
    waits: str = ""  # why it has to be tried again in a moment
    name: str = ""
    trouble: str = ""  # why some were left alone, where it is not that they have gone
    error: MailError | None = None  # the first of this request

    @property
    def rest(self) -> int:
        return steps.count(self.steps)

    @property
    def total(self) -> int:
        return self.seen + self.rest

    @property
    def seen(self) -> int:
        return self.done + self.left

    @property
    def failed(self) -> bool:
        return self.trouble != "" or (self.left > 0 and not self.undoing)

    @property
    def text(self) -> str:
        sentences: list[str] = []
        if self.undoing and not (self.done or self.steps or self.stopped or self.trouble):
            sentences.append(said.nothing_to_undo())
        elif self.done or self.steps:
            sentences.append((said.undone if self.undoing else said.done)(self.do, self.done, self.folder))
        if self.nowhere and not self.undoing:
            sentences.append(said.no_way_back())
        if self.left and not self.undoing:
            vanished = isinstance(self.error, NoSuchMessage) and not self.several and not self.done
            sentences.append(said.gone() if vanished else said.left_alone(self.left))
        if self.trouble:
            sentences.append(self.trouble)
        if self.steps:
            sentences.append(said.still_to_do(self.rest))
        if self.stopped:
            sentences.append(said.stopped(self.stopped))
        return " ".join(sentences)

    def stop(self) -> None:
        """What is left of an undo can still be undone."""
        self.stopped = self.rest
        if self.undoing:
            self.ways = self.ways + self.steps
        self.steps = []

    def blame(self, error: MailError) -> None:
        self.error = self.error or error
        if not isinstance(error, NoSuchMessage):
            self.trouble = self.trouble or why(error)


def proceed(store: MailStore, work: Work, *, user_id: int) -> None:
    """A request's share of it. What ends with nothing done, nor left to undo, raises its error where that says all."""
    stop = f"{_key(user_id, work.name)}.stop"
    until = time.monotonic() + SECONDS
    while work.steps and not (work.name and cache.get(stop)):
        begun = time.monotonic()
        _batch(store, work)
        now = time.monotonic()
        if work.waits:
            work.size = max(work.size // 2, LEAST)
        elif now - begun < QUICK:
            work.size = min(work.size * 2, MOST)
        elif now - begun > SLOW:
            work.size = max(work.size // 2, LEAST)
        if work.waits or now + (now - begun) > until:  # no room for another one
            break
    if work.steps and work.name and cache.get(stop):
        work.stop()
    if work.steps or work.name:  # the end too: its answer may be lost
        _note(work, user_id)
    elif work.error and not work.done and not work.ways and _says_all(work):
        raise work.error


def _batch(store: MailStore, work: Work) -> None:
    whole = replace(work.steps[0], uids=tuple(sorted(work.steps[0].uids)))
    marks = whole.do in {*actions.MARKS, *actions.SNOOZES}
    carried = whole.target and not marks and not across.is_same(whole.mailbox, whole.target)
    size = across.AT_ONCE if carried else work.size
    some, rest = whole.divided(at_once(whole.uids[:size]))  # one command: nothing is done by halves
    try:
        taken = actions.take(store, some)
    except NoSuchMessage as error:
        work.left += len(some.uids)
        work.blame(error)
    except (ServerUnreachable, TooManyConnections, HalfMoved) as error:
        _cut_off(work, error)
        return
    except MailError as error:  # it would be the same with all of this folder
        work.left += len(whole.uids)
        work.blame(error)
        if work.undoing and not isinstance(error, UidValidityChanged):  # it may work another time
            _add(work.ways, whole)
        rest = None
    else:
        work.done += taken.changed if work.undoing else taken.count
        if not work.undoing:
            work.nowhere += taken.nowhere
            work.left += len(some.uids) - taken.count if carried else 0  # refused by the other server
            for way in taken.ways:
                _add(work.ways, way)
    work.steps = [*([rest] if rest else []), *work.steps[1:]]


def _cut_off(work: Work, error: MailError) -> None:
    """The server may be back soon, and moves and marks do no harm when they are repeated; copies would be doubled."""
    if not work.done and not work.name:
        raise error
    if isinstance(error, HalfMoved) or (work.do == "copy" and not work.undoing):
        work.left, work.steps = work.left + work.rest, []
        work.blame(error)
    elif error.permanent:
        work.stop()
        work.blame(error)
    else:
        work.waits = why(error)


def why(error: Exception) -> str:
    return f"{trouble.describe(error).title}." if isinstance(error, MailError) else said.under_way()


def _add(ways: list[Step], back: Step) -> None:
    if ways and ways[-1].is_like(back):
        ways[-1] = replace(back, uids=ways[-1].uids + back.uids)
    else:
        ways.append(back)


def _says_all(work: Work) -> bool:
    refused = isinstance(work.error, ServerRefused)  # its words say more than ours
    return refused or not (work.several or isinstance(work.error, NoSuchMessage))


# between two requests


def _note(work: Work, user_id: int) -> None:
    work.name = work.name or secrets.token_urlsafe(12)
    values = {name: getattr(work, name) for name in _NOTED}
    values |= {"steps": steps.dump(work.steps), "ways": steps.dump(work.ways)}
    cache.set(_key(user_id, work.name), json.dumps(values), noted.SECONDS)


def look(name: str, *, user_id: int) -> Work | None:
    """As it was noted last, at its end too; None where too much time has passed, or nobody can read it."""
    text = cache.get(_key(user_id, name)) if _NAME.fullmatch(name) else None
    if text is None:
        return None
    values = json.loads(text)
    try:
        values |= {"steps": steps.load(values["steps"]), "ways": steps.load(values["ways"])}
    except BadArgument:
        return None
    return Work(name=name, **values)


@contextlib.contextmanager
def resumed(name: str, *, user_id: int) -> Iterator[Work | None]:
    """``look``, for the request that goes on with it; raises ``Busy``."""
    busy = f"{_key(user_id, name)}.busy"
    if not _NAME.fullmatch(name):
        yield None
        return
    if not cache.add(busy, "yes", LONGEST):
        raise Busy
    try:
        yield look(name, user_id=user_id)
    finally:
        cache.delete(busy)


def stop(name: str, *, user_id: int, error: MailError | None = None) -> None:
    """Whoever is at it stops after the present batch; where nobody is, this is the end of it, with or without the
    server. ``error``: why it cannot go on."""
    if _NAME.fullmatch(name):
        cache.set(f"{_key(user_id, name)}.stop", "yes", noted.SECONDS)
    with contextlib.suppress(Busy), resumed(name, user_id=user_id) as work:
        if work is not None and work.steps:
            work.stop()
            if error is not None:
                work.blame(error)
            _note(work, user_id)


def _key(user_id: int, name: str) -> str:
    return f"mail.work.{user_id}.{name}"
