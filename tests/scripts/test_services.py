"""The command that developers start servers with."""

from __future__ import annotations

import json
import os
import pwd
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from scripts.servers.base import SERVICE_USER, alive, installed
from scripts.servers.dovecot import Dovecot
from scripts.servers.exim import Exim
from scripts.servers.redis import Redis

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass
class Command:
    file: Path

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [ROOT / "scripts" / "services", *words],
            env=os.environ | {"SERVICES_STATE": str(self.file)},
            capture_output=True,
            text=True,
            check=False,
        )

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.file.read_text())
        return found


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Command]:
    for kind in (Redis, Dovecot, Exim):
        if not installed(kind):
            pytest.skip(f"{kind.name} is not installed (Debian packages: {' '.join(kind.packages)})")
    command = Command(tmp_path / "services.json")
    yield command
    command("down")


def port_of(url: str) -> int:
    return int(url.split("localhost:")[-1].split("127.0.0.1:")[-1].split("/")[0])


def test_up_status_down(services: Command) -> None:
    assert services("status", "redis").returncode == 1
    up = services("up", "redis")
    assert up.returncode == 0, up.stdout + up.stderr
    entry = services.state()["redis"]
    socket.create_connection(("127.0.0.1", port_of(entry["url"]))).close()
    assert services("status", "redis").stdout.startswith("redis: up")
    assert services("down", "redis").returncode == 0
    assert not alive(entry["pid"])
    assert not Path(entry["directory"]).exists()
    assert services("status", "redis").returncode == 1


def test_up_twice_starts_one(services: Command) -> None:
    services("up", "redis")
    first = services.state()["redis"]["pid"]
    services("up", "redis")
    assert services.state()["redis"]["pid"] == first


def test_what_crashed_is_seen_and_started_again(services: Command) -> None:
    services("up", "redis")
    first = services.state()["redis"]
    os.killpg(first["pid"], signal.SIGKILL)
    while alive(first["pid"]):
        os.sched_yield()
    status = services("status", "redis")
    assert (status.returncode, status.stdout) == (1, "redis: down\n")
    assert services("up", "redis").returncode == 0
    assert services.state()["redis"]["pid"] != first["pid"]


def test_a_process_that_took_over_the_number_is_left_alone(services: Command) -> None:
    services("up", "redis")
    state = services.state()
    pid = state["redis"]["pid"]
    services.file.write_text(json.dumps({"redis": state["redis"] | {"born": "1"}}))
    assert services("status", "redis").returncode == 1
    services("down", "redis")
    assert alive(pid)
    os.killpg(pid, signal.SIGKILL)


def test_submission_brings_its_dovecot(services: Command) -> None:
    up = services("up", "submission")
    assert up.returncode == 0, up.stdout + up.stderr
    state = services.state()
    assert state["submission"]["directory"] == state["dovecot"]["directory"]
    for name, key in (("dovecot", "imaps_url"), ("submission", "smtp_url")):
        socket.create_connection(("127.0.0.1", port_of(state[name][key]))).close()
    assert Path(state["dovecot"]["ca_file"]).exists()
    services("down")
    assert not alive(state["dovecot"]["pid"])
    assert not alive(state["submission"]["pid"])


@pytest.mark.parametrize("words", [(), ("start",), ("up", "postfix")])
def test_a_wrong_word_shows_the_help(services: Command, words: tuple[str, ...]) -> None:
    result = services(*words)
    assert result.returncode == 2
    assert "scripts/services up [NAME...]" in result.stderr


def test_servers_never_run_as_root(services: Command) -> None:
    services("up", "redis")
    owner = Path(f"/proc/{services.state()['redis']['pid']}").stat().st_uid
    assert owner == (pwd.getpwnam(SERVICE_USER).pw_uid if os.getuid() == 0 else os.getuid())
