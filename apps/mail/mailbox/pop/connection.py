"""One POP3 session (RFC 1939): greeting, TLS, sign-in, and the commands there are. It locks the maildrop, so it is
short: opened for what is to be fetched or deleted, and ended by QUIT at once.
"""

from __future__ import annotations

import base64
import contextlib
import io
import re
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from apps.mail import sasl
from apps.mail.mailbox import errors
from apps.mail.mailbox.account import Account
from apps.mail.mailbox.imap.transport import Arrivals, network_error
from portal import net

MOST_LINE = 64 * 1024  # octets; RFC 1939 knows 512 of an answer, and messages have longer ones
MOST_MESSAGES = 200_000
MOST_OCTETS = 200 * 1024 * 1024  # of one message
PIPELINE = 20  # commands sent before their answers are read, where the server says that it takes them (RFC 2449)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_UIDL = re.compile(rb"[\x21-\x7e]{1,70}")
_IN_USE = re.compile(r"(?:maildrop|mailbox|mail drop).{0,60}(?:\block|in use|busy)", re.IGNORECASE)
_CODE = re.compile(r"\[([A-Z/-]+)\]")


@dataclass(frozen=True, slots=True)
class Listed:
    """A message of the maildrop, as LIST and UIDL tell of it."""

    number: int  # in this session only
    uidl: str  # lasting
    size: int


