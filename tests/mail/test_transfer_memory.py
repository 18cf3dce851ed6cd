"""Many messages take no more memory than few: through the sealed file, its reader, and into the server."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.mail.archives import reading
from apps.mail.folder_models import Transfer
from apps.mail.services import stores
from apps.mail.services.transfers import imports, running, sealed
from portal.delegations import Opened
from tests.mail.conftest import signed_in
from tests.support.servers import running_dovecot

#: Messages of the long form that go into a real mailbox.
LONG = int(os.environ.get("SOAK_MESSAGES", "1000000"))
GROWTH = 24 * 1024 * 1024  # octets of resident memory, whatever the number


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def one(number: int) -> bytes:
    """A message as ``mbox.written`` makes it, the same number of octets for each."""
    head = b"From a@example.test Thu Jan  1 00:00:00 1970\nStatus: RO\nX-Status: \nX-Keywords: \n"
    return head + b"From: a@example.test\nSubject: number %07d\n\n%b\n" % (number, b"a line of text\n" * 10)


def blocks(count: int) -> Iterator[bytes]:
    """An mbox of so many messages, in blocks as a browser sends them."""
    rest = b""
    for start in range(0, count, 1000):
        rest += b"".join(map(one, range(start, min(start + 1000, count))))
        whole = len(rest) - len(rest) % sealed.BLOCK
        yield from (rest[at : at + sealed.BLOCK] for at in range(0, whole, sealed.BLOCK))
        rest = rest[whole:]
    yield rest


def lay_down(name: str, count: int, size: int, opened: Opened) -> None:
    at = 0
    for block in blocks(count):
        sealed.add(name, block, at=at, size=size, opened=opened)
        at += len(block)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("count", [20_000, pytest.param(1_000_000, marks=pytest.mark.soak)])
def test_reading_does_not_grow(count: int, settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    opened = Opened("", bytes(32))
    name, size = sealed.new(), count * len(one(0))
    lay_down(name, count, size, opened)
    begin, most, number = 0, 0, 0
    with sealed.reader(name, size=size, opened=opened) as file:
        for batch in running.batches(reading.messages(file, "mbox")):
            number += len(batch)
            if number % 1000 == 0:
                most = max(most, resident())
                begin = begin or most
    print(f"{count} messages: {begin >> 20} MB at first, {most >> 20} MB at most")
    assert number == count
    assert most - begin < GROWTH


@pytest.mark.timeout(4 * 3600)
@pytest.mark.parametrize("count", [2000, pytest.param(LONG, marks=pytest.mark.soak, id="long")])
def test_importing_does_not_grow(count: int, settings, tmp_path: Path, db, monkeypatch) -> None:
    """Into a mailbox of few large files: a million small ones are the disk's trouble."""
    stores.pool()
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(imports, "wake", lambda row: None)
    size = count * len(one(0))
    with running_dovecot(mail_format="mdbox") as server:
        settings.IMAP_URL = server.url
        anna = signed_in(server)
        head = "RnJvbSBhQGIgVGh1IE5vdiAyNiAxMDowMDowMCAyMDI2Cg=="
        values = {"name": "a.mbox", "size": size, "head": head, "new": "N"}
        begun = anna.client.post("/mail/@/transfers/begin/", values).json()
        row, at = Transfer.objects.get(), 0
        for block in blocks(count):
            imports.receive(row, block, at=at)
            at += len(block)
        assert begun["page"].endswith(f"/{row.pk}/")
        started = time.monotonic()
        running.proceed(row.pk, seconds=0.5)
        begin = most = resident()
        while running.proceed(row.pk, seconds=5):
            most = max(most, resident())
        row.refresh_from_db()
        assert (row.state, row.done) == (Transfer.State.DONE, count)
        assert len(row.stored) < 200
        with stores.open_account(stores.account(login=anna.login, password=server.password)) as store:
            assert store.status("N").messages == count
        stores.pool().close_all()
    took = time.monotonic() - started
    print(f"{count} messages imported in {took:.0f} s: {begin >> 20} MB at first, {most >> 20} MB at most")
    assert most - begin < GROWTH
