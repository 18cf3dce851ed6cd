"""The parts of the suite draw their files, and together they leave none out for long."""

from __future__ import annotations

from pathlib import Path

from scripts import suite
from tests.support import sample

FILES = [path.relative_to(suite.ROOT).as_posix() for path in (suite.ROOT / "tests").rglob("test_*.py")]


def test_a_commit_draws_a_third_and_others_draw_the_rest() -> None:
    drawn = [{path for path in FILES if sample.holds(path, f"{commit:08x} {suite.ONE_OF}")} for commit in range(30)]
    assert all(len(FILES) / 6 < len(found) < len(FILES) / 2 for found in drawn)
    assert set().union(*drawn) == set(FILES)
    assert all(sample.holds(path, "") for path in FILES)


def test_only_the_whole_suite_is_whole() -> None:
    *partial, everything = suite.parts([])
    assert {suite.SAMPLE in suite.sampled(part).environment for part in partial} == {True}
    assert suite.SAMPLE not in everything.environment and "MariaDB" in partial[-1].title
    assert suite.sampled(partial[-1]).title.startswith("database part on MariaDB (one file of 3, by ")


def test_a_drawn_part_runs_those_files_and_no_others(tmp_path: Path) -> None:
    import os
    import subprocess
    import sys

    here = sorted(path for path in FILES if path.startswith("tests/scripts/"))
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", *here]
    environment = os.environ | {suite.SAMPLE: "1234abcd 2"}
    seen = subprocess.run(command, cwd=suite.ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    assert {line.partition("::")[0] for line in seen.splitlines() if "::" in line} == {
        path for path in here if sample.holds(path.removeprefix("tests/"), "1234abcd 2")
    }
