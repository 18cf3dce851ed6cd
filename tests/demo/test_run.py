"""`make run`: one clear line with the cure when something is in the way, and nothing left behind when it ends."""

import contextlib
import http.client
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.server import listen
from scripts.launch import changes, environment, site
from scripts.launch.children import Child
from scripts.launch.site import Site, Unusable
from tests.demo.conftest import free_port

pytestmark = pytest.mark.needs_app("mail")  # once is enough in the settings matrix
ROOT = Path(__file__).parents[2]
RUN = ROOT / "scripts" / "run.py"
# What run.py does, in the environment that the tests already have.
IN_THIS_ENVIRONMENT = """
import sys
from pathlib import Path
from scripts.launch import environment, main
environment.ready = lambda site, venv: Path(sys.executable)
sys.exit(main.main())
"""


def settings(tmp_path: Path, **values: str) -> dict[str, str]:
    """A process environment in which no setting of this machine or of the suite counts."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return kept | {"ENV_FILE": str(tmp_path / "no.env"), "DATA_DIR": str(tmp_path / "var")} | values


def refusal(tmp_path: Path, **values: str) -> str:
    """The one line with which run.py ends."""
    done = subprocess.run(
        [sys.executable, RUN],
        env=settings(tmp_path, **values),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert "Cure: " in line
    return line


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with listen(0) as taken:
        port = taken.getsockname()[1]
        assert f"Port {port} on 127.0.0.1 is taken" in refusal(tmp_path, PORT=str(port))


def test_a_port_that_is_none(tmp_path: Path) -> None:
    assert "PORT is 'http'" in refusal(tmp_path, PORT="http")


def test_the_demo_stays_on_loopback(tmp_path: Path) -> None:
    assert "everybody knows the demo accounts' password" in refusal(tmp_path, HOST="0.0.0.0")
    real = site.read(settings(tmp_path, HOST="0.0.0.0", IMAP_URL="imaps://mail.example.test"))
    assert not real.has_demo


def test_a_second_one_on_the_same_data_is_refused(tmp_path: Path) -> None:
    held = site.lock(site.read(settings(tmp_path)))
    assert f"already runs with {tmp_path / 'var'} (process {os.getpid()})" in refusal(tmp_path)
    os.close(held)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "cannot be written" in refusal(tmp_path, DATA_DIR=str(tmp_path / "file" / "var"))


def test_an_old_python_is_told_so(tmp_path: Path) -> None:
    pretend = "import runpy, sys; sys.version_info = (3, 9, 2, 'final', 0); sys.version = '3.9.2 (x)'; "
    pretend += f"runpy.run_path({str(RUN)!r}, run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", pretend], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr == (
        "Yurt needs Python 3.11 or newer, this is 3.9.2. Cure: make run PYTHON=/path/to/python3.11\n"
    )


def test_a_missing_venv_module_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Unusable, match="apt-get install python3-venv"):
        environment.ready(site.read(settings(tmp_path)), tmp_path / "venv")


def test_no_network_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """pip against an index that does not answer."""
    port = free_port()
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{port}/simple")
    for name, value in {"PIP_EXTRA_INDEX_URL": "", "PIP_RETRIES": "1", "PIP_CONFIG_FILE": os.devnull}.items():
        monkeypatch.setenv(name, value)
    wanted = tmp_path / "requirements.txt"
    wanted.write_text("a-package-that-is-not-here\n")
    with pytest.raises(Unusable, match="no connection to the package index"):
        environment._install(Path(sys.executable), [wanted])
    assert "Installing packages" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({}, ["requirements.txt"]),
        ({"DATABASE_URL": "mysql://u:p@h/n"}, ["requirements.txt", "requirements-mysql.txt"]),
        ({"BROKER_URL": "redis://h/1"}, ["requirements.txt", "requirements-redis.txt"]),
        ({"CACHE_URL": "rediss://h/1"}, ["requirements.txt", "requirements-redis.txt"]),
    ],
)
def test_requirements_follow_the_settings(tmp_path: Path, values: dict[str, str], names: list[str]) -> None:
    files = environment.requirements(site.read(settings(tmp_path, **values)))
    assert [file.name for file in files] == names
    assert all(file.exists() for file in files)


def test_missing_compiler_packages_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    no_driver = shutil.which("false", path="/usr/bin:/bin")
    assert no_driver is not None
    with pytest.raises(Unusable, match="apt-get install gcc pkg-config default-libmysqlclient-dev"):
        environment._check_compiler(Path(no_driver))


def test_the_env_file_is_read_as_django_reads_it(tmp_path: Path) -> None:
    text = "# a site\nexport PORT=8100\nIMAP_URL='imaps://mail.example.test'  # ours\nHOST=\"::1\"\nEMPTY=\n"
    (tmp_path / ".env").write_text(text)
    here = site.read({"PORT": "8200"}, tmp_path)
    assert (here.port, here.host, here.has_demo) == (8200, "::1", False)
    assert here.address == "http://[::1]:8200/"
    assert here.data == tmp_path / "var"


def git(root: Path, *words: str) -> None:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.test"]
    subprocess.run(["git", *identity, *words], cwd=root, check=True, capture_output=True)


def test_what_a_pull_brought_is_told_once(tmp_path: Path) -> None:
    note = tmp_path / "note.json"
    root = tmp_path / "clone"
    root.mkdir()
    git(root, "init", "-q")
    (root / "CHANGELOG.md").write_text("# Changes\n\n## 1.2.0\n\n- Faster\n")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "Begin")
    assert changes.since_last_run(note, root) == []
    changes.remember(note, root)
    for number in range(14):
        git(root, "commit", "-q", "--allow-empty", "-m", f"Change {number}")
    lines = changes.since_last_run(note, root)
    assert "14 changes" in lines[0]
    assert lines[1:3] == ["  Change 13", "  Change 12"]
    assert "and 2 more" in lines[-2] and "1.2.0" in lines[-1]
    changes.remember(note, root)
    assert changes.since_last_run(note, root) == []


def test_a_dead_child_is_described_in_one_line(tmp_path: Path) -> None:
    child = Child("web server", [sys.executable, "-c", "print('no wings'); exit(3)"], os.environ, tmp_path / "log")
    child.start()
    assert child.process is not None
    child.process.wait()
    assert child.obituary() == f"The web server ended with exit code 3: no wings (more in {tmp_path / 'log'})"


# --- the whole thing -----------------------------------------------------------------------------------------------


class Running:
    """A `make run` that has said it is ready; `said` is all it printed until then."""

    def __init__(self, values: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", IN_THIS_ENVIRONMENT], cwd=ROOT, env=values, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
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
    assert "The task worker was ended by SIGKILL; starting it again" in first.read_until("starting it again")

    with all_gone(list(first.descendants())):
        first.process.send_signal(signal.SIGINT)
        assert first.rest().splitlines()[-1] == "Stopped."
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


def test_wrong_settings_are_named_with_their_cure(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IN_THIS_ENVIRONMENT], cwd=ROOT, capture_output=True, text=True, timeout=60,
        env=settings(tmp_path, PORT=str(free_port()), SESSION_IDLE_MINUTES="soon", IMAP_URL="imaps://mail.example.test"),
    )  # fmt: skip
    assert done.returncode == 1
    assert "SESSION_IDLE_MINUTES is wrong. Cure: write a whole number" in done.stderr


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_a_fresh_clone_with_an_empty_home(tmp_path: Path) -> None:
    clone, home = tmp_path / "clone", tmp_path / "home"
    home.mkdir()
    subprocess.run(["git", "clone", "-q", ROOT, clone], check=True)
    port = free_port()
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "LANG"} or name.startswith("PIP_")}
    process = subprocess.Popen(
        ["make", "run"], cwd=clone, env=kept | {"HOME": str(home), "PORT": str(port)}, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if "Ctrl-C stops it." in line:
            break
    assert page(port, "/sign-in/")[0] == 200, "".join(said)
    os.killpg(process.pid, signal.SIGINT)
    assert "Stopped." in process.stdout.read()
    process.wait()


def test_site_addresses() -> None:
    assert Site({}, Path(), "::1", 80).address == "http://[::1]:80/"
    assert site.is_loopback("app.localhost") and site.is_loopback("[::1]") and not site.is_loopback("mail.example.test")
