"""Debian packages: which are missing, and how they are installed as root without starting anything on this machine."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import tempfile
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


def unpack(names: Iterable[str], root: Path) -> bool:
    """Unpack packages, as root, with what they lack, into a folder: for those that Debian does not let stand beside
    others. Nothing of them is registered, set up or started. Returns whether it could be done."""
    wanted = list(names)
    if os.getuid() != 0:
        return False
    subprocess.run(["apt-get", "-qq", "update"], check=False)
    every = [*wanted, *_lacking(wanted)]
    print(f"Unpacking Debian packages into {root}: {' '.join(every)}", flush=True)
    root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root.parent) as folder:
        Path(folder).chmod(0o755)
        get = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", *every]
        if subprocess.run(get, cwd=folder, check=False).returncode:
            return False
        tree = Path(folder) / "tree"
        for archive in Path(folder).glob("*.deb"):
            subprocess.run(["dpkg-deb", "--extract", str(archive), str(tree)], check=True)
        shutil.rmtree(root, ignore_errors=True)
        tree.rename(root)
    return True


def _lacking(wanted: list[str]) -> list[str]:
    """The libraries and other halves of packages, as apt would bring them if they were to replace what is here."""
    words = ["apt-get", "--simulate", "install", "--no-install-recommends", *wanted]
    plan = subprocess.run(words, capture_output=True, text=True, check=False).stdout
    kin = ("lib", *(f"{name.partition('-')[0]}-" for name in wanted))  # and no mail transport agent
    return [name for name in re.findall(r"^Inst (\S+)", plan, re.M) if name.startswith(kin) and name not in wanted]


def libraries(root: Path) -> str:
    """LD_LIBRARY_PATH for what was unpacked there."""
    triplet = f"{platform.machine()}-linux-gnu"
    return ":".join(str(root / folder / triplet) for folder in ("usr/lib", "lib"))
