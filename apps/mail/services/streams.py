"""Octets on their way from the mail server to the browser, a chunk at a time: parts, whole messages, zip archives."""

from __future__ import annotations

import base64
import binascii
import threading
import time
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache

from apps.mail.mailbox.account import Account
from apps.mail.mailbox.errors import TooManyConnections
from apps.mail.mailbox.store import MailStore
from apps.mail.mime import decode, filenames
from apps.mail.mime.headers import NOT_BASE64, base64_piece
from apps.mail.mime.parts import Part
from apps.mail.services.stores import open_account, pool

PATIENCE = 2.0  # seconds to wait for one of the places for streams
TOGETHER = 256 * 1024  # octets of small files that are fetched with one command
TINY = 512  # octets of a file for which deflating costs more than it saves
CHUNK = 64 * 1024  # octets of an archive that leave together


@cache
def places() -> threading.BoundedSemaphore:
    """A stream holds its connection for as long as the browser reads: half of what a server may hold is for them, so
    that however many slow ones there are, lists and messages open beside them."""
    return threading.BoundedSemaphore(max(1, pool().threads // 2))


@contextmanager
def streaming(account: Account) -> Iterator[MailStore]:
    taken = places()
    if not taken.acquire(timeout=PATIENCE):
        raise TooManyConnections("as many downloads as this server may hold are under way")
    try:
        with open_account(account) as store:
            yield store
    finally:
        taken.release()


def part_stream(account: Account, mailbox: str, uid: int, part: Part, *, uidvalidity: int) -> Iterator[bytes]:
    """The decoded octets of a part. It leases a connection for as long as it runs, and starts at once: what goes wrong
    at the start is raised here, while the answer can still say so."""
    return _started(_part_chunks(account, mailbox, uid, part, uidvalidity=uidvalidity))


def message_stream(account: Account, mailbox: str, uid: int, *, uidvalidity: int) -> Iterator[bytes]:
    """The whole message as the server has it."""
    return _started(_message_chunks(account, mailbox, uid, uidvalidity=uidvalidity))


def zip_stream(
    account: Account, mailbox: str, uid: int, parts: Sequence[tuple[str, Part]], *, uidvalidity: int
) -> Iterator[bytes]:
    """A zip archive of (name, part) pairs; the names are made unique. Nothing is larger in memory than a chunk."""
    return _started(_zip_chunks(account, mailbox, uid, parts, uidvalidity=uidvalidity))


def _started(chunks: Iterator[bytes]) -> Iterator[bytes]:
    first = next(chunks, b"")

    def run() -> Iterator[bytes]:
        yield first
        yield from chunks

    return run()


def _part_chunks(account: Account, mailbox: str, uid: int, part: Part, *, uidvalidity: int) -> Iterator[bytes]:
    with streaming(account) as store:
        yield from decoded(store.stream(mailbox, uid, part.number, uidvalidity=uidvalidity), part.encoding)


def _message_chunks(account: Account, mailbox: str, uid: int, *, uidvalidity: int) -> Iterator[bytes]:
    with streaming(account) as store:
        yield from store.stream(mailbox, uid, uidvalidity=uidvalidity)


def _zip_chunks(
    account: Account, mailbox: str, uid: int, parts: Sequence[tuple[str, Part]], *, uidvalidity: int
) -> Iterator[bytes]:
    sink = Sink()
    with streaming(account) as store, zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        names = filenames.unique([name for name, _part in parts])
        for group in _together(list(zip(names, (part for _name, part in parts), strict=True))):
            numbers = [part.number for _name, part in group]
            small = store.parts(mailbox, uid, numbers, uidvalidity=uidvalidity) if len(group) > 1 else {}
            for name, part in group:
                entry = zipfile.ZipInfo(name, time.gmtime()[:6])
                entry.compress_type = zipfile.ZIP_DEFLATED if part.size > TINY else zipfile.ZIP_STORED
                raw: Iterable[bytes] = (
                    [small[part.number]] if small else store.stream(mailbox, uid, part.number, uidvalidity=uidvalidity)
                )
                with archive.open(entry, "w", force_zip64=part.size > 2**31) as target:
                    for chunk in decoded(raw, part.encoding):
                        target.write(chunk)
                        if sink.octets >= CHUNK:
                            yield sink.take()
    yield sink.take()


def _together(files: Sequence[tuple[str, Part]]) -> Iterator[list[tuple[str, Part]]]:
    """Small files that follow each other are fetched at once: a message may have thousands."""
    group: list[tuple[str, Part]] = []
    size = 0
    for name, part in files:
        if group and size + part.size > TOGETHER:
            yield group
            group, size = [], 0
        group.append((name, part))
        size += part.size
    if group:
        yield group


class Sink:
    """A file that is only written to: what has been written is taken away piece by piece."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.octets = 0

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        self.octets += len(data)
        return len(data)

    def flush(self) -> None:
        """There is nothing to wait for."""

    def close(self) -> None:
        """Nor to give back."""

    def take(self) -> bytes:
        data = b"".join(self._pieces)
        self._pieces.clear()
        self.octets = 0
        return data


def decoded(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Undo the transfer encoding as the chunks come, as ``decode.payload`` does at once. Broken input gives what can be
    made of it, never an error."""
    if encoding == "base64":
        yield from _base64(chunks)
    elif encoding == "quoted-printable":
        yield from _quoted_printable(chunks)
    elif decode.is_uu(encoding):
        yield from decode.uudecoded(chunks)
    else:
        yield from chunks


def _base64(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        # padding ends a piece, also in the middle
        *ended, rest = (rest + chunk.translate(None, NOT_BASE64)).split(b"=")
        yield from map(base64_piece, ended)
        whole = len(rest) - len(rest) % 4
        yield base64.b64decode(rest[:whole])
        rest = rest[whole:]
    yield base64_piece(rest)


def _quoted_printable(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Whole lines at a time: a soft line break or an escape must not be cut."""
    rest = b""
    for chunk in chunks:
        rest += chunk
        end = rest.rfind(b"\n") + 1
        if end:
            yield binascii.a2b_qp(rest[:end])
            rest = rest[end:]
    if rest:
        yield binascii.a2b_qp(rest)
