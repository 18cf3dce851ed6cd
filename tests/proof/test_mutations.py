"""Messages made worse at random go through list, page, documents, files, source, answers and drafts: no error, none
slow, none large. A few in each run, 20,000 in `make soak` (MUTATIONS sets another number).

The time is that of the processor for one answer: what a busy machine makes of it says nothing about a message. The
memory is that of the whole process. One that has opened thousands has filled its caches; who is over the limit there is
opened again in a process of its own, which tells what that message needs. The long-lived one has a limit of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

import pytest

from tests.mail.mime.support import ROOT
from tests.proof import mutations
from tests.proof.mutation_walk import Box, filled
from tests.support.mailserver import MailServer

pytestmark = pytest.mark.needs_app("mail")
SEED = 20261126
ALL = int(os.environ.get("MUTATIONS", "20000"))
SAMPLE, POOR_SAMPLE = 30, 6
IN_A_BOX = 250
POOR = 100  # of all go to the poor server, which keeps each in memory many times over
PROCESSES = 2
SECONDS, SECONDS_IF_LARGE, LARGE = 2.0, 5.0, 1024 * 1024
MEMORY = 256 * 1024 * 1024
GROWN = 384 * 1024 * 1024  # of a process that has opened thousands
PATIENCE = 300  # seconds without a sign of life
POOL = "corpora" if mutations.there("corpora") else "own"
Report = dict[str, Any]


def walked(boxes: Iterable[Box]) -> Iterator[Report]:
    """What a process of its own reports of them. One that dies or hangs is a report too."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.proof.mutation_walk", POOL, str(SEED), "-"],
        cwd=ROOT,
        env={key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
        | {"DJANGO_SETTINGS_MODULE": "tests.settings.full", "LOG_LEVEL": "CRITICAL"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin and process.stdout
    boxes = list(boxes)
    with process.stdin as plan:
        json.dump([asdict(box) for box in boxes], plan)
    expected = [number for box in boxes for _uid, number in box.messages]
    seen = 0
    watch = threading.Timer(PATIENCE, process.kill)
    watch.start()
    for line in process.stdout:
        watch.cancel()
        watch = threading.Timer(PATIENCE, process.kill)
        watch.start()
        seen += 1
        yield json.loads(line)
    watch.cancel()
    if process.wait() or seen < len(expected):
        number = expected[min(seen, len(expected) - 1)]
        yield {"number": number, "kinds": [], "wrong": [f"its process ended with {process.returncode}"], "lost": True}


def gave_up(report: Report) -> int:
    """How often the page said that the mail server had answered wrongly, or not at all."""
    return sum(line.endswith(": status 503") for line in report["wrong"])


def complaints(report: Report, *, poor: bool = False) -> list[str]:
    """The poor server breaks on some messages by itself: that the page says so is right. Dovecot breaks on none."""
    found = [line for line in report["wrong"] if not (poor and line.endswith(": status 503"))]
    if report.get("lost"):
        return found
    seconds, step = report["longest"]
    if seconds > (SECONDS_IF_LARGE if report["size"] > LARGE else SECONDS):
        found.append(f"{step}: {seconds:.1f} s")
    if report["memory"] > MEMORY:
        found.append(f"{report['memory'] >> 20} MiB")
    return found


def hold(reports: list[Report], poor: set[int]) -> None:
    """Say what was done and what it cost; fail for each that was wrong, with the way to see it again."""
    whole = [report for report in reports if not report.get("lost")]
    steps: Counter[str] = Counter()
    for report in whole:
        steps.update(report["steps"])
    print(
        f"{len(whole)} mutations ({len(poor)} on the poor server), pool {POOL}, seed {SEED}, {steps.total()} requests"
    )
    print("kinds:", dict(Counter(kind for report in whole for kind in report["kinds"]).most_common()))
    print("requests:", dict(steps.most_common()))
    for report in sorted(whole, key=lambda report: report["longest"][0], reverse=True)[:5]:
        (seconds, step), (waited, _step) = report["longest"], report["waited"]
        print(
            f"slowest: {report['number']} {step} {seconds:.2f} s ({waited:.2f} by the clock), {report['size']} octets"
        )
    for report in sorted(whole, key=lambda report: report["memory"], reverse=True)[:5]:
        print(f"biggest: {report['number']} {report['memory'] >> 20} MiB, {report['size']} octets")
    wrong = [
        f"python -m tests.proof.mutation_walk {POOL} {SEED} {report['number']}"
        f"{' poor' if report['number'] in poor else ''}  # {', '.join(report['kinds'])}: {complaint}"
        for report in reports
        for complaint in complaints(report, poor=report["number"] in poor)
    ]
    print("the poor server gave up", sum(gave_up(report) for report in whole if report["number"] in poor), "times")
    assert not wrong, "\n".join(wrong)


def alone(server: MailServer, reports: list[Report]) -> list[Report]:
    """What those are that were over the limit in a process that had opened thousands, each in one of its own."""
    over = [report["memory"] for report in reports if report.get("memory", 0) > MEMORY]
    print(f"over {MEMORY >> 20} MiB after thousands of others: {len(over)}, at most {max(over, default=0) >> 20} MiB")
    assert max(over, default=0) <= GROWN
    return [_again(server, report) if report.get("memory", 0) > MEMORY else report for report in reports]


def _again(server: MailServer, report: Report) -> Report:
    (found,) = walked([filled(server, POOL, SEED, [report["number"]])])
    if not found.get("lost"):
        found["wrong"] = [*report["wrong"], *found["wrong"]]
        found["longest"] = max(report["longest"], found["longest"])
    return found


def numbers(boxes: Iterable[Box]) -> set[int]:
    return {number for box in boxes for _uid, number in box.messages}


def test_a_sample(dovecot: MailServer, pymap_server: MailServer) -> None:
    boxes = [
        filled(dovecot, POOL, SEED, range(SAMPLE)),
        filled(pymap_server, POOL, SEED, range(SAMPLE, SAMPLE + POOR_SAMPLE)),
    ]
    reports = list(walked(boxes))
    hold(reports, numbers(boxes[1:]))
    assert len(reports) == SAMPLE + POOR_SAMPLE


@pytest.mark.soak
@pytest.mark.timeout(4 * 3600)
def test_all_of_them(dovecot: MailServer, pymap_server: MailServer) -> None:
    boxes = [filled(pymap_server, POOL, SEED, range(min(POOR, ALL)))]
    boxes += [
        filled(dovecot, POOL, SEED, range(first, min(first + IN_A_BOX, ALL))) for first in range(POOR, ALL, IN_A_BOX)
    ]
    poor = numbers(boxes[:1])
    stored = numbers(boxes)
    # those that the poor server could not store go to the other one
    boxes.append(filled(dovecot, POOL, SEED, sorted(set(range(ALL)) - stored)))
    with ThreadPoolExecutor(PROCESSES) as workers:
        shares = list(workers.map(lambda share: list(walked(share)), (boxes[at::PROCESSES] for at in range(PROCESSES))))
    reports = alone(dovecot, [report for share in shares for report in share])
    hold(reports, poor)
    assert len(reports) == ALL


def test_a_mutation_is_the_same_again() -> None:
    made = mutations.mutation("own", SEED, 7)
    again = subprocess.run(
        [sys.executable, "-m", "tests.proof.mutations", "own", str(SEED), "7"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    assert again.stdout == made.octets
    assert mutations.mutation("own", SEED, 8).octets != made.octets


def test_every_kind_of_mutation_is_among_four_hundred() -> None:
    found = Counter(kind for number in range(400) for kind in mutations.mutation("own", SEED, number).kinds)
    assert found.keys() == mutations.CHANGES.keys()


def test_what_is_wrong_is_found() -> None:
    """That the proof bites."""
    good: Report = {"number": 1, "kinds": [], "wrong": [], "size": 10, "memory": 1, "longest": [0.1, "message"]}
    assert complaints(good) == []
    assert complaints(good | {"wrong": ["message: status 500"]}) == ["message: status 500"]
    broken = good | {"wrong": ["message: status 503", "source: status 500"]}
    assert complaints(broken) == broken["wrong"]
    assert complaints(broken, poor=True) == ["source: status 500"]
    assert complaints(good | {"longest": [2.5, "source"]}) == ["source: 2.5 s"]
    assert complaints(good | {"longest": [2.5, "source"], "size": LARGE + 1}) == []
    assert complaints(good | {"memory": MEMORY + 1}) == ["256 MiB"]
