"""Handing a message to the submission server (RFC 6409). Knows no Django; keeps no state.

A command line is written at one place, which refuses control characters; the message goes out with CRLF line ends only
and its dots doubled, so that no line of it can be taken for the end of the message and what follows for commands
(SMTP smuggling).
"""

from __future__ import annotations

import base64
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from apps.mail import sasl
from apps.mail.envelope import Envelope, Refusal, reports_on, xtext
from apps.mail.submission_errors import (
    BadMessage,
    MessageRefused,
    MessageTooLarge,
    OutcomeUnknown,
    SenderRefused,
    ServerTimeout,
    ServerUnreachable,
    SignInRefused,
    SubmissionError,
    TlsFailed,
    network_error,
)
from portal import net
from portal.secret import Bearer, Shown

__all__ = [
    "BadMessage",
    "MessageRefused",
    "MessageTooLarge",
    "OutcomeUnknown",
    "Refusal",
    "SendResult",
    "SenderRefused",
    "ServerTimeout",
    "ServerUnreachable",
    "SignInRefused",
    "SubmissionError",
    "TlsFailed",
    "send",
    "wire_form",
]

DATA_TIMEOUT = 120.0  # seconds for the answer to a whole message: servers look into it first
MAX_LINE = 4096
MAX_LINES = 200
#: What we call ourselves: a name or address of this machine is nobody's business.
GREETING = "[127.0.0.1]"

_REPLY = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?\Z", re.S)
_LINE_END = re.compile(rb"\r\n|\r|\n")
_DOT = re.compile(rb"^\.", re.M)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_TEMPORARY_AUTH = {421, 432, 451, 454}


