"""``manage.py check --deploy`` without a warning, and no migration missing, for a site as it stands on the internet.

    python -m scripts.checks.deployment

Runs with every combination of apps that the settings matrix knows.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.suite import combinations

ROOT = Path(__file__).resolve().parent.parent.parent
COMMANDS = (
    ("check", "--deploy", "--fail-level", "WARNING"),
    ("makemigrations", "--check", "--dry-run"),
)


def production(directory: str) -> dict[str, str]:
    """The settings of a real site, and nothing of the machine this runs on beyond what programs need."""
    return {
        "PATH": os.environ["PATH"],
        "ENV_FILE": "",
        "DATA_DIR": directory,
        "BASE_URL": "https://mail.example.test/webmail",
        "ALLOWED_HOSTS": "mail.example.test",
        "TRUSTED_PROXIES": "127.0.0.1",
        "IMAP_URL": "imaps://imap.example.test",
        "SMTP_URL": "smtps://smtp.example.test",
        "MAIL_DOMAIN": "example.test",
    }


def check(environment: dict[str, str], *, root: Path = ROOT) -> list[str]:
    """What the commands complain about; empty when all is well."""
    found = []
    for command in COMMANDS:
        words = [sys.executable, str(root / "manage.py"), *command]
        done = subprocess.run(words, cwd=root, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            found.append(f"manage.py {' '.join(command)}\n{done.stdout}{done.stderr}")
    return found


def main() -> int:
    found = []
    for apps in combinations():
        with tempfile.TemporaryDirectory() as directory:
            environment = production(directory) | {"PORTAL_APPS": apps}
            found += [f"PORTAL_APPS={apps}: {text}" for text in check(environment)]
    print("\n".join(found) or "deployment checks and migrations in order")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
