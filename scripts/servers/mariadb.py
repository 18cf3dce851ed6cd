"""MariaDB with durability switched off: a data base for tests, not for data."""

from __future__ import annotations

import subprocess

from scripts.servers import tls
from scripts.servers.base import Server, Workdir

_OPTIONS = """[mysqld]
datadir={directory}/mysql
tmpdir={directory}/tmp
socket={directory}/mysql.sock
pid-file={directory}/mysqld.pid
bind-address=127.0.0.1
port={port}
character-set-server=utf8mb4
collation-server=utf8mb4_unicode_ci
innodb_flush_log_at_trx_commit=0
innodb_doublewrite=0
innodb_buffer_pool_size=32M
innodb_log_file_size=8M
skip-name-resolve
skip-log-bin
performance_schema=0
ssl-ca={directory}/tls/ca.pem
ssl-cert={directory}/tls/server.pem
ssl-key={directory}/tls/server.key
"""
_ACCOUNT = (
    "CREATE USER portal@'%' IDENTIFIED BY 'secret'; GRANT ALL ON *.* TO portal@'%'; "
    "CREATE DATABASE portal CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
)


class MariaDB(Server):
    name = "mariadb"
    packages = ("mariadb-server", *tls.PACKAGES)
    programs = ("/usr/sbin/mariadbd", "/usr/bin/mariadb-install-db", "/usr/bin/mariadb-admin")

    def __init__(self, workdir: Workdir, *, die_with_parent: bool = True) -> None:
        super().__init__(workdir, die_with_parent=die_with_parent)
        self.port = workdir.free_port()
        self.ca_file = self.directory / "tls" / "ca.pem"
        self.socket = self.directory / "mysql.sock"
        self.url = f"mysql://portal:secret@127.0.0.1:{self.port}/portal?charset=utf8mb4"

    def configure(self) -> None:
        (self.directory / "tmp").mkdir()
        tls.make_authority(self.ca_file.parent)
        tls.issue(self.ca_file.parent)
        options = self.directory / "my.cnf"
        options.write_text(_OPTIONS.format(directory=self.directory, port=self.port))
        self.workdir.own()
        done = subprocess.run(
            [
                *self.workdir.as_user(),
                *("mariadb-install-db", f"--defaults-file={options}", "--skip-test-db"),
                "--auth-root-authentication-method=normal",
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"mariadb-install-db: {done.stdout[-1000:]}{done.stderr[-1000:]}")

    def start(self) -> None:
        super().start()
        if not (self.directory / "account").exists():
            subprocess.run(
                ["mariadb", "--no-defaults", "-uroot", "-S", str(self.socket), "-e", _ACCOUNT],
                check=True,
                capture_output=True,
            )
            (self.directory / "account").touch()

    def command(self) -> list[str]:
        return ["/usr/sbin/mariadbd", f"--defaults-file={self.directory / 'my.cnf'}"]

    def answers(self) -> bool:
        words = ["mariadb-admin", "--no-defaults", "-uroot", "-S", str(self.socket), "ping"]
        return subprocess.run(words, capture_output=True, check=False).returncode == 0

    def facts(self) -> dict[str, str | int]:
        return {"database_url": self.url, "ca_file": str(self.ca_file)}
