"""What goes over an IMAP connection: a command, the server's answers in their order, and NO or BAD as our errors."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from apps.mail.mailbox import errors
from apps.mail.mailbox.imap.guard import Piece

_UNTAGGED = re.compile(rb"\* (?:(\d{1,10}) )?([A-Za-z0-9.-]+) ?", re.ASCII)
_CODE = re.compile(rb"\[([A-Za-z0-9.-]+)(?: ([^\]]*))?\] ?")
NEWS = frozenset({b"EXISTS", b"EXPUNGE", b"VANISHED", b"FETCH"})  # about the mailbox that is open
_CHANGING = frozenset({"UID STORE", "UID MOVE", "UID COPY", "UID EXPUNGE", "EXPUNGE", "APPEND"})
STATUS_WORDS = frozenset({b"OK", b"NO", b"BAD", b"BYE", b"PREAUTH"})

_CODES: dict[bytes, type[errors.MailError]] = {
    b"NONEXISTENT": errors.NoSuchMailbox,
    b"TRYCREATE": errors.NoSuchMailbox,
    b"ALREADYEXISTS": errors.MailboxExists,
    b"OVERQUOTA": errors.QuotaExceeded,
    b"LIMIT": errors.TooManyConnections,
    b"UNAVAILABLE": errors.ServerUnreachable,
    b"PRIVACYREQUIRED": errors.PrivacyRequired,
    b"AUTHENTICATIONFAILED": errors.SignInRefused,
    b"AUTHORIZATIONFAILED": errors.SignInRefused,
    b"EXPIRED": errors.SignInRefused,
}
#: Reasons for not opening a mailbox other than that it is not there (RFC 5530).
_NOT_ABSENT = frozenset({b"NOPERM", b"INUSE", b"SERVERBUG", b"CORRUPTION", b"CONTACTADMIN", b"CLIENTBUG"})
# What servers say that know no response codes (RFC 5530).
_TEXTS = (
    (re.compile(r"does(?:n't| not) exist|not found|no such mailbox|unknown mailbox", re.I), errors.NoSuchMailbox),
    (re.compile(r"already exists", re.I), errors.MailboxExists),
    (re.compile(r"quota|mailbox is full", re.I), errors.QuotaExceeded),
    (re.compile(r"maximum number of connections|too many connections", re.I), errors.TooManyConnections),
)


@dataclass(frozen=True, slots=True)
class Command:
    """One command without its tag. Its arguments are in no log and no error: a password may be among them."""

    name: str
    pieces: tuple[Piece, ...] = field(repr=False)

    @property
    def on_messages(self) -> bool:
        """Whether it names messages, or finds some."""
        return self.name.startswith(("UID ", "FETCH"))

    @property
    def changes(self) -> bool:
        """Whether it changes messages, or what there is of them."""
        return self.name in _CHANGING


def command(name: str, *pieces: Piece) -> Command:
    return Command(name, pieces)


@dataclass(slots=True)
class Untagged:
    """``* 12 FETCH (...)``: ``data`` is what follows the name. A literal stands in it as ``{n}CRLF``, its octets in
    ``literals``, in order."""

    number: int | None
    name: bytes  # upper case
    data: bytes
    literals: list[bytes] = field(default_factory=list)

    @property
    def code(self) -> tuple[bytes, bytes]:
        """A status response's code and its arguments: (b"UIDNEXT", b"12"); empty where there is none."""
        found = _CODE.match(self.data) if self.name in STATUS_WORDS else None
        return (found[1].upper(), found[2] or b"") if found else (b"", b"")


def untagged(line: bytes) -> Untagged | None:
    """Read the first line of an untagged answer, its CRLF removed; None when it is none."""
    found = _UNTAGGED.match(line)
    if not found:
        return None
    return Untagged(int(found[1]) if found[1] else None, found[2].upper(), line[found.end() :])


@dataclass(frozen=True, slots=True)
class Completion:
    """A tagged answer."""

    status: bytes  # OK, NO or BAD
    code: bytes  # upper case, "" without one
    code_data: bytes
    text: str  # for people

    @property
    def ok(self) -> bool:
        return self.status == b"OK"

    @classmethod
    def parse(cls, rest: bytes) -> Completion:
        status, _, text = rest.partition(b" ")
        found = _CODE.match(text)
        words = (text[found.end() :] if found else text).decode("utf-8", "replace")
        return cls(status.upper(), found[1].upper() if found else b"", (found[2] or b"") if found else b"", words)

    def error(self) -> errors.MailError:
        """What a NO or BAD means, as one of our errors. Its message is for the log: servers repeat in their texts what
        was asked for, the names of mailboxes for example."""
        kind: type[errors.MailError] = _CODES.get(self.code, errors.ServerRefused)
        if kind is errors.ServerRefused:
            kind = next((error for pattern, error in _TEXTS if pattern.search(self.text)), kind)
        return kind((self.code or self.status).decode("ascii", "replace"), server_text=self.text[:1000])

    def mailbox_error(self) -> errors.MailError:
        """``error`` where a mailbox was asked for: a NO without another reason means that there is none."""
        error = self.error()
        if type(error) is errors.ServerRefused and self.status != b"BAD" and self.code not in _NOT_ABSENT:
            return errors.NoSuchMailbox(str(error), server_text=error.server_text)
        return error

    def sign_in_error(self) -> errors.MailError:
        """``error`` where somebody signs in: a NO means wrong user name or password, unless its code says otherwise."""
        error = self.error()
        busy = self.code in (b"INUSE", b"SERVERBUG")
        if busy or isinstance(error, (errors.TooManyConnections, errors.ServerUnreachable)):
            return error
        if self.status == b"BAD" and not self.code:
            return error
        return errors.SignInRefused(server_text=self.text[:1000])


@dataclass(slots=True)
class Exchange:
    """Commands sent together: their tags in order until answered, and what has come back."""

    pending: dict[bytes, None] = field(default_factory=dict)
    answers: list[Untagged] = field(default_factory=list)
    done: dict[bytes, Completion] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """What the server said between a command, or several sent together, and their tagged answers."""

    untagged: list[Untagged]
    completions: Sequence[Completion]
    tags: frozenset[bytes] = frozenset()  # of the commands; none where nobody knows

    @property
    def completion(self) -> Completion:
        return self.completions[-1]

    def named(self, name: bytes) -> Iterator[Untagged]:
        return (answer for answer in self.untagged if answer.name == name)

    def code(self, name: bytes) -> bytes | None:
        """The arguments of the last response code of that name, tagged or not; None where it did not come."""
        for completion in reversed(self.completions):
            if completion.code == name:
                return completion.code_data
        for answer in reversed(self.untagged):
            code, data = answer.code
            if code == name:
                return data
        return None
