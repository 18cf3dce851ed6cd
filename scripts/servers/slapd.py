"""OpenLDAP: a small directory with people as inetOrgPerson, each also with attributes as Active Directory has them."""

from __future__ import annotations

import subprocess

from scripts.servers import tls
from scripts.servers.base import HOST, Server, Workdir, listening

BASE = "dc=example,dc=test"
PEOPLE_BASE = f"ou=people,{BASE}"
ADMIN, ADMIN_PASSWORD = f"cn=admin,{BASE}", "admin"
PASSWORD = "secret"
#: Everybody has the password `PASSWORD`, and Dovecot knows them too. jdoe's address is jane.doe@example.test.
PEOPLE = {"alice": "Alice Adams", "bob": "Bob Brown", "charlie": "Charlie Chen", "jdoe": "Jane Doe"}

_SCHEMA = """attributetype ( 1.2.840.113556.1.4.221 NAME 'sAMAccountName' EQUALITY caseIgnoreMatch
 SUBSTR caseIgnoreSubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.8 NAME 'userAccountControl' EQUALITY integerMatch
 SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
objectclass ( 1.2.840.113556.1.5.9.9 NAME 'adUser' SUP top AUXILIARY MAY ( sAMAccountName $ userAccountControl ) )
"""
_OPTIONS = """include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
include {directory}/ad.schema
modulepath /usr/lib/ldap
moduleload back_mdb
{modules}pidfile {directory}/slapd.pid
TLSCACertificateFile {directory}/tls/ca.pem
TLSCertificateFile {directory}/tls/server.pem
TLSCertificateKeyFile {directory}/tls/server.key
allow bind_anon_dn
sizelimit size.soft=500 size.hard=500 size.prtotal=unlimited
database mdb
suffix {base}
rootdn {admin}
rootpw {password}
directory {directory}/db
maxsize 268435456
dbnosync
{indexes}
{overlays}{access}"""


class Slapd(Server):
    name = "slapd"
    packages = ("slapd", "ldap-utils", *tls.PACKAGES)
    schema = _SCHEMA
    modules = overlays = ""  # lines of slapd.conf(5)
    access = "access to attrs=userPassword by anonymous auth by * none\naccess to * by users read by anonymous read\n"
    indexes = "index objectClass,uid,mail,sAMAccountName eq"
    programs = ("/usr/sbin/slapd", "/usr/sbin/slapadd", "/usr/bin/ldapmodify", "/usr/bin/ldapwhoami")

    def __init__(self, workdir: Workdir, *, die_with_parent: bool = True) -> None:
        super().__init__(workdir, die_with_parent=die_with_parent)
        self.ldap, self.ldaps = workdir.free_port(), workdir.free_port()
        self.ca_file = self.directory / "tls" / "ca.pem"
        self._logins = 0

    @property
    def tls_url(self) -> str:
        return f"ldaps://localhost:{self.ldaps}"

    @property
    def starttls_url(self) -> str:
        return f"ldap+starttls://localhost:{self.ldap}"

    def configure(self) -> None:
        (self.directory / "db").mkdir()
        tls.make_authority(self.ca_file.parent)
        tls.issue(self.ca_file.parent)
        (self.directory / "ad.schema").write_text(self.schema)
        values = {"directory": self.directory, "base": BASE, "admin": ADMIN, "password": ADMIN_PASSWORD}
        values |= {"indexes": self.indexes, "overlays": self.overlays, "modules": self.modules, "access": self.access}
        options = self.directory / "slapd.conf"
        options.write_text(_OPTIONS.format(**values))
        self.workdir.own()
        words = [*self.workdir.as_user(), "/usr/sbin/slapadd", "-q", "-f", str(options)]
        self._run(words, "\n".join(self.tree()))

    def tree(self) -> list[str]:
        """What is in it from the beginning, as LDIF."""
        return [
            f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\no: Example\n",
            f"dn: {PEOPLE_BASE}\nobjectClass: organizationalUnit\n",
            *(person(login, name) for login, name in PEOPLE.items()),
        ]

    def command(self) -> list[str]:
        addresses = f"ldap://{HOST}:{self.ldap}/ ldaps://{HOST}:{self.ldaps}/"
        return ["/usr/sbin/slapd", "-d", "0", "-f", str(self.directory / "slapd.conf"), "-h", addresses]

    def answers(self) -> bool:
        return listening(self.ldap) and listening(self.ldaps)

    def facts(self) -> dict[str, str | int]:
        return {
            "ldap_url": f"ldap://localhost:{self.ldap}",
            "ldaps_url": self.tls_url,
            "base": BASE,
            "bind_dn": ADMIN,
            "bind_password": ADMIN_PASSWORD,
            "ca_file": str(self.ca_file),
            "users": " ".join(PEOPLE),
            "password": PASSWORD,
        }

    # what tests do with it

    def new_user(self, **attributes: str) -> str:
        """Somebody of a test's own; returns the login."""
        self._logins += 1
        login = f"p{self._logins}"
        self.add(person(login, f"Person {self._logins}", **attributes))
        return login

    def add(self, *entries: str) -> None:
        self.modify("\n".join(entries), "-a")

    def change(self, login: str, **attributes: str) -> None:
        """Give attributes their only value."""
        lines = "\n-\n".join(f"replace: {name}\n{name}: {value}" for name, value in attributes.items())
        self.modify(f"dn: {dn(login)}\nchangetype: modify\n{lines}\n")

    def delete(self, login: str) -> None:
        self.delete_dn(dn(login))

    def delete_dn(self, name: str) -> None:
        self.modify(f"dn: {name}\nchangetype: delete\n")

    def modify(self, ldif: str, *options: str) -> None:
        words = ["ldapmodify", *options, "-x", "-H", f"ldap://{HOST}:{self.ldap}", "-D", ADMIN, "-w", ADMIN_PASSWORD]
        self._run(words, ldif)

    def _run(self, words: list[str], text: str) -> None:
        done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{words[0]}: {done.stderr[-1000:]}")


def dn(login: str) -> str:
    return f"uid={login},{PEOPLE_BASE}"


def person(login: str, name: str, **attributes: str) -> str:
    """An entry as LDIF. ``name``: given name and surname."""
    mail = "jane.doe@example.test" if login == "jdoe" else f"{login}@example.test"
    values = {
        "uid": login,
        "cn": name,
        "sn": name.split()[-1],
        "mail": mail,
        "sAMAccountName": login,
        "userAccountControl": "512",
        "userPassword": PASSWORD,
        **attributes,
    }
    lines = [f"{key}: {value}" for key, value in values.items()]
    return "\n".join([f"dn: {dn(login)}", "objectClass: inetOrgPerson", "objectClass: adUser", *lines, ""])
