"""Run the long proofs whole (tests marked ``soak``) and keep what they printed in docs/evidence/.

    python -m scripts.soak [NAME...] [PYTEST ARGUMENT...]

Without a name all of them run. By name:

| name | what runs |
|---|---|
| deeds | random actions and undos beside a model, on each server: 500 at a mailbox, 150 sequences at the pages |
| killed | processes killed while somebody writes and sends, at 20 points and more, 20 times at each |
| import | a million messages read, and a million imported, without more memory |

For a short try of one, which keeps nothing: SOAK_SEQUENCES=2 SOAK_ROUNDS=1 SOAK_MESSAGES=5000 ... --try
"""

from __future__ import annotations

import datetime
import platform
import subprocess
import sys
from pathlib import Path

from scripts.servers import cyrus

ROOT = Path(__file__).resolve().parent.parent
EVIDENCE = ROOT / "docs" / "evidence"
PROOFS = {
    "deeds": ("tests/mail/mailbox/test_acting.py", "tests/mail/test_exactly_these.py"),
    "killed": ("tests/mail/test_kill.py", "tests/mail/test_kill_writing.py"),
    "import": ("tests/mail/test_transfer_memory.py",),
}


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
            f"Cyrus:   {said(*cyrus.command('usr/lib/cyrus/bin/master', '-V')) or 'not installed'}",
            f"Browser: {said('/usr/bin/chromium', '--version') or 'not installed'}",
            "",
        ]
    )


def target(names: list[str]) -> Path:
    """A file that is not there yet: what was proved before stays."""
    stem = "-".join(["soak", *names, f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}"])
    numbers = ("", *(f"-{number}" for number in range(2, 100)))
    return next(path for number in numbers if not (path := EVIDENCE / f"{stem}{number}.txt").exists())


def main(words: list[str]) -> int:
    names = [word for word in words if word in PROOFS]
    extra = [word for word in words if word not in PROOFS and word != "--try"]
    files = [file for name in names for file in PROOFS[name]]
    # -rP shows what each proof printed: its counts.
    command = [sys.executable, "-m", "pytest", "-m", "soak", "-v", "-rP", "--timeout=3600", "--color=no"]
    done = subprocess.run([*command, *files, *extra], cwd=ROOT, capture_output=True, text=True, check=False)
    print(done.stdout + done.stderr)
    if "--try" not in words:
        EVIDENCE.mkdir(parents=True, exist_ok=True)
        path = target(names)
        path.write_text(f"{heading()}\n{done.stdout}".replace(f"{ROOT}/", "").replace(str(ROOT), "."))
        print(f"written: {path.relative_to(ROOT)}")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
