"""Uploads are sealed on disk, belong to one session, and come back octet for octet."""

import os
import time
from pathlib import Path

import pytest

from apps.mail import tasks
from apps.mail.services.uploads import CHUNK, TooLarge, UploadError, Uploads, purge
from portal.celery import app
from tests.mail.desk import Writer


@pytest.fixture
def alice(tmp_path: Path) -> Uploads:
    return Uploads(root=tmp_path, user="1", key=b"a" * 32)


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 17])
def test_it_gives_back_every_octet(alice: Uploads, size: int) -> None:
    content = os.urandom(size)
    chunks = [content[i : i + 100_000] for i in range(0, size, 100_000)]
    saved = alice.save(filename="Grüße.pdf", type="application/pdf", chunks=chunks, limit=10**7)
    assert alice.read(saved.id) == content
    assert alice.get(saved.id) == saved
    assert (saved.size, saved.filename) == (size, "Grüße.pdf")


def test_nothing_readable_lies_on_disk(alice: Uploads, tmp_path: Path) -> None:
    alice.save(filename="canary-name.txt", type="text/plain", chunks=[b"canary content " * 1000], limit=10**6)
    stored = b"".join(path.read_bytes() + path.name.encode() for path in tmp_path.rglob("*") if path.is_file())
    assert len(stored) > 15_000
    assert b"canary" not in stored


def test_another_session_or_user_opens_nothing(alice: Uploads, tmp_path: Path) -> None:
    saved = alice.save(filename="a", type="text/plain", chunks=[b"x"], limit=10)
    with pytest.raises(UploadError):
        Uploads(root=tmp_path, user="1", key=b"b" * 32).read(saved.id)
    with pytest.raises(UploadError):
        Uploads(root=tmp_path, user="2", key=b"a" * 32).read(saved.id)
    (tmp_path / "2").mkdir()
    (tmp_path / "2" / saved.id).write_bytes((tmp_path / "1" / saved.id).read_bytes())
    with pytest.raises(UploadError):
        Uploads(root=tmp_path, user="2", key=b"a" * 32).read(saved.id)


@pytest.mark.parametrize("name", ["../1/x", "..", "", "a" * 21, "a" * 22 + "/", "/etc/passwd"])
def test_an_id_is_never_a_path(alice: Uploads, name: str) -> None:
    with pytest.raises(UploadError):
        alice.read(name)


def test_a_cut_or_swapped_file_is_refused(alice: Uploads, tmp_path: Path) -> None:
    saved = alice.save(filename="a", type="text/plain", chunks=[os.urandom(CHUNK), os.urandom(CHUNK)], limit=10**7)
    path = tmp_path / "1" / saved.id
    whole = path.read_bytes()
    box = 4 + 12 + CHUNK + 16
    for broken in (whole[:-5], whole[box:], whole[box : 2 * box] + whole[:box] + whole[2 * box :], b""):
        path.write_bytes(broken)
        with pytest.raises(UploadError):
            alice.read(saved.id)


def test_too_large_keeps_nothing(alice: Uploads, tmp_path: Path) -> None:
    with pytest.raises(TooLarge):
        alice.save(filename="a", type="text/plain", chunks=[b"x" * 100] * 5, limit=450)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_purge_removes_what_was_forgotten(alice: Uploads, tmp_path: Path) -> None:
    old = alice.save(filename="a", type="text/plain", chunks=[b"x"], limit=10)
    new = alice.save(filename="b", type="text/plain", chunks=[b"y"], limit=10)
    os.utime(tmp_path / "1" / old.id, (time.time() - 90_000,) * 2)
    assert purge(tmp_path) == 1
    assert alice.read(new.id) == b"y"
    with pytest.raises(UploadError):
        alice.read(old.id)


def test_forgotten_uploads_are_removed_daily(writer: Writer, tmp_path: Path) -> None:
    writer.new().press("attach", files=[("a.txt", "text/plain", b"1"), ("b.txt", "text/plain", b"2")])
    old, new = (tmp_path / "uploads").glob("*/*")
    os.utime(old, (1, 1))
    tasks.purge_uploads()
    assert not old.exists()
    assert new.exists()
    app.loader.import_default_modules()
    app.finalize(auto=True)
    schedule = app.conf.beat_schedule["mail.purge_uploads"]
    assert schedule["task"] == "mail.purge_uploads"
    assert schedule["schedule"] == 24 * 3600
