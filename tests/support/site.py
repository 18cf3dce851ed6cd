"""A whole portal in a process of its own, served by gunicorn with threads, with its own database and files."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.servers.base import Workdir, stop_group
from scripts.suite import PREPARED
from tests.support.mailserver import DOMAIN
from tests.support.servers import SubmissionServer

ROOT = Path(__file__).resolve().parent.parent.parent
SECRET_KEY = "for this test process only " * 3


@dataclass
class Site:
    """A running portal. ``url`` has no slash at the end; ``environment`` is what it was started with."""

    url: str
    directory: Path
    environment: dict[str, str]
    pid: int = 0
    application: str = "portal.wsgi"

    @property
    def log(self) -> str:
        return (self.directory / "portal.log").read_text(errors="replace")

    def manage(self, *words: str) -> str:
        """Run ``manage.py`` in this site; returns its output, raises with it where the command fails."""
        return _manage(self.environment, *words)

    def start(self) -> None:
        port = self.environment["PORT"]
        command = [sys.executable, "-m", "gunicorn", self.application, "--bind", f"127.0.0.1:{port}"]
        command += ["--config", "deploy/gunicorn.conf.py"]
        with (self.directory / "portal.log").open("ab") as log:
            process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "--", *command],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.pid = process.pid
        self._process = process
        deadline = time.monotonic() + 200
        while not _answers(f"http://127.0.0.1:{port}/healthz"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the portal did not start:\n{self.log[-4000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        stop_group(self.pid)
        self._process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def _manage(environment: dict[str, str], *words: str) -> str:
    command = [sys.executable, "manage.py", *words]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"manage.py {' '.join(words)}: {done.stdout}{done.stderr}")
    return done.stdout


def _environment(directory: Path, settings: dict[str, str]) -> dict[str, str]:
    """Nothing of the developer's own settings reaches the site."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "PORTAL_APPS") if key in os.environ}
    return (
        kept
        | {
            "ENV_FILE": "",
            "DATA_DIR": str(directory),
            "SECRET_KEY": SECRET_KEY,
            "MAIL_DOMAIN": DOMAIN,
            "PYTHONUNBUFFERED": "1",
        }
        | settings
    )


@functools.cache
def _prepared(**settings: str) -> Path:
    """Database and static files of a fresh site with these apps, made once and copied from there: once in a test
    process, or once in all of them where ``scripts.suite`` has named a folder for it."""
    shared = os.environ.get(PREPARED)
    if not shared:
        directory = Path(tempfile.mkdtemp(prefix="yurt-site-"))
        atexit.register(shutil.rmtree, directory, ignore_errors=True)
        _prepare(directory, settings)
        return directory
    apps = sorted((settings | {"PORTAL_APPS": settings.get("PORTAL_APPS", os.environ.get("PORTAL_APPS", ""))}).items())
    directory = Path(shared) / hashlib.sha256(json.dumps(apps).encode()).hexdigest()
    with directory.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # whoever comes second waits until it is whole
        if not directory.exists():
            draft = directory.with_suffix(".draft")
            shutil.rmtree(draft, ignore_errors=True)  # of one that broke off
            draft.mkdir(mode=0o700)
            _prepare(draft, settings)
            draft.rename(directory)
    return directory


def _prepare(directory: Path, settings: dict[str, str]) -> None:
    environment = _environment(directory, settings)
    _manage(environment, "migrate", "--verbosity", "0")
    _manage(environment, "collectstatic", "--noinput", "--verbosity", "0")


def fresh_site(directory: Path, **settings: str) -> dict[str, str]:
    """Database and files of a site with these settings, in a new directory; returns the environment to run it with."""
    apps = {key: value for key, value in settings.items() if key in {"PORTAL_APPS", "PYTHONPATH"}}
    shutil.copytree(_prepared(**apps), directory)
    return _environment(directory, settings)


@contextlib.contextmanager
def running_site(*, application: str = "portal.wsgi", **settings: str) -> Iterator[Site]:
    """A portal with these settings (IMAP_URL=..., SMTP_URL=...), on SQLite unless DATABASE_URL says otherwise; its port
    stands in for ``{port}`` in them.

    ``site.manage("createsuperuser", ...)`` and the like work while it runs.
    """
    workdir = Workdir.create()
    directory = workdir.path / "data"
    port = workdir.free_port()
    settings = {name: value.replace("{port}", str(port)) for name, value in settings.items()}
    url = f"http://localhost:{port}"
    environment = fresh_site(directory, **{"PORT": str(port), "BASE_URL": url} | settings)
    site = Site(environment["BASE_URL"], directory, environment, application=application)
    if "DATABASE_URL" in settings:
        site.manage("migrate", "--verbosity", "0")
    try:
        site.start()
        yield site
    finally:
        site.stop()
        workdir.remove()


def mail_settings(submission: SubmissionServer) -> dict[str, str]:
    """The settings that point a site at the Dovecot and the submission server of this test process."""
    return {
        "IMAP_URL": submission.dovecot.tls_url,
        "IMAP_TLS_CA_FILE": str(submission.ca_file),
        "SMTP_URL": submission.starttls_url,
        "SMTP_TLS_CA_FILE": str(submission.ca_file),
    }


@pytest.fixture(scope="session")
def site(submission: SubmissionServer) -> Iterator[Site]:
    """A portal in front of ``submission`` and its Dovecot, shared by a test process: people and mail are not reset."""
    with running_site(**mail_settings(submission)) as portal:
        yield portal
