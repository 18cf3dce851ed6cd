"""The test suite in its parts: whole, with apps absent, and on MariaDB.

    python -m scripts.suite [--whole] [PYTEST ARGUMENT...]

| part | what runs |
|---|---|
| apps: none | all tests of the core and of the core's apps |
| apps: one alone | all tests of that app, and what notices which apps there are |
| apps: all but one | what notices which apps there are |
| database part on MariaDB | what touches the database, with every app |
| whole suite | everything, with every app, on SQLite |

In a part without some apps a test can fail for two reasons only: what it runs asks who is there (the registry,
addresses, pages of the frame, preferences, settings), or it needs an app without saying so. The first kind runs in each
part. The second is seen once for each app, where that one is alone, and once for the core, where nobody is. What
neither can happen to (``OF_NO_MATTER``, ``PROOFS``) is left out where it would only be repeated: apps do not know each
other, which import contracts hold. A new test runs in every part until it is named there. Marks do the rest: tests of
absent apps are left out by ``needs_app``, and what one app shows in a browser, or on another mail server, is no matter
of which others are there.

Databases and static files of sites that tests start are made once for all parts and processes (``PREPARED``).

Of every part but the whole suite a third of the test files runs, drawn by the commit: the next one draws others.
``--whole`` (``make soak``) runs all of them. All are imported in each part.

Where a test in a browser has both mail servers to run against, the commit draws one for each test: what the browser
shows of a mailbox does not depend on who keeps it, and what the portal makes of either server is tested below, on both.
``--whole`` runs them on both, and so does pytest alone.

The whole suite comes last, so that its summary is the last line. In CI (CI=true) a part that cannot run fails.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from scripts.servers.base import NotInstalled, Workdir, require
from scripts.servers.mariadb import MariaDB

ROOT = Path(__file__).resolve().parent.parent
CORE_APPS = {"auth", "prefs"}
#: The whole portal, or what is around it: it runs in the whole suite only.
AROUND = (
    "tests/scripts",
    "tests/demo",
    "tests/deploy",
    "tests/e2e",
    "tests/test_boundaries.py",
    "tests/test_budgets.py",
    "tests/test_evidence.py",
)
#: What no choice of apps can change.
ALIKE = (
    # protocol code is plain Python, and knows of no app at all
    "tests/mail/mime",
    "tests/mail/mailbox",
    # these start sites of their own, and say themselves which apps are there
    "tests/portal/test_dummyapp.py",
    "tests/portal/test_pages_browser.py",
    "tests/portal/test_startportalapp.py",
    "tests/portal/test_selftest.py::test_a_real_worker_answers_and_its_absence_is_an_error_with_the_command",
)
#: What knows of no other app than its own: left out where the same tests run without that other app anyway.
OF_NO_MATTER = (
    "tests/auth",
    # parts of the core that neither ask the registry nor draw a page
    "tests/portal/test_backup.py",  # of each table alike; with all of them in the whole suite
    "tests/portal/test_bad_tls.py",
    "tests/portal/test_browsers.py",
    "tests/portal/test_bundles.py",
    "tests/portal/test_caches.py",
    "tests/portal/test_credentials.py",
    "tests/portal/test_database.py",
    "tests/portal/test_database_tls.py",
    "tests/portal/test_delegations.py",
    "tests/portal/test_devices.py",
    "tests/portal/test_fanout.py",
    "tests/portal/test_memory.py",
    "tests/portal/test_net.py",
    "tests/portal/test_sessions.py",
    "tests/portal/test_settings.py::test_values_that_no_site_can_mean",  # each value in a process of its own
    "tests/portal/test_stencil.py",
    "tests/portal/test_tasks.py",
    "tests/portal/test_time_limits.py",
    "tests/portal/test_vendor.py",
    "tests/proof/test_alike_and_once.py",
    "tests/proof/test_header_rules.py",
)
#: Proofs about one app, which need all of it and nothing of others: with its own tests, where it is alone.
PROOFS = (
    "tests/proof/test_corpora.py",
    "tests/proof/test_hanging_imap.py",
    "tests/proof/test_mutations.py",
    "tests/proof/test_round_trip.py",
    "tests/proof/test_text_channels.py",
    "tests/proof/test_uidvalidity.py",
)
#: Octets in the folder of temporary files without which servers and databases fail in ways that tell nobody why.
NEEDED = 1 << 30
#: What pytest answers when nothing was selected: no failure for a part, as long as the whole suite runs something.
NOTHING_SELECTED = 5
#: "8b13f0a2 3": of a part's files every third, drawn by the commit (``tests.support.sample``).
SAMPLE = "YURT_SAMPLE"
ONE_OF = 3
#: "8b13f0a2": of each test in a browser that has both mail servers, the one that the commit draws (likewise).
ONE_SERVER = "YURT_ONE_SERVER"
#: Names the folder for what all parts and processes share (``tests.support.site``).
PREPARED = "YURT_PREPARED_SITES"


@dataclass(frozen=True)
class Part:
    title: str
    arguments: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)


def optional_apps(root: Path = ROOT) -> list[str]:
    return sorted({path.parent.name for path in (root / "apps").glob("*/__init__.py")} - CORE_APPS)


def combinations(apps: list[str] | None = None) -> list[str]:
    """Values of PORTAL_APPS: none, each alone, all but each, all. Equal ones appear once, "all" last."""
    names = optional_apps() if apps is None else apps
    sets = [[], *([name] for name in names), *([n for n in names if n != name] for name in names), names]
    found = [", ".join(chosen) or "none" for chosen in sets]
    return [*dict.fromkeys(value for value in found if value != found[-1]), found[-1]]


def parts(extra: list[str]) -> list[Part]:
    *partial, everything = combinations()
    found = [Part(f"apps: {apps}", (*_less(apps), *extra), {"PORTAL_APPS": apps}) for apps in partial]
    # One mail server is enough there: what the database does is no matter of the other's.
    on_mariadb = "database and not again and not browser and not soak and not mariadb"
    found.append(Part("database part on MariaDB", (*_ignored(AROUND), "-m", on_mariadb, *extra)))
    found.append(Part("whole suite", tuple(extra), {"PORTAL_APPS": everything}))
    return found


def commit() -> str:
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout[:8]


def sampled(part: Part) -> Part:
    title = f"{part.title} (one file of {ONE_OF}, by {commit()})"
    return Part(title, part.arguments, part.environment | {SAMPLE: f"{commit()} {ONE_OF}"})


def _less(apps: str) -> tuple[str, ...]:
    """What a part with these apps leaves out, as arguments for pytest."""
    there = [] if apps == "none" else apps.split(", ")
    if not there:
        return (*_ignored([*AROUND, *ALIKE]), "-m", "not soak and not mariadb and not redis")
    left_out = [*AROUND, *ALIKE, *OF_NO_MATTER]
    if len(there) > 1:
        left_out += [*PROOFS, *(f"tests/{name}" for name in there)]
    briefly = "not again and not browser and not soak and not mariadb and not redis"
    return (*_ignored(left_out), "-m", briefly)


def _ignored(paths: Iterable[str]) -> tuple[str, ...]:
    """Of files, folders and, after ``::``, single tests."""
    return tuple(f"--deselect={path}" if "::" in path else f"--ignore={path}" for path in paths)


@contextlib.contextmanager
def mariadb() -> Iterator[str]:
    """DATABASE_URL of a fresh MariaDB. Raises `NotInstalled`."""
    require(MariaDB)
    if importlib.util.find_spec("MySQLdb") is None:
        raise NotInstalled("mysqlclient is not installed (requirements-mysql.txt)")
    workdir = Workdir.create()
    server = MariaDB(workdir)
    try:
        server.configure()
        server.start()
        yield server.url
    finally:
        server.stop()
        workdir.remove()


def run(part: Part) -> tuple[int, str]:
    """Exit code and summary line of one pytest run, whose output is shown as it comes."""
    print(f"\n--- {part.title} ---", flush=True)
    # Files stay whole, so that what they set up is set up once, and in order: the long stories come before the rest.
    # One process more than processors: every one waits now and then, for a browser or a server.
    spread = ["-n", str((os.cpu_count() or 1) + 1), "--dist", "loadfile", "--no-loadscope-reorder"]
    command = [sys.executable, "-m", "pytest", "-q", "--tb=short", "--durations=10", *spread, *part.arguments]
    environment = os.environ | part.environment
    # Tests are compiled once, not by each process of each part: two thirds of the time of collecting them.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    last = ""
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            last = line.strip() or last
    return process.returncode, last


def run_on_mariadb(part: Part) -> tuple[int, str]:
    try:
        with mariadb() as url:
            return run(Part(part.title, part.arguments, part.environment | {"DATABASE_URL": url}))
    except NotInstalled as missing:
        return (1 if os.environ.get("CI") == "true" else 0), f"left out: {missing}"


def free() -> int:
    """Octets of disk that temporary files may still take."""
    return shutil.disk_usage(tempfile.gettempdir()).free


@contextlib.contextmanager
def watched_disk() -> Iterator[list[int]]:
    """Where a disk was full for a moment, a failure tells of everything else: the least that was free, first item."""
    least, over = [free()], threading.Event()

    def look() -> None:
        while not over.wait(1):
            least[0] = min(least[0], free())

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield least
    finally:
        over.set()
        thread.join()


def main(extra: list[str]) -> int:
    if free() < NEEDED:
        print(f"The suite needs {NEEDED >> 20} MB in {tempfile.gettempdir()}; {free() >> 20} MB are free.")
        return 1
    started = time.monotonic()
    whole = "--whole" in extra
    *partial, everything = parts([each for each in extra if each != "--whole"])
    chosen = [*(partial if whole else map(sampled, partial)), everything]
    results = []
    with watched_disk() as least, tempfile.TemporaryDirectory(prefix="yurt-prepared-") as prepared:
        os.environ[PREPARED] = prepared
        if not whole:
            os.environ[ONE_SERVER] = commit()
        for part in chosen:
            code, summary = run_on_mariadb(part) if "MariaDB" in part.title else run(part)
            good = code == 0 or (code == NOTHING_SELECTED and part.title != "whole suite")
            results.append((part.title, good, summary))
    print(f"\n--- all parts, {time.monotonic() - started:.0f} s, at least {least[0] >> 20} MB of disk free ---")
    for title, good, summary in results:
        print(f"{'ok    ' if good else 'FAILED'}  {title}: {summary}")
    print(results[-1][2])
    return 0 if all(good for _, good, _ in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
