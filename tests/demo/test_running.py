"""The whole of `make run`: it answers, survives its children and its own death, and leaves nothing behind."""

import contextlib
import http.client
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.demo.conftest import DemoMail, free_port
from tests.demo.test_persistence import state
from tests.demo.test_run import IN_THIS_ENVIRONMENT, ROOT, settings
from tests.support.mailserver import check

pytestmark = pytest.mark.needs_app("mail")  # once is enough in the settings matrix


class Running:
    """A `make run` that has said it is ready; `said` is all it printed until then."""

    def __init__(
        self,
        values: dict[str, str],
        command: Sequence[str] = (sys.executable, "-c", IN_THIS_ENVIRONMENT),
        cwd: Path = ROOT,
    ) -> None:
        self.process = subprocess.Popen(
            command, cwd=cwd, env=values, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
        )  # fmt: skip
        self.said = self.read_until("Ctrl-C stops it.")

    def read_until(self, words: str) -> str:
        assert self.process.stdout is not None
        lines: list[str] = []
        for line in self.process.stdout:
            lines.append(line)
            if words in line:
                return "".join(lines)
        raise AssertionError(f"{words!r} was never said: {''.join(lines)}")

    def rest(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.read()

    def descendants(self) -> dict[int, str]:
        """Command lines by process number."""
        found: dict[int, str] = {}
        waiting = [self.process.pid]
        while waiting:
            parent = waiting.pop()
            for child in map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split()):
                found[child] = Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ")
                waiting.append(child)
        return found


@contextlib.contextmanager
def all_gone(numbers: list[int], seconds: float = 30) -> Iterator[None]:
    """Holds when every one of these processes has ended soon after the block."""
    with contextlib.ExitStack() as stack:
        handles = []
        for number in numbers:
            handle = os.pidfd_open(number)
            stack.callback(os.close, handle)
            handles.append(handle)
        yield
        for handle in handles:
            assert select.select([handle], [], [], seconds)[0], "a process is left"


def page(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def selftest(tmp_path: Path, *checks: str) -> dict[str, Any]:
    """As an administrator types it, who knows nothing of what `make run` tells its own processes."""
    done = subprocess.run(
        [sys.executable, "manage.py", "selftest", "--json", *checks],
        cwd=ROOT, env=settings(tmp_path), capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def test_it_runs_answers_restarts_the_worker_and_leaves_nothing_behind(tmp_path: Path) -> None:
    port = free_port()
    first = Running(settings(tmp_path, PORT=str(port)))
    assert f"http://127.0.0.1:{port}/" in first.said
    assert "alice, bob, charlie" in first.said
    assert first.said.count("shown this once") == 1
    assert page(port, "/sign-in/")[0] == 200
    key = tmp_path / "var" / "secret_key"
    assert key.stat().st_mode & 0o777 == 0o600
    ports = json.loads((tmp_path / "var" / "demo" / "ports.json").read_text())
    assert (tmp_path / "var" / "demo" / "env").stat().st_mode & 0o777 == 0o600
    report = selftest(tmp_path)
    assert report["ok"], report
    assert {"mail.imap", "mail.smtp"} <= {check["id"] for check in report["checks"]}

    worker = next(number for number, command in first.descendants().items() if "celery" in command)
    os.kill(worker, signal.SIGKILL)
    meanwhile = first.read_until("starting it again")
    assert "The task worker was ended by SIGKILL; starting it again" in meanwhile
    assert "superuser" not in first.said + meanwhile

    with all_gone(list(first.descendants())):
        first.process.send_signal(signal.SIGINT)
        last = first.rest()
        assert last.splitlines()[-1] == "Stopped." and "Warm shutdown" not in last
    assert first.process.wait() == 0
    assert "No IMAP server is set" in json.dumps(selftest(tmp_path, "mail.imap"))  # what has ended counts no more

    again = Running(settings(tmp_path, PORT=str(port)))
    assert "shown this once" not in again.said
    assert json.loads((tmp_path / "var" / "demo" / "ports.json").read_text()) == ports
    with all_gone(list(again.descendants())):
        again.process.kill()  # nobody is there to tidy up: the children notice by themselves
    again.process.wait()
    again.rest()
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_a_dead_web_server_ends_everything(tmp_path: Path) -> None:
    running = Running(settings(tmp_path, PORT=str(free_port()), PORTAL_APPS="none"))
    assert "alice" not in running.said  # nobody could sign in
    children = running.descendants()
    web = next(number for number, command in children.items() if "gunicorn" in command)
    with all_gone(list(children)):
        os.kill(web, signal.SIGKILL)
        assert "The web server was ended by SIGKILL" in running.rest()
    assert running.process.wait() == 1


def change_the_mail_of(server: DemoMail) -> None:
    """A flag, a removed message with a UID above it, a folder and a draft."""
    with server.session("alice") as client:
        check(client.select("INBOX"))
        check(client.uid("STORE", "3", "+FLAGS.SILENT", r"(\Flagged $Forwarded)"))
        check(client.uid("MOVE", "7", "Archive"))
        check(client.create("Kept"))
    server.append("alice", b"Subject: not finished\n\nHalf a sen", mailbox="Drafts", flags=r"\Draft \Seen")


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_a_fresh_clone_with_an_empty_home(tmp_path: Path) -> None:
    """And its mail: after SIGKILL for every process at once, after Ctrl-C, it is what it was."""
    clone, home = tmp_path / "clone", tmp_path / "home"
    home.mkdir()
    subprocess.run(["git", "clone", "-q", ROOT, clone], check=True)
    port = free_port()
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "LANG"} or name.startswith("PIP_")}
    kept |= {"HOME": str(home), "PORT": str(port)}
    first = Running(kept, ["make", "run"], clone)
    assert page(port, "/sign-in/")[0] == 200, first.said
    server = DemoMail(*json.loads((clone / "var" / "demo" / "ports.json").read_text()))
    change_the_mail_of(server)
    before = state(server, "alice")
    numbers = [first.process.pid, *first.descendants()]
    with all_gone(numbers[1:]):
        for number in numbers:
            os.kill(number, signal.SIGKILL)
    first.process.wait()

    second = Running(kept, ["make", "run"], clone)
    assert "Installing" not in second.said and "shown this once" not in second.said
    assert state(server, "alice") == before
    with all_gone(list(second.descendants())):
        os.killpg(second.process.pid, signal.SIGINT)
        assert "Stopped." in second.rest()
    second.process.wait()

    third = Running(kept, ["make", "run"], clone)
    assert state(server, "alice") == before
    assert {r"\Flagged", "$Forwarded"} <= server.flags("alice", 3)
    assert b"Half a sen" in server.messages("alice", "Drafts")[-1]
    os.killpg(third.process.pid, signal.SIGINT)
    assert "Stopped." in third.rest()
    third.process.wait()