class Connection:
    """Signed in; the maildrop is ours until ``quit`` or ``close``."""

    def __init__(self, account: Account) -> None:
        """Connects and signs in; raises ``MailError``."""
        self.account = account
        self.capabilities: dict[str, str] = {}
        self.deleting = False  # something is deleted once QUIT is answered
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
        self._use(connected)
        try:
            self._greet()
            self._sign_in()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *exception: object) -> None:
        with contextlib.suppress(errors.MailError):
            self.quit()

    def _use(self, connected: socket.socket) -> None:
        self._socket, self._arrivals = connected, Arrivals(connected)
        self._reader = io.BufferedReader(self._arrivals, 64 * 1024)

    def close(self) -> None:
        """Without QUIT: nothing is deleted (RFC 1939 section 6)."""
        self._reader.close()
        self._socket.close()

    # beginning

    def _greet(self) -> None:
        ok, text = self._answer()
        if not ok:
            raise self._refusal(text)
        self._ask_capabilities()
        if self.account.server.security == "starttls":
            self._start_tls()

    def _start_tls(self) -> None:
        if self.capabilities and "STLS" not in self.capabilities:
            raise errors.TlsFailed("the server does not offer STLS")
        if not self._say("STLS")[0]:
            raise errors.TlsFailed("the server refuses STLS")
        try:
            account = self.account
            safe = net.start_tls(
                self._socket, self._reader, account.server, ca_file=account.ca_file, and_system=account.and_system
            )
        except OSError as error:
            raise network_error(error) from error
        safe.settimeout(self.account.read_timeout)
        self._use(safe)
        self._ask_capabilities()  # what was said before may have been said by somebody else (RFC 2595 section 4)

    def _ask_capabilities(self) -> None:
        """CAPA (RFC 2449); a server without it has none that count."""
        self.capabilities = {}
        if self._say("CAPA")[0]:
            pairs = (line.decode("ascii", "replace").partition(" ") for line in self._lines())
            self.capabilities = {name.upper(): value.upper() for name, _blank, value in pairs if name}

    def _sign_in(self) -> None:
        login, secret = self.account.login, self.account.password
        mechanisms = self.capabilities.get("SASL", "").split()
        if not isinstance(secret, str):
            ok, text = self._show_token(mechanisms)
        elif _CONTROL.search(login + secret):
            raise errors.BadArgument("control character in a user name or password")
        elif "PLAIN" in mechanisms:
            ok, text = self._say("AUTH PLAIN")
            if text == _GO_ON:
                ok, text = self._say(_base64(f"\0{login}\0{secret}"))
        elif self.capabilities and "USER" not in self.capabilities:
            raise errors.PrivacyRequired("the server takes no password on this connection")
        else:
            ok, text = self._say(f"USER {login}")
            if ok:
                ok, text = self._say(f"PASS {secret}")
        if not ok:
            raise self._sign_in_refusal(text)
        self._ask_capabilities()

    def _show_token(self, mechanisms: Sequence[str]) -> tuple[bool, str]:
        """AUTH with an access token (RFC 5034, RFC 7628)."""
        assert not isinstance(self.account.password, str)
        try:
            found = sasl.bearer(mechanisms, self.account.server, self.account.login, self.account.password)
        except ValueError as error:
            raise errors.BadArgument(str(error)) from error
        if found is None:
            raise errors.TokensNotTaken("the server offers neither OAUTHBEARER nor XOAUTH2")
        mechanism, message, give_up = found
        ok, text = self._say(f"AUTH {mechanism}")
        if text == _GO_ON:
            ok, text = self._say(message)
        return self._say(give_up) if not ok and text.startswith(_GO_ON) else (ok, text)

    def _sign_in_refusal(self, text: str) -> errors.MailError:
        """Of RFC 2449 section 8 and RFC 3206: what is not about the password says so."""
        code = _CODE.match(text)
        if code and code[1] in ("IN-USE", "LOGIN-DELAY"):
            error = errors.MaildropInUse(text, server_text=text)
            error.proved = code[1] == "IN-USE"  # the other is told before anybody has looked at the password
            return error
        if code and code[1].startswith("SYS/"):
            return errors.ServerUnreachable(text, server_text=text)
        if code is None and _IN_USE.search(text):  # a server from before RFC 2449
            return errors.MaildropInUse(text, server_text=text)
        return errors.SignInRefused(text, server_text=text)

    # commands

    def listing(self) -> list[Listed]:
        """All messages of the maildrop. Raises ``NoUniqueIds`` where the server cannot tell them apart."""
        ok, text = self._say("UIDL")
        if not ok:
            raise errors.NoUniqueIds(text, server_text=text)
        names: dict[int, str] = {}
        times: dict[str, int] = {}
        for number, name in self._pairs():
            if not _UIDL.fullmatch(name):
                continue
            uidl = name.decode("ascii")
            times[uidl] = times.get(uidl, 0) + 1  # some servers call two messages alike that are the same
            names[number] = uidl if times[uidl] == 1 else f"{uidl} {times[uidl]}"
        sizes = {}
        if self._expect("LIST"):
            sizes = {number: int(size) for number, size in self._pairs() if size.isdigit() and len(size) < 16}
        return [Listed(number, uidl, sizes.get(number, 0)) for number, uidl in sorted(names.items())]

    def fetched(self, wanted: Sequence[tuple[int, int | None]]) -> Iterator[tuple[int, bytes | None]]:
        """Messages by their numbers: (number, octets), None where there is no such one. Beside each number how many
        lines of the body are wanted (TOP), None for the whole (RETR)."""
        at_once = PIPELINE if "PIPELINING" in self.capabilities else 1
        for start in range(0, len(wanted), at_once):
            some = wanted[start : start + at_once]
            self._send("".join(f"{_fetch(number, lines)}\r\n" for number, lines in some).encode("ascii"))
            for number, _lines in some:
                self._arrivals.begin()
                ok, _text = self._answer()
                yield number, self._message() if ok else None

    def retrieve(self, number: int) -> bytes:
        found = next(iter(self.fetched([(number, None)])))[1]
        if found is None:
            raise errors.NoSuchMessage
        return found

    def delete(self, numbers: Sequence[int]) -> None:
        """At QUIT, and not before."""
        for number in numbers:
            self.deleting = self._say(f"DELE {number}")[0] or self.deleting

    def quit(self) -> None:
        """Raises ``MailError`` where the server has not said that what was deleted is gone."""
        try:
            ok, text = self._say("QUIT")
            if not ok and self.deleting:
                raise errors.ServerRefused(text, server_text=text)
        finally:
            self.close()

    # the wire

    def _expect(self, line: str) -> bool:
        ok, text = self._say(line)
        if not ok:
            raise self._refusal(text)
        return True

    def _say(self, line: str) -> tuple[bool, str]:
        if _CONTROL.search(line):
            raise errors.BadArgument("control character in a command")
        self._send(line.encode() + b"\r\n")
        return self._answer()

    def _send(self, octets: bytes) -> None:
        self._arrivals.begin()
        try:
            self._socket.settimeout(self._arrivals.patience)
            self._socket.sendall(octets)
        except OSError as error:
            raise network_error(error) from error

    def _answer(self) -> tuple[bool, str]:
        line = self._line().decode("utf-8", "replace").rstrip("\r\n")
        if line == "+" or line.startswith("+ "):
            return False, _GO_ON + line[2:]
        word, _blank, text = line.partition(" ")
        if word not in ("+OK", "-ERR"):
            raise errors.ServerUnreachable("not a POP3 server")
        return word == "+OK", text

    def _refusal(self, text: str) -> errors.MailError:
        return errors.ServerRefused(text, server_text=text)

    def _line(self) -> bytes:
        self._arrivals.expect()
        try:
            line = self._reader.readline(MOST_LINE)
        except OSError as error:
            raise network_error(error) from error
        if not line:
            raise errors.ServerUnreachable("the server closed the connection")
        return line

    def _lines(self) -> Iterator[bytes]:
        """Up to the dot, without line ends."""
        for _number in range(MOST_MESSAGES):
            line = self._line().rstrip(b"\r\n")
            if line == b".":
                return
            yield line.removeprefix(b".") if line.startswith(b"..") else line
        raise errors.NotImap("an answer does not end")

    def _pairs(self) -> Iterator[tuple[int, bytes]]:
        for line in self._lines():
            number, _blank, value = line.partition(b" ")
            if number.isdigit() and len(number) < 10:
                yield int(number), value.strip().partition(b" ")[0]

    def _message(self) -> bytes:
        """Up to the dot; a line may come in pieces, of which only the first can be stuffed."""
        kept: list[bytes] = []
        total, begins = 0, True
        while True:
            line = self._line()
            if begins and line in (b".\r\n", b".\n"):
                return b"".join(kept)
            kept.append(line[1:] if begins and line.startswith(b".") else line)
            begins = line.endswith(b"\n")
            total += len(line)
            if total > MOST_OCTETS:
                raise errors.NotImap("a message does not end")


_GO_ON = "\0"  # stands for the "+" of a challenge (RFC 5034); no line of an answer begins so


def _fetch(number: int, lines: int | None) -> str:
    return f"RETR {number}" if lines is None else f"TOP {number} {lines}"


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")
