"""Ask several providers at once: each in a thread of its own, none longer than the budget, none able to fail the rest.

A provider that hangs is left behind, not waited for. How many of its calls may hang at a time is limited, so that a
dead server costs a few threads and not all of them; further calls are refused at once until one of them returns.
"""

from __future__ import annotations

import contextvars
import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from django.db import connection, connections
from django.utils import timezone, translation

T = TypeVar("T")

logger = logging.getLogger(__name__)

#: Calls of one provider that may be under way at once, over all requests of this process.
MAX_RUNNING = 8

TIMED_OUT = "timed out"
BUSY = "busy"

_running: Counter[str] = Counter()
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What one provider said: ``value``, or why there is none."""

    id: str
    value: T | None
    seconds: float
    error: str = ""  # TIMED_OUT, BUSY, or the name of the exception; "" when value holds

    @property
    def ok(self) -> bool:
        return not self.error


def ask(
    calls: Mapping[str, Callable[[], T]], *, budget: float, what: str, most: int = MAX_RUNNING
) -> Iterator[Answer[T]]:
    """Call all and yield the answers as they arrive; after ``budget`` seconds the missing ones as timed out.

    Keys are provider ids: they name the provider in the log and count what it has running, ``most`` at once. Inside a
    transaction the calls run one after the other in this thread, because another connection would not see its rows.
    """
    if connection.in_atomic_block:
        yield from in_turn(calls, budget=budget, what=what)
        return
    answers: queue.SimpleQueue[Answer[T]] = queue.SimpleQueue()
    started = time.monotonic()
    waiting: dict[str, None] = {}
    for name, call in calls.items():
        if not _enter(f"{what} {name}", most):
            yield _log(Answer(name, None, 0.0, BUSY), what)
            continue
        waiting[name] = None
        # A daemon: a call that never returns must not keep the process from ending.
        context = contextvars.copy_context()  # the asker's request id, for the log
        work = _as_the_asker(partial(_work, name, call, answers, what))
        threading.Thread(target=context.run, args=(work,), name=f"{what} {name}", daemon=True).start()
    while waiting:
        try:
            answer = answers.get(timeout=max(0.0, started + budget - time.monotonic()))
        except queue.Empty:
            for name in waiting:
                yield _log(Answer(name, None, time.monotonic() - started, TIMED_OUT), what)
            return
        del waiting[answer.id]
        yield answer


def collect(
    calls: Mapping[str, Callable[[], T]], *, budget: float, what: str, most: int = MAX_RUNNING
) -> list[Answer[T]]:
    """The answers in the order of ``calls``, whichever came first."""
    answers = {answer.id: answer for answer in ask(calls, budget=budget, what=what, most=most)}
    return [answers[name] for name in calls]


def _as_the_asker(work: Callable[[], None]) -> Callable[[], None]:
    """``work`` in the language and time zone of this moment: Django keeps both per thread."""
    language, zone = translation.get_language(), timezone.get_current_timezone()

    def run() -> None:
        with translation.override(language), timezone.override(zone):
            work()

    return run


def _work(name: str, call: Callable[[], T], answers: queue.SimpleQueue[Answer[T]], what: str) -> None:
    try:
        answers.put(_call(name, call, what))
    finally:
        connections.close_all()  # this thread's own; nobody else would
        _leave(f"{what} {name}")


def in_turn(calls: Mapping[str, Callable[[], T]], *, budget: float, what: str) -> Iterator[Answer[T]]:
    """The same one after the other in this thread, for what asks nobody but our own database: a thread would cost a
    connection to it. Nothing is begun after ``budget`` seconds."""
    started = time.monotonic()
    for name, call in calls.items():
        if time.monotonic() - started > budget:
            yield _log(Answer(name, None, 0.0, TIMED_OUT), what)
        else:
            yield _call(name, call, what)


def _call(name: str, call: Callable[[], T], what: str) -> Answer[T]:
    started = time.monotonic()
    try:
        return Answer(name, call(), time.monotonic() - started)
    except Exception as error:
        logger.exception("%s: %s failed", what, name)
        return Answer(name, None, time.monotonic() - started, type(error).__name__)


def _log(answer: Answer[T], what: str) -> Answer[T]:
    logger.warning("%s: %s dropped after %.1f s: %s", what, answer.id, answer.seconds, answer.error)
    return answer


def _enter(key: str, most: int) -> bool:
    with _lock:
        if _running[key] >= most:
            return False
        _running[key] += 1
        return True


def _leave(key: str) -> None:
    with _lock:
        _running[key] -= 1
        if not _running[key]:
            del _running[key]
