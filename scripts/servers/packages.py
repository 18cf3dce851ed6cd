"""Debian packages: which are missing, and how they are installed as root without starting anything on this machine."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

_POLICY = Path("/usr/sbin/policy-rc.d")


def missing(packages: Iterable[str]) -> list[str]:
    return [name for name in dict.fromkeys(packages) if not _present(name)]


def _present(name: str) -> bool:
    words = ["dpkg-query", "--show", "--showformat=${db:Status-Status}", name]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout == "installed"


def install(packages: Iterable[str]) -> list[str]:
    """Install what is missing; returns what could not be installed, which without root is everything missing.

    Nothing already installed is removed (exim would replace postfix), and no installed daemon is started: the
    project runs its own instances.
    """
    wanted = missing(packages)
    if not wanted or os.getuid() != 0:
        return wanted
    print(f"Installing Debian packages: {' '.join(wanted)}", flush=True)
    ours = not _POLICY.exists()
    if ours:
        _POLICY.write_text("#!/bin/sh\nexit 101\n")
        _POLICY.chmod(0o755)
    try:
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "-qq", "update"], env=environment, check=False)
        command = ["apt-get", "-qq", "install", "--yes", "--no-install-recommends", "--no-remove"]
        command += ["-o", "APT::Keep-Downloaded-Packages=false"]  # the archives are larger than what the tests leave
        subprocess.run([*command, *wanted], env=environment, check=False, stdout=subprocess.DEVNULL)
    finally:
        if ours:
            _POLICY.unlink()
    return missing(wanted)
