"""A signed-in browser that keeps its connection, so that what is timed is the portal."""

from __future__ import annotations

import gzip
import http.client
import re
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from typing import Any

from scripts.servers.dovecot import PASSWORD

IDLE = 1.0  # seconds after which a kept connection may be closed by the other side (gunicorn: 2)


@dataclass(frozen=True)
class Answer:
    octets: int  # as they travelled
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return self.body.decode()

    def value(self, name: str, *, after: str = "") -> str:
        """Of an attribute, where it stands first (behind ``after``)."""
        found = re.compile(rf'{name}="([^"]*)"').search(self.text, max(0, self.text.find(after)))
        assert found, f"no {name} in the page"
        return found[1].replace("&amp;", "&")


class Browser:
    def __init__(self, port: int, login: str) -> None:
        self._port = port
        self.cookies = sign_in(port, login)
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self._used = 0.0

    def get(self, path: str, *, fragment: bool = False) -> Answer:
        return self._ask("GET", path, fragment=fragment)

    def post(self, path: str, fields: list[tuple[str, str]], *, fragment: bool = True) -> Answer:
        return self._ask("POST", path, urllib.parse.urlencode(fields).encode(), fragment=fragment)

    def cost(self) -> tuple[int, int]:
        """SQL queries and IMAP commands of the portal so far."""
        queries, commands = self.get("/bench-cost").body.split()
        return int(queries), int(commands)

    def _ask(self, method: str, path: str, body: bytes | None = None, *, fragment: bool) -> Answer:
        headers = {"Cookie": self.cookies, "Host": "localhost", "Accept-Encoding": "gzip"}
        if fragment:
            headers["HX-Request"] = "true"
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        if time.monotonic() - self._used > IDLE:
            self._connection.close()
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        octets = answer.read()
        self._used = time.monotonic()
        plain = gzip.decompress(octets) if answer.headers.get("Content-Encoding") == "gzip" else octets
        assert answer.status in (200, 204, 302), (path, answer.status, plain[:300])
        return Answer(len(octets), plain, dict(answer.headers))


class SignIn:
    """The page of the sign-in, opened; ``send`` is the form."""

    def __init__(self, port: int, login: str) -> None:
        self._jar = CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._jar), _Stays())
        self._address = f"http://localhost:{port}/sign-in/"
        page = self._opener.open(self._address).read().decode()
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token
        self._form = {"username": login, "password": PASSWORD, "csrfmiddlewaretoken": token[1]}

    def send(self) -> Answer:
        answer = self._opener.open(self._address, urllib.parse.urlencode(self._form).encode())
        octets = answer.read()
        assert answer.status == 302, octets[:300]
        return Answer(len(octets), octets)

    @property
    def cookies(self) -> str:
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self._jar)


class _Stays(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer: where it leads is measured apart."""

    def http_error_302(self, req: Any, fp: Any, code: int, msg: str, headers: Any) -> Any:
        return fp


def sign_in(port: int, login: str) -> str:
    """The cookies of a new session."""
    page = SignIn(port, login)
    page.send()
    return page.cookies
