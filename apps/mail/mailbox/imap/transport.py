"""The session object of imapclient, on a socket of ours.

``portal.net`` makes the socket: time-outs, TCP_NODELAY, checked TLS.
"""

from __future__ import annotations

import imaplib  # noqa: TID251 - spoken here
import io
import socket
import ssl
from typing import Any

from imapclient import IMAPClient  # noqa: TID251 - spoken here

from apps.mail.mailbox import errors
from apps.mail.mailbox.account import Account
from portal import net

MAX_LINE = 64 * 1024 * 1024  # of an answer without its literals: UID SORT of ten million messages


class Stream(imaplib.IMAP4):
    """imaplib on a socket that is connected already."""

    def __init__(self, connected: socket.socket) -> None:
        self._connected = connected
        super().__init__()

    def open(self, host: str = "", port: int = 0, timeout: float | None = None) -> None:
        self.use(self._connected)

    def use(self, connected: socket.socket) -> None:
        self.sock = connected
        self.reader = io.BufferedReader(socket.SocketIO(connected, "r"), 64 * 1024)

    def _connect(self) -> None:
        """The greeting is read by ``Connection``."""
        self.state = "NONAUTH"

    def read(self, size: int) -> bytes:
        return self.reader.read(size)

    def readline(self) -> bytes:
        line: bytes = self.reader.readline(MAX_LINE)
        return line

    def send(self, data: Any) -> None:
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
        )
    except OSError as error:
        raise network_error(error) from error
    return Session(connected)


def network_error(error: OSError) -> errors.MailError:
    text = str(error)
    if isinstance(error, (ssl.SSLError, net.PlainTextRefused)) and not isinstance(error, ssl.SSLEOFError):
        return errors.TlsFailed(text, server_text=text)
    if isinstance(error, TimeoutError):
        return errors.ServerTimeout("the server does not answer", server_text=text)
    return errors.ServerUnreachable("the server cannot be reached", server_text=text)
