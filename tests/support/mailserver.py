"""IMAP servers as the tests see them: addresses, people, and ways to put mail there behind the portal's back."""

from __future__ import annotations

import asyncio
import contextlib
import imaplib
import itertools
import os
import re
import smtplib
import socket
import threading
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pymap.backend.dict import DictBackend, Login
from pymap.imap import IMAPService
from pymap.user import UserMetadata
from pysasl.hashing import Cleartext

from demo.server import hold_tasks
from scripts.servers.base import HOST, listening
from scripts.servers.cyrus import ADMIN, Cyrus
from scripts.servers.dovecot import PASSWORD, PEOPLE, Dovecot, maildir

_APPENDUID = re.compile(rb"APPENDUID (\d+) (\d+)")
DOMAIN = "example.test"
Refused = imaplib.IMAP4.error  # the server says no, or goes away


class MailServer:
    """What all IMAP servers of the tests offer. Everybody's password is `password`.

    alice, bob and charlie are for stories; a test that fills or counts takes people of its own with `new_user`.
    """

    host = "localhost"
    password = PASSWORD
    imap_port: int
    ca_file: Path | None = None

    def __init__(self) -> None:
        self._fresh = itertools.count(1)

    @property
    def url(self) -> str:
        """The plain-text address, which the portal accepts on loopback."""
        return f"imap://{self.host}:{self.imap_port}"

    def new_user(self) -> str:
        """The login of somebody whose mailbox no other test touches."""
        return f"u{next(self._fresh)}"

    def address(self, login: str) -> str:
        return f"{login}@{DOMAIN}"

    @contextlib.contextmanager
    def session(self, login: str) -> Iterator[imaplib.IMAP4]:
        """A bare IMAP session: the oracle that tests compare the portal with."""
        client = imaplib.IMAP4(HOST, self.imap_port, timeout=30)
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # imaplib writes in pieces
        try:
            client.login(login, self.password)
            yield client
        finally:
            with contextlib.suppress(OSError, imaplib.IMAP4.error):
                client.logout()

    def append(
        self, login: str, *messages: bytes, mailbox: str = "INBOX", flags: str = "", date: datetime | None = None
    ) -> list[int]:
        """Store messages by APPEND (with CRLF line ends); returns their UIDs. A missing mailbox is created.

        ``flags`` as in IMAP: ``"\\\\Seen \\\\Flagged"``; ``date`` becomes the internal date.
        """
        with self.session(login) as client:
            name = quote(mailbox)
            if client.status(name, "(UIDNEXT)")[0] != "OK":
                check(client.create(name))
            when = imaplib.Time2Internaldate(date or datetime.now(UTC))
            uids = []
            for message in messages:
                answer = check(client.append(name, f"({flags})", when, crlf(message)))
                found = _APPENDUID.search(answer[0])
                assert found, answer
                uids.append(int(found[2]))
            return uids

    def messages(self, login: str, mailbox: str = "INBOX") -> list[bytes]:
        """All messages of a mailbox as the server has them, oldest first."""
        with self.session(login) as client:
            if check(client.select(quote(mailbox), readonly=True)) == [b"0"]:
                return []
            return [item[1] for item in check(client.fetch("1:*", "(BODY.PEEK[])")) if isinstance(item, tuple)]

    def flags(self, login: str, uid: int, mailbox: str = "INBOX") -> set[str]:
        """The flags of one message without \\Recent, which belongs to the session."""
        with self.session(login) as client:
            check(client.select(quote(mailbox), readonly=True))
            answer = check(client.uid("FETCH", str(uid), "(FLAGS)"))
            found = re.search(rb"FLAGS \(([^)]*)\)", answer[0])
            assert found, answer
            return set(found[1].decode().split()) - {"\\Recent"}


