"""An IMAP server that can be told to do anything wrong: correct by itself, and at each command what a test makes of it.

Real servers are what the portal is tested against; this one is for what none of them can be brought to do.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes

from tests.support.mailserver import crlf

_ITEM = re.compile(rb"BODY\.PEEK\[([^\]]*)\](?:<(\d+)\.(\d+)>)?")
_SET = re.compile(rb"(?:UID )?FETCH (\S+) ", re.I)


class HangUp(Exception):
    """Ends the connection without a word."""


@dataclass
class Stored:
    raw: bytes
    flags: str = "\\Seen"
    date: bytes = b"05-Jan-2026 10:00:00 +0000"
    envelope: bytes = b""  # as it stands in the answer; else made of the header
    structure: bytes = b""


@dataclass
class Line:
    """One command, and the way to answer it."""

    server: FaultyImap
    client: socket.socket
    tag: bytes
    words: bytes
    literal: bytes = b""

    def say(self, text: bytes) -> None:
        self.client.sendall(text.replace(b"%t", self.tag))

    def usual(self) -> None:
        self.server.answer(self)


Fault = Callable[[Line], None]


@dataclass
class FaultyImap:
    """``faults``: what is done instead of the usual answer, by a pattern that the command matches; the first counts."""

    capabilities: bytes = b"IMAP4rev1 UIDPLUS MOVE"
    uidvalidity: int = 7
    folders: list[bytes] = field(default_factory=lambda: [b'(\\HasNoChildren) "/" INBOX', *_usual_folders()])
    messages: dict[int, Stored] = field(default_factory=dict)
    faults: dict[bytes, Fault] = field(default_factory=dict)
    heard: list[bytes] = field(default_factory=list)
    stored: list[tuple[bytes, bytes]] = field(default_factory=list)  # by APPEND: (mailbox, octets)
    greeting: bytes = b"* OK [CAPABILITY %c] ready\r\n"
    open: int = 0  # connections
    port: int = 0

    def commands(self, *names: bytes) -> list[bytes]:
        return [
            line
            for line in self.heard
            if line.split(b" ", 1)[0] in names or b" ".join(line.split(b" ", 2)[:2]) in names
        ]

    def serve(self, client: socket.socket) -> None:
        client.settimeout(60)
        self.open += 1
        try:
            with client, contextlib.suppress(OSError, HangUp):
                client.sendall(self.greeting.replace(b"%c", self.capabilities))
                with client.makefile("rb") as lines:
                    for line in lines:
                        tag, _, words = line.rstrip(b"\r\n").partition(b" ")
                        literal = b""
                        if found := re.search(rb"\{(\d+)\}\Z", words):
                            client.sendall(b"+ go on\r\n")
                            literal = lines.read(int(found[1]))
                            words += lines.readline().rstrip(b"\r\n")
                        self.heard.append(words)
                        self._act(Line(self, client, tag, words, literal))
        finally:
            self.open -= 1

    def _act(self, line: Line) -> None:
        fault = next((act for key, act in self.faults.items() if re.match(key, line.words, re.I)), None)
        if fault is None:
            line.usual()
        else:
            fault(line)

    # the usual answers

    def answer(self, line: Line) -> None:
        name = line.words.split(b" ", 1)[0].upper()
        if name == b"UID":
            name = b" ".join(line.words.upper().split(b" ", 2)[:2])
        if name == b"LOGOUT":
            raise HangUp
        code = b""
        if name in (b"FETCH", b"UID FETCH"):
            line.say(b"".join(self.rows(line.words)))
        elif name in (b"SELECT", b"EXAMINE"):
            line.say(self.selected())
            code = b"[READ-WRITE] "
        elif name in (b"LIST", b"LSUB"):
            line.say(b"".join(b"* %b %b\r\n" % (name, folder) for folder in self.folders))
        elif name == b"STATUS":
            counts = (len(self.messages), self.uidvalidity, self.uidnext)
            mailbox = line.words.split(b" (")[0].removeprefix(b"STATUS ")
            if not mailbox.startswith(b"{"):
                line.say(b"* STATUS %b (MESSAGES %d UNSEEN 0 UIDVALIDITY %d UIDNEXT %d)\r\n" % (mailbox, *counts))
        elif name == b"UID SEARCH":
            wanted = re.search(rb'HEADER "[^"]*" "([^"]*)"', line.words)
            uids = [uid for uid, message in self.messages.items() if wanted is None or wanted[1] in message.raw]
            line.say(b"* SEARCH %b\r\n" % b" ".join(map(b"%d".__mod__, uids)))
        elif name in (b"CAPABILITY", b"LOGIN"):
            line.say(b"* CAPABILITY %b\r\n" % self.capabilities)
        elif name == b"APPEND":
            self.stored.append((line.words.split(b" ")[1].strip(b'"'), line.literal))
            code = b"[APPENDUID %d %d] " % (self.uidvalidity, 100 + len(self.stored))
        line.say(b"%t OK " + code + b"done\r\n")

    @property
    def uidnext(self) -> int:
        return min(max(self.messages, default=0) + 1, 2**32 - 1)

    def selected(self) -> bytes:
        told = (len(self.messages), self.uidvalidity, self.uidnext)
        return b"* %d EXISTS\r\n* OK [UIDVALIDITY %d] x\r\n* OK [UIDNEXT %d] x\r\n" % told

    def rows(self, words: bytes) -> list[bytes]:
        found = _SET.match(words)
        assert found, words
        uids = sorted(self.messages)
        by_uid = words.upper().startswith(b"UID ")
        wanted = [
            (number, uid)
            for number, uid in enumerate(uids, 1)
            if _is_in(uid if by_uid else number, found[1], uids[-1] if by_uid else len(uids))
        ]
        return [b"* %d FETCH (%b)\r\n" % (number, self._items(uid, words)) for number, uid in wanted]

    def _items(self, uid: int, words: bytes) -> bytes:
        message = self.messages[uid]
        found = [b"UID %d" % uid]
        if b"FLAGS" in words:
            found.append(b"FLAGS (%b)" % message.flags.encode())
        if b"INTERNALDATE" in words:
            found.append(b'INTERNALDATE "%b"' % message.date)
        if b"RFC822.SIZE" in words:
            found.append(b"RFC822.SIZE %d" % len(message.raw))
        for section, offset, size in _ITEM.findall(words):
            octets = _section(message.raw, section)
            if offset:
                octets = octets[int(offset) : int(offset) + int(size)]
            origin = b"<%b>" % offset if offset else b""
            found.append(b"BODY[%b]%b {%d}\r\n%b" % (section, origin, len(octets), octets))
        if b"ENVELOPE" in words:
            found.append(b"ENVELOPE " + (message.envelope or _envelope(message.raw)))
        if b"BODYSTRUCTURE" in words:
            lines = message.raw.count(b"\n")
            usual = b'("TEXT" "PLAIN" ("CHARSET" "utf-8") NIL NIL "8BIT" %d %d)' % (len(message.raw), lines)
            found.append(b"BODYSTRUCTURE " + (message.structure or usual))
        return b" ".join(found)


def _usual_folders() -> list[bytes]:
    return [b'(\\HasNoChildren) "/" "%b"' % name for name in (b"Drafts", b"Sent", b"Archive", b"Trash")]


def _is_in(number: int, wanted: bytes, last: int) -> bool:
    for item in wanted.split(b","):
        low, colon, high = (item.replace(b"*", b"%d" % last)).partition(b":")
        ends = sorted((int(low), int(high) if colon else int(low)))
        if ends[0] <= number <= ends[1]:
            return True
    return False


def _section(raw: bytes, section: bytes) -> bytes:
    """Of a message with one part."""
    head, _, body = raw.partition(b"\r\n\r\n")
    return {b"": raw, b"HEADER": head + b"\r\n\r\n", b"TEXT": body, b"1": body}.get(section, b"")


def _envelope(raw: bytes) -> bytes:
    header = message_from_bytes(raw)
    box, _, host = header["From"].partition("@")
    person = f'((NIL NIL "{box}" "{host}"))'
    words = f'("{header["Date"]}" "{header["Subject"]}" {person} NIL NIL NIL NIL NIL NIL "{header["Message-ID"]}")'
    return words.encode()


def plain(subject: str, *, text: str = "Some words.", number: int = 1) -> Stored:
    head = f"From: bob@example.test\nTo: alice@example.test\nSubject: {subject}\nMessage-ID: <m{number}@x.test>\n"
    head += "Date: Mon, 5 Jan 2026 10:00:00 +0000\nContent-Type: text/plain; charset=utf-8\n"
    return Stored(crlf(f"{head}\n{text}\n".encode()))


@contextlib.contextmanager
def faulty_imap(server: FaultyImap) -> Iterator[FaultyImap]:
    """Each connection in a thread of its own: one that hangs holds up no other."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        clients: list[socket.socket] = []

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    clients.append(client)
                    threading.Thread(target=server.serve, args=(client,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        server.port = listener.getsockname()[1]
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)
            for client in clients:
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)
