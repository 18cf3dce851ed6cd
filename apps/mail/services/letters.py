"""A message on its way out, as it lies here: its octets in a file, what else is private in the row, both sealed under
the delegation. A mark beside the file tells whether a server may have the message."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import time
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from pathlib import Path

from django.conf import settings

from portal.contracts import Address
from portal.delegations import Opened, Over

_ORPHAN = 3600.0  # seconds after which a file that no row names is nobody's
HANDED, TAKEN = "handed", "taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What is known of a message besides its octets. Everything in it is JSON."""

    sender: str  # "<>" for a report: nobody is told what becomes of it
    recipients: list[str]  # who is still to get it
    people: list[list[str]]  # [name, address] of everybody it is for, to be remembered
    subject: str
    message_id: str
    bcc: str = ""  # header lines that stand in the copy only
    notes: str = ""  # header lines that make a draft of it again
    kind: str = ""  # "reply", "forward", "redirect", "receipt" or ""
    source: str = ""  # the message answered
    also: str = ""  # further messages that were forwarded with it
    draft: str = ""  # the draft it was sent from
    sent_mailbox: str = ""  # where its identity keeps what is sent
    other: dict[str, str | int] = field(default_factory=dict)  # the account it goes out from, if not the main one
    remind: str = ""  # until when an answer is expected: see ``services.later.deadline``
    reports: bool = False  # asked for a report on the delivery (RFC 3461)
    accepted: list[str] = field(default_factory=list)  # whom the server has taken it for
    handed: list[str] = field(default_factory=list)  # those of them whose closing dot was the last to go out
    refused: dict[str, list[object]] = field(default_factory=dict)  # address: [code, text, permanent]
    trouble: str = ""  # why the last try failed: a key of ``outbox_page.TROUBLE``
    server_text: str = ""
    copied: bool = False  # Sent has it, the original is marked, the draft is gone

    def sealed(self, opened: Opened, writing_id: str) -> bytes:
        return opened.seal(json.dumps(asdict(self)).encode(), purpose=f"letter {writing_id}")

    @classmethod
    def opened(cls, opened: Opened, box: bytes | memoryview[int], writing_id: str) -> Letter:
        """Raises ``portal.delegations.Over``."""
        return cls(**json.loads(opened.unseal(bytes(box), purpose=f"letter {writing_id}")))

    @property
    def is_redirect(self) -> bool:
        """Somebody else's message, sent on."""
        return self.kind == "redirect"

    @property
    def can_be_written_on(self) -> bool:
        """Whether it makes a draft again: not what somebody else wrote, nor what nobody writes by hand."""
        return self.kind not in ("redirect", "receipt")

    @property
    def id_header(self) -> str:
        """The field in which ``message_id`` stands."""
        return "Resent-Message-ID" if self.is_redirect else "Message-ID"

    @property
    def addresses(self) -> list[Address]:
        return [Address(email, name) for name, email in self.people]


# --- the file ---------------------------------------------------------------------------------------------------------


def folder() -> Path:
    return settings.DATA_DIR / "outbox"


def lay_down(octets: bytes, opened: Opened) -> str:
    """The octets on the disk, so that they are there after a power failure too; returns the file's name."""
    name = secrets.token_hex(16)
    folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder() / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(opened.seal(octets, purpose=f"octets {name}"))
        file.flush()
        os.fsync(file.fileno())
    _sync_folder()
    return name


def take_up(name: str, opened: Opened) -> bytes:
    """Raises ``portal.delegations.Over``."""
    try:
        box = (folder() / name).read_bytes()
    except OSError as error:
        raise Over from error
    return opened.unseal(box, purpose=f"octets {name}")


def mark_handed(name: str, box: bytes) -> None:
    """Write down that the closing dot goes out now, with the sealed letter as it is then. The database may lose its
    last moment in a power failure, or be away in it; the mark stays."""
    descriptor = os.open(_mark(name, HANDED), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(box)
        file.flush()
        os.fsync(file.fileno())
    _sync_folder()


def mark_taken(name: str) -> None:
    """The server has said 250: the same mark says so. Where it is gone, somebody else has decided about the message."""
    with contextlib.suppress(FileNotFoundError):
        _mark(name, HANDED).rename(_mark(name, TAKEN))
        _sync_folder()


def marked(name: str) -> tuple[str, bytes]:
    """``HANDED`` or ``TAKEN`` with the letter; two times nothing for a message that no server can have."""
    for what in (TAKEN, HANDED):
        with contextlib.suppress(FileNotFoundError):
            return what, _mark(name, what).read_bytes()
    return "", b""


def unmark(name: str) -> None:
    """The server has said no, or its writer knows what they do."""
    for what in (TAKEN, HANDED):
        _mark(name, what).unlink(missing_ok=True)


def _mark(name: str, what: str) -> Path:
    return folder() / f"{name}.{what}"


def throw_away(name: str) -> None:
    if name:
        (folder() / name).unlink(missing_ok=True)
        unmark(name)


def sweep(known: Collection[str]) -> int:
    """Remove files that no row names, once they cannot be of a message just being queued; returns how many went."""
    limit, gone = time.time() - _ORPHAN, 0
    for path in folder().glob("*"):
        with contextlib.suppress(FileNotFoundError):
            if path.stem not in known and path.stat().st_mtime < limit:
                path.unlink()
                gone += 1
    return gone


def _sync_folder() -> None:
    descriptor = os.open(folder(), os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