@dataclass(frozen=True, slots=True)
class SendResult:
    """Who will get the message. With nobody accepted, nothing was sent."""

    accepted: tuple[str, ...]
    refused: Mapping[str, Refusal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Reply:
    code: int
    text: str

    @property
    def positive(self) -> bool:
        return 200 <= self.code < 300

    @property
    def permanent(self) -> bool:
        return self.code >= 500


def send(
    server: net.ServerUrl,
    *,
    login: str = "",
    password: Shown = "",
    sender: str,
    recipients: Sequence[str],
    message: bytes,
    ca_file: str | None = None,
    and_system: bool = False,
    addresses: Sequence[str] = (),
    allow_plain: bool = False,
    reports: str = "",
    all_or_nothing: bool = False,
    delayed_may_wait: bool = False,
    before_end: Callable[[SendResult], None] | None = None,
    greeting: str = GREETING,
    connect_timeout: float = net.CONNECT_TIMEOUT,
    read_timeout: float = net.READ_TIMEOUT,
    data_timeout: float = DATA_TIMEOUT,
) -> SendResult:
    """Send a message (RFC 5322, complete) to its recipients in one transaction; raises ``SubmissionError``.

    ``sender`` ("<>" for a report that nobody answers) and ``recipients`` are addresses without names. With ``login`` ""
    nobody signs in. Some recipients may be refused while the others get the message, or, with ``all_or_nothing``,
    nobody: see the result. With ``delayed_may_wait`` as well, those the server refuses for the moment only do not hold
    up the others. An error means that nobody gets it, except for ``OutcomeUnknown``.

    ``reports``: a name for this message in reports on its delivery (ENVID, RFC 3461), which are asked for then, if the
    server makes any.

    ``before_end`` is called with what the result will be when all but the closing dot is out. What it raises keeps the
    dot back, and then nobody gets the message.
    """
    octets = wire_form(message)
    envelope = Envelope.build(sender, recipients)
    if not envelope.recipients or (envelope.refused and all_or_nothing):
        return SendResult((), envelope.refused)
    client = _Client(
        server,
        ca_file=ca_file,
        and_system=and_system,
        addresses=addresses,
        allow_plain=allow_plain,
        timeouts=(connect_timeout, read_timeout),
    )
    try:
        client.greet(greeting)
        if login:
            client.sign_in(login, password)
        client.mail_from(envelope, octets, reports=reports)
        result = client.recipients(
            envelope, reports=bool(reports), all_or_nothing=all_or_nothing, delayed_may_wait=delayed_may_wait
        )
        if result.accepted:
            client.data(octets, data_timeout, before_end=lambda: before_end(result) if before_end else None)
        client.quit()
    finally:
        client.close()
    return result


def sign_in(
    server: net.ServerUrl,
    *,
    login: str,
    password: Shown,
    ca_file: str | None = None,
    and_system: bool = False,
    addresses: Sequence[str] = (),
    allow_plain: bool = False,
    timeouts: tuple[float, float] = (net.CONNECT_TIMEOUT, net.READ_TIMEOUT),
) -> None:
    """Nothing but that. Raises ``SubmissionError``: ``SignInRefused`` for a wrong password."""
    how = {"ca_file": ca_file, "and_system": and_system, "allow_plain": allow_plain}
    client = _Client(server, addresses=addresses, timeouts=timeouts, **how)  # type: ignore[arg-type]
    try:
        client.greet(GREETING)
        client.sign_in(login, password)
        client.quit()
    finally:
        client.close()


def wire_form(message: bytes) -> bytes:
    """The message as it follows DATA, without the closing dot; raises ``BadMessage``."""
    if b"\0" in message:
        raise BadMessage("NUL in the message")
    text = _DOT.sub(b"..", _LINE_END.sub(b"\r\n", message))
    return text if text.endswith(b"\r\n") else text + b"\r\n"


class _Client:
    """One SMTP session. Everything written goes through ``_command``, but the message."""

    def __init__(
        self,
        server: net.ServerUrl,
        *,
        ca_file: str | None,
        and_system: bool,
        addresses: Sequence[str],
        allow_plain: bool,
        timeouts: tuple[float, float],
    ) -> None:
        self._server = server
        self._ca_file, self._and_system = ca_file, and_system
        self._extensions: dict[str, str] = {}
        self._read_timeout = timeouts[1]
        try:
            connected = net.connect(
                server,
                ca_file=ca_file,
                and_system=and_system,
                addresses=addresses,
                connect_timeout=timeouts[0],
                read_timeout=timeouts[1],
                allow_plain=allow_plain,
            )
        except OSError as error:
            raise network_error(error) from error
        self._use(connected)

    def _use(self, connected: socket.socket) -> None:
        self._socket = connected
        self._reader = connected.makefile("rb")

    def close(self) -> None:
        self._reader.close()
        self._socket.close()

    # the session

    def greet(self, name: str) -> None:
        hello = self._reply()
        if hello.code != 220:
            raise ServerUnreachable("the server turns everybody away", code=hello.code, server_text=hello.text)
        self._hello(name)
        if self._server.security == "starttls":
            self._start_tls()
            self._hello(name)

    def _hello(self, name: str) -> None:
        reply = self._command(f"EHLO {name}")
        if not reply.positive:
            raise ServerUnreachable("the server knows no EHLO", code=reply.code, server_text=reply.text)
        lines = (line.strip().partition(" ") for line in reply.text.splitlines()[1:])
        self._extensions = {keyword.upper(): values for keyword, _, values in lines if keyword}

    def _start_tls(self) -> None:
        if "STARTTLS" not in self._extensions:
            raise TlsFailed("the server does not offer STARTTLS")
        reply = self._command("STARTTLS")
        if reply.code != 220:
            raise TlsFailed("the server refuses STARTTLS", code=reply.code, server_text=reply.text)
        try:
            safe = net.start_tls(
                self._socket, self._reader, self._server, ca_file=self._ca_file, and_system=self._and_system
            )
        except OSError as error:
            raise network_error(error) from error
        safe.settimeout(self._read_timeout)
        self._use(safe)

    def sign_in(self, login: str, password: Shown) -> None:
        secret = password if isinstance(password, str) else password.token
        if _CONTROL.search(login + secret):
            raise BadMessage("control character in a login or password")
        offered = self._extensions.get("AUTH", "").upper().split()
        if not isinstance(password, str):
            reply = self._show_token(offered, login, password)
        elif "PLAIN" in offered:
            reply = self._command("AUTH PLAIN " + _base64(f"\0{login}\0{secret}"))
        elif "LOGIN" in offered:
            reply = self._command("AUTH LOGIN")
            for word in (login, secret):
                if reply.code == 334:
                    reply = self._command(_base64(word))
        else:
            raise SignInRefused("the server offers no way to sign in")
        if reply.code == 235:
            return
        if reply.code in _TEMPORARY_AUTH:
            raise ServerUnreachable("the server cannot sign in anybody now", code=reply.code, server_text=reply.text)
        raise SignInRefused(code=reply.code, server_text=reply.text)

    def _show_token(self, offered: Sequence[str], login: str, secret: Bearer) -> _Reply:
        found = sasl.bearer(offered, self._server, login, secret)
        if found is None:
            raise SignInRefused("the server takes no tokens")
        reply = self._command(f"AUTH {found[0]} {found[1]}")
        return self._command(found[2]) if reply.code == 334 else reply

    def recipients(
        self, envelope: Envelope, *, reports: bool, all_or_nothing: bool, delayed_may_wait: bool
    ) -> SendResult:
        refused = dict(envelope.refused)
        accepted: list[str] = []
        for given, address in envelope.recipients:
            if not address.isascii() and "SMTPUTF8" not in self._extensions:
                refused[given] = Refusal(553, "The server takes no such address.", permanent=True)
                continue
            wanted = reports_on(address) if reports and "DSN" in self._extensions else ""
            reply = self._command(f"RCPT TO:<{address}>{wanted}")
            if reply.code in (250, 251, 252):
                accepted.append(given)
            else:
                refused[given] = Refusal(reply.code, reply.text, reply.permanent)
        if all_or_nothing and any(refusal.permanent or not delayed_may_wait for refusal in refused.values()):
            accepted.clear()
        return SendResult(tuple(accepted), refused)

    def mail_from(self, envelope: Envelope, octets: bytes, *, reports: str) -> None:
        limit = self._extensions.get("SIZE", "").strip()
        if limit.isdigit() and 0 < int(limit) < len(octets):
            raise MessageTooLarge(limit=int(limit))
        parameters = f" SIZE={len(octets)}" if "SIZE" in self._extensions else ""
        parameters += f" RET=HDRS ENVID={xtext(reports)}" if reports and "DSN" in self._extensions else ""
        if not octets.isascii():
            if "8BITMIME" not in self._extensions:
                raise MessageRefused("the server takes no eight-bit message")
            parameters += " BODY=8BITMIME"
        if "SMTPUTF8" in self._extensions and (envelope.international or not _header(octets).isascii()):
            parameters += " SMTPUTF8"
        elif not envelope.sender.isascii():
            raise SenderRefused("the server takes no such address")
        reply = self._command(f"MAIL FROM:<{envelope.sender}>{parameters}")
        if reply.positive:
            return
        if reply.code == 552 or (reply.code == 452 and "size" in reply.text.lower()):
            raise MessageTooLarge(limit=0, code=reply.code, server_text=reply.text)
        raise _sender_refused(reply)

    def data(self, octets: bytes, timeout: float, *, before_end: Callable[[], None]) -> None:
        reply = self._command("DATA")
        if reply.code != 354:
            raise _refused(reply)
        try:
            self._socket.sendall(octets)
        except OSError as error:
            raise network_error(error) from error
        before_end()
        try:
            self._socket.settimeout(timeout)
            self._socket.sendall(b".\r\n")
            reply = self._reply()
        except (OSError, ServerUnreachable) as error:
            raise OutcomeUnknown("the connection was lost at the very end") from error
        if 300 <= reply.code < 400:  # no answer to a whole message
            raise OutcomeUnknown("the server waits for more", code=reply.code, server_text=reply.text)
        if not reply.positive:
            raise _refused(reply)

    def quit(self) -> None:
        """Say goodbye; the message is safe already, whatever comes."""
        try:
            self._socket.settimeout(1.0)
            self._socket.sendall(b"QUIT\r\n")
        except OSError:
            return

    # the wire

    def _command(self, line: str) -> _Reply:
        if _CONTROL.search(line):
            raise BadMessage("control character in a command")
        try:
            self._socket.sendall(line.encode() + b"\r\n")
        except OSError as error:
            raise network_error(error) from error
        reply = self._reply()
        if reply.code == 421:
            raise ServerUnreachable("the server closes the connection", code=421, server_text=reply.text)
        return reply

    def _reply(self) -> _Reply:
        lines: list[str] = []
        while len(lines) < MAX_LINES:
            try:
                line = self._reader.readline(MAX_LINE)
            except OSError as error:
                raise network_error(error) from error
            found = _REPLY.match(line.rstrip(b"\r\n"))
            if not line.endswith(b"\n"):
                raise ServerUnreachable("the server closed the connection")
            if found is None:
                break
            lines.append((found[3] or b"").decode("utf-8", "replace"))
            if found[2] != b"-":
                return _Reply(int(found[1]), "\n".join(lines))
        raise ServerUnreachable("the server does not speak SMTP")


def _refused(reply: _Reply) -> SubmissionError:
    if reply.code == 552:
        return MessageTooLarge(code=reply.code, server_text=reply.text)
    error = MessageRefused(code=reply.code, server_text=reply.text)
    error.permanent = reply.permanent
    return error


def _sender_refused(reply: _Reply) -> SubmissionError:
    if reply.code == 530:
        return SignInRefused(code=reply.code, server_text=reply.text)
    if not reply.permanent:
        return ServerUnreachable("the server takes no mail now", code=reply.code, server_text=reply.text)
    return SenderRefused(code=reply.code, server_text=reply.text)


def _header(octets: bytes) -> bytes:
    return octets.partition(b"\r\n\r\n")[0]


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")
