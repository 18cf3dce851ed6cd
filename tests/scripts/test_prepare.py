"""What `make run` does inside the environment before it starts anything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.portal.test_backup import fresh_mariadb

ROOT = Path(__file__).resolve().parents[2]
SERVERS = {"IMAP_URL": "imaps://mail.example.test", "SMTP_URL": "smtps://mail.example.test"}


def run(tmp_path: Path, *words: str, **values: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PORTAL_APPS") if name in os.environ}
    environment = kept | {"ENV_FILE": "", "DATA_DIR": str(tmp_path / "var"), "MAIL_DOMAIN": "example.test"} | values
    return subprocess.run([sys.executable, *words], cwd=ROOT, env=environment, capture_output=True, text=True)


def prepare(tmp_path: Path, **values: str) -> subprocess.CompletedProcess[str]:
    return run(tmp_path, "-m", "scripts.launch.prepare", **SERVERS, **values)


def test_warnings_are_shown_and_hold_nothing_up(tmp_path: Path) -> None:
    done = prepare(tmp_path, HOST="0.0.0.0")
    assert "Warning:\n  BASE_URL is not set, but the portal is reached from other machines. Cure: Set" in done.stderr
    assert done.returncode == 0
    assert json.loads(done.stdout)["admin"]["login"] == "admin"


def test_nothing_to_warn_of_is_nothing_said(tmp_path: Path) -> None:
    assert "Warning" not in prepare(tmp_path).stderr


@pytest.mark.needs_app("mail")
def test_the_demo_knows_whom_its_people_have_written_to_and_counts_them_once(tmp_path: Path) -> None:
    ask = "from apps.mail.models import Recipient as R; print([(r.name, r.uses) for r in R.objects.order_by('pk')])"
    said = []
    for _time in range(2):
        assert prepare(tmp_path, YURT_DEMO="yes").returncode == 0
        said.append(run(tmp_path, "manage.py", "shell", "-v0", "-c", ask, **SERVERS).stdout)
    assert said[0] == said[1]
    assert "Bob Achterberg" in said[0]


@pytest.mark.mariadb
def test_a_database_that_confuses_logins_is_named_at_the_start_and_in_the_self_test(
    tmp_path: Path, mariadb_url: str
) -> None:
    """Its default collation ignores accents."""
    url = fresh_mariadb(mariadb_url, "yurt_collation")
    done = prepare(tmp_path, DATABASE_URL=url)
    assert "Warning:\n  The database compares text by utf8mb4_" in done.stderr
    assert done.returncode == 0
    tested = run(tmp_path, "manage.py", "selftest", "portal.database", "--json", DATABASE_URL=url)
    (check,) = json.loads(tested.stdout)["checks"]
    assert check["level"] == "warning"
    assert "portal.W002" in tested.stdout
