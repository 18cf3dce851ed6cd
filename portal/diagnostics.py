"""Runs the self-test: all checks side by side, each with its own time limit, so that a hanging one holds nobody up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal import fanout
from portal.contracts import Finding, Json, Level, Text
from portal.registry import Diagnostic, get_registry

BUDGET = 10.0  # seconds a check may take
AT_ONCE = 2  # of one check: two administrators may look, a whole row of them would hold the request threads
_RANK = {Level.OK: 0, Level.WARNING: 1, Level.ERROR: 2}
LEVEL_LABELS: dict[Level, Text] = {
    Level.OK: gettext_lazy("Passed"),
    Level.WARNING: gettext_lazy("Warning"),
    Level.ERROR: gettext_lazy("Failed"),
}


@dataclass(frozen=True, slots=True)
class Result:
    """One check that was run."""

    diagnostic: Diagnostic
    findings: tuple[Finding, ...]
    seconds: float

    @property
    def level(self) -> Level:
        """The worst of the findings; a check that finds nothing to say has passed."""
        return max((finding.level for finding in self.findings), key=_RANK.__getitem__, default=Level.OK)

    @property
    def label(self) -> Text:
        return LEVEL_LABELS[self.level]

    @property
    def milliseconds(self) -> int:
        return round(self.seconds * 1000)

    def as_json(self) -> dict[str, Json]:
        return {
            "id": self.diagnostic.id,
            "label": str(self.diagnostic.label),
            "level": str(self.level),
            "milliseconds": self.milliseconds,
            "findings": [
                {
                    "level": str(found.level),
                    "message": str(found.message),
                    "cure": str(found.cure),
                    "command": found.command,
                }
                for found in self.findings
            ],
        }


@dataclass(frozen=True, slots=True)
class Report:
    """All checks of one run, the worst first."""

    results: tuple[Result, ...]
    seconds: float

    def count(self, level: Level) -> int:
        return sum(result.level is level for result in self.results)

    @property
    def failed(self) -> int:
        return self.count(Level.ERROR)

    @property
    def to_watch(self) -> int:
        return self.count(Level.WARNING)

    @property
    def passed(self) -> int:
        return self.count(Level.OK)


def all_checks() -> list[Diagnostic]:
    return sorted(get_registry().diagnostics.values(), key=lambda check: check.order)


def stream(checks: list[Diagnostic], *, budget: float = BUDGET) -> Iterator[Result]:
    """Run the checks at once and yield each result as it arrives."""
    by_id = {check.id: check for check in checks}

    def running(check: Diagnostic) -> Callable[[], tuple[Finding, ...]]:
        return lambda: tuple(check.run())

    calls = {check.id: running(check) for check in checks}
    for answer in fanout.ask(calls, budget=budget, what="self-test", most=AT_ONCE):
        findings = answer.value if answer.value is not None else (_no_answer(answer.error, budget),)
        yield Result(by_id[answer.id], findings, answer.seconds)


def run(checks: list[Diagnostic], *, budget: float = BUDGET) -> Report:
    started = time.monotonic()
    results = sorted(stream(checks, budget=budget), key=lambda result: (-_RANK[result.level], result.diagnostic.order))
    return Report(tuple(results), time.monotonic() - started)


def _no_answer(error: str, budget: float) -> Finding:
    if error == fanout.TIMED_OUT:
        return Finding(
            Level.ERROR,
            _("No answer after %(seconds)d seconds.") % {"seconds": budget},
            _("What it asks does not answer: make sure that the server is up and no firewall drops the connection."),
        )
    if error == fanout.BUSY:
        return Finding(
            Level.ERROR,
            _("Earlier runs of this check are still hanging, so it was not started again."),
            _("Find out what hangs, then restart the portal if the check stays blocked."),
        )
    return Finding(
        Level.ERROR,
        _("The check itself failed: %(error)s.") % {"error": error},
        _("The log holds the details under “self-test”."),
    )
