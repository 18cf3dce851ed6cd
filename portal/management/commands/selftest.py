from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal import diagnostics
from portal.contracts import Finding, Level
from portal.registry import Diagnostic

MARKS = {Level.OK: "ok  ", Level.WARNING: "WARN", Level.ERROR: "FAIL"}


class Command(BaseCommand):
    help = "Runs the self-test. The exit code is 1 when a check fails, 0 otherwise, and 2 for a check nobody has."
    requires_system_checks: list[str] = []  # a wrong setting is one of the findings

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("checks", nargs="*", metavar="CHECK", help="ids of the checks to run; default: all of them")
        parser.add_argument("--json", action="store_true", help="print the report as JSON")
        parser.add_argument(
            "--budget", type=float, default=diagnostics.BUDGET, metavar="SECONDS", help="how long a check may take"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        report = diagnostics.run(self._chosen(options["checks"]), budget=options["budget"])
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(report), indent=2, ensure_ascii=False))
        else:
            self._print(report)
        if report.failed:
            raise SystemExit(1)

    def _chosen(self, wanted: list[str]) -> list[Diagnostic]:
        known = {check.id: check for check in diagnostics.all_checks()}
        if unknown := [name for name in wanted if name not in known]:
            names = ", ".join(known)
            raise CommandError(f"There is no check {', '.join(unknown)}. There are: {names}.", returncode=2)
        return [known[name] for name in wanted] or list(known.values())

    def _print(self, report: diagnostics.Report) -> None:
        for result in report.results:
            self.stdout.write(f"{MARKS[result.level]}  {result.diagnostic.label}  ({result.milliseconds} ms)")
            for finding in result.findings:
                self._print_finding(finding)
        self.stdout.write(
            f"\n{report.failed} failed, {report.to_watch} with a warning, {report.passed} passed "
            f"in {report.seconds:.2f} s"
        )

    def _print_finding(self, finding: Finding) -> None:
        self.stdout.write(f"      {finding.message}")
        if finding.cure:
            self.stdout.write(f"      Cure: {finding.cure}")
        if finding.command:
            self.stdout.write(f"      $ {finding.command}")


def _as_json(report: diagnostics.Report) -> dict[str, Any]:
    return {
        "ok": report.failed == 0,
        "failed": report.failed,
        "to_watch": report.to_watch,
        "passed": report.passed,
        "seconds": round(report.seconds, 3),
        "checks": [result.as_json() for result in report.results],
    }
