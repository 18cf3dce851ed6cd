"""A program with an app password, as the tests drive it."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from urllib.parse import unquote
from xml.etree import ElementTree

from django.http import HttpResponseBase
from django.test import Client

from apps.auth.factors import app_passwords
from apps.auth.models import User

D, C, S = "{DAV:}", "{urn:ietf:params:xml:ns:carddav}", "{http://calendarserver.org/ns/}"
SPACES = 'xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav" xmlns:S="http://calendarserver.org/ns/"'


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def xml(self) -> ElementTree.Element:
        return ElementTree.fromstring(self.body)

    @property
    def condition(self) -> str:
        """The precondition that was not met, without its namespace."""
        root = self.xml
        assert root.tag == f"{D}error", self.body
        return root[0].tag.rpartition("}")[2]

    def responses(self) -> dict[str, dict[str, str]]:
        """By address: what was found, its text or that of the address within; ``status`` where that is all there is."""
        found: dict[str, dict[str, str]] = {}
        for each in self.xml.findall(f"{D}response"):
            props: dict[str, str] = {}
            for stat in each.findall(f"{D}propstat"):
                code = (stat.findtext(f"{D}status") or "").split()[1]
                for prop in stat.find(f"{D}prop"):
                    href = prop.find(f"{D}href")
                    text = (href.text if href is not None else prop.text) or ""
                    props[prop.tag.rpartition("}")[2]] = text if code == "200" else code
            alone = each.findtext(f"{D}status")
            if alone:
                props["status"] = alone.split()[1]
            found[unquote(each.findtext(f"{D}href") or "")] = props
        return found

    @property
    def token(self) -> str:
        return self.xml.findtext(f"{D}sync-token") or ""


@dataclass
class Phone:
    user: User
    password: str = ""
    client: Client = field(default_factory=lambda: Client(enforce_csrf_checks=True))

    @classmethod
    def of(cls, user: User, name: str = "Anna's phone") -> Phone:
        return cls(user, app_passwords.make(user, name=name))

    @property
    def home(self) -> str:
        return f"/contacts/dav/{self.user.pk}/books/"

    def book(self, pk: int) -> str:
        return f"{self.home}b{pk}/"

    def ask(
        self, method: str, path: str, body: str | bytes = "", kind: str = "application/xml", **headers: str
    ) -> Answer:
        packed = base64.b64encode(f"{self.user.login}:{self.password}".encode()).decode()
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        given = {"Authorization": f"Basic {packed}"} | given
        octets = body.encode() if isinstance(body, str) else body
        answer: HttpResponseBase = self.client.generic(method, path, octets, kind, headers=given)
        whole = b"".join(answer.streaming_content) if answer.streaming else answer.content
        return Answer(answer.status_code, dict(answer.headers), whole)

    def propfind(self, path: str, *props: str, depth: str = "0", **headers: str) -> Answer:
        wanted = "".join(f"<{prop}/>" for prop in props)
        return self.ask(
            "PROPFIND", path, f"<propfind {SPACES}><prop>{wanted}</prop></propfind>", Depth=depth, **headers
        )

    def sync(self, path: str, token: str = "", more: str = "") -> Answer:
        body = f"<sync-collection {SPACES}><sync-token>{token}</sync-token><sync-level>1</sync-level>{more}"
        return self.ask("REPORT", path, f"{body}<prop><getetag/></prop></sync-collection>")

    def query(self, path: str, inner: str, *, more: str = "", test: str = "anyof") -> Answer:
        body = f"<C:addressbook-query {SPACES}><prop><getetag/><C:address-data/></prop>"
        return self.ask("REPORT", path, f'{body}<C:filter test="{test}">{inner}</C:filter>{more}</C:addressbook-query>')

    def multiget(self, path: str, *hrefs: str, data: str = "<C:address-data/>") -> Answer:
        asked = "".join(f"<href>{href}</href>" for href in hrefs)
        return self.ask(
            "REPORT",
            path,
            f"<C:addressbook-multiget {SPACES}><prop><getetag/>{data}</prop>{asked}</C:addressbook-multiget>",
        )

    def put(self, path: str, card: str, **headers: str) -> Answer:
        return self.ask("PUT", path, card.replace("\n", "\r\n"), "text/vcard; charset=utf-8", **headers)

    def get(self, path: str, version: str = "3.0") -> str:
        answer = self.ask("GET", path, Accept=f"text/vcard; version={version}")
        assert answer.status == 200, answer
        return re.sub(r"\r\n ", "", answer.body.decode()).replace("\r\n", "\n")


def card(uid: str, name: str, *lines: str, version: str = "3.0") -> str:
    inner = "\n".join(lines)
    family = name.rpartition(" ")
    return f"BEGIN:VCARD\nVERSION:{version}\nUID:{uid}\nFN:{name}\nN:{family[2]};{family[0]};;;\n{inner}\nEND:VCARD\n"
