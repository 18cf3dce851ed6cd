"""What a TLS front does, over a socket: one site on gunicorn, asked under its own https name, octet for octet."""

from __future__ import annotations

import contextlib
import re
import socket
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlencode, urlsplit

from tests.support.site import Site

CLIENT = "203.0.113.9"


@dataclass(frozen=True)
class Answer:
    """One answer; ``hops``: where a request over plain http was led to, None where nobody listens there."""

    url: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""
    hops: tuple[str, ...] | None = None

    def all(self, name: str) -> list[str]:
        return [value.strip() for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name: str) -> str:
        """As a browser reads it: what is there several times is one list."""
        return ", ".join(self.all(name))

    @property
    def is_html(self) -> bool:
        return self.get("Content-Type").startswith(("text/html", "application/xhtml"))


@dataclass
class Visitor:
    """A browser without scripts behind the front of ``site``: it keeps cookies by host and follows nothing."""

    site: Site
    cookies: dict[str, dict[str, str]] = field(default_factory=dict)
    token: str = ""

    def ask(self, method: str, address: str, body: str = "", **headers: str) -> Answer:
        """``address``: a path of the portal, or whole. Of header names, ``_`` is a dash."""
        url = address if "://" in address else f"{self.site.url}{address}"
        parts = urlsplit(url)
        sent = {"Host": parts.netloc, "X-Forwarded-Proto": "https", "X-Forwarded-For": CLIENT}
        jar = self.cookies.setdefault(parts.netloc, {})
        if jar:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
        if body:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = HTTPConnection("127.0.0.1", int(self.site.environment["PORT"]), timeout=60)
        with contextlib.closing(connection):
            connection.request(method, url.partition(parts.netloc)[2] or "/", body or None, sent)
            found = connection.getresponse()
            answer = Answer(url, found.status, tuple(found.getheaders()), found.read())
        for line in answer.all("Set-Cookie"):
            name, _equals, rest = line.partition("=")
            jar[name] = rest.partition(";")[0].strip('"')
        return answer

    def get(self, address: str, **headers: str) -> Answer:
        answer = self.ask("GET", address, **headers)
        found = re.search(rb'name="csrfmiddlewaretoken" value="([^"]+)"', answer.body)
        self.token = found[1].decode() if found else self.token
        return answer

    def post(self, address: str, fields: dict[str, str] | None = None, **headers: str) -> Answer:
        """With the token of the last page that had a form."""
        body = urlencode({"csrfmiddlewaretoken": self.token} | (fields or {}))
        return self.ask("POST", address, body, **{"Origin": self.site.url} | headers)

    def sign_in(self, username: str, password: str) -> Answer:
        self.get("/sign-in/")
        return self.post("/sign-in/", {"username": username, "password": password})


def said(site: Site, octets: bytes) -> tuple[int, dict[str, str], str]:
    """These octets sent as they are, and what comes back: status, headers in small letters, body."""
    with socket.create_connection(("127.0.0.1", int(site.environment["PORT"])), timeout=30) as connection:
        connection.sendall(octets)
        with HTTPResponse(connection) as answer:
            answer.begin()
            body = answer.read().decode("utf-8", "replace")
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, body
