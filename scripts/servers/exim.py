"""Exim as the submission server: STARTTLS and TLS, AUTH against Dovecot's users, delivery into that Dovecot by LMTP."""

from __future__ import annotations

from scripts.servers.base import Server, greets, listening
from scripts.servers.dovecot import Dovecot

#: Recipients that are refused or delayed on purpose, at the time they are named (see `_ACL`).
REFUSED = "nobody@example.test"  # 550 5.1.1
OVER_QUOTA = "full@example.test"  # 552 5.2.2
DELAYED = "later@example.test"  # 451 4.2.2
FOREIGN = "someone@elsewhere.invalid"  # 550 5.7.1
SIZE_LIMIT = 5_000_000

_ACL = """
begin acl
rcpt:
  deny    message = 530 5.7.0 Authentication required
          !authenticated = *
          condition = ${if !eq{$received_port}{@RELAY@}}
  deny    message = 550 5.7.1 Relaying to this domain is refused
          !domains = example.test : bounce.test : slow.test
  deny    message = 550 5.1.1 No such person here
          domains = example.test
          local_parts = nobody
  deny    message = 552 5.2.2 The mailbox is full
          local_parts = full
  defer   message = 451 4.2.2 Try again later
          local_parts = later
  accept
"""

_ROUTES = """
begin routers
bounce:
  driver = redirect
  domains = bounce.test
  allow_fail
  data = :fail: 550 5.1.1 no such mailbox
slow:
  driver = redirect
  domains = slow.test
  allow_defer
  data = :defer: the far side is away
people:
  driver = redirect
  domains = example.test
  data = ${if eq{$local_part}{jane.doe}{jdoe@example.test}}
local:
  driver = accept
  domains = example.test
  transport = dovecot
begin transports
dovecot:
  driver = smtp
  protocol = lmtp
  hosts = 127.0.0.1
  port = @LMTP@
  allow_localhost
  hosts_avoid_tls = *
begin retry
* * F,1h,1s
"""

#: True when the password stands beside the login (its domain left out, in lower case) in Dovecot's users file.
_CHECK = (
    r"${if and{{!eq{@PASSWORD@}{}}{eq{\{PLAIN\}@PASSWORD@}"
    r"{${extract{1}{:}{${lookup{${extract{1}{@}{${lc:@LOGIN@}}}}lsearch{@USERS@}}}}}}}}"
)
_AUTHENTICATORS = f"""
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = {_CHECK.replace("@LOGIN@", "$auth2").replace("@PASSWORD@", "$auth3")}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = {_CHECK.replace("@LOGIN@", "$auth1").replace("@PASSWORD@", "$auth2")}
  server_set_id = $auth1
"""


class Exim(Server):
    name = "submission"
    packages = ("exim4-daemon-light",)
    programs = ("/usr/sbin/exim4",)

    def __init__(self, dovecot: Dovecot, *, die_with_parent: bool = True) -> None:
        super().__init__(dovecot.workdir, die_with_parent=die_with_parent)
        self.dovecot = dovecot
        self.smtp, self.smtps = self.workdir.free_port(), self.workdir.free_port()
        self.ca_file = dovecot.ca_file

    def configure(self) -> None:
        (self.directory / "spool").mkdir()
        text = self._main() + _ACL + _ROUTES + _AUTHENTICATORS
        values = {"RELAY": self.dovecot.relay, "LMTP": self.dovecot.lmtp, "USERS": self.dovecot.users}
        for name, value in values.items():
            text = text.replace(f"@{name}@", str(value))
        (self.directory / "exim.conf").write_text(text)
        self.workdir.own()

    def _main(self) -> str:
        directory = self.directory
        options = {
            "exim_path": "/usr/sbin/exim4",
            "exim_user": self.workdir.user,
            "exim_group": self.workdir.group,
            "deliver_drop_privilege": "true",
            "spool_directory": f"{directory}/spool",
            "log_file_path": f"{directory}/exim-%slog",
            "pid_file_path": f"{directory}/exim-daemon.pid",
            "primary_hostname": "localhost",
            "local_interfaces": "127.0.0.1",
            "daemon_smtp_ports": f"{self.smtp} : {self.smtps} : {self.dovecot.relay}",
            "tls_on_connect_ports": self.smtps,
            "tls_advertise_hosts": "*",
            "tls_certificate": f"{directory}/tls/server.pem",
            "tls_privatekey": f"{directory}/tls/server.key",
            "auth_advertise_hosts": "${if def:tls_in_cipher {*}{}}",
            "message_size_limit": SIZE_LIMIT,
            "smtputf8_advertise_hosts": "*",
            "dsn_advertise_hosts": "*",
            "chunking_advertise_hosts": "*",
            "prdr_enable": "true",
            "smtp_accept_max": 50,
            "smtp_accept_queue_per_connection": 0,
            "keep_environment": "",
            "acl_smtp_rcpt": "rcpt",
        }
        return "".join(f"{key} = {value}\n" for key, value in options.items())

    def command(self) -> list[str]:
        return ["/usr/sbin/exim4", "-C", str(self.directory / "exim.conf"), "-bdf", "-q2s"]

    def answers(self) -> bool:
        return greets(self.smtp, b"220 ") and listening(self.smtps)

    def facts(self) -> dict[str, str | int]:
        return {
            "smtp_url": f"smtp+starttls://localhost:{self.smtp}",
            "smtps_url": f"smtps://localhost:{self.smtps}",
            "ca_file": str(self.ca_file),
        }

    def log(self) -> str:
        return super().log() + "".join(
            path.read_text(errors="replace") for path in sorted(self.directory.glob("exim-*log"))
        )
