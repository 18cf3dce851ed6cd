"""Make the virtual environment that development and the tests use, and bring it up to date. Standard library only.

As root it first installs the Debian packages that mysqlclient is compiled with. Where they are missing and cannot be
installed, everything but mysqlclient is installed, and the MariaDB tests are skipped.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from scripts.launch.environment import create, unfinished, works
from scripts.launch.site import ROOT, Unusable
from scripts.servers import packages

COMPILER_PACKAGES = ("default-libmysqlclient-dev", "gcc", "pkg-config")
MYSQL = "requirements-mysql.txt"


def main(words: list[str]) -> int:
    venv = Path(words[0] if words else ".venv").absolute()
    try:
        with_mysql = can_compile()
        wanted = fingerprint(with_mysql)
        stamp = venv / ".requirements"
        if not works(venv) or not stamp.exists() or stamp.read_text() != wanted:
            if not works(venv):
                create(venv)
            with unfinished(venv):
                install(venv, with_mysql)
            stamp.write_text(wanted)
    except Unusable as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


def can_compile() -> bool:
    packages.install(COMPILER_PACKAGES)
    if not (shutil.which("gcc") and shutil.which("pkg-config")):
        return False
    names = ("mysqlclient", "mariadb", "libmariadb")
    return any(subprocess.run(["pkg-config", "--exists", name], check=False).returncode == 0 for name in names)


def fingerprint(with_mysql: bool) -> str:
    digest = hashlib.sha256(f"{sys.version} {with_mysql}".encode())
    for path in sorted(ROOT.glob("requirements*.txt")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def install(venv: Path, with_mysql: bool) -> None:
    requirements = ROOT / "requirements-dev.txt"
    if not with_mysql:
        print(
            f"mysqlclient is left out, and with it the MariaDB tests: it needs {' '.join(COMPILER_PACKAGES)} "
            f"(as root: apt-get install {' '.join(COMPILER_PACKAGES)})"
        )
        requirements = without_mysql(venv / "requirements-without-mysql.txt")
    print("Installing Python packages", flush=True)
    command = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    if subprocess.run([*command, "-r", str(requirements)], check=False, env=environment).returncode:
        raise Unusable("pip could not install the packages (see above); is there a network or a package mirror?")


def without_mysql(target: Path) -> Path:
    lines = []
    for line in (ROOT / "requirements-dev.txt").read_text().splitlines():
        if line == f"-r {MYSQL}":
            lines.append(f"-r {ROOT / 'requirements.txt'}")
        else:
            lines.append(line.replace("-r ", f"-r {ROOT}/", 1) if line.startswith("-r ") else line)
    target.write_text("\n".join(lines) + "\n")
    return target


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
