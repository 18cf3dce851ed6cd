"""One IMAP connection: greeting, TLS, sign-in, commands and the state of the selected mailbox.

The session object is imapclient's. Commands are written and answers are read here instead: in their order, several
commands in one round trip, literals by octets, and without imapclient's and imaplib's limits (a line of one million
octets, ranges that fail after the answer, untagged answers left for the next command, quoting that lets line breaks
through).
"""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from apps.mail.mailbox import errors
from apps.mail.mailbox.account import Account
from apps.mail.mailbox.imap import guard, sign_in
from apps.mail.mailbox.imap.commands import (
    NEWS,
    STATUS_WORDS,
    Command,
    Completion,
    Exchange,
    Result,
    Untagged,
    command,
    untagged,
)
from apps.mail.mailbox.imap.selected import Selected
from apps.mail.mailbox.imap.tokens import LITERAL_AT_END
from apps.mail.mailbox.imap.transport import MAX_OCTETS, Stream, network_error, open_session
from portal import net

log = logging.getLogger(__name__)

MOST_ANSWERS = 500_000  # untagged ones to commands sent together
MOST_FALLS = 50  # of a server that hangs up at what it is asked, until it is left alone
#: What IMAP4rev2 brings along without a word (RFC 9051, appendix E), as far as it is of use here.
IN_REV2 = frozenset({"ESEARCH", "LIST-EXTENDED", "LIST-STATUS", "MOVE", "NAMESPACE", "SASL-IR", "UIDPLUS", "UNSELECT"})


