"""Where sent mail arrives: behind the real submission server, or at a small SMTP server beside the poor IMAP server.
Both refuse the same people (scripts/servers/exim.py)."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Protocol

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from scripts.servers import exim
from tests.support.servers import SubmissionServer

PATIENCE = 60.0  # seconds in which a message must have arrived


def read(octets: bytes) -> EmailMessage:
    message = message_from_bytes(octets.replace(b"\r\n", b"\n"), policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def text_of(message: EmailMessage) -> str:
    """The plain text, with LF line ends."""
    body = message.get_body(("plain",))
    assert body is not None
    text: str = body.get_content()
    return text.replace("\r\n", "\n")


class PostOffice(Protocol):
    @property
    def url(self) -> str: ...
    @property
    def ca_file(self) -> str: ...

    def received(self, login: str) -> list[bytes]:
        """Every message that has arrived for somebody by now, as their server has it."""
        ...

    def new_login(self) -> str:
        """Somebody who can be written to."""
        ...


def arrived(post: PostOffice, login: str, count: int = 1) -> list[bytes]:
    """The messages that have arrived for somebody, once there are so many."""
    deadline = time.monotonic() + PATIENCE
    while len(found := post.received(login)) < count:
        assert time.monotonic() < deadline, f"{len(found)} of {count} messages arrived for {login}"
        time.sleep(0.02)
    return found


@dataclass
class RealPost:
    """Exim, which delivers into Dovecot's mailboxes."""

    server: SubmissionServer

    @property
    def url(self) -> str:
        return self.server.starttls_url

    @property
    def ca_file(self) -> str:
        return str(self.server.ca_file)

    def received(self, login: str) -> list[bytes]:
        return self.server.dovecot.messages(login)

    def new_login(self) -> str:
        return self.server.dovecot.new_user()


@dataclass
class SmallPost:
    """aiosmtpd. What it takes, it keeps by recipient; it sees the octets exactly as they were sent."""

    password: str
    ca_file: str = ""
    utf8: bool = False  # offers SMTPUTF8
    boxes: dict[str, list[bytes]] = field(default_factory=dict)
    envelopes: list[Envelope] = field(default_factory=list)
    _logins: int = 0

    def __post_init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, name="small post", daemon=True)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self._listener.getsockname()[1]}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(self._loop.create_server(self._session, sock=self._listener))
        try:
            self._loop.run_forever()
        finally:
            server.close()
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
            self._loop.run_until_complete(asyncio.sleep(0))
            self._loop.close()

    def _session(self) -> SMTP:
        return SMTP(
            self,
            authenticator=self._check,
            auth_require_tls=False,
            enable_SMTPUTF8=self.utf8,
            loop=self._loop,
            hostname="post",
        )

    def received(self, login: str) -> list[bytes]:
        return self.boxes.get(f"{login}@example.test", [])

    def new_login(self) -> str:
        self._logins += 1
        return f"p{self._logins}"

    def _check(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=data.password.decode() == self.password, handled=False)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        refusals = {
            exim.REFUSED: "550 5.1.1 No such person here",
            exim.OVER_QUOTA: "552 5.2.2 The mailbox is full",
            exim.DELAYED: "451 4.2.2 Try again later",
            exim.FOREIGN: "550 5.7.1 Relaying to this domain is refused",
        }
        if not session.authenticated:
            return "530 5.7.0 Authentication required"
        if address in refusals:
            return refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        self.envelopes.append(envelope)
        for address in envelope.rcpt_tos:
            self.boxes.setdefault(address, []).append(envelope.content)
        return "250 OK"
