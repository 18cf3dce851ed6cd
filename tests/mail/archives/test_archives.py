"""Archives of messages as files: what is written is read back, from any place on, and others' habits are known."""

from __future__ import annotations

import gzip
import io
import tarfile
import tracemalloc
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from typing import BinaryIO

import pytest

from apps.mail.archives import entries, maildir, mbox, reading, zips
from apps.mail.archives.entries import BadArchive, Found, Message, Place

WHEN = datetime(2024, 2, 29, 23, 59, 58, tzinfo=UTC)
ODD = (
    b"From: a@example.test\r\nStatus: closed\r\nX-Keywords: mine\r\nSubject: Fwd\r\n\r\n"
    b"From the beginning\r\n>From quoted\r\n>>From twice\r\n\r\nFrom a@b Thu Nov 26 10:00:00 2026\r\nend\r\n"
)
PLAIN = b"Received: x\r\nSubject: plain\r\n\r\n8-bit \xe4 and\ttabs\r\n"
MESSAGES = (
    Message(octets=ODD, flags=("\\Seen", "\\Flagged", "$Label1", "plan-b"), received=WHEN),
    Message(octets=PLAIN, flags=("\\Answered", "\\Draft", "$Forwarded"), received=WHEN.replace(year=2004)),
    Message(octets=PLAIN.replace(b"plain", b"none")),
)


def written(kind: str) -> bytes:
    if kind == "mbox":
        return b"".join(map(mbox.written, MESSAGES))
    if kind == "zip":
        sink = io.BytesIO()
        with zipfile.ZipFile(sink, "w") as archive:
            for number, each in enumerate(MESSAGES):
                archive.writestr(zips.info(f"{number:06d}.eml", each), each.octets)
        return sink.getvalue()
    keywords = ["$Label1"]  # plan-b has no letter
    files = [maildir.written(each, (), str(number), keywords) for number, each in enumerate(MESSAGES)]
    return maildir.folder((), keywords) + b"".join(files) + maildir.end()


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize("kind", ["mbox", "zip", "maildir"])
def test_what_is_written_is_read_back_octet_for_octet_from_any_place_on(kind: str, packed: bool) -> None:
    octets = gzip.compress(written(kind)) if packed else written(kind)
    kind += ".gz" * packed
    assert reading.kind_of("x", octets[: reading.HEAD]) == kind
    found = list(reading.messages(io.BytesIO(octets), kind))
    read = [each.message for each in found]
    assert [each.octets for each in read if each] == [each.octets for each in MESSAGES]
    assert [set(each.flags) for each in read if each] == [set(each.flags) for each in MESSAGES]
    assert [each.received for each in read[:2] if each] == [WHEN, WHEN.replace(year=2004)]
    assert [each.after.number for each in found] == [1, 2, 3]
    for index, each in enumerate(found):
        assert list(reading.messages(io.BytesIO(octets), kind, each.after)) == found[index + 1 :]


def test_our_mbox_is_read_by_others() -> None:
    import mailbox
    import tempfile

    with tempfile.NamedTemporaryFile() as file:
        file.write(written("mbox"))
        file.flush()
        box = mailbox.mbox(file.name)
        assert [each.get_flags() for each in box] == ["ROF", "OAT", "O"]
        assert [each["Subject"] for each in box] == ["Fwd", "plain", "none"]


def test_a_sender_sets_no_flag_with_a_field_of_his_own() -> None:
    (found,) = mbox.messages(io.BytesIO(mbox.written(Message(octets=ODD, received=WHEN))))
    assert found.message
    assert found.message.flags == ()
    assert b"X-Keywords: mine" in found.message.octets


