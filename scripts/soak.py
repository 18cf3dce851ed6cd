"""Run the long proofs whole (tests marked ``soak``) and keep what they printed in docs/evidence/."""

from __future__ import annotations

import datetime
import platform
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EVIDENCE = ROOT / "docs" / "evidence"


def said(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def heading() -> str:
    changes = said("git", "status", "--porcelain", "--untracked-files=no")
    return "\n".join(
        [
            f"Date:    {datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC",
            f"Commit:  {said('git', 'rev-parse', '--short=12', 'HEAD')}{' with local changes' if changes else ''}",
            f"Python:  {platform.python_version()}",
            f"Dovecot: {said('/usr/sbin/dovecot', '--version') or 'not installed'}",
            f"Browser: {said('/usr/bin/chromium', '--version') or 'not installed'}",
            "",
        ]
    )


def main(extra: list[str]) -> int:
    # -rP shows what each proof printed: its counts.
    command = [sys.executable, "-m", "pytest", "-m", "soak", "-v", "-rP", "--timeout=3600", "--color=no", *extra]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    print(done.stdout + done.stderr)
    EVIDENCE.mkdir(parents=True, exist_ok=True)
    target = EVIDENCE / f"soak-{datetime.datetime.now(datetime.UTC):%Y-%m-%d}.txt"
    target.write_text(f"{heading()}\n{done.stdout}".replace(f"{ROOT}/", "").replace(str(ROOT), "."))
    print(f"written: {target.relative_to(ROOT)}")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
