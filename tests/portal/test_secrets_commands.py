"""Changing the server's key, and proving on a site that nothing lies in the clear."""

from __future__ import annotations

import contextlib
import io
import sqlite3
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from portal import canary, delegations, sealing
from portal.models import Delegation, Session


def test_nothing_is_found_and_nothing_is_left(db: None, tmp_path: Path) -> None:
    out = io.StringIO()
    call_command("provesecrets", stdout=out)
    assert "nothing in the clear" in out.getvalue()
    assert not Session.objects.exists()
    assert not Delegation.objects.exists()
    assert not get_user_model().objects.filter(login__startswith="canary").exists()


def test_what_lies_in_the_clear_is_found(db: None, settings, tmp_path: Path) -> None:
    settings.SELFTEST_PASSWORD = "pw-Zq7Kestrel-4183"
    log = tmp_path / "portal.log"
    log.write_text("password=pw-Zq7Kestrel-4183")
    errors = io.StringIO()
    with pytest.raises(CommandError):
        call_command("provesecrets", str(tmp_path), stderr=errors)
    assert f"FOUND SELFTEST_PASSWORD in {log}" in errors.getvalue()
    with pytest.raises(CommandError, match="There is no"):
        call_command("provesecrets", str(tmp_path / "nothing"))


def test_a_database_in_use_keeps_its_journal(tmp_path: Path) -> None:
    """Else this process would go on writing to a journal that nobody else reads, until it gets "disk I/O error"."""
    database = tmp_path / "portal.sqlite3"
    with contextlib.closing(sqlite3.connect(database)) as own:
        own.executescript("PRAGMA journal_mode=WAL; CREATE TABLE t (x)")
        assert str(database) in dict(canary.files(tmp_path))
        other = (
            "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('INSERT INTO t VALUES (1)'); c.commit()"
        )
        subprocess.run([sys.executable, "-c", f"{other}; c.close()", str(database)], check=True)
        assert database.with_name("portal.sqlite3-wal").exists()
        assert own.execute("SELECT x FROM t").fetchall() == [(1,)]


def test_a_seal_that_forgets_to_seal_is_found(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delegations, "_seal", lambda row, opened: opened.secret.encode())
    errors = io.StringIO()
    with pytest.raises(CommandError):
        call_command("provesecrets", stderr=errors)
    assert "FOUND the marked password in table portal_delegation" in errors.getvalue()


def test_the_key_is_changed(alice, settings) -> None:
    row, _opened = delegations.grant(
        user_id=alice.pk, kind="k", task="t", account="a", secret="s", lifetime=timedelta(hours=1)
    )
    row.save()
    box = sealing.seal(b"x", purpose="p", bound="b")
    with pytest.raises(CommandError, match="no former key"):
        call_command("rotatekeys")
    settings.DELEGATION_KEY_FALLBACKS, settings.DELEGATION_KEY = [settings.DELEGATION_KEY], "another key " * 6
    assert delegations.unseal(Delegation.objects.get()).secret == "s"
    assert sealing.unseal(box, purpose="p", bound="b") == b"x"
    out = io.StringIO()
    call_command("rotatekeys", stdout=out)
    assert "delegations: 1 sealed anew" in out.getvalue()
    settings.DELEGATION_KEY_FALLBACKS = ["a third key " * 6]
    assert delegations.unseal(Delegation.objects.get()).secret == "s"
    settings.DELEGATION_KEY = "a fourth key " * 6
    with pytest.raises(CommandError, match="under none"):
        call_command("rotatekeys", stdout=out)
    with pytest.raises(sealing.Broken):
        sealing.unseal(box, purpose="p", bound="b")


def test_a_box_opens_for_its_purpose_and_its_owner_only() -> None:
    box = sealing.seal(b"x", purpose="p", bound="b")
    for purpose, bound, given in (("q", "b", box), ("p", "c", box), ("p", "b", box[:-1]), ("p", "b", b"")):
        with pytest.raises(sealing.Broken):
            sealing.unseal(given, purpose=purpose, bound=bound)
