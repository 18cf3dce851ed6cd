"""The demo's servers as the tests see them."""

import contextlib
import random
import smtplib  # noqa: TID251 - the oracle: a bare session beside the portal's
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.accounts import PASSWORD, address_of
from demo.server import listen, running
from tests.support.mailserver import MailServer

ROOT = Path(__file__).parents[2]


class DemoMail(MailServer):
    """Both demo servers on these ports, in this process or in another."""

    host = "127.0.0.1"
    password = PASSWORD

    def __init__(self, imap_port: int, smtp_port: int) -> None:
        super().__init__()
        self.imap_port = imap_port
        self.smtp_port = smtp_port

    def address(self, login: str) -> str:
        return address_of(login)

    def send(self, sender: str, recipients: list[str], text: str) -> dict[str, tuple[int, bytes]]:
        """Submit as `sender`; returns the refused recipients."""
        message = f"From: {address_of(sender)}\r\nTo: {', '.join(recipients)}\r\nSubject: {text}\r\n\r\n{text}\r\n"
        with smtplib.SMTP(self.host, self.smtp_port, timeout=30) as client:
            client.login(sender, self.password)
            return client.sendmail(address_of(sender), recipients, message.encode())


def free_port() -> int:
    """Below the range that outgoing connections take theirs from, as are those that `make run` counts up to from it."""
    while True:
        with contextlib.suppress(OSError), listen(random.randint(20000, 31900)) as listener:
            return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoMail]:
    with running(tmp_path_factory.mktemp("demo")) as servers:
        yield DemoMail(servers.imap_port, servers.smtp_port)


class DemoProcess(DemoMail):
    """`python -m demo.server` as `make run` starts it; `data` outlives the process."""

    def __init__(self, data: Path) -> None:
        super().__init__(free_port(), free_port())
        self.data = data
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "demo.server", f"--data={self.data}"]
        command += [f"--imap-port={self.imap_port}", f"--smtp-port={self.smtp_port}"]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "demo mail servers ready\n"

    def stop(self, *, kill: bool = False) -> int:
        assert self.process is not None
        with self.process as process:
            process.kill() if kill else process.terminate()
        return process.returncode


@pytest.fixture
def process(tmp_path: Path) -> Iterator[DemoProcess]:
    server = DemoProcess(tmp_path / "demo")
    yield server
    if server.process is not None:
        with contextlib.suppress(ProcessLookupError):
            server.stop(kill=True)
