"""The list and the message: the portal's time for a page beside bare IMAP on a socket, in one run.

    python -m benchmarks.mail_pages [SIZE...]     (1,000 and 100,000 messages without sizes)

Everything is warm: the portal holds its IMAP connection, the bare socket is signed in with the mailbox selected. The
bare figures are the least that any client waits for: one FETCH of what a list of 50 rows shows, one FETCH of a message.
"""

from __future__ import annotations

import http.client
import socket
import statistics
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.cookiejar import CookieJar

from scripts.servers.base import HOST, Workdir
from scripts.servers.dovecot import PASSWORD, Dovecot
from tests.support.mailserver import DovecotServer
from tests.support.site import Site, running_site

SIZES = (1_000, 100_000)
ROUNDS = 40
WINDOW = 50


def letters(count: int) -> Iterator[tuple[bytes, datetime]]:
    """Plain letters of about 4 KB, one every ten minutes, the last one now."""
    body = "\r\n".join(["The felt is dry and the poles are cut, so we can raise it before the snow comes."] * 45)
    start = datetime.now(UTC) - timedelta(minutes=10 * count)
    for number in range(count):
        when = start + timedelta(minutes=10 * number)
        head = (
            f"From: Person {number % 97} <person{number % 97}@example.test>\r\nTo: alice@example.test\r\n"
            f"Subject: Letter {number} about the winter camp\r\nDate: {when:%a, %d %b %Y %H:%M:%S +0000}\r\n"
            f"Message-ID: <{number}@example.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        )
        yield f"{head}\r\n{body}\r\n".encode(), when


class BareImap:
    """IMAP with nothing around it: writes a line, reads until the tagged answer, parses nothing."""

    def __init__(self, port: int, login: str) -> None:
        self._socket = socket.create_connection((HOST, port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._read_until(b"\r\n")
        self.command(f"LOGIN {login} {PASSWORD}")

    def command(self, line: str) -> bytes:
        self._socket.sendall(f"x {line}\r\n".encode())
        answer = self._read_until(b"\r\n", tag=b"x ")
        assert b"\r\nx OK" in b"\r\n" + answer, answer[-200:]
        return answer

    def _read_until(self, end: bytes, tag: bytes = b"") -> bytes:
        data = b""
        while not (data.endswith(end) and (b"\r\n" + data)[:-2].rpartition(b"\r\n")[2].startswith(tag)):
            data += self._socket.recv(1 << 20)
        return data

    def close(self) -> None:
        self._socket.close()


class Browser:
    """A signed-in browser that keeps its connection, so that what is timed is the portal."""

    def __init__(self, site: Site, login: str) -> None:
        jar = CookieJar()
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        page = opener.open(f"{site.url}/sign-in/").read().decode()
        token = page.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
        form = {"username": login, "password": PASSWORD, "csrfmiddlewaretoken": token}
        opener.open(f"{site.url}/sign-in/", urllib.parse.urlencode(form).encode()).read()
        self._cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)
        self._connection = http.client.HTTPConnection("127.0.0.1", int(site.environment["PORT"]))

    def get(self, path: str) -> bytes:
        headers = {"Cookie": self._cookies, "Host": "localhost"}
        self._connection.request("GET", path, headers=headers)
        answer = self._connection.getresponse()
        body = answer.read()
        assert answer.status == 200, (path, answer.status, body[:300])
        return body


def milliseconds(work: Callable[[int], object]) -> tuple[float, float]:
    """Median and 95th percentile over the rounds, after two that do not count."""
    times = []
    for number in range(ROUNDS + 2):
        started = time.perf_counter()
        work(number)
        times.append((time.perf_counter() - started) * 1000)
    times = sorted(times[2:])
    return statistics.median(times), times[int(len(times) * 0.95)]


@dataclass(frozen=True)
class Row:
    what: str
    messages: int
    bare: tuple[float, float]
    portal: tuple[float, float]

    def __str__(self) -> str:
        ratio = self.portal[0] / self.bare[0]
        return (
            f"{self.what:<24}{self.messages:>9,}{self.bare[0]:>11.2f}{self.bare[1]:>9.2f}"
            f"{self.portal[0]:>13.2f}{self.portal[1]:>9.2f}{ratio:>9.1f}"
        )


HEADING = f"{'':<24}{'messages':>9}{'bare IMAP':>11}{'p95':>9}{'portal':>13}{'p95':>9}{'ratio':>9}   (ms)"


def measure(server: DovecotServer, site: Site, login: str, size: int) -> list[Row]:
    bare = BareImap(server.imap_port, login)
    bare.command("SELECT INBOX")
    browser = Browser(site, login)
    window = f"FETCH {max(1, size - WINDOW + 1)}:{size} (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)"
    body = browser.get("/mail/INBOX/").decode()
    validity = body.partition('data-uidvalidity="')[2].partition('"')[0]
    rows = [
        Row(
            "list of 50",
            size,
            milliseconds(lambda _: bare.command(window)),
            milliseconds(lambda _: browser.get("/mail/INBOX/")),
        ),
        Row(
            "message, never opened",
            size,
            milliseconds(lambda n: bare.command(f"UID FETCH {size - n} (BODYSTRUCTURE BODY.PEEK[])")),
            milliseconds(lambda n: browser.get(f"/mail/INBOX/{size - n}/?v={validity}")),
        ),
    ]
    bare.close()
    return rows


def main(words: list[str]) -> int:
    sizes = [int(word) for word in words] or list(SIZES)
    workdir = Workdir.create()
    dovecot = Dovecot(workdir, connections_per_user=20)
    dovecot.configure()
    dovecot.start()
    try:
        server = DovecotServer(dovecot)
        nowhere = "smtp://127.0.0.1:9"  # nothing is sent
        settings = {"IMAP_URL": server.tls_url, "IMAP_TLS_CA_FILE": str(server.ca_file), "SMTP_URL": nowhere}
        with running_site(**settings) as site:
            print(HEADING, flush=True)
            for size in sizes:
                login = server.new_user()
                server.fill(login, letters(size))
                for row in measure(server, site, login, size):
                    print(row, flush=True)
    finally:
        dovecot.stop()
        workdir.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
