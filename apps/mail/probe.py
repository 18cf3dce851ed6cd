"""The first words with a mail server, step by step, so that the self-test can say which step fails. Knows no Django."""

from __future__ import annotations

import base64
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from portal import net

MOST_LINE = 8192
MOST_LINES = 100


class BadGreeting(Exception):
    """Something listens there, but it does not speak the protocol. The text is what it said."""


class NoStartTls(Exception):
    """The server does not offer STARTTLS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    greeting: str
    capabilities: frozenset[str]  # IMAP capabilities, or the keywords of EHLO, in capitals
    tls: str  # "TLSv1.3"; "" on a plain connection
    expires: datetime | None  # of the server's certificate
    values: Mapping[str, str] = field(default_factory=dict)  # of the keywords of EHLO: {"SIZE": "25000000"}
    refusal: str = ""  # what the server said to login and password; "" where it let us in, or was not asked


def addresses(server: net.ServerUrl) -> list[str]:
    """The IP addresses of the server's name. Raises ``OSError``."""
    found = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def imap(
    server: net.ServerUrl,
    *,
    ca_file: str | None,
    allow_plain: bool,
    seconds: float,
    addresses: Sequence[str] = (),
    and_system: bool = False,
) -> Probe:
    """Greeting and capabilities. Raises ``OSError`` (``ssl.SSLError`` for TLS), ``BadGreeting``, ``NoStartTls``."""
    how = _How(ca_file, allow_plain, seconds, addresses, and_system)
    with _Talk(server, how) as talk:
        greeting = talk.line()
        if not greeting.startswith("* OK"):
            raise BadGreeting(greeting)
        if server.security == "starttls":
            talk.say("a STARTTLS")
            if not talk.until("a ")[-1].startswith("a OK"):
                raise NoStartTls
            talk.start_tls()
        talk.say("b CAPABILITY")
        lines = talk.until("b ")
        talk.say("c LOGOUT")
        words = " ".join(line.removeprefix("* CAPABILITY ") for line in lines if line.startswith("* CAPABILITY "))
        return talk.result(greeting.removeprefix("* OK").strip(), words.upper().split())


def pop3(
    server: net.ServerUrl,
    *,
    ca_file: str | None,
    allow_plain: bool,
    seconds: float,
    addresses: Sequence[str] = (),
    and_system: bool = False,
) -> Probe:
    """Greeting and CAPA (RFC 2449), which a server need not know. Raises like ``imap``."""
    how = _How(ca_file, allow_plain, seconds, addresses, and_system)
    with _Talk(server, how) as talk:
        greeting = talk.line()
        if not greeting.startswith("+OK"):
            raise BadGreeting(greeting)
        if server.security == "starttls":
            talk.say("STLS")
            if not talk.line().startswith("+OK"):
                raise NoStartTls
            talk.start_tls()
        talk.say("CAPA")
        lines = talk.until(".")[:-1] if talk.line().startswith("+OK") else []
        talk.say("QUIT")
        pairs = (line.partition(" ") for line in lines)
        values = {name.upper(): value for name, _blank, value in pairs if name}
        return talk.result(greeting.removeprefix("+OK").strip(), list(values), values=values)


def smtp(
    server: net.ServerUrl,
    *,
    ca_file: str | None,
    allow_plain: bool,
    seconds: float,
    addresses: Sequence[str] = (),
    and_system: bool = False,
    login: str = "",
    password: str = "",
    sign_in_seconds: float = 5.0,  # servers keep who has a wrong password waiting on purpose
) -> Probe:
    """Greeting, EHLO keywords, and with ``login`` whether the server lets it in. Raises like ``imap``."""
    how = _How(ca_file, allow_plain, seconds, addresses, and_system)
    with _Talk(server, how) as talk:
        greeting = talk.reply()
        if not greeting[-1].startswith("220"):
            raise BadGreeting(greeting[-1])
        talk.say("EHLO localhost")
        lines = talk.reply()
        if server.security == "starttls":
            talk.say("STARTTLS")
            if not talk.reply()[-1].startswith("220"):
                raise NoStartTls
            talk.start_tls()
            talk.say("EHLO localhost")
            lines = talk.reply()
        pairs = (line[4:].strip().partition(" ") for line in lines[1:])
        values = {keyword.upper(): value.strip() for keyword, _blank, value in pairs if keyword}
        refusal = ""
        if login and "AUTH" in values:
            talk.patience(sign_in_seconds)
            refusal = _sign_in(talk, values["AUTH"].upper().split(), login, password)
        talk.say("QUIT")
        return talk.result(greeting[-1][4:], list(values), values=values, refusal=refusal)


