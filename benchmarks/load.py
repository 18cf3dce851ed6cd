"""Sixteen users who loop over list and open, on two web processes; each user always comes to the same one."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import threading
import time
from collections.abc import Iterator

from benchmarks.browser import Browser
from benchmarks.measure import cpu_nanoseconds, pss_megabytes
from benchmarks.seed import fill, free_port
from tests.support.mailserver import DovecotServer
from tests.support.site import Site

USERS = 16
MESSAGES = 500
SECONDS = 20.0
AIM = 350  # fragments a second


@contextlib.contextmanager
def second(site: Site) -> Iterator[Site]:
    """Another process of the same site: its database, its files, another port."""
    port = free_port()
    environment = site.environment | {"PORT": str(port)}
    other = dataclasses.replace(site, url=f"http://localhost:{port}", environment=environment)
    other.start()
    try:
        yield other
    finally:
        other.stop()


class User(threading.Thread):
    """Asks over a bare socket and leaves the answers packed: its own work is taken from the same two cores."""

    def __init__(self, port: int, login: str) -> None:
        super().__init__(daemon=True)
        self._port = port
        browser = Browser(port, login)
        page = browser.get("/mail/INBOX/")
        self._validity, self._top = page.value("data-uidvalidity"), int(page.value("data-uid"))
        self._headers = f"Host: localhost\r\nCookie: {browser.cookies}\r\nAccept-Encoding: gzip\r\nHX-Request: true\r\n"
        self.until = 0.0
        self.lists: list[float] = []
        self.opened: list[float] = []

    def run(self) -> None:
        self._socket = socket.create_connection(("127.0.0.1", self._port))
        self._stream = self._socket.makefile("rb")
        number = 0
        while time.perf_counter() < self.until:
            number += 1
            self.lists.append(self._timed("/mail/INBOX/?role=inbox"))
            uid = self._top - number % (MESSAGES - 10)
            self.opened.append(self._timed(f"/mail/INBOX/{uid}/?v={self._validity}&role=inbox"))

    def _timed(self, path: str) -> float:
        started = time.perf_counter()
        self._socket.sendall(f"GET {path} HTTP/1.1\r\n{self._headers}\r\n".encode())
        status, length = self._stream.readline(), 0
        while (line := self._stream.readline().lower()).strip():
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        assert b" 200 " in status and length > 500, (path, status, length)
        assert len(self._stream.read(length)) == length
        return (time.perf_counter() - started) * 1000


def run(server: DovecotServer, site: Site, *, seconds: float = SECONDS, users: int = USERS) -> Iterator[str]:
    """The lines of the report."""
    logins = [server.new_user() for _ in range(users)]
    for login in logins:
        fill(server, login, MESSAGES)
    with second(site) as other:
        sites = (site, other)
        crowd = [User(int(sites[n % 2].environment["PORT"]), login) for n, login in enumerate(logins)]
        used = [cpu_nanoseconds(each.pid) for each in sites]
        until = time.perf_counter() + seconds
        for user in crowd:
            user.until = until
            user.start()
        peak = 0.0
        while any(user.is_alive() for user in crowd):
            peak = max(peak, sum(pss_megabytes(each.pid) for each in sites))
            crowd[0].join(0.5)
            for user in crowd:
                user.join(0.0)
        cpu = sum(cpu_nanoseconds(each.pid) - before for each, before in zip(sites, used, strict=True))
    lists = sorted(time for user in crowd for time in user.lists)
    opened = sorted(time for user in crowd for time in user.opened)
    count = len(lists) + len(opened)
    rate = count / seconds
    yield f"{users} users over list and open, {seconds:g} s, two web processes, {MESSAGES} messages each"
    yield f"  fragments a second {rate:8.0f}    aim {AIM}    {'met' if rate >= AIM else 'NOT MET'}"
    yield f"  p95 list {_p95(lists):.1f} ms, open {_p95(opened):.1f} ms"
    yield f"  CPU of the web tier for a fragment {cpu / count / 1e6:.2f} ms"
    yield f"  peak memory of both web processes (PSS) {peak:.0f} MB"


def _p95(times: list[float]) -> float:
    return times[int(len(times) * 0.95)] if times else 0.0
