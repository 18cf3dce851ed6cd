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

from apps.mail.mailbox.errors import MailError, NoSuchMessage, ServerRefused, ServerUnreachable, TooManyConnections
from apps.mail.mailbox.store import MailStore
from apps.mail.services import actions, noted, said, steps, trouble
from apps.mail.services.steps import Step

SECONDS = 2.0
#: Messages in a batch. Small ones are no way to be quick: of a Maildir with 100,000, MOVE takes Dovecot 0.3 s at least.
FIRST, LEAST, MOST = 1000, 500, 5000
QUICK, SLOW = 1.5, 4.0  # seconds that a batch takes
LONGEST = 300  # seconds after which a request that was at it counts as dead

_NAME = re.compile(r"[\w-]{16}", re.ASCII)
_NOTED = ("do", "folder", "several", "undoing", "done", "left", "nowhere", "stopped", "size")


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
    error: MailError | None = None

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
        return not self.undoing and (self.left > 0 or self.error is not None)

    @property
    def text(self) -> str:
        sentences: list[str] = []
        if self.undoing and not (self.done or self.steps or self.stopped):
            sentences.append(said.nothing_to_undo())
        elif self.done or self.steps:
            sentences.append(
                said.undone(self.do, self.done) if self.undoing else said.done(self.do, self.done, self.folder)
            )
        if self.nowhere and not self.undoing:
            sentences.append(said.no_way_back())
        if self.left and not self.undoing:
            vanished = isinstance(self.error, NoSuchMessage) and not self.several and not self.done
            sentences.append(said.gone() if vanished else said.left_alone(self.left))
        if self.error and self.done and not isinstance(self.error, NoSuchMessage):
            sentences.append(f"{trouble.describe(self.error).title}.")
        if self.steps:
            sentences.append(said.still_to_do(self.rest))
        if self.stopped:
            sentences.append(said.stopped(self.stopped))
        return " ".join(sentences)

    def stop(self) -> None:
        """What is left of an undo can still be undone."""
        self.stopped = self.rest
        if self.undoing:
            self.ways = self.steps
        self.steps = []


def proceed(store: MailStore, work: Work, *, user_id: int) -> None:
    """A request's share of it. What ends without anything done raises its error, where that says all."""
    stop = f"{_key(user_id, work.name)}.stop"
    until = time.monotonic() + SECONDS
    while work.steps and not (work.name and cache.get(stop)):
        begun = time.monotonic()
        _batch(store, work)
        now = time.monotonic()
        if now - begun < QUICK:
            work.size = min(work.size * 2, MOST)
        elif now - begun > SLOW:
            work.size = max(work.size // 2, LEAST)
        if work.waits or now + (now - begun) > until:  # no room for another one
            break
    if work.steps and work.name and cache.get(stop):
        work.stop()
    if work.steps or work.name:  # the end too: its answer may be lost
        _note(work, user_id)
    elif work.error and not work.done and _says_all(work):
        raise work.error


def _batch(store: MailStore, work: Work) -> None:
    some, rest = work.steps[0].divided(work.size)
    try:
        taken = actions.take(store, some)
    except NoSuchMessage as error:
        work.left += len(some.uids)
        work.error = work.error or error
    except (ServerUnreachable, TooManyConnections) as error:
        _cut_off(work, error)
        return
    except MailError as error:  # it would be the same with all of this folder
        work.left += len(work.steps[0].uids)
        work.error = work.error or error
        rest = None
    else:
        work.done += taken.changed if work.undoing else taken.count
        if not work.undoing:
            work.nowhere += taken.nowhere
            _add(work.ways, taken.back)
    work.steps = [*([rest] if rest else []), *work.steps[1:]]


def _cut_off(work: Work, error: MailError) -> None:
    """The server may be back soon, and moves and marks do no harm when they are repeated; copies would be doubled."""
    if not work.done and not work.name:
        raise error
    if work.do == "copy" and not work.undoing:
        work.left, work.error, work.steps = work.left + work.rest, error, []
    else:
        work.waits = why(error)


def why(error: Exception) -> str:
    return f"{trouble.describe(error).title}." if isinstance(error, MailError) else said.under_way()


def _add(ways: list[Step], back: Step | None) -> None:
    if back and ways and ways[-1].is_like(back):
        ways[-1] = replace(back, uids=ways[-1].uids + back.uids)
    elif back:
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
    """As it was noted last, at its end too; None where too much time has passed."""
    text = cache.get(_key(user_id, name)) if _NAME.fullmatch(name) else None
    if text is None:
        return None
    values = json.loads(text)
    values |= {"steps": steps.load(values["steps"]), "ways": steps.load(values["ways"])}
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


def ask_to_stop(name: str, *, user_id: int) -> None:
    """Whoever is at it stops after the present batch."""
    if _NAME.fullmatch(name):
        cache.set(f"{_key(user_id, name)}.stop", "yes", LONGEST)


def _key(user_id: int, name: str) -> str:
    return f"mail.work.{user_id}.{name}"
