"""The session object of imapclient, on a socket of ours.

``portal.net`` makes the socket: time-outs, TCP_NODELAY, checked TLS. What may come in, and how long it may take, is
bounded here: a line or a literal that trickles ends as one that stops does, and so does an answer without an end.
"""

from __future__ import annotations

import contextlib
import imaplib  # noqa: TID251 - spoken here
import io
import math
import socket
import ssl
import time
from collections.abc import Iterator
from typing import Any

from imapclient import IMAPClient  # noqa: TID251 - spoken here

from apps.mail.mailbox import errors
from apps.mail.mailbox.account import Account
from portal import net

MAX_LINE = 16 * 1024 * 1024  # of an answer without its literals: UID SORT of two million messages
MAX_OCTETS = 256 * 1024 * 1024  # of all that answers the commands sent together
LONGEST = 300.0  # seconds until these are answered; servers at work say "still here" meanwhile
SLOWEST = 64 * 1024  # octets a second


class Unreasonable(OSError):
    """More came than anybody has asked for."""


class TooLong(Unreasonable):
    """A line beyond ``MAX_LINE``."""


class Arrivals(io.RawIOBase):
    """What a socket receives, within bounds. ``patience``: seconds that a line or a literal may take, however it comes,
    and a second more for each ``SLOWEST`` octets of it. ``deadline``: when all has to be here."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._raw = socket.SocketIO(connected, "r")
        self.patience = connected.gettimeout() or net.READ_TIMEOUT
        self.deadline = math.inf
        self._left, self._end, self._until = MAX_OCTETS, 0.0, 0.0
        self.begin()

    def begin(self) -> None:
        """New commands are sent."""
        self._left, self._end = MAX_OCTETS, min(time.monotonic() + LONGEST, self.deadline)

    def expect(self) -> None:
        """A line or a literal is waited for."""
        self._until = time.monotonic() + self.patience

    @contextlib.contextmanager
    def hurried(self, seconds: float) -> Iterator[None]:
        before = self.patience, self.deadline
        self.patience = min(seconds, self.patience)
        self.deadline = min(time.monotonic() + seconds, self.deadline)
        try:
            yield
        finally:
            self.patience, self.deadline = before

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._socket.gettimeout() != 0:
            left = min(self._until, self._end) - time.monotonic()
            if left <= 0:
                raise TimeoutError("it comes too slowly")
            self._socket.settimeout(min(left, self.patience))
        got: int | None = self._raw.readinto(buffer)
        self._until += (got or 0) / SLOWEST
        self._left -= got or 0
        if self._left < 0:
            raise Unreasonable("it does not end")
        return got

    def close(self) -> None:
        self._raw.close()
        super().close()


class Stream(imaplib.IMAP4):
    """imaplib on a socket that is connected already."""

    def __init__(self, connected: socket.socket) -> None:
        self._connected = connected
        super().__init__()

    def open(self, host: str = "", port: int = 0, timeout: float | None = None) -> None:
        self.use(self._connected)

    def use(self, connected: socket.socket) -> None:
        self.sock = connected
        self.arrivals = Arrivals(connected)
        self.reader = io.BufferedReader(self.arrivals, 64 * 1024)

    def _connect(self) -> None:
        """The greeting is read by ``Connection``."""
        self.state = "NONAUTH"

    def read(self, size: int) -> bytes:
        self.arrivals.expect()
        return self.reader.read(size)

    def readline(self) -> bytes:
        self.arrivals.expect()
        line: bytes = self.reader.readline(MAX_LINE)
        if len(line) == MAX_LINE:
            raise TooLong("a line does not end")
        return line

    def send(self, data: Any, *, timeout: float | None = None) -> None:
        self.sock.settimeout(timeout or self.arrivals.patience)
        self.sock.sendall(data)

    def shutdown(self) -> None:
        # No goodbye on the wire: a server that hangs would hold us.
        self.reader.close()
        self.sock.close()


class Session(IMAPClient):  # type: ignore[misc]
    def __init__(self, connected: socket.socket) -> None:
        self._connected = connected
        super().__init__("", ssl=False, timeout=connected.gettimeout())
        self.stream: Stream = self._imap
        self.normalise_times = False
        self._imap.debug = 0

    def _create_IMAP4(self) -> imaplib.IMAP4:
        return Stream(self._connected)


def open_session(account: Account) -> Session:
    """Connected, nothing read yet."""
    try:
        connected = net.connect(
            account.server,
            ca_file=account.ca_file,
            connect_timeout=account.connect_timeout,
            read_timeout=account.read_timeout,
            allow_plain=account.allow_plain,
            addresses=account.reached(account.server) if account.reached else (),
            and_system=account.and_system,
        )
    except OSError as error:
        raise network_error(error) from error
    return Session(connected)


def network_error(error: OSError) -> errors.MailError:
    text = str(error)
    if isinstance(error, (ssl.SSLError, net.PlainTextRefused)) and not isinstance(error, ssl.SSLEOFError):
        return errors.TlsFailed(text, server_text=text)
    if isinstance(error, TooLong):
        return errors.LineTooLong(text)
    if isinstance(error, Unreasonable):
        return errors.NotImap(text)
    if isinstance(error, TimeoutError):
        return errors.ServerTimeout("the server does not answer", server_text=text)
    return errors.ServerUnreachable("the server cannot be reached", server_text=text)
