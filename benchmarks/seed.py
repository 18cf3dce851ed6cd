"""Mailboxes to measure with: many plain letters, and on top one in HTML and one with a file of a megabyte."""

from __future__ import annotations

import base64
import contextlib
import random
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from itertools import islice

from benchmarks.floor import BareImap
from scripts.servers.base import Workdir
from scripts.servers.dovecot import Dovecot
from scripts.servers.exim import Exim
from tests.support.mailserver import DovecotServer
from tests.support.servers import SubmissionServer

FORMATS = ("maildir", "sdbox")
NEAR, FAR = "saxaul", "nowheretobefound"  # in the subject of a message among the newest 1,000; in none
NEWS = 30  # messages in HTML
_AT_ONCE = 250  # messages in one APPEND


@contextlib.contextmanager
def mail_server(mail_format: str) -> Iterator[DovecotServer]:
    workdir = Workdir.create()
    dovecot = Dovecot(workdir, connections_per_user=40, mail_format=mail_format)
    try:
        dovecot.configure()
        dovecot.start()
        yield DovecotServer(dovecot)
    finally:
        dovecot.stop()
        workdir.remove()


@contextlib.contextmanager
def submission_server(dovecot: DovecotServer) -> Iterator[SubmissionServer]:
    server = Exim(dovecot.server)
    server.configure()
    server.start()
    try:
        yield SubmissionServer(server, dovecot)
    finally:
        server.stop()


def letters(count: int) -> Iterator[tuple[bytes, datetime]]:
    """Plain letters of about 2 KB, one every ten minutes, the last one an hour ago."""
    body = "\r\n".join(["The felt is dry and the poles are cut, so we can raise it before the snow comes."] * 22)
    start = datetime.now(UTC) - timedelta(minutes=10 * count + 60)
    for number in range(count):
        when = start + timedelta(minutes=10 * number)
        plant = NEAR if number == count - min(400, count // 2) else "juniper"
        head = (
            f"From: Person {number % 97} <person{number % 97}@example.test>\r\nTo: alice@example.test\r\n"
            f"Subject: Letter {number * 7919 % 100_003} about {plant} in the winter camp\r\n"
            f"Date: {when:%a, %d %b %Y %H:%M:%S +0000}\r\n"
            f"Message-ID: <{number}@example.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        )
        yield f"{head}\r\n{body}\r\n".encode(), when


def fill(server: DovecotServer, login: str, count: int) -> None:
    """``count`` messages; the newest is the one with a file, the ``NEWS`` below it are HTML."""
    if server.server.mail_format == "maildir":
        server.fill(login, letters(count - NEWS - 1))
    else:
        _append_many(server, login, letters(count - NEWS - 1))
    server.append(login, *map(_html, range(NEWS)), _with_file())


def _append_many(server: DovecotServer, login: str, messages: Iterator[tuple[bytes, datetime]]) -> None:
    """MULTIAPPEND (RFC 3502) with literals that wait for no answer (RFC 7888)."""
    bare = BareImap(server.imap_port, login)
    while batch := list(islice(messages, _AT_ONCE)):
        pieces = [b"x APPEND INBOX"]
        for message, when in batch:
            pieces.append(f' "{when:%d-%b-%Y %H:%M:%S +0000}" {{{len(message)}+}}\r\n'.encode() + message)
        bare.send(b"".join(pieces) + b"\r\n")
    bare.close()


def _html(issue: int) -> bytes:
    message = _message("The news of the camp")
    message.set_content("The news in plain text.")
    rows = "".join(
        f"<tr><td style='padding:4px'>{n}</td><td><b>Item {n}</b> of the <i>news</i></td></tr>" for n in range(120)
    )
    page = f"<html><body><h1>News {issue}</h1><img src='https://example.test/a.png'><table>{rows}</table></body></html>"
    message.add_alternative(page, subtype="html")
    return message.as_bytes()


def _with_file() -> bytes:
    message = _message("The plan of the camp")
    message.set_content("Here it is.")
    octets = random.Random(1).randbytes(1024 * 1024)
    message.add_attachment(octets, maintype="application", subtype="pdf", filename="plan.pdf")
    assert len(base64.b64encode(octets)) < len(message.as_bytes())
    return message.as_bytes()


def _message(subject: str) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = "Ann <ann@example.test>", "alice@example.test", subject
    message["Date"], message["Message-ID"] = datetime.now(UTC), f"<{subject.replace(' ', '-')}@example.test>"
    return message


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