OTHERS = {
    "Thunderbird": (
        b"From - Sat Nov 28 10:00:00 2020\nX-Mozilla-Status: 0005\nX-Mozilla-Keys: $label2\n\nhi\n\n",
        2020,
    ),
    "Pine": (
        b"From a@b Sat Nov 28 10:00:00 2020 +0100\r\nStatus: RO\r\nX-Status: F\r\nX-Keywords: $label2\r\n\r\nhi\r\n",
        2020,
    ),
    "zone first": (
        b"From a@b  Sat Nov  8 10:00:00 CET 2020\nStatus: RO\nX-Status: F\nX-Keywords: $label2\n\nhi\n",
        2020,
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_mboxes_of_others(name: str) -> None:
    octets, year = OTHERS[name]
    (found,) = mbox.messages(io.BytesIO(octets))
    assert found.message
    assert set(found.message.flags) == {"\\Seen", "\\Flagged", "$label2"}
    assert found.message.received
    assert found.message.received.year == year
    assert found.message.octets.endswith(b"\r\nhi\r\n")


def test_what_is_broken_is_told_by_number_and_the_rest_is_read(monkeypatch) -> None:
    monkeypatch.setattr(entries, "MOST", 1000)
    line = b"From a@b Thu Nov 26 10:00:00 2026\n"
    parts = [b"A: 1\n\nx\n\n", b"A: 2\n\n\0\n\n", b"A: 3\n\n" + b"y" * 2000 + b"\n\n", b"\n", b"no header at all\n"]
    found = list(mbox.messages(io.BytesIO(b"junk\n\n" + b"".join(line + part for part in parts))))
    assert [each.problem for each in found] == ["", "", entries.NUL, entries.TOO_LARGE, entries.EMPTY, ""]
    assert [each.after.number for each in found] == [1, 2, 3, 4, 5, 6]
    assert found[0].message
    assert found[5].message
    assert found[5].message.octets == b"no header at all\r\n"


def test_zips_of_others_with_folders_mboxes_and_what_is_no_mail() -> None:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Top/a.eml", PLAIN)
        archive.writestr("Top/Sub.mbox", b"".join(map(mbox.written, MESSAGES)))
        archive.writestr("Top/Sub/mbox", mbox.written(MESSAGES[0]))
        archive.writestr("../../../etc/passwd.eml", PLAIN)
        archive.writestr("picture.png", b"\x89PNG")
        archive.writestr("bad.eml", PLAIN, zipfile.ZIP_STORED)
        archive.writestr("packed.eml", PLAIN, zipfile.ZIP_BZIP2)
    octets = sink.getvalue()
    at = octets.index(b"bad.eml") + len(b"bad.eml")
    octets = octets[:at] + b"X" + octets[at + 1 :]
    found = list(reading.messages(io.BytesIO(octets), "zip"))
    places = [each.message.folder for each in found if each.message]
    assert places == [("Top",), *[("Top", "Sub")] * 4, ("etc",)]
    assert [each.problem for each in found[-3:]] == [entries.NOT_MAIL, entries.DAMAGED, entries.METHOD]
    for index, each in enumerate(found):
        assert list(reading.messages(io.BytesIO(octets), "zip", each.after)) == found[index + 1 :]


def test_a_maildir_of_dovecot() -> None:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w:gz") as tar:
        for name, octets in (
            ("m/cur/1.2.host,S=5:2,Sb", b"A: 1\n\nx\n"),
            ("m/dovecot-keywords", b"1 $Work\n"),
            ("m/.Sub.Deep/dovecot-keywords", b"1 $Work\n"),
            ("m/.Sub.Deep/cur/2.2.host:2,Sb", b"A: 2\n\nx\n"),
            ("m/.Sub.Deep/tmp/3", b"half"),
            ("m/dovecot.index", b"\0"),
        ):
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(octets), 1_700_000_000
            tar.addfile(info, io.BytesIO(octets))
    found = list(reading.messages(io.BytesIO(sink.getvalue()), "maildir.gz"))
    read = [each.message for each in found]
    assert [(each.folder, each.flags) for each in read if each] == [
        (("m",), ("\\Seen",)),
        (("Sub", "Deep"), ("\\Seen", "$Work")),
    ]


@pytest.mark.parametrize("kind", ["zip", "maildir", "mbox.gz", "zip.gz", "maildir.gz"])
def test_files_that_are_cut_off_say_so_after_what_could_be_read(kind: str) -> None:
    octets = written(kind.removesuffix(".gz"))
    octets = gzip.compress(octets) if kind.endswith(".gz") else octets
    with pytest.raises(BadArchive):
        list(reading.messages(io.BytesIO(octets[: len(octets) // 2]), kind))


@pytest.mark.parametrize("octets", [b"", b"\x1f\x8b\x08nonsense", b"%PDF-1.4", b"<html>", b"\0" * 600])
def test_what_is_no_archive_is_not_taken_for_one(octets: bytes) -> None:
    assert reading.kind_of("x.bin", octets) == ""


class Endless(io.RawIOBase):
    """An mbox of so many messages, made while it is read."""

    def __init__(self, count: int) -> None:
        self.count, self.made, self.rest = count, 0, b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        assert offset == 0
        return 0

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while len(self.rest) < len(buffer) and self.made < self.count:
            self.made += 1
            self.rest += mbox.written(Message(octets=b"Subject: %d\r\n\r\n%b" % (self.made, b"line\r\n" * 20)))
        piece, self.rest = self.rest[: len(buffer)], self.rest[len(buffer) :]
        buffer[: len(piece)] = piece
        return len(piece)


def read_through(count: int) -> tuple[int, int]:
    """(messages, peak of memory in octets)."""
    tracemalloc.start()
    file: BinaryIO = io.BufferedReader(Endless(count))
    number = sum(each.message is not None for each in mbox.messages(file))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return number, peak


def test_memory_does_not_grow_with_the_number_of_messages() -> None:
    small, large = read_through(300), read_through(6000)
    assert (small[0], large[0]) == (300, 6000)
    assert large[1] < small[1] * 1.5 + 100_000


def found_in(octets: bytes, kind: str) -> Iterator[Found]:
    return reading.messages(io.BytesIO(octets), kind, Place())


def test_a_single_message() -> None:
    (found,) = found_in(PLAIN.replace(b"\r\n", b"\n"), "eml")
    assert found.message
    assert message_from_bytes(found.message.octets)["Subject"] == "plain"
    assert list(reading.messages(io.BytesIO(PLAIN), "eml", found.after)) == []
