"""Chromium is no server; it is checked and installed along with them."""

from __future__ import annotations

import os
from pathlib import Path

PACKAGES = ("chromium", "fonts-noto-core", "fonts-noto-cjk", "fonts-noto-color-emoji")
PROGRAM = Path("/usr/bin/chromium")


def arguments() -> list[str]:
    """The options under which it connects to nothing but this machine."""
    quiet = ["--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    quiet.append("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost, EXCLUDE 127.0.0.1")
    return [*quiet, "--no-sandbox"] if os.getuid() == 0 else quiet
