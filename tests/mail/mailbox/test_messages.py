"""One message on real servers: structure, header, parts, and messages that servers cannot read."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest

from apps.mail.mailbox import errors
from apps.mail.mailbox.imap.store import ImapStore
from apps.mail.mailbox.store import MessageDetail
from tests.mail.mailbox.conftest import Person, letter
from tests.support.mailserver import CyrusServer

CORPORA = Path(__file__).resolve().parents[4] / "shared" / "corpora"
PDF = base64.encodebytes(hashlib.shake_256(b"pdf").digest(700_000))
MIXED = (
    b"From: Bob <bob@example.test>\nTo: alice@example.test\nSubject: =?utf-8?q?Gl=C3=A4tscher?=\n"
    b'Message-ID: <mixed@x.test>\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="a"\n\n'
    b'--a\nContent-Type: multipart/alternative; boundary="b"\n\n'
    b"--b\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nGr=FC=DFe\n"
    b"--b\nContent-Type: text/html; charset=utf-8\n\n<p>Hello</p>\n--b--\n"
    b'--a\nContent-Type: application/pdf; name="map.pdf"\nContent-Transfer-Encoding: base64\n'
    b"Content-Disposition: attachment; filename*=utf-8''R%C3%BCck.pdf\n\n" + PDF + b"\n"
    b"--a\nContent-Type: message/rfc822\n\nFrom: carol@example.test\nSubject: Inner\n\nInner text.\n--a--\n"
)


def open_(person: Person, raw: bytes) -> tuple[ImapStore, MessageDetail, int]:
    """A store, the message as it sees it, and its UIDVALIDITY."""
    uid = person.deliver(raw)[0]
    store = person.lease()
    validity = store.page("INBOX").status.uidvalidity
    return store, store.message("INBOX", uid, uidvalidity=validity), validity


def test_a_message_and_its_parts(person: Person) -> None:
    store, detail, validity = open_(person, MIXED)
    uid = detail.summary.uid
    leaves = [(part.number, part.type) for part in detail.structure.walk() if not part.is_multipart]
    wanted = [("1.1", "text/plain"), ("1.2", "text/html"), ("2", "application/pdf"), ("3", "message/rfc822")]
    assert leaves == [*wanted, ("3.1", "text/plain")]
    file = detail.structure.find("2")
    assert file is not None
    assert (file.filename, file.disposition, file.encoding) == ("Rück.pdf", "attachment", "base64")
    inner = detail.structure.find("3")
    assert inner is not None
    assert inner.envelope is not None
    assert inner.envelope.subject == "Inner"
    assert detail.summary.envelope.subject == "Glätscher"
    assert detail.summary.has_attachment
    assert b"Message-ID: <mixed@x.test>\r\n" in detail.header
    assert store.part("INBOX", uid, "1.1", uidvalidity=validity).strip() == b"Gr=FC=DFe"
    both = store.parts("INBOX", uid, ["1.1", "1.2"], uidvalidity=validity)
    assert both["1.2"].strip() == b"<p>Hello</p>"
    assert store.part("INBOX", uid, "2", uidvalidity=validity, limit=10) == PDF[:10]
    streamed = list(store.stream("INBOX", uid, "2", uidvalidity=validity))
    assert base64.b64decode(b"".join(streamed)) == base64.b64decode(PDF)
    assert all(len(chunk) <= 256 * 1024 for chunk in streamed)
    assert len(streamed) > 3
    whole = b"".join(store.stream("INBOX", uid, uidvalidity=validity))
    assert whole.replace(b"\r\n", b"\n").rstrip() == MIXED.rstrip()
    assert b"Inner text." in store.part("INBOX", uid, "3", uidvalidity=validity)


def test_reading_leaves_a_message_unread(person: Person) -> None:
    store, detail, validity = open_(person, letter())
    uid = detail.summary.uid
    store.part("INBOX", uid, "1", uidvalidity=validity)
    list(store.stream("INBOX", uid, uidvalidity=validity))
    assert not detail.summary.seen
    assert person.server.flags(person.login, uid) == set()


def test_a_stream_may_be_left_half_read(person: Person) -> None:
    store, detail, validity = open_(person, MIXED)
    stream = store.stream("INBOX", detail.summary.uid, "2", uidvalidity=validity)
    assert next(stream)
    assert store.page("INBOX").total == 1
    assert next(stream), "and may go on"


def test_what_is_not_there(person: Person) -> None:
    store, detail, validity = open_(person, letter())
    gone = detail.summary.uid + 1000
    for act in (
        lambda: store.message("INBOX", gone, uidvalidity=validity),
        lambda: store.part("INBOX", gone, "1", uidvalidity=validity),
        lambda: list(store.stream("INBOX", gone, uidvalidity=validity)),
    ):
        with pytest.raises(errors.NoSuchMessage):
            act()
    assert store.summaries("INBOX", [gone], uidvalidity=validity) == []


@pytest.mark.parametrize("number", ["1]", "1\r\n", "HEADER.FIELDS (X)", "0"])
def test_part_numbers_are_checked(person: Person, number: str) -> None:
    store, detail, validity = open_(person, letter())
    with pytest.raises(errors.BadArgument):
        store.part("INBOX", detail.summary.uid, number, uidvalidity=validity)
    with pytest.raises(errors.BadArgument):
        store.parts("INBOX", detail.summary.uid, [number], uidvalidity=validity)


BROKEN = {
    "nothing": b"\n",
    "no header": b"just some text\nand more\n",
    "no boundary": b"Subject: x\nContent-Type: multipart/mixed\n\ntext\n",
    "boundary never comes": b"Subject: x\nContent-Type: multipart/mixed; boundary=zzz\n\ntext\n",
    "cut off": MIXED[:600],
    "odd type": b"Subject: x\nContent-Type: ;;;///\n\ntext\n",
    "nested": b"Subject: x\n"
    + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(120)),
    "eight-bit name": 'Subject: x\nContent-Type: application/pdf; name="Rück.pdf"\n\nx\n'.encode("latin-1"),
    "many addresses": b"Subject: x\nTo: " + b", ".join(b"a%d@example.test" % n for n in range(5000)) + b"\n\nx\n",
}


@pytest.mark.parametrize("raw", BROKEN.values(), ids=BROKEN)
def test_broken_messages_open(person: Person, raw: bytes) -> None:
    if raw == BROKEN["no header"] and isinstance(person.server, CyrusServer):
        with pytest.raises(AssertionError, match="invalid header"):  # so there is none to open
            person.deliver(raw)
        return
    store, detail, validity = open_(person, raw)
    uid = detail.summary.uid
    for part in detail.structure.walk():
        if part.number:
            store.part("INBOX", uid, part.number, uidvalidity=validity)
    assert [row.uid for row in store.page("INBOX").rows] == [uid]
    whole = b"".join(store.stream("INBOX", uid, uidvalidity=validity))
    assert whole.replace(b"\r\n", b"\n").rstrip() == raw.rstrip()


def test_a_later_lease_reads_the_parts_alike(person: Person) -> None:
    """The numbers of a message that was read from its octets hold in a process that has never seen it."""
    for raw in (BROKEN["boundary never comes"], BROKEN["cut off"], MIXED):
        store, detail, validity = open_(person, raw)
        numbers = [part.number for part in detail.structure.walk() if part.number]
        seen = store.parts("INBOX", detail.summary.uid, numbers, uidvalidity=validity)
        person.pool.memory.clear()
        assert store.parts("INBOX", detail.summary.uid, numbers, uidvalidity=validity) == seen


def test_every_message_of_the_corpora(person: Person) -> None:
    if not CORPORA.is_dir():
        pytest.skip("shared corpora absent")
    files = sorted(
        path for path in CORPORA.rglob("*") if path.suffix in (".eml", ".msg") and path.stat().st_size < 300_000
    )
    store = person.lease()
    refused = 0
    for path in files[::7]:
        raw = path.read_bytes().replace(b"\0", b"").replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        if not raw:
            continue
        try:
            validity, uid = store.append("INBOX", raw)
        except errors.ServerRefused:
            refused += 1
            continue
        assert uid, path
        detail = store.message("INBOX", uid, uidvalidity=validity)
        for part in detail.structure.walk():
            if part.number:
                store.part("INBOX", uid, part.number, uidvalidity=validity, limit=1000)
    page = store.page("INBOX", limit=1000)
    assert len(page.rows) == page.total > 10
    assert refused <= (page.total // 10 if isinstance(person.server, CyrusServer) else 0), "it wants proper headers"


def test_a_header_that_fits_in_no_line(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the server says of it is more than is read; it stands in the list and opens all the same."""
    monkeypatch.setattr("apps.mail.mailbox.imap.transport.MAX_LINE", 30_000)
    names = b",\n ".join(b"Person %d <p%d@example.test>" % (at, at) for at in range(1_500))
    person.deliver(letter("before"))
    store, detail, validity = open_(person, b"Subject: Large\nTo: " + names + b"\n\ntext\n")
    assert detail.summary.envelope.subject == "Large"
    assert len(detail.summary.envelope.to) == 1_500
    assert store.part("INBOX", detail.summary.uid, "1", uidvalidity=validity).strip() == b"text"
    assert [row.envelope.subject for row in store.page("INBOX").rows] == ["Large", "before"]
