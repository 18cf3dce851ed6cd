"""Cyrus: a second real IMAP server, without root, from a temporary directory.

Debian lets no two IMAP servers be installed beside each other, so its packages are unpacked into a folder of their own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from scripts.servers import packages, tls
from scripts.servers.base import HOST, Server, Workdir, greets
from scripts.servers.dovecot import PASSWORD

#: Where `scripts/services install` unpacks it.
ROOT = Path("/opt/yurt-services/cyrus")
PROGRAMS = ROOT / "usr/lib/cyrus/bin"
SPECIAL = ("Drafts", "Sent", "Junk", "Trash", "Archive")
ADMIN = "cyrus"

_OPTIONS = """configdirectory: {directory}/conf
defaultpartition: default
partition-default: {directory}/spool
cyrus_user: {user}
cyrus_group: {group}
admins: {admin}
servername: localhost
defaultdomain: localhost
unixhierarchysep: yes
altnamespace: yes
allowplaintext: yes
munge8bit: no
sasl_mech_list: PLAIN
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {directory}/sasldb2
skiplist_unsafe: yes
autocreate_quota: 102400
autocreate_post: yes
autocreate_inbox_folders: {special}
autocreate_subscribe_folders: {special}
specialusealways: yes
tls_server_cert: {directory}/tls/server.pem
tls_server_key: {directory}/tls/server.key
maxlogins_per_user: 10
"""
_SERVICES = """START {{
  recover cmd="{programs}/ctl_cyrusdb -C {directory}/imapd.conf -r"
}}
SERVICES {{
  imap cmd="{programs}/imapd -C {directory}/imapd.conf" listen="{host}:{imap}" prefork=1
  imaps cmd="{programs}/imapd -s -C {directory}/imapd.conf" listen="{host}:{imaps}" prefork=0
}}
"""


class Cyrus(Server):
    name = "cyrus"
    packages = (*tls.PACKAGES, "libsasl2-modules", "libsasl2-modules-db")
    unpacked = {ROOT: ("cyrus-imapd", "sasl2-bin", "libeatmydata1")}
    programs = (str(PROGRAMS / "master"), str(PROGRAMS / "imapd"), str(ROOT / "usr/sbin/saslpasswd2"))

    def __init__(self, workdir: Workdir, *, die_with_parent: bool = True) -> None:
        super().__init__(workdir, die_with_parent=die_with_parent)
        self.imap, self.imaps = workdir.free_port(), workdir.free_port()
        self.ca_file = self.directory / "tls" / "ca.pem"

    def configure(self) -> None:
        for folder in ("conf/socket", "spool"):
            (self.directory / folder).mkdir(parents=True)
        tls.make_authority(self.ca_file.parent)
        tls.issue(self.ca_file.parent)
        special = "|".join(SPECIAL)
        values = {"directory": self.directory, "user": self.workdir.user, "group": self.workdir.group, "admin": ADMIN}
        uses = "".join(
            f"autocreate_inbox_folders_{name.lower()}: {name}\nxlist-{name.lower()}: {name}\n" for name in SPECIAL
        )
        (self.directory / "imapd.conf").write_text(_OPTIONS.format(special=special, **values) + uses)
        services = _SERVICES.format(programs=PROGRAMS, host=HOST, imap=self.imap, imaps=self.imaps, **values)
        (self.directory / "cyrus.conf").write_text(services)
        for login in (ADMIN, "alice", "bob", "charlie"):
            self.set_password(login, PASSWORD)
        self.workdir.own()

    def command(self) -> list[str]:
        files = {"-C": "imapd.conf", "-M": "cyrus.conf", "-p": "cyrus.lock"}
        words = [word for option, name in files.items() for word in (option, str(self.directory / name))]
        start, library, *rest = command("usr/lib/cyrus/bin/master", *words, "-D")
        # It waits for the disk after each message, and cannot be told not to.
        return [start, library, "LD_PRELOAD=libeatmydata.so", *rest]

    def answers(self) -> bool:
        return greets(self.imap, b"* OK")

    def facts(self) -> dict[str, str | int]:
        return {
            "imap_url": f"imap://localhost:{self.imap}",
            "imaps_url": f"imaps://localhost:{self.imaps}",
            "ca_file": str(self.ca_file),
            "users": "alice bob charlie",
            "password": PASSWORD,
        }

    def set_password(self, login: str, password: str) -> None:
        """Change or create an account; their mailbox comes with the first sign-in."""
        passwords = self.directory / "sasldb2"
        words = command("usr/sbin/saslpasswd2", "-p", "-c", "-f", str(passwords), "-u", "localhost", login)
        subprocess.run(words, input=password.encode(), check=True, capture_output=True)
        if os.getuid() == 0:
            shutil.chown(passwords, self.workdir.user, self.workdir.group)


def command(program: str, *words: str) -> list[str]:
    """What starts one of its programs with the libraries that were unpacked with it."""
    return ["env", f"LD_LIBRARY_PATH={packages.libraries(ROOT)}", str(ROOT / program), *words]