def _sign_in(talk: _Talk, mechanisms: list[str], login: str, password: str) -> str:
    """AUTH of RFC 4954: "" when the server lets us in, else what it said."""
    try:
        if "PLAIN" in mechanisms or "LOGIN" not in mechanisms:
            talk.say("AUTH PLAIN " + _base64(f"\0{login}\0{password}"))
            answer = talk.reply()[-1]
        else:
            talk.say("AUTH LOGIN")
            answer = talk.reply()[-1]
            for secret in (login, password):
                if answer.startswith("334"):
                    talk.say(_base64(secret))
                    answer = talk.reply()[-1]
    except OSError as error:
        return error.__class__.__name__
    return "" if answer.startswith("235") else answer


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")


@dataclass(frozen=True, slots=True)
class _How:
    """The connection is made: see ``net.connect``."""

    ca_file: str | None
    allow_plain: bool
    seconds: float
    addresses: Sequence[str]
    and_system: bool


class _Talk:
    """Lines to and from a server, each within its time."""

    def __init__(self, server: net.ServerUrl, how: _How) -> None:
        self._server, self._how = server, how
        self._socket = net.connect(
            server,
            ca_file=how.ca_file,
            connect_timeout=min(how.seconds, net.CONNECT_TIMEOUT),
            read_timeout=how.seconds,
            allow_plain=how.allow_plain,
            addresses=how.addresses,
            and_system=how.and_system,
        )
        self._reader = self._socket.makefile("rb")

    def __enter__(self) -> _Talk:
        return self

    def __exit__(self, *exception: object) -> None:
        self._reader.close()
        self._socket.close()

    def patience(self, seconds: float) -> None:
        """Wait that long for each answer from here on."""
        self._socket.settimeout(seconds)

    def say(self, line: str) -> None:
        self._socket.sendall(line.encode("ascii") + b"\r\n")

    def line(self) -> str:
        raw = self._reader.readline(MOST_LINE)
        if not raw:
            raise ConnectionResetError("the server closed the connection")
        return raw.decode("utf-8", "replace").strip()

    def until(self, start: str) -> list[str]:
        """Lines up to the one that begins like this, which is the last."""
        lines = []
        for _number in range(MOST_LINES):
            lines.append(self.line())
            if lines[-1].startswith(start):
                return lines
        raise BadGreeting(lines[-1])

    def reply(self) -> list[str]:
        """An SMTP reply: its last line has a blank after the code (RFC 5321 section 4.2.1)."""
        lines = []
        for _number in range(MOST_LINES):
            lines.append(self.line())
            if not lines[-1][:3].isdigit():
                break
            if lines[-1][3:4] != "-":
                return lines
        raise BadGreeting(lines[-1])

    def start_tls(self) -> None:
        self._socket = net.start_tls(
            self._socket, self._reader, self._server, ca_file=self._how.ca_file, and_system=self._how.and_system
        )
        self._socket.settimeout(self._how.seconds)
        self._reader = self._socket.makefile("rb")

    def result(
        self, greeting: str, capabilities: list[str], *, values: Mapping[str, str] | None = None, refusal: str = ""
    ) -> Probe:
        tls, expires = "", None
        if isinstance(self._socket, ssl.SSLSocket):
            tls = self._socket.version() or ""
            until = (self._socket.getpeercert() or {}).get("notAfter")
            if isinstance(until, str):
                expires = datetime.fromtimestamp(ssl.cert_time_to_seconds(until), UTC)
        return Probe(
            greeting=greeting,
            capabilities=frozenset(capabilities),
            tls=tls,
            expires=expires,
            values=values or {},
            refusal=refusal,
        )
