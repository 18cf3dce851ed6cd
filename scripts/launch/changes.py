"""What is new since the last run, after a `git pull`."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from scripts.launch.site import ROOT

SHOWN = 12


def commit(root: Path = ROOT) -> str:
    """The commit that is checked out, or "" where this is no clone."""
    return _git(root, "rev-parse", "HEAD")


def since_last_run(note: Path, root: Path = ROOT) -> list[str]:
    """Lines to show; empty on the first run, when nothing has changed, and outside a clone."""
    now = commit(root)
    before = _read(note)
    if not now or not before or before == now:
        return []
    log = _git(root, "log", "--oneline", "--no-decorate", f"{before}..{now}").splitlines()
    if not log:
        return [f"Changed since the last run: now at {now[:10]}"]
    lines = [f"New since the last run ({before[:10]}..{now[:10]}), {len(log)} changes:"]
    lines += [f"  {line.partition(' ')[2]}" for line in log[:SHOWN]]
    if len(log) > SHOWN:
        lines.append(f"  and {len(log) - SHOWN} more: git log {before[:10]}..")
    heading = _heading(root / "CHANGELOG.md")
    return [*lines, *([f"  CHANGELOG.md tells the story: {heading}"] if heading else [])]


def remember(note: Path, root: Path = ROOT) -> None:
    note.write_text(json.dumps({"commit": commit(root)}) + "\n", encoding="utf-8")


def _read(note: Path) -> str:
    try:
        return str(json.loads(note.read_text(encoding="utf-8"))["commit"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _heading(changelog: Path) -> str:
    if not changelog.exists():
        return ""
    lines = changelog.read_text(encoding="utf-8").splitlines()
    return next((line.removeprefix("## ") for line in lines if line.startswith("## ")), "")


def _git(root: Path, *words: str) -> str:
    try:
        done = subprocess.run(["git", *words], cwd=root, check=False, capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
