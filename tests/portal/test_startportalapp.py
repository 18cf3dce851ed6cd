from __future__ import annotations

import filecmp
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from portal.registry import RESERVED

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "adding-an-app.md"
DUMMY = ROOT / "tests" / "dummyapp"
TRACES = {"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache"}


def files(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and not TRACES & set(path.parts) and path.suffix != ".mo"
    }


def test_the_tests_of_a_new_app_pass_untouched(tmp_path: Path) -> None:
    target = tmp_path / "tea_time"
    call_command("startportalapp", "tea_time", str(target), verbosity=0)
    environment = {
        key: value for key, value in os.environ.items() if key not in ("PORTAL_APPS", "DJANGO_SETTINGS_MODULE")
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q"], cwd=target, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 passed" in done.stdout
    for tool in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *tool, "--config", str(ROOT / "pyproject.toml"), "tea_time"],
            cwd=target,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


def test_the_dummy_app_is_what_the_command_writes(tmp_path: Path) -> None:
    """So the guide, the generator and the app that the suite installs can never differ."""
    from portal.management.commands.startportalapp import write

    written = tmp_path / "dummyapp"
    write("dummyapp", written)
    assert files(written) == files(DUMMY)
    same = (written / "pyproject.toml").read_text().replace(os.path.relpath(settings.BASE_DIR, written), "../..")
    (written / "pyproject.toml").write_text(same)
    differing = [name for name in files(DUMMY) if not filecmp.cmp(written / name, DUMMY / name, shallow=False)]
    assert differing == []


@pytest.mark.parametrize("name", ["Tea", "tea-time", "1tea", "json", "portal", "mail", *sorted(RESERVED)])
def test_a_name_that_cannot_be_a_new_module_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CommandError):
        call_command("startportalapp", name, str(tmp_path / "x"))
    assert not (tmp_path / "x").exists()


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear all")
    with pytest.raises(CommandError, match="not empty"):
        call_command("startportalapp", "tea_time", str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_the_guides_commands_use_the_environment_and_keep_the_settings_to_themselves() -> None:
    """As written, in a fresh clone: `make run` installs no pytest, and a file from `echo >>` is everybody's to read."""
    guide = GUIDE.read_text()
    commands = [line.strip() for line in guide.splitlines() if line.startswith("    ")]
    assert "make environment" in " ".join(commands).partition("pytest")[0]
    assert not [line for line in commands if re.match(r"(python|pip|pybabel)\b", line) or "&& python" in line]
    assert any(line.startswith("chmod 600 .env") for line in commands)


def test_the_guide_shows_every_file_of_the_app_as_it_is() -> None:
    """Each listing begins with a line that names its file: ``<!-- dummyapp/portal.py -->``."""
    text = GUIDE.read_text()
    shown = {}
    for part in text.split("<!-- ")[1:]:
        name, rest = part.split(" -->\n", 1)
        shown[name] = rest.split("```", 2)[1].partition("\n")[2]
    assert {
        "dummyapp/portal.py",
        "dummyapp/models.py",
        "dummyapp/blocks.py",
        "dummyapp/prefs.py",
        "pyproject.toml",
    } <= set(shown)
    for name, listing in shown.items():
        assert listing == (DUMMY / name).read_text(), name
