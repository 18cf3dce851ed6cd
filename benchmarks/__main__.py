"""``python -m benchmarks``: seeds the servers, measures, prints one table; a whole one is kept in docs/evidence/."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import cold, load, sending
from benchmarks.measure import Measured, measure
from benchmarks.operations import PARTS, Walk
from benchmarks.seed import FORMATS, fill, mail_server, submission_server
from tests.support.servers import SubmissionServer
from tests.support.site import Site, mail_settings, running_site

SIZES = (1_000, 10_000, 100_000)
QUICK = {"sizes": "1000", "formats": "maildir", "rounds": 10, "seconds": 5.0}
EVIDENCE = Path(__file__).resolve().parent.parent / "docs" / "evidence"
HEADING = f"{'':<26}{'messages':>9}{'floor':>9}{'portal':>9}{'p95':>9}{'CPU':>8}{'bytes':>9}{'IMAP':>6}{'SQL':>5}   aim"


def words(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description=__doc__)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="messages, e.g. 1000,100000")
    parser.add_argument("--formats", default=",".join(FORMATS), help="maildir, sdbox")
    parser.add_argument("--parts", default=",".join((*PARTS, "sending", "cold", "load")), help="what to measure")
    parser.add_argument("--rounds", type=int, default=40, help="of each operation")
    parser.add_argument("--seconds", type=float, default=load.SECONDS, help="of the load")
    parser.add_argument("--quick", action="store_true", help="1,000 messages, Maildir, few rounds, where not told else")
    parser.add_argument("--keep", action="store_true", help="write docs/evidence/ although only a part was run")
    if parser.parse_args(arguments).quick:
        parser.set_defaults(**QUICK)
    return parser.parse_args(arguments)


def report(chosen: argparse.Namespace) -> Iterator[str]:
    """Line by line, as it is measured. Milliseconds, but for octets and counts."""
    yield from _head(chosen)
    parts = chosen.parts.split(",")
    sizes = [int(size) for size in chosen.sizes.split(",")]
    for mail_format in chosen.formats.split(","):
        with mail_server(mail_format) as server, submission_server(server) as submission:
            settings = mail_settings(submission) | {"SMTP_URL": submission.tls_url}
            with running_site(application="benchmarks.wsgi", **settings) as site:
                site.manage("shell", "-c", sending.AT_ONCE)
                shares: dict[str, dict[int, float]] = {}
                for size in sizes:
                    yield from ("", f"{mail_format}, {size:,} messages", HEADING)
                    yield from _mailbox(submission, site, size, parts, chosen.rounds, shares)
                yield from _growth(shares, sizes)
                if "load" in parts:
                    yield from ("", *load.run(server, site, seconds=chosen.seconds))


def _mailbox(
    submission: SubmissionServer,
    site: Site,
    size: int,
    parts: Sequence[str],
    rounds: int,
    shares: dict[str, dict[int, float]],
) -> Iterator[str]:
    server = submission.dovecot
    login = server.new_user()
    fill(server, login, size)
    walk = Walk(server, int(site.environment["PORT"]), login, size)
    chosen = [operations(walk) for name, operations in PARTS.items() if name in parts]
    if "sending" in parts:
        chosen.append(sending.operations(walk, submission))
    for operations in chosen:
        for operation in operations:
            found = measure(operation, rounds=rounds, pid=site.pid, cost=walk.browser.cost)
            shares.setdefault(operation.name, {})[size] = found.median - (found.floor or 0.0)
            yield _row(found, size)
    if "cold" in parts:
        yield from cold.report(walk)
    walk.close()


def _row(found: Measured, size: int) -> str:
    floor = f"{found.floor:>9.2f}" if found.floor is not None else f"{'-':>9}"
    answer = found.answer
    return (
        f"{found.operation.name:<26}{size:>9,}{floor}{found.median:>9.2f}{found.p95:>9.2f}{found.cpu:>8.2f}"
        f"{answer.octets:>9,}{found.commands:>6}{found.queries:>5}   {found.aim:<12} {found.verdict}".rstrip()
    )


def _growth(shares: dict[str, dict[int, float]], sizes: Sequence[int]) -> Iterator[str]:
    """The portal's own share (what it takes over the floor) at the largest mailbox beside that at the smallest."""
    small, large = min(sizes), max(sizes)
    if small == large:
        return
    yield from ("", f"the portal's own share at {large:,} beside {small:,}    aim 1.3 times")
    for name, by_size in shares.items():
        if name.startswith(("list,", "open")) and by_size.get(small, 0) > 0:
            ratio = by_size[large] / by_size[small]
            yield f"  {name:<26}{by_size[small]:>8.2f}{by_size[large]:>8.2f}   x {ratio:.2f}   {_met(ratio <= 1.3)}"


def _met(well: bool) -> str:
    return "met" if well else "NOT MET"


def _head(chosen: argparse.Namespace) -> Iterator[str]:
    commit = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False)
    yield f"Date:    {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    yield f"Commit:  {commit.stdout.strip() or 'unknown'}"
    yield f"Python:  {platform.python_version()}"
    yield f"Machine: {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start"
    yield f"Command: python -m benchmarks --sizes {chosen.sizes} --formats {chosen.formats} --parts {chosen.parts}"


def main(arguments: Sequence[str]) -> int:
    chosen = words(arguments)
    whole = chosen == words([])
    lines = []
    for line in report(chosen):
        print(line, flush=True)
        lines.append(line)
    if whole or chosen.keep:
        (EVIDENCE / f"bench-{datetime.now(UTC):%Y-%m-%d}.txt").write_text("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
