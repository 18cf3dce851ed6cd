"""The virtual environment with the packages that the portal, and this site's database and cache, need."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from scripts.launch.children import die_with_parent
from scripts.launch.site import ROOT, Site, Unusable

_OFFLINE = re.compile(
    r"connection broken by|NewConnectionError|Failed to resolve|Network is unreachable|timed out|ProxyError"
)
UNFINISHED = ".unfinished"
_COUNTED = re.compile(r"^\s*Collecting (\S+?)[<>=!~;\[ ]")


def requirements(site: Site) -> list[Path]:
    """`requirements.txt`, and what the site's own addresses ask for."""
    files = [ROOT / "requirements.txt"]
    if site.uses("mysql"):
        files.append(ROOT / "requirements-mysql.txt")
    if site.uses("redis") or site.uses("rediss"):
        files.append(ROOT / "requirements-redis.txt")
    return files


def ready(site: Site, venv: Path) -> Path:
    """The environment's Python, with everything installed; quick when nothing has changed since the last time."""
    python = venv / "bin" / "python"
    files = requirements(site)
    if not works(venv):
        create(venv)
    stamp = venv / ".requirements-run"
    wanted = _fingerprint(python, files)
    if not stamp.exists() or stamp.read_text() != wanted:
        if site.uses("mysql"):
            _check_compiler(python)
        with unfinished(venv):
            _install(python, files)
        stamp.write_text(wanted)
    return python


def works(venv: Path) -> bool:
    """Whether it was made to the end: who was stopped in the middle has left the note of `unfinished`, or no pip."""
    python = venv / "bin" / "python"
    if not python.exists() or (venv / UNFINISHED).exists():
        return False
    return subprocess.run([python, "-c", "import pip"], check=False, capture_output=True).returncode == 0


@contextlib.contextmanager
def unfinished(venv: Path) -> Iterator[None]:
    """Inside the block a note lies in the environment that it is half made; it stays there when the process is killed.

    pip takes a package for installed whose files are only half there, so a half-made environment is made anew. After a
    failure of its own (no network) pip has tidied up, and what was there before can be kept.
    """
    note = venv / UNFINISHED
    try:
        note.touch()
    except OSError as error:
        raise Unusable(f"{venv} cannot be written ({error.strerror}). Cure: write permission for this user") from None
    try:
        yield
    except Unusable:
        note.unlink()
        raise
    note.unlink()


def create(venv: Path) -> None:
    missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if missing:
        raise Unusable("Python's venv module is missing. Cure (as root): apt-get install python3-venv")
    print(f"Making an environment in {venv.name}/ with Python {sys.version.split()[0]}", flush=True)
    shutil.rmtree(venv, ignore_errors=True)
    with contextlib.suppress(OSError):
        venv.mkdir(parents=True)
    with unfinished(venv):
        made = subprocess.run([sys.executable, "-m", "venv", venv], check=False, capture_output=True, text=True)
    if made.returncode:
        shutil.rmtree(venv, ignore_errors=True)
        lines = (made.stdout + made.stderr).strip().splitlines() or ["no reason given"]
        raise Unusable(f"The environment cannot be made: {lines[-1]} Cure: room and write permission in {venv.parent}")


def _fingerprint(python: Path, files: list[Path]) -> str:
    digest = hashlib.sha256(str(python.resolve()).encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _check_compiler(python: Path) -> None:
    """mysqlclient has no wheel for Linux; say what compiling it needs before pip fails at length."""
    if subprocess.run([python, "-c", "import MySQLdb"], check=False, capture_output=True).returncode == 0:
        return
    missing = []
    if not (shutil.which("gcc") or shutil.which("cc")):
        missing.append("gcc")
    if not shutil.which("pkg-config"):
        missing.append("pkg-config")
    names = ("mysqlclient", "mariadb", "libmariadb")
    if not shutil.which("pkg-config") or not any(_has_library(name) for name in names):
        missing.append("default-libmysqlclient-dev")
    if not (Path(sysconfig.get_paths()["include"]) / "Python.h").exists():
        missing.append("python3-dev")
    if missing:
        raise Unusable(
            "DATABASE_URL names MySQL, whose driver is compiled on this machine, and Debian packages are missing. "
            f"Cure (as root): apt-get install {' '.join(missing)}"
        )


def _has_library(name: str) -> bool:
    return subprocess.run(["pkg-config", "--exists", name], check=False).returncode == 0


def _install(python: Path, files: list[Path]) -> None:
    """pip with one line of progress; its own words only when it fails."""
    print("Installing packages", flush=True)
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar=off"]
    command += [f"--requirement={file}" for file in files]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    pip = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment,
        preexec_fn=die_with_parent(os.getpid()),
    )
    last: deque[str] = deque(maxlen=200)
    count = 0
    assert pip.stdout is not None
    for line in pip.stdout:
        last.append(line.rstrip())
        match = _COUNTED.match(line + " ")
        if match:
            count += 1
            _progress(f"  {count} packages looked up, now {match[1]}")
        elif line.startswith("Installing collected packages"):
            _progress(f"  unpacking {line.count(',') + 1} packages")
    _progress("")
    if pip.wait():
        raise Unusable(_reason(list(last), python))


def _progress(text: str) -> None:
    if sys.stdout.isatty():
        width = shutil.get_terminal_size().columns - 1
        print(f"\r{text[:width]:{width}}", end="\r" if not text else "", flush=True)
    elif text.startswith("  unpacking"):
        print(text, flush=True)


def _reason(lines: list[str], python: Path) -> str:
    if any(_OFFLINE.search(line) for line in lines):
        return (
            "The packages cannot be downloaded: no connection to the package index. "
            "Cure: connect this machine, or set PIP_INDEX_URL to a mirror, and run it again"
        )
    errors = [line for line in lines if line.startswith("ERROR")] or lines[-1:] or ["pip failed"]
    said = errors[-1].removeprefix("ERROR: ")
    return f"The packages cannot be installed: {said} Cure: {python} -m pip install -r requirements.txt tells more"
