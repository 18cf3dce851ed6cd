"""What every server has in common: a directory, free ports, an unprivileged user, a process that surely ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, ClassVar

HOST = "127.0.0.1"
#: As root, servers run as this user, which `Workdir.create` makes where it is missing.
SERVICE_USER = "yurt-services"
START_SECONDS = 120.0


class NotInstalled(Exception):
    """A program is missing; the text names the Debian packages that bring it."""


class DidNotStart(Exception):
    """A server ended or did not answer in time; the text carries the end of its log."""


@dataclass
class Workdir:
    """A temporary directory in which servers live, and the user who owns it."""

    path: Path
    user: str
    group: str
    _held: list[IO[str]] = field(default_factory=list)

    @classmethod
    def create(cls) -> Workdir:
        path = Path(tempfile.mkdtemp(prefix="yurt-"))
        path.chmod(0o711)
        account = _service_account() if os.getuid() == 0 else pwd.getpwuid(os.getuid())
        group = subprocess.run(["id", "-gn", account.pw_name], check=True, capture_output=True, text=True)
        return cls(path, account.pw_name, group.stdout.strip())

    def own(self) -> None:
        """Hand everything in the directory to the unprivileged user."""
        if os.getuid() == 0:
            subprocess.run(["chown", "-R", f"{self.user}:{self.group}", str(self.path)], check=True)

    def as_user(self, *, die_with_parent: bool = False) -> list[str]:
        """The words to put before a command so that it runs as the unprivileged user."""
        words = ["setpriv"]
        if die_with_parent:
            words += ["--pdeathsig", "TERM"]
        if os.getuid() == 0:
            words += [f"--reuid={self.user}", f"--regid={self.group}", "--clear-groups"]
        return [*words, "--"] if len(words) > 1 else []

    def free_port(self) -> int:
        """A port nobody listens on, below the range that outgoing connections take theirs from.

        A lock file keeps it ours among parallel test processes until the server listens, and for as long as we live.
        """
        folder = Path(tempfile.gettempdir()) / f"yurt-ports-{os.getuid()}"
        folder.mkdir(exist_ok=True)
        while True:
            port = random.randint(20000, 31999)
            lock = (folder / str(port)).open("w")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind((HOST, port))
            except OSError:
                lock.close()
                continue
            self._held.append(lock)
            return port

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        for lock in self._held:
            lock.close()


def _service_account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(SERVICE_USER)
    except KeyError:
        subprocess.run(
            ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SERVICE_USER],
            check=False,  # a parallel test process may have been quicker
            capture_output=True,
        )
        return pwd.getpwnam(SERVICE_USER)


class Server:
    """One server process (with its children, one process group) in a `Workdir`."""

    name: ClassVar[str]
    packages: ClassVar[tuple[str, ...]]
    #: Packages that cannot be installed beside others, and the folder where they are unpacked.
    unpacked: ClassVar[Mapping[Path, tuple[str, ...]]] = {}
    programs: ClassVar[tuple[str, ...]]

    def __init__(self, workdir: Workdir, *, die_with_parent: bool = True) -> None:
        self.workdir = workdir
        self.directory = workdir.path
        self.die_with_parent = die_with_parent
        self.pid = 0
        self._process: subprocess.Popen[bytes] | None = None

    def configure(self) -> None:
        """Write the configuration; called once, before the first start."""
        raise NotImplementedError  # abstract

    def command(self) -> list[str]:
        raise NotImplementedError  # abstract

    def answers(self) -> bool:
        """Whether the server is ready for its clients."""
        raise NotImplementedError  # abstract

    def facts(self) -> dict[str, str | int]:
        """What a client needs to know: ports, addresses, files."""
        raise NotImplementedError  # abstract

    @property
    def output(self) -> Path:
        return self.directory / f"{self.name}.out"

    def start(self) -> None:
        command = [*self.workdir.as_user(die_with_parent=self.die_with_parent), *self.command()]
        with self.output.open("ab") as out:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, cwd=self.directory
            )
        self.pid = self._process.pid
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise DidNotStart(f"{self.name} did not start: {self.log()[-2000:]}")
            time.sleep(0.02)

    def log(self) -> str:
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    def stop(self) -> None:
        """End it in an orderly way; returns when it is gone."""
        stop_group(self.pid)
        self._reap()

    def kill(self) -> None:
        """End it the way a crash would."""
        stop_group(self.pid, first=signal.SIGKILL)
        self._reap()

    def restart(self) -> None:
        self.stop()
        self.start()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Inside the block the server hangs: it accepts connections (the kernel does) and never says a word."""
        os.killpg(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self.pid, signal.SIGCONT)

    def _reap(self) -> None:
        if self._process is not None:
            self._process.wait()
            self._process = None
        self.pid = 0


def installed(kind: type[Server]) -> bool:
    return all(Path(program).exists() for program in kind.programs)


def require(kind: type[Server]) -> None:
    """Raises `NotInstalled` where one of the server's programs is missing."""
    if not installed(kind):
        apart = [name for names in kind.unpacked.values() for name in names]
        raise NotInstalled(f"{kind.name} is not installed (Debian packages: {' '.join([*kind.packages, *apart])})")


def listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def greets(port: int, greeting: bytes) -> bool:
    """Whether the server on this port speaks, and not only its listening socket stands."""
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1) as client:
        return client.recv(len(greeting)) == greeting
    return False


def alive(pid: int) -> bool:
    """Whether the process runs; one that waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def group_alive(group: int) -> bool:
    """Whether any process of the group still runs: children may hold a port a moment longer than their parent."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _parent, owner = stat.read_text().rpartition(")")[2].split()[:3]
            if int(owner) == group and state != "Z":
                return True
    return False


def stop_group(pid: int, *, first: signal.Signals = signal.SIGTERM, patience: float = 10.0) -> None:
    """End a process group: politely, and after ``patience`` seconds for good. Returns when all of it is gone."""
    if not pid:
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if first == signal.SIGKILL:
            os.killpg(pid, first)
        else:
            os.kill(pid, first)  # the parent alone: it ends its children in its own order
        os.killpg(pid, signal.SIGCONT)
        deadline = time.monotonic() + patience
        while alive(pid) and time.monotonic() < deadline:
            time.sleep(0.02)
        os.killpg(pid, signal.SIGKILL)  # children that still serve a client would wait for it
        while group_alive(pid):
            time.sleep(0.02)
