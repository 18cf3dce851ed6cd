"""The processes of a running site: started in groups of their own, watched, and stopped together."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripts.launch.site import ROOT, Unusable

PATIENCE = 15.0  # seconds from SIGTERM to SIGKILL
RESTARTS = 5  # of one child within RESTART_WINDOW seconds
RESTART_WINDOW = 300.0
_PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> Callable[[], None]:
    """Runs in the child before its program: the kernel sends SIGTERM when the supervisor dies, even by SIGKILL."""
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

    def prepare() -> None:
        if libc is not None:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return prepare


@dataclass
class Child:
    """`log` is where its output goes; None is the supervisor's own standard error. A mute one's standard output goes
    nowhere: what is worth reading it says on standard error."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path | None = None
    restart: bool = False
    mute: bool = False
    process: subprocess.Popen[bytes] | None = None
    deaths: list[float] = field(default_factory=list)

    def start(self) -> None:
        output = self.log.open("ab") if self.log else None
        try:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL if self.mute else output or sys.stderr,
                stderr=output,
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which then stops all in order
                preexec_fn=die_with_parent(os.getpid()),
            )
        finally:
            if output:
                output.close()

    def ended(self) -> int | None:
        return self.process.poll() if self.process else None

    def signal(self, number: int) -> None:
        """To the whole group, so that grandchildren go too."""
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    def obituary(self) -> str:
        code = self.ended() or 0
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines() if self.log else []
        said = f": {lines[-1][:300]}" if lines else ""
        return f"The {self.name} {how}{said}" + (f" (more in {self.log})" if self.log else "")


class Children:
    def __init__(self) -> None:
        self._all: list[Child] = []
        self._asked_to_stop = False

    def stop_on_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop)

    def _stop(self, number: int, frame: object) -> None:
        self._asked_to_stop = True

    @property
    def asked_to_stop(self) -> bool:
        return self._asked_to_stop

    def start(self, child: Child) -> None:
        self._all.append(child)
        child.start()

    def check(self) -> None:
        """Start again what may be, raise `Unusable` for what may not."""
        for child in self._all:
            if child.ended() is None:
                continue
            now = time.monotonic()
            child.deaths = [death for death in child.deaths if now - death < RESTART_WINDOW] + [now]
            if not child.restart or len(child.deaths) > RESTARTS:
                raise Unusable(child.obituary())
            print(f"{child.obituary()}; starting it again", file=sys.stderr, flush=True)
            child.signal(signal.SIGKILL)
            child.start()

    def wait(self, *, until: Callable[[], bool], seconds: float) -> bool:
        """False when `seconds` went by, or somebody asked to stop, before `until` came true."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self._asked_to_stop:
            self.check()
            if until():
                return True
            time.sleep(0.1)
        return False

    def watch(self) -> None:
        """Until somebody asks to stop. A signal ends the sleep early."""
        while not self._asked_to_stop:
            self.check()
            time.sleep(0.5)

    def stop(self) -> None:
        """The last started first; whoever does not go in time is killed. Nothing of any group is left."""
        for child in reversed(self._all):
            child.signal(signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE
        for child in self._all:
            if child.process:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.process.wait(max(0.0, deadline - time.monotonic()))
        for child in self._all:
            child.signal(signal.SIGKILL)
            if child.process:
                child.process.wait()
