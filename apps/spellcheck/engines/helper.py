"""The parent's side of ``child``: one process that searches for suggestions, started when it is needed first.

Nobody waits for it longer than they want. One that is still busy after ``PATIENCE`` with one word is ended, and a new
one takes its place.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

PATIENCE = 5.0  # seconds for one word
MOST_WAITING = 8  # words; a further one is told at once that there is nothing
ROOT = Path(__file__).resolve().parents[3]


@dataclass
class Ticket:
    path: Path
    word: str
    found: list[str] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)
    refused: bool = False  # too many wait already, or the process has failed

    @property
    def answered(self) -> bool:
        return self.done.is_set() and not self.refused

    def wait(self, seconds: float) -> list[str]:
        """What was found; nothing where it did not come in time."""
        return self.found if self.done.wait(max(0.0, seconds)) else []


class Helper:
    def __init__(self, command: tuple[str, ...] = (sys.executable, "-m", "apps.spellcheck.engines.child")) -> None:
        self._command = command
        self._waiting: queue.Queue[Ticket] = queue.Queue(MOST_WAITING)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._process: subprocess.Popen[str] | None = None
        self._owner = 0  # the process that has started the thread: after a fork there is none

    def ask(self, path: Path, word: str) -> Ticket:
        ticket = Ticket(path, word)
        with self._lock:
            if self._thread is None or self._owner != os.getpid():
                self._process, self._owner = None, os.getpid()
                self._waiting = queue.Queue(MOST_WAITING)
                self._thread = threading.Thread(target=self._work, name="spelling", daemon=True)
                self._thread.start()
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(ticket)
            return ticket
        ticket.refused = True
        ticket.done.set()
        return ticket

    def _work(self) -> None:
        while True:
            ticket = self._waiting.get()
            try:
                ticket.found = self._asked(ticket)
            except (OSError, ValueError):  # it has ended, or was ended
                ticket.refused = True
                self._end()
            ticket.done.set()

    def _asked(self, ticket: Ticket) -> list[str]:
        process = self._process
        if process is None or process.poll() is not None:
            process = self._process = self._start()
        assert process.stdin is not None and process.stdout is not None
        timer = threading.Timer(PATIENCE, process.kill)
        timer.daemon = True
        timer.start()
        try:
            process.stdin.write(json.dumps([str(ticket.path), ticket.word]) + "\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
        finally:
            timer.cancel()
        return [each for each in answer if isinstance(each, str)]

    def _start(self) -> subprocess.Popen[str]:
        """With nothing of this process's environment: it holds the site's secrets."""
        environment = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
        return subprocess.Popen(  # noqa: S603  # our own module
            self._command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
        )

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for stream in (process.stdin, process.stdout):
            with contextlib.suppress(OSError, ValueError):
                if stream is not None:
                    stream.close()
        process.wait()
