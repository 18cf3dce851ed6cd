"""The long proofs: each has a name, and what one has found is not written over."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from scripts import soak


def test_each_name_leads_to_long_proofs() -> None:
    for files in soak.PROOFS.values():
        assert all("pytest.mark.soak" in (soak.ROOT / file).read_text() for file in files)


def test_what_was_found_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def run(command: list[str] | tuple[str, ...], **_how: object) -> subprocess.CompletedProcess[str]:
        asked.append(list(command))
        return subprocess.CompletedProcess(command, 0, "1 passed\n", "")

    monkeypatch.setattr(soak, "EVIDENCE", tmp_path)
    monkeypatch.setattr(soak, "ROOT", tmp_path)
    monkeypatch.setattr(subprocess, "run", run)
    for words in (["killed"], ["killed", "-x"], ["killed", "--try"], []):
        assert soak.main(words) == 0
    names = sorted(path.name for path in tmp_path.iterdir())
    assert [name.count("-killed-") for name in names] == [0, 1, 1]
    assert all("1 passed" in path.read_text() for path in tmp_path.iterdir())
    (_all, *named) = sorted((command for command in asked if "pytest" in command), key=len)
    assert all(set(soak.PROOFS["killed"]) <= set(command) for command in named)
