"""Backup and restore between real sites in processes of their own, on SQLite and MariaDB."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECRET = "a canary that must not be in any backup, ever and ever"

FILL = """
from datetime import UTC, datetime
from pathlib import Path
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from portal.sessions import SessionStore
from apps.prefs.models import Preference
from portal.accounts import external_user
from portal.models import HomeBlock, Notice, WorkerPing
User = get_user_model()
alice = User.objects.create_user("alice", "correct horse battery", display_name="Айгерим 陈立 👩‍🚀")
carol = external_user(source="imap", server="mail.example.test", login="carol", email="carol@example.test")
staff = Group.objects.create(name="Staff")
staff.permissions.add(Permission.objects.get(codename="add_notice"))
alice.groups.add(staff)
notice = Notice.objects.create(title="Pause", starts=datetime(2026, 2, 3, 4, 5, 6, 789012, UTC), audience=staff)
HomeBlock.objects.create(user=carol, block="gone.block", position=3, width=2, shown=False)
for number in range(1201):  # more than two pages of rows
    Preference.objects.create(user=carol, key=f"demo.{number}", value={"n": [number, None, "ü"]})
about = ContentType.objects.get_for_model(Notice)
LogEntry.objects.create(user=alice, content_type=about, object_id="1", action_flag=1)
WorkerPing.objects.create()
session = SessionStore()
session["who"] = "alice"
session.create()
uploads = Path(settings.MEDIA_ROOT) / "deep"
uploads.mkdir(parents=True)
(uploads / "photo.bin").write_bytes(bytes(range(256)) * 5000)
"""

LOOK = """
import json
from django.contrib.auth import get_user_model
from django.contrib.admin.models import LogEntry
from portal.models import Session
from apps.prefs.models import Preference
from portal.models import HomeBlock, Notice, WorkerPing
User = get_user_model()
alice, carol = User.objects.get(login="alice"), User.objects.get(login="carol")
print(json.dumps({
    "alice": [alice.display_name, alice.check_password("correct horse battery"), alice.has_perm("portal.add_notice")],
    "carol": [carol.source, carol.server, carol.email],
    "notice": [str(Notice.objects.get().starts), Notice.objects.get().audience.name],
    "block": list(HomeBlock.objects.values_list("block", "position", "width", "shown")),
    "prefs": [Preference.objects.count(), Preference.objects.get(key="demo.1200").value],
    "log": LogEntry.objects.get().content_type.model,
    "passing": [WorkerPing.objects.count(), Session.objects.count()],
}))
"""
EXPECTED = {
    "alice": ["Айгерим 陈立 👩‍🚀", True, True],
    "carol": ["imap", "mail.example.test", "carol@example.test"],
    "notice": ["2026-02-03 04:05:06.789012+00:00", "Staff"],
    "block": [["gone.block", 3, 2, False]],
    "prefs": [1201, {"n": [1200, None, "ü"]}],
    "log": "notice",
    "passing": [0, 0],
}


class Place:
    """A site that is not running: a data directory and a database."""

    def __init__(self, directory: Path, **settings: str) -> None:
        self.data = directory
        directory.mkdir(exist_ok=True)
        kept = {key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "LANG", "PORTAL_APPS")}
        base = {"ENV_FILE": "", "DATA_DIR": str(directory), "SECRET_KEY": SECRET, "MAIL_DOMAIN": "example.test"}
        self._environment = kept | base | settings

    def manage(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "manage.py", *words]
        return subprocess.run(command, cwd=ROOT, env=self._environment, capture_output=True, text=True, check=False)

    def must(self, *words: str) -> str:
        done = self.manage(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def look(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.must("shell", "--no-imports", "-c", LOOK))
        return found


@pytest.fixture
def place(tmp_path: Path) -> Callable[..., Place]:
    def make(name: str, **settings: str) -> Place:
        return Place(tmp_path / name, **settings)

    return make


SETTINGS = {"SMTP_PASSWORD": SECRET, "CA_PASSPHRASE": SECRET, "SITE_NAME": "Sky", "CACHE_URL": "locmem://"}


@pytest.fixture(scope="module")
def filled_once(tmp_path_factory: pytest.TempPathFactory) -> Place:
    site = Place(tmp_path_factory.mktemp("sites") / "filled", **SETTINGS)
    site.must("migrate", "--verbosity", "0")
    site.must("shell", "--no-imports", "-c", FILL)
    return site


@pytest.fixture
def filled(filled_once: Place, tmp_path: Path) -> Place:
    """A copy of the filled site, for this test to spoil."""
    shutil.copytree(filled_once.data, tmp_path / "filled")
    return Place(tmp_path / "filled", **SETTINGS)


def fresh_mariadb(url: str, name: str) -> str:
    """An empty database of this name on the test server."""
    from urllib.parse import urlsplit

    import MySQLdb
    from django.db.backends.mysql.base import DatabaseWrapper  # noqa: F401 - fails here where mysqlclient is missing

    parts = urlsplit(url)
    connection = MySQLdb.connect(
        host=parts.hostname, port=parts.port, user=parts.username, passwd=parts.password, charset="utf8mb4"
    )
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name}")
        cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    connection.close()
    return parts._replace(path=f"/{name}").geturl()


def test_a_site_comes_back_from_its_backup(filled, place, tmp_path) -> None:
    file = tmp_path / "site.backup"
    said = filled.must("backup", str(file))
    assert "Not in it: SECRET_KEY" in said and "1 uploaded files" in said
    assert file.stat().st_mode & 0o077 == 0
    empty = place("empty")
    empty.must("restore", str(file))
    assert empty.look() == EXPECTED
    assert (empty.data / "uploads/deep/photo.bin").read_bytes() == bytes(range(256)) * 5000
    assert "SITE_NAME=Sky" in (empty.data / "settings-from-backup.env").read_text()


def test_no_key_password_or_session_is_in_it(filled, tmp_path) -> None:
    file = tmp_path / "site.backup"
    filled.must("backup", str(file))
    with zipfile.ZipFile(file) as archive:
        everything = b"".join(archive.read(name) for name in archive.namelist())
        names = archive.namelist()
    assert SECRET.encode() not in everything
    assert not any("session" in name or "secret" in name for name in names)


def test_a_site_with_people_in_it_is_not_overwritten_unless_forced(filled, tmp_path) -> None:
    file = tmp_path / "site.backup"
    filled.must("backup", str(file))
    filled.must("shell", "--no-imports", "-c", "from portal.models import Notice; Notice.objects.all().delete()")
    refused = filled.manage("restore", str(file))
    assert refused.returncode == 1 and "not empty" in refused.stderr and "--force" in refused.stderr
    filled.must("restore", str(file), "--force")
    assert filled.look() == EXPECTED


def test_a_site_that_has_never_run_has_nothing_to_back_up(place, tmp_path) -> None:
    done = place("raw").manage("backup", str(tmp_path / "site.backup"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "CommandError: The database is not prepared for this version: run make run or manage.py migrate first.\n"
    )
    assert not list(tmp_path.glob("site*"))


ADMIN = """
from django.contrib.auth import get_user_model
get_user_model().objects.create_superuser("admin", "shown once")
"""


def test_the_administrator_that_make_run_has_made_is_in_nobodys_way(filled, place, tmp_path) -> None:
    """On a fresh machine `make run` comes first, and the backup brings its own administrators."""
    file = tmp_path / "site.backup"
    filled.must("backup", str(file))
    fresh = place("fresh")
    fresh.must("migrate", "--verbosity", "0")
    fresh.must("shell", "--no-imports", "-c", ADMIN)
    fresh.must("restore", str(file))
    assert fresh.look() == EXPECTED

    used = place("used")
    used.must("migrate", "--verbosity", "0")
    used.must("shell", "--no-imports", "-c", f"{ADMIN}\nfrom django.utils.timezone import now\n"
              "get_user_model().objects.update(last_login=now())")  # fmt: skip
    assert "not empty" in used.manage("restore", str(file)).stderr


def test_what_is_no_backup_is_refused_and_changes_nothing(filled, tmp_path) -> None:
    text = tmp_path / "letter.txt"
    text.write_text("Dear all")
    assert "cannot be read as a backup" in filled.manage("restore", str(text), "--force").stderr
    empty_zip = tmp_path / "empty.zip"
    zipfile.ZipFile(empty_zip, "w").close()
    assert "no manifest" in filled.manage("restore", str(empty_zip), "--force").stderr
    assert filled.look() == {**EXPECTED, "passing": [1, 1]}


def changed(file: Path, target: Path, member: str, content: bytes) -> Path:
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            if name != member:
                new.writestr(name, old.read(name))
        new.writestr(member, content)
    return target


def test_a_damaged_or_foreign_backup_leaves_the_site_as_it_was(filled, tmp_path) -> None:
    file = tmp_path / "site.backup"
    filled.must("backup", str(file))
    with zipfile.ZipFile(file) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        rows = archive.read("rows/portal_prefs.preference.jsonl")
    evil = changed(file, tmp_path / "evil", "uploads/../../evil.txt", b"x")
    assert "outside the uploads" in filled.manage("restore", str(evil), "--force").stderr
    newer = json.dumps(manifest | {"migrations": [*manifest["migrations"], "portal.0099_future"]}).encode()
    done = filled.manage("restore", str(changed(file, tmp_path / "newer", "manifest.json", newer)), "--force")
    assert "portal.0099_future" in done.stderr
    absent = json.dumps(manifest | {"rows": {**manifest["rows"], "wiki.page": 3}}).encode()
    done = filled.manage("restore", str(changed(file, tmp_path / "absent", "manifest.json", absent)), "--force")
    assert "not installed here: wiki" in done.stderr
    orphan = rows.replace(b"\n[1, ", b"\n[1, 999, ", 1).replace(b"\n[1, 999, 2, ", b"\n[1, 999, ", 1)
    assert orphan != rows
    done = filled.manage(
        "restore", str(changed(file, tmp_path / "orphan", "rows/portal_prefs.preference.jsonl", orphan)), "--force"
    )
    assert done.returncode != 0
    assert filled.look() == {**EXPECTED, "passing": [1, 1]}
    assert not (filled.data.parent / "evil.txt").exists()


def test_it_travels_between_sqlite_and_mariadb(filled, place, tmp_path, mariadb_url) -> None:
    """SQLite to MariaDB, from there to an empty MariaDB, and back to SQLite."""
    files = [tmp_path / f"{step}.backup" for step in range(3)]
    filled.must("backup", str(files[0]))
    sites = [
        place("one", DATABASE_URL=fresh_mariadb(mariadb_url, "yurt_one")),
        place("two", DATABASE_URL=fresh_mariadb(mariadb_url, "yurt_two")),
        place("three"),
    ]
    for step, site in enumerate(sites):
        site.must("restore", str(files[step]))
        assert site.look() == EXPECTED, step
        if step < 2:
            site.must("backup", str(files[step + 1]))
    assert (sites[-1].data / "uploads/deep/photo.bin").stat().st_size == 256 * 5000
