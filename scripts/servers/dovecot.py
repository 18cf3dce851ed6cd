"""Dovecot: IMAP, POP3, LMTP and submission, without root, from a temporary directory."""

from __future__ import annotations

import time
from pathlib import Path

from scripts.servers import tls
from scripts.servers.base import Server, Workdir, greets

PASSWORD = "secret"
#: Everybody has the password `PASSWORD`. "tiny" has a quota of 64 KB; jdoe's address is jane.doe@example.test.
PEOPLE = ("alice", "bob", "charlie", "jdoe", "tiny", *(f"u{n}" for n in range(1000)))


class Dovecot(Server):
    name = "dovecot"
    packages = ("dovecot-imapd", "dovecot-pop3d", "dovecot-lmtpd", "dovecot-submissiond", *tls.PACKAGES)
    programs = (
        "/usr/sbin/dovecot",
        *(f"/usr/lib/dovecot/{name}" for name in ("imap", "pop3", "lmtp", "submission")),
    )

    def __init__(
        self,
        workdir: Workdir,
        *,
        connections_per_user: int = 10,
        die_with_parent: bool = True,
        mail_format: str = "maildir",
        introspection: str = "",
        bearer_mechanisms: str = "oauthbearer xoauth2",
        sharing: bool = False,
    ) -> None:
        """``connections_per_user`` is Dovecot's own default, as in the wild. ``mail_format``: maildir or sdbox.
        ``introspection``: where a provider tells whose an access token is (RFC 7662), for those mechanisms.
        ``sharing``: access control lists, mailboxes of others below shared/, of all below Public/, and METADATA."""
        super().__init__(workdir, die_with_parent=die_with_parent)
        self.introspection, self.bearer_mechanisms = introspection, bearer_mechanisms if introspection else ""
        self.mail_format, self.sharing = mail_format, sharing
        self.connections_per_user = connections_per_user
        self.imap, self.imaps, self.lmtp, self.submission, self.relay = (workdir.free_port() for _ in range(5))
        self.pop3, self.pop3s = (workdir.free_port() for _ in range(2))
        self.ca_file = self.directory / "tls" / "ca.pem"
        self.mail = self.directory / "mail"
        self.users = self.directory / "users"
        self._passwords = dict.fromkeys(PEOPLE, PASSWORD)
        self._writes = 0

    def configure(self) -> None:
        for folder in ("run", "state", "mail", "home"):
            (self.directory / folder).mkdir()
        if self.sharing:
            notices = self.directory / "public" / ".Notices"
            for folder in ("cur", "new", "tmp"):
                (notices / folder).mkdir(parents=True)
            (notices / "dovecot-acl").write_text("authenticated lrs\n")
        tls.make_authority(self.ca_file.parent)
        tls.issue(self.ca_file.parent)
        self._write_users()
        if self.introspection:
            (self.directory / "oauth2.conf").write_text(self._oauth2())
        (self.directory / "dovecot.conf").write_text(self._configuration())
        self.workdir.own()

    def command(self) -> list[str]:
        return ["/usr/sbin/dovecot", "-F", "-c", str(self.directory / "dovecot.conf")]

    def answers(self) -> bool:
        greetings = {self.imap: b"* OK", self.pop3: b"+OK", self.lmtp: b"220 ", self.submission: b"220 "}
        return all(greets(port, greeting) for port, greeting in greetings.items())

    def facts(self) -> dict[str, str | int]:
        return {
            "imap_url": f"imap://localhost:{self.imap}",
            "imaps_url": f"imaps://localhost:{self.imaps}",
            "pop3_url": f"pop3://localhost:{self.pop3}",
            "lmtp_port": self.lmtp,
            "submission_relay_port": self.submission,
            "ca_file": str(self.ca_file),
            "users": "alice bob charlie jdoe tiny u0..u999",
            "password": PASSWORD,
        }

    def log(self) -> str:
        log = self.directory / "dovecot.log"
        return super().log() + (log.read_text(errors="replace") if log.exists() else "")

    def set_password(self, login: str, password: str) -> None:
        """Change or create an account; the next sign-in sees it."""
        self._passwords[login] = password
        self._write_users()
        # Dovecot looks at the file once in a second of the clock at most.
        time.sleep(1.01 - time.time() % 1)

    def _write_users(self) -> None:
        # Dovecot rereads the file when its size or its second of change differs: the dots make the size differ.
        self._writes += 1
        lines = [f"#{'.' * self._writes}"]
        for login, password in self._passwords.items():
            extra = "userdb_quota_rule=*:storage=64K" if login == "tiny" else ""
            lines.append(f"{login}:{{PLAIN}}{password}::::::{extra}")
        fresh = self.users.with_suffix(".new")
        fresh.write_text("\n".join(lines) + "\n")
        fresh.chmod(0o644)
        fresh.replace(self.users)

    def _configuration(self) -> str:
        user, group, directory = self.workdir.user, self.workdir.group, self.directory
        plain = {
            "base_dir": directory / "run",
            "state_dir": directory / "state",
            "log_path": directory / "dovecot.log",
            "protocols": "imap pop3 lmtp submission",
            "pop3_lock_session": "yes",  # one session at a time, as RFC 1939 has it
            "listen": "127.0.0.1",
            "hostname": "localhost",
            "ssl": "yes",
            "ssl_cert": f"<{directory}/tls/server.pem",
            "ssl_key": f"<{directory}/tls/server.key",
            "disable_plaintext_auth": "no",
            "auth_mechanisms": f"plain {self.bearer_mechanisms}",
            "default_internal_user": user,
            "default_internal_group": group,
            "default_login_user": user,
            "first_valid_uid": 1,
            "auth_username_format": "%Ln",
            "auth_failure_delay": 0,
            "mail_fsync": "never",
            "mail_location": f"{self.mail_format}:{directory}/mail/%u",
            "mail_plugins": "quota",
            "mail_max_userip_connections": self.connections_per_user,
            "submission_relay_host": "127.0.0.1",
            "submission_relay_port": self.relay,
            "submission_relay_ssl": "no",
        }
        return (
            "".join(f"{key} = {value}\n" for key, value in plain.items())
            + self._token_passdb()
            + _block("passdb", "driver = passwd-file", "mechanisms = plain", f"args = {self.users}")
            + _block(
                "userdb",
                "driver = passwd-file",
                f"args = {self.users}",
                f"default_fields = uid={user} gid={group} home={directory}/home/%u",
            )
            + _block("plugin", "quota = count:User quota", "quota_rule = *:storage=1G", "quota_vsizes = yes")
            + (self._sharing() if self.sharing else _block("protocol imap", "mail_plugins = $mail_plugins imap_quota"))
            + _block("protocol lmtp", "postmaster_address = postmaster@example.test")
            # Debian's own limits would make parallel tests wait for a login process.
            + _block("service anvil", "chroot =", *_nested("unix_listener anvil-auth-penalty", "mode = 0"))
            + _block("service stats", "chroot =")
            + _listen("imap-login", imap=self.imap, imaps=self.imaps)
            + _listen("pop3-login", pop3=self.pop3, pop3s=self.pop3s)
            + _listen("lmtp", lmtp=self.lmtp)
            + _listen("submission-login", submission=self.submission)
            + _block("namespace inbox", "inbox = yes", "separator = /", *_special_folders())
        )

    def _sharing(self) -> str:
        directory, public = self.directory, self.directory / "public"
        own_lists = f"acl_shared_dict = file:{directory}/state/shared-mailboxes"
        return (
            f"mail_attribute_dict = file:{directory}/state/attributes-%u\nmail_plugins = $mail_plugins acl\n"
            + _block("plugin", "acl = vfile", own_lists)
            + _block("protocol imap", "mail_plugins = $mail_plugins imap_quota imap_acl", "imap_metadata = yes")
            + _block(
                "namespace others",
                "type = shared",
                "separator = /",
                "prefix = shared/%%u/",
                f"location = {self.mail_format}:{directory}/mail/%%u",
                "subscriptions = no",
                "list = children",
            )
            + _block(
                "namespace public",
                "type = public",
                "separator = /",
                "prefix = Public/",
                f"location = {self.mail_format}:{public}",
                "subscriptions = no",
                "list = children",
            )
        )

    def _token_passdb(self) -> str:
        if not self.introspection:
            return ""
        words = "driver = oauth2", f"mechanisms = {self.bearer_mechanisms}", f"args = {self.directory}/oauth2.conf"
        return _block("passdb", *words)

    def _oauth2(self) -> str:
        lines = {
            "introspection_mode": "post",
            "introspection_url": self.introspection,
            "username_attribute": "username",
            "active_attribute": "active",
            "active_value": "true",
        }
        return "".join(f"{name} = {value}\n" for name, value in lines.items())


def _special_folders() -> list[str]:
    lines: list[str] = []
    for folder in ("Drafts", "Sent", "Junk", "Trash", "Archive"):
        lines += _nested(f"mailbox {folder}", "auto = subscribe", f"special_use = \\{folder}")
    return lines


def _nested(head: str, *lines: str) -> list[str]:
    """A block inside a block; Dovecot 2.3 wants every brace at the end of a line of its own."""
    return [f"{head} {{", *(f"  {line}" for line in lines), "}"]


def _block(head: str, *lines: str) -> str:
    return "\n".join(_nested(head, *lines)) + "\n"


def _listen(service: str, **ports: int) -> str:
    lines = ["chroot ="]
    for name, port in ports.items():
        lines += _nested(f"inet_listener {name}", f"port = {port}")
    return _block(f"service {service}", *lines)


def maildir(server: Dovecot, login: str, mailbox: str = "INBOX") -> Path:
    """Where a mailbox lies on disk (Maildir++ puts folders beside each other, with dots)."""
    root = server.mail / login
    return root if mailbox == "INBOX" else root / ("." + mailbox.replace("/", "."))