class DovecotServer(MailServer):
    """A Dovecot of this test process; `server` is the process itself."""

    def __init__(self, server: Dovecot) -> None:
        super().__init__()
        self.server = server
        self.imap_port = server.imap
        self.imaps_port = server.imaps
        self.pop3_port, self.pop3s_port = server.pop3, server.pop3s
        self.lmtp_port = server.lmtp
        self.submission_port = server.submission
        self.ca_file = server.ca_file

    @property
    def tls_url(self) -> str:
        return f"imaps://{self.host}:{self.imaps_port}"

    @property
    def pop3_url(self) -> str:
        return f"pop3://{self.host}:{self.pop3_port}"

    @property
    def pop3s_url(self) -> str:
        return f"pop3s://{self.host}:{self.pop3s_port}"

    @property
    def starttls_url(self) -> str:
        return f"imap+starttls://{self.host}:{self.imap_port}"

    def set_password(self, login: str, password: str) -> None:
        """Change somebody's password, or create an account; it holds from the next sign-in on."""
        self.server.set_password(login, password)

    def deliver(self, login: str, *messages: bytes, sender: str = "sender@example.test") -> None:
        """Hand messages over by LMTP, as a mail server does; they are in INBOX when this returns."""
        with smtplib.LMTP(HOST, self.lmtp_port) as client:
            for message in messages:
                refused = client.sendmail(sender, [self.address(login)], crlf(message))
                assert not refused, refused

    def fill(
        self, login: str, messages: Iterable[tuple[bytes, datetime]], *, mailbox: str = "INBOX", flags: str = ""
    ) -> None:
        """Write many (message, internal date) pairs straight to disk: 10,000 a second. UIDs follow their order.

        ``flags`` are Maildir letters ("S" seen, "F" flagged, "R" answered, "T" deleted, "D" draft).
        """
        root = maildir(self.server, login, mailbox)
        for folder in ("cur", "new", "tmp"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        start = time.time_ns()
        for number, (message, date) in enumerate(messages):
            data = crlf(message).replace(b"\r\n", b"\n")
            name = f"{start // 10**9}.M{number:09d}P{start % 10**9}.test,S={len(data)}:2,{flags}"
            path = root / "cur" / name
            path.write_bytes(data)
            os.utime(path, (date.timestamp(), date.timestamp()))
        if os.getuid() == 0:
            self.server.workdir.own()

    def stop(self) -> None:
        self.server.stop()

    def kill(self) -> None:
        self.server.kill()

    def start(self) -> None:
        self.server.start()

    def restart(self) -> None:
        self.server.restart()

    def paused(self) -> contextlib.AbstractContextManager[None]:
        """Inside the block the server hangs: connections are accepted and nothing ever answers."""
        return self.server.paused()

    def log(self) -> str:
        return self.server.log()


class CyrusServer(MailServer):
    """Another real server that can do much, and does it in ways of its own."""

    def __init__(self, server: Cyrus) -> None:
        super().__init__()
        self.server = server
        self.imap_port, self.imaps_port = server.imap, server.imaps
        self.ca_file = server.ca_file

    def new_user(self) -> str:
        login = super().new_user()
        self.server.set_password(login, self.password)
        return login

    def set_password(self, login: str, password: str) -> None:
        self.server.set_password(login, password)

    @contextlib.contextmanager
    def administrator(self) -> Iterator[imaplib.IMAP4]:
        """Who may set quotas."""
        with self.session(ADMIN) as session:
            yield session


class PymapServer(MailServer):
    """The poor server: a real IMAP server with almost no extensions (no SORT, ESEARCH, CONDSTORE, SPECIAL-USE...)."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.imap_port = port
        self._loop = asyncio.new_event_loop()
        self._done: asyncio.Event | None = None
        self._login: Login | None = None
        self._thread = threading.Thread(target=self._serve, name="pymap", daemon=True)

    def start(self) -> None:
        self._thread.start()
        deadline = time.monotonic() + 120
        while not listening(self.imap_port):
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError("pymap did not start")
            time.sleep(0.01)

    def stop(self) -> None:
        if self._done is not None:
            self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join(10)

    def set_password(self, login: str, password: str) -> None:
        assert self._login is not None
        config: Any = self._login.config
        self._login.users_dict[login] = UserMetadata(config, login, password=password)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        hold_tasks(self._loop)
        try:
            self._loop.run_until_complete(self._main())
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    async def _main(self) -> None:
        self._done = asyncio.Event()
        backend, config = await DictBackend.init(
            self._arguments(), hash_context=Cleartext(), invalid_user_sleep=0.0, reject_dnsbl=False
        )
        config.apply_context()
        self._login = backend.login
        for login in PEOPLE:
            self.set_password(login, PASSWORD)
        async with contextlib.AsyncExitStack() as stack:
            await IMAPService(backend, config).start(stack)
            await self._done.wait()

    def _arguments(self) -> Namespace:
        parser = ArgumentParser()
        parser.add_argument("--debug", action="store_true")
        parser.set_defaults(passlib_cfg=None)
        DictBackend.add_subparser("dict", parser.add_subparsers(dest="backend"))
        IMAPService.add_arguments(parser)
        return parser.parse_args(["--host", HOST, "--port", str(self.imap_port), "--no-tls", "dict"])


class DeafServer:
    """Accepts connections and never says a word, or closes at once: for time-outs. Not a mock of any protocol."""

    def __init__(self, *, close: bool = False) -> None:
        self._listener = socket.create_server((HOST, 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._close = close
        self._held: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, name="deaf server", daemon=True)
        self._thread.start()

    @property
    def connections(self) -> int:
        """How many clients are or were held."""
        return len(self._held)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._held.append(client)
                if self._close:
                    client.close()

    def stop(self) -> None:
        # close() alone does not wake a thread that waits in accept()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
        for client in self._held:
            client.close()


def crlf(message: bytes) -> bytes:
    return re.sub(rb"\r?\n", b"\r\n", message)


def quote(mailbox: str) -> str:
    """A mailbox name as an IMAP quoted string; names beyond ASCII come in modified UTF-7 already."""
    return '"' + mailbox.replace("\\", "\\\\").replace('"', '\\"') + '"'


def check(answer: tuple[str, list[Any]]) -> list[Any]:
    status, data = answer
    assert status == "OK", data
    return data
