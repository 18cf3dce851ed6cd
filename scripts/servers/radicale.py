"""Radicale: a CardDAV server over https, with people and their address books. From PyPI (requirements-dev.txt)."""

from __future__ import annotations

import base64
import http.client
import ssl
import sys

from scripts.servers import tls
from scripts.servers.base import HOST, Server, Workdir, listening

PASSWORD = "pw-Zq7Harrier-5521"  # tests/proof/test_canary.py looks for it
_OPTIONS = """[server]
hosts = {host}:{port}
ssl = True
certificate = {directory}/tls/server.pem
key = {directory}/tls/server.key
[auth]
type = htpasswd
htpasswd_filename = {directory}/people
htpasswd_encryption = plain
delay = 0
[rights]
type = owner_only
[storage]
filesystem_folder = {directory}/books
[web]
type = none
"""
_BOOK = """<?xml version="1.0"?><mkcol xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav"><set><prop>
<resourcetype><collection/><C:addressbook/></resourcetype><displayname>{name}</displayname></prop></set></mkcol>"""


class Radicale(Server):
    name = "radicale"
    packages = ("radicale", *tls.PACKAGES)
    programs = (sys.executable,)

    def __init__(self, workdir: Workdir, *, die_with_parent: bool = True) -> None:
        super().__init__(workdir, die_with_parent=die_with_parent)
        self.port = workdir.free_port()
        self.ca_file = self.directory / "tls" / "ca.pem"
        self._people = 0

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def configure(self) -> None:
        tls.make_authority(self.ca_file.parent)
        tls.issue(self.ca_file.parent)
        (self.directory / "people").write_text("".join(f"p{number}:{PASSWORD}\n" for number in range(1, 200)))
        options = _OPTIONS.format(host=HOST, port=self.port, directory=self.directory)
        (self.directory / "radicale.conf").write_text(options)
        self.workdir.own()

    def command(self) -> list[str]:
        return [sys.executable, "-m", "radicale", "--config", str(self.directory / "radicale.conf")]

    def answers(self) -> bool:
        return listening(self.port)

    def facts(self) -> dict[str, str | int]:
        return {"url": self.url, "password": PASSWORD, "ca_file": str(self.ca_file)}

    # what tests do with it

    def new_person(self) -> str:
        """Somebody of a test's own, without books; returns the login."""
        self._people += 1
        return f"p{self._people}"

    def make_book(self, login: str, book: str, *, name: str) -> str:
        """Returns its address."""
        self.ask("MKCOL", login, f"/{login}/{book}/", _BOOK.format(name=name))
        return f"{self.url}/{login}/{book}/"

    def put(self, login: str, book: str, card: str, text: str) -> None:
        self.ask("PUT", login, f"/{login}/{book}/{card}.vcf", text)

    def delete(self, login: str, path: str) -> None:
        self.ask("DELETE", login, path)

    def ask(self, method: str, login: str, path: str, body: str = "") -> bytes:
        """Raises where the server refuses."""
        context = ssl.create_default_context(cafile=str(self.ca_file))
        connection = http.client.HTTPSConnection("localhost", self.port, context=context, timeout=30)
        proof = base64.b64encode(f"{login}:{PASSWORD}".encode()).decode()
        kind = "text/vcard; charset=utf-8" if method == "PUT" else "application/xml; charset=utf-8"
        headers = {"Authorization": f"Basic {proof}", "Content-Type": kind}
        connection.request(method, path, body=body.encode() or None, headers=headers)
        answer = connection.getresponse()
        octets = answer.read()
        connection.close()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {octets[:300]!r}")
        return octets