class Connection:
    """Signed in and ready. Not thread-safe: the pool leases it to one request at a time."""

    def __init__(self, account: Account) -> None:
        """Connects and signs in; raises ``MailError``."""
        self.account = account
        self.capabilities: frozenset[str] = frozenset()
        self.selected: Selected | None = None
        self.commands = 0  # sent
        self.answered = 0  # times that all of what was sent together has been answered
        self.last_used = time.monotonic()
        self.stirred = 0.0  # when something was last changed, on the same clock, if it has said nothing since
        self.broken = False
        self._falls = 0
        self._ahead: tuple[Command, Result] | None = None
        self._tags = itertools.count(1)
        self._capability_told = False
        self._connect()

    # opening

    def _connect(self) -> None:
        self.broken, self.capabilities = False, frozenset()
        self.session = open_session(self.account)
        self._stream: Stream = self.session.stream
        try:
            self._greet()
            self._sign_in()
        except OSError as error:
            self.close()
            raise network_error(error) from error
        except BaseException:
            self.close()
            raise

    def reconnect(self) -> None:
        """Sign in again after the connection was lost, and open the same mailbox; raises ``MailError``."""
        before = self.selected
        self.close()
        self._connect()
        if before is not None and self.select(before.name).uidvalidity != before.uidvalidity:
            raise errors.UidValidityChanged

    def _greet(self) -> None:
        greeting = untagged(self._read_line())
        if greeting is None or greeting.name not in STATUS_WORDS:
            raise errors.ServerUnreachable("not an IMAP server")
        if greeting.name == b"PREAUTH":
            # Signed in as somebody without any password: that proves nothing about this user, and forbids STARTTLS.
            raise errors.TlsFailed("the server offers a session without sign-in")
        if greeting.name != b"OK":
            raise _farewell(greeting)
        self._note_capabilities(greeting)
        if self.account.server.security == "starttls":
            self._start_tls()
        if not self._capability_told:
            self.execute(command("CAPABILITY"))

    def _start_tls(self) -> None:
        if not self._capability_told:
            self.execute(command("CAPABILITY"))
        if "STARTTLS" not in self.capabilities:
            raise errors.TlsFailed("the server does not offer STARTTLS")
        try:
            self.execute(command("STARTTLS"))
        except errors.ServerRefused as error:
            raise errors.TlsFailed("the server refuses STARTTLS", server_text=error.server_text) from error
        stream, account = self._stream, self.account
        safe = net.start_tls(
            stream.sock, stream.reader, account.server, ca_file=account.ca_file, and_system=account.and_system
        )
        safe.settimeout(account.read_timeout)
        stream.use(safe)
        # What was said before may have been said by somebody else (RFC 9051 section 6.2.1).
        self.capabilities, self._capability_told = frozenset(), False

    def _sign_in(self) -> None:
        account = self.account
        if account.client_address and "ID" in self.capabilities:
            self.attempt(command("ID", guard.strings(("x-originating-ip", account.client_address))))
        self._capability_told = False
        try:
            sign_in.authenticate(self, account)
        except errors.ServerUnreachable as error:
            if error.server_text and "connections" in error.server_text.lower():
                raise errors.TooManyConnections(server_text=error.server_text) from error
            raise
        if not self._capability_told:
            self.execute(command("CAPABILITY"))
        offered = {"ENABLE", "QRESYNC"} <= self.capabilities  # it tells UIDs of what has gone (RFC 7162)
        self.resynchronises = offered and self.attempt(command("ENABLE", guard.words("QRESYNC"))).completion.ok

    # speaking

    def has(self, capability: str) -> bool:
        return capability in self.capabilities

    def execute(self, *commands: Command) -> Result:
        """Send commands together and wait for all of them; the first NO or BAD raises."""
        return self.run(*commands)

    def attempt(self, *commands: Command) -> Result:
        """Like ``execute``, but NO and BAD are for the caller to see in ``completions``."""
        return self.run(*commands, check=None)

    def survive(self, *commands: Command) -> Result | None:
        """Like ``attempt``; None where the server fell over at it (by then this is signed in again).

        Some servers end the session when a message is beyond them, others say more of it than anybody can hold.
        """
        try:
            return self.attempt(*commands)
        except errors.ServerUnreachable as error:
            hopeless = isinstance(error, (errors.ServerTimeout, errors.TlsFailed, errors.NotImap))
            self._falls += 1
            if self._falls > MOST_FALLS or (hopeless and not isinstance(error, errors.LineTooLong)):
                raise
            self.reconnect()
            return None

    def run(
        self,
        *commands: Command,
        check: Callable[[Completion], errors.MailError] | None = Completion.error,
        replies: Sequence[bytes] = (),
    ) -> Result:
        """Send commands together and read until each is answered.

        ``check`` makes the error of a NO or BAD; None leaves them to the caller. ``replies`` answer the server's ``+``.
        """
        ahead, self._ahead = self._ahead, None
        if ahead is not None and commands == (ahead[0],):
            return ahead[1]
        if self.broken:
            raise errors.ServerUnreachable("the connection is closed")
        written = [self._written(wanted) for wanted in commands]
        self.broken = True  # until every answer is in: a connection left in mid-command serves nobody again
        exchange, left = Exchange(), list(replies)
        self._stream.arrivals.begin()
        try:
            for tag, chunks in written:
                self._send(tag, chunks, exchange)
            while exchange.pending:
                if self._receive(exchange) and left:
                    self._stream.send(left.pop(0) + b"\r\n")
        except OSError as error:
            self.close()
            raise network_error(error) from error
        except errors.MailError:
            self.close()
            raise
        self.broken = False
        self.answered += 1
        self.last_used = time.monotonic()
        if any(wanted.changes for wanted in commands):
            self.stirred = self.last_used
        result = Result(exchange.answers, [exchange.done[tag] for tag, _ in written], frozenset(exchange.done))
        self._leave_rebuilt(commands)
        failed = next((completion for completion in result.completions if not completion.ok), None)
        if check is not None and failed is not None:
            raise check(failed)
        return result

    def read_ahead(self, wanted: Command, result: Result) -> None:
        """This is what the server has said to a command that is likely to be the next one."""
        self._ahead = (wanted, result)

    def _leave_rebuilt(self, commands: Sequence[Command]) -> None:
        """A mailbox that was numbered anew under our eyes is not selected any more; raises ``UidValidityChanged`` where
        nobody knows which messages were meant."""
        if self.selected is not None and self.selected.rebuilt:
            self.selected = None
            if any(wanted.on_messages for wanted in commands):
                raise errors.UidValidityChanged

    def _written(self, wanted: Command) -> tuple[bytes, list[tuple[bytes, bool]]]:
        tag = b"Y%d" % next(self._tags)
        pieces = (guard.Wire(tag), guard.words(wanted.name), *wanted.pieces)
        minus = self.has("LITERAL-") or self.has("IMAP4REV2")
        return tag, guard.chunks(pieces, literal_plus=self.has("LITERAL+"), literal_minus=minus)

    def _send(self, tag: bytes, chunks: list[tuple[bytes, bool]], exchange: Exchange) -> None:
        self.commands += 1
        exchange.pending[tag] = None
        for chunk, wait in chunks:
            self._stream.send(chunk)
            while wait and tag in exchange.pending:
                if self._receive(exchange):
                    break
            if tag not in exchange.pending:  # refused before the whole of it was sent
                return

    def _receive(self, exchange: Exchange) -> bool:
        """Read one answer; True when it is the server's ``+``."""
        line = self._read_line()
        if line.startswith(b"+"):
            return True
        if line.startswith(b"[COPYUID "):  # Exchange forgets the words before it
            line = b"* OK " + line
        if not line.startswith(b"* "):
            tag, _, rest = line.partition(b" ")
            if tag not in exchange.pending:
                raise errors.NotImap("the server does not speak IMAP")
            del exchange.pending[tag]
            exchange.done[tag] = completion = Completion.parse(rest)
            self._note_capability_code(completion.code, completion.code_data)
            return False
        answer = untagged(line)
        if answer is None:
            return False
        if answer.name not in STATUS_WORDS:
            self._read_literals(answer)
        if answer.name == b"BYE":
            raise _farewell(answer)
        self._note_capabilities(answer)
        if self.selected is not None:
            self.selected.observe(answer)
        exchange.answers.append(answer)
        if len(exchange.answers) > MOST_ANSWERS:
            raise errors.NotImap("the server's answer does not end")
        return False

    def _read_line(self) -> bytes:
        line = self._stream.readline()
        if not line.endswith(b"\n"):
            raise errors.ServerUnreachable("the server closed the connection")
        return line.rstrip(b"\r\n")

    def _read_literals(self, answer: Untagged) -> None:
        pieces = [answer.data]
        while found := LITERAL_AT_END.search(pieces[-1]):
            size = int(found[1])
            if size > MAX_OCTETS:
                raise errors.NotImap("the server announced an impossible size")
            octets = self._stream.read(size)
            if len(octets) < size:
                raise errors.ServerUnreachable("the server closed the connection")
            answer.literals.append(octets)
            pieces += [b"\r\n", self._read_line()]
        if len(pieces) > 1:
            answer.data = b"".join(pieces)

    def _note_capabilities(self, answer: Untagged) -> None:
        if answer.name == b"CAPABILITY":
            self._set_capabilities(answer.data)
        else:
            self._note_capability_code(*answer.code)

    def _note_capability_code(self, code: bytes, data: bytes) -> None:
        if code == b"CAPABILITY":
            self._set_capabilities(data)

    def _set_capabilities(self, data: bytes) -> None:
        offered = frozenset(data.decode("ascii", "replace").upper().split())
        if "IMAP4REV2" in offered and "IMAP4REV1" not in offered:
            offered |= IN_REV2
        self.capabilities = offered - self.account.ignore_capabilities
        self._capability_told = True

    # the selected mailbox

    def select(self, mailbox: str, *, read_only: bool = False) -> Selected:
        """Open a mailbox; raises ``NoSuchMailbox`` where the server does not let us."""
        pieces = [guard.mailbox(mailbox)]
        if self.has("CONDSTORE"):
            pieces.append(guard.words("(CONDSTORE)"))
        self.selected = None
        result = self.run(command("EXAMINE" if read_only else "SELECT", *pieces), check=None)
        if not result.completion.ok:
            raise result.completion.mailbox_error()
        selected = Selected(mailbox, read_only=read_only or result.completion.code == b"READ-ONLY")
        closed = [index for index, answer in enumerate(result.untagged) if answer.code[0] == b"CLOSED"]
        for answer in result.untagged[closed[-1] if closed else 0 :]:
            if answer.name == b"EXISTS" and answer.number is not None:
                selected.exists = answer.number
            else:
                selected.observe(answer)
        self.selected = selected
        return selected

    def deselect(self) -> None:
        """Close the mailbox without expunging it (UNSELECT, or opening one read-only that is not there)."""
        self.selected = None
        if self.has("UNSELECT"):
            self.execute(command("UNSELECT"))
        else:
            # A failed SELECT leaves no mailbox selected (RFC 3501 section 6.3.1); CLOSE would expunge.
            self.attempt(command("EXAMINE", guard.string('"no such mailbox"')))

    def refresh(self, ahead: Command | None = None) -> bool:
        """Let the server say what has changed; raises when the connection is dead. ``ahead`` reads, and goes along.

        False when it warns of something (an untagged NO, RFC 9051 section 7.1.2): Dovecot does where the mailbox that
        is open has been replaced. Where it has vanished some servers hang up, and others (pymap) refuse everything from
        then on: that session is begun anew, with no mailbox open.
        """
        try:
            result = self.attempt(command("NOOP"), *([ahead] if ahead else []))
            if not result.completions[0].ok:
                raise result.completions[0].error()
            # Dovecot may look for news after it has answered what came along.
            if ahead and result.completion.ok and not any(answer.name in NEWS for answer in result.untagged):
                self.read_ahead(ahead, Result(result.untagged, result.completions[1:]))
            quiet = all(answer.name != b"NO" for answer in result.untagged)
            return quiet and self.selected is not None
        except errors.ServerRefused:
            self.selected = None
            self.reconnect()
            return False

    def patience(self, seconds: float) -> AbstractContextManager[None]:
        """Wait for no answer longer than so many seconds, and for all of them no longer either."""
        return self._stream.arrivals.hurried(seconds)

    def close(self) -> None:
        """Hang up without a word; never raises. The mailbox that was open stays known, for ``reconnect``."""
        self.broken = True
        try:
            self._stream.shutdown()
        except (OSError, ValueError) as error:
            log.debug("closing: %s", error)

    def logout(self) -> None:
        """Say goodbye without waiting for the answer, then hang up."""
        if not self.broken:
            try:
                self._stream.send(b"Y0 LOGOUT\r\n", timeout=0.2)
            except OSError as error:
                log.debug("logout: %s", error)
        self.close()


def _farewell(answer: Untagged) -> errors.MailError:
    completion = Completion.parse(b"BYE " + answer.data)
    error = completion.error()
    if isinstance(error, errors.TooManyConnections):
        return error
    return errors.ServerUnreachable("the server ended the connection", server_text=completion.text[:1000])
