"""The files in deploy/ are what their programs take, without a warning."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.servers import network, nginx, tls
from scripts.servers.base import Workdir
from tests.support.servers import need
from tests.support.zones import need_program

DEPLOY = Path(__file__).resolve().parent.parent.parent / "deploy"
SERVICES = ("yurt-prepare.service", "yurt-web@8001.service", "yurt-worker.service")


def test_nginx_takes_its_file() -> None:
    need(nginx.Nginx)
    workdir = Workdir.create()
    try:
        tls.make_authority(workdir.path / "tls")
        tls.issue(workdir.path / "tls")
        server = nginx.Nginx(workdir, behind=workdir.free_port())
        server.configure()
        words = [*workdir.as_user(), *server.command(), "-t"]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    finally:
        workdir.remove()
    assert done.returncode == 0, done.stderr
    warnings = [line for line in done.stderr.splitlines() if "[warn]" in line]
    assert [line for line in warnings if '"listen ... http2" directive is deprecated' not in line] == []  # from 1.25 on


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """A root folder with the units where deploy/zones/README.md puts them, and something to execute."""
    need_program(network.SYSTEMD_ANALYZE)
    folder = tmp_path / "etc" / "systemd" / "system"
    folder.mkdir(parents=True)
    for unit in (*DEPLOY.glob("*.service"), *(DEPLOY / "zones").glob("*.service")):
        shutil.copy(unit, folder)
    shutil.copytree(DEPLOY / "zones" / "yurt-.service.d", folder / "yurt-.service.d")
    for unit in folder.glob("*.service"):
        unit.write_text(re.sub(r"^ExecStart=/srv\S+", "ExecStart=/usr/bin/env", unit.read_text(), flags=re.MULTILINE))
    return tmp_path


def test_systemd_takes_the_units(units: Path) -> None:
    done = subprocess.run(
        [network.SYSTEMD_ANALYZE, "verify", "--man=no", *SERVICES, "yurt.service"],
        env={"SYSTEMD_UNIT_PATH": f"{units}/etc/systemd/system:"},
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in done.stderr.splitlines() if "yurt" in line and "/usr/bin/make" not in line]
    assert ours == []


@pytest.mark.parametrize("service", SERVICES)
def test_systemd_finds_the_services_locked_in(units: Path, service: str) -> None:
    """Its own scale: 10 is open, below 2 is what it calls OK at best for a service with a network."""
    words = [network.SYSTEMD_ANALYZE, f"--root={units}", "security", "--offline=true", "--threshold=15", service]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env={"SYSTEMD_PAGER": ""})
    assert done.returncode == 0, done.stdout[-200:] + done.stderr
