"""The parts of the suite draw their files, and together they leave none out for long."""

from __future__ import annotations

from pathlib import Path

from scripts import suite
from tests.support import sample

SERVERS = ("dovecot", "pymap_server")
FILES = [path.relative_to(suite.ROOT).as_posix() for path in (suite.ROOT / "tests").rglob("test_*.py")]


def test_a_commit_draws_a_third_and_others_draw_the_rest() -> None:
    drawn = [{path for path in FILES if sample.holds(path, f"{commit:08x} {suite.ONE_OF}")} for commit in range(30)]
    assert all(len(FILES) / 6 < len(found) < len(FILES) / 2 for found in drawn)
    assert set().union(*drawn) == set(FILES)
    assert all(sample.holds(path, "") for path in FILES)


def test_of_two_servers_a_commit_draws_one_for_each_test_in_a_browser() -> None:
    tests = [f"tests/mail/test_x.py::test_{number}[dovecot]" for number in range(100)]
    for seed in ("0daaa209", "7e93e77d"):
        before = {name: [test for test in tests if sample.runs_before(name, test, seed)] for name in SERVERS}
        assert sorted([*before["dovecot"], *before["pymap_server"]]) == sorted(tests)
        assert all(len(found) > 30 for found in before.values())
    assert all(sample.runs_before(name, test, "") for name in SERVERS for test in tests)


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
