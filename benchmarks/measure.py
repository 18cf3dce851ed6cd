"""How an operation is timed: alternately on the bare socket and through the portal, and the portal's CPU beside it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.browser import Answer


@dataclass(frozen=True, kw_only=True)
class Operation:
    """``above`` is how many milliseconds over the floor are aimed at, ``within`` how many in all, ``times`` how many
    floors. ``before`` and ``after`` are done around each round, on the bare socket as well, and not timed."""

    name: str
    portal: Callable[[int], Answer]
    floor: Callable[[int], object] | None = None
    above: float = 0
    within: float = 0
    times: float = 0
    before: Callable[[int], object] = lambda _: None
    after: Callable[[int], object] = lambda _: None
    rounds: int = 0  # fewer than usual, for what takes long
    warm: int = 2  # rounds that do not count
    by_turns: bool = True  # the bare socket and the portal; else first all rounds of the one


@dataclass(frozen=True, kw_only=True)
class Measured:
    operation: Operation
    floor: float | None  # milliseconds, median
    median: float
    p95: float
    cpu: float  # of the portal's process, milliseconds a time
    answer: Answer
    queries: int
    commands: int

    @property
    def aim(self) -> str:
        operation = self.operation
        if operation.above:
            return f"floor + {operation.above:g}"
        if operation.times:
            return f"floor x {operation.times:g}"
        return f"{operation.within:g}" if operation.within else ""

    @property
    def limit(self) -> float:
        operation, floor = self.operation, self.floor or 0.0
        if operation.above:
            return floor + operation.above
        return floor * operation.times if operation.times else operation.within

    @property
    def verdict(self) -> str:
        if not self.aim:
            return ""
        return "met" if self.median <= self.limit else "NOT MET"


def measure(operation: Operation, *, rounds: int, pid: int, cost: Callable[[], tuple[int, int]]) -> Measured:
    rounds = min(rounds, operation.rounds or rounds)
    bare: list[float] = []
    times: list[float] = []
    cpu = 0

    def sink(number: int) -> None:
        if operation.floor is not None:
            operation.before(number)
            bare.append(_milliseconds(operation.floor, number))
            operation.after(number)

    every = range(rounds + operation.warm)
    if not operation.by_turns:
        for number in every:
            sink(number)
    for number in every:
        if operation.by_turns:
            sink(number)
        operation.before(number)
        queries, commands = cost()
        used = cpu_nanoseconds(pid)
        started = time.perf_counter()
        answer = operation.portal(number)
        times.append((time.perf_counter() - started) * 1000)
        if number >= operation.warm:
            cpu += cpu_nanoseconds(pid) - used
        after = cost()
        operation.after(number)
    counted = sorted(times[operation.warm :])
    return Measured(
        operation=operation,
        floor=statistics.median(bare[operation.warm :]) if bare else None,
        median=statistics.median(counted),
        p95=counted[min(len(counted) - 1, int(len(counted) * 0.95))],
        cpu=cpu / rounds / 1e6,
        answer=answer,
        queries=after[0] - queries,
        commands=after[1] - commands,
    )


def _milliseconds(work: Callable[[int], object], number: int) -> float:
    started = time.perf_counter()
    work(number)
    return (time.perf_counter() - started) * 1000


def cpu_nanoseconds(pid: int) -> int:
    """Of a gunicorn and its workers, all threads."""
    total = 0
    for process in (pid, *children(pid)):
        for task in Path(f"/proc/{process}/task").glob("*/schedstat"):
            try:
                total += int(task.read_text().split()[0])
            except (OSError, IndexError):
                continue
    return total


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def pss_megabytes(pid: int) -> float:
    """Proportional share of memory: what processes have in common is divided among them."""
    total = 0
    for process in (pid, *children(pid)):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024
