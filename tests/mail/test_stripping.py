"""Attachments taken out of stored messages."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from html import unescape

import pytest

from apps.mail.mailbox.errors import ServerRefused
from apps.mail.mailbox.imap.store import ImapStore
from apps.mail.mailbox.store import MoveResult
from apps.mail.mime import strip
from tests.mail.conftest import Person, letter

WHEN = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
FILES = (("poles.bin", "application/octet-stream", bytes(range(256)) * 50), ("felt.txt", "text/plain", b"Dry felt.\n"))


def page_of(person: Person, uid: int) -> str:
    return unescape(person.client.get(person.url("message", "INBOX", uid, v=person.uidvalidity())).content.decode())


def take_out(person: Person, uid: int, *numbers: str):
    url = person.url("strip", "INBOX", uid, v=person.uidvalidity())
    return person.client.post(url, {"part": numbers}, follow=True)


def only(person: Person) -> bytes:
    (raw,) = person.server.messages(person.login, "INBOX")
    return raw


def test_what_is_taken_out_leaves_a_note_and_undo_brings_it_back(anna: Person) -> None:
    (uid,) = anna.receive(letter(text="See the files.", files=FILES), flags="\\Flagged \\Answered", date=WHEN)
    before = only(anna)
    page = page_of(anna, uid)
    link = re.search(r'href="([^"]*/remove-attachments/[^"]*)"', page)[1]
    asked = anna.client.get(link).content.decode()
    assert re.findall(r'name="part" value="([\d.]+)" checked', asked) == ["2", "3"]
    answer = take_out(anna, uid, "2")
    said = unescape(answer.content.decode())
    assert "1 attachment removed." in said
    assert re.search(r"The file “poles.bin” \(File, 12\.\d\sKB\) was removed from this message on", said)
    changed = message_from_bytes(only(anna), policy=policy.default)
    assert [part.get_filename() for part in changed.iter_attachments() if part.get_filename()] == ["felt.txt"]
    assert changed["Message-ID"] == message_from_bytes(before)["Message-ID"]
    assert len(only(anna)) < len(before) - 10_000
    with anna.server.session(anna.login) as session:
        session.select("INBOX", readonly=True)
        _status, found = session.fetch("1", "(UID FLAGS INTERNALDATE)")
    told = found[0].decode()
    assert "\\Flagged" in told and "\\Answered" in told and "04-May-2026 03:02:01" in told
    assert len(anna.server.messages(anna.login, "Trash")) == 1
    ways = re.search(r'action="(/mail/@/unstrip/)">.*?name="ways" value="([^"]*)"', answer.content.decode(), re.S)
    back = anna.client.post(ways[1], {"ways": unescape(ways[2])}, follow=True).content.decode()
    assert "The message has its attachments again." in back
    assert only(anna).replace(b"\r\n", b"\n") == before.replace(b"\r\n", b"\n")


def test_where_the_original_cannot_be_put_away_there_are_not_two(anna: Person, monkeypatch) -> None:
    (uid,) = anna.receive(letter(files=FILES))
    before = only(anna)

    def refuses(*_args: object, **_more: object) -> MoveResult:
        raise ServerRefused("not now")

    monkeypatch.setattr(ImapStore, "move", refuses)
    assert take_out(anna, uid, "2").status_code >= 400
    assert only(anna) == before


def test_a_server_that_does_not_tell_where_it_has_put_the_copy_keeps_the_original(anna: Person, monkeypatch) -> None:
    (uid,) = anna.receive(letter(files=FILES))
    append = ImapStore.append

    def without_uid(store: ImapStore, *args: object, **more: object) -> tuple[int, None]:
        return append(store, *args, **more)[0], None

    monkeypatch.setattr(ImapStore, "append", without_uid)
    answer = take_out(anna, uid, "2")
    assert answer.status_code == 422 and "The original was kept." in answer.content.decode()
    assert anna.count() == 2 and "poles.bin" in page_of(anna, uid)


def test_nothing_is_taken_out_of_what_is_nothing_but_a_file(anna: Person) -> None:
    (uid,) = anna.receive(b"Subject: x\r\nContent-Type: application/pdf; name=a.pdf\r\n\r\n%PDF-1.4")
    assert "remove-attachments" not in page_of(anna, uid)
    assert take_out(anna, uid, "1").status_code == 404
    (uid,) = anna.receive(letter(files=FILES))
    assert take_out(anna, uid).status_code == 422
    assert take_out(anna, uid, "1", "9").status_code == 422


def test_a_signature_that_will_not_fit_is_told_of(anna: Person) -> None:
    inner = letter(files=FILES).partition(b"Content-Type: multipart/mixed")
    signed = (
        b"Subject: x\r\nContent-Type: multipart/signed; boundary=outer; protocol=application/pkcs7-signature\r\n\r\n"
        b"--outer\r\nContent-Type: multipart/mixed" + inner[2] + b"\r\n--outer\r\n"
        b"Content-Type: application/pkcs7-signature; name=smime.p7s\r\n\r\nAAAA\r\n--outer--\r\n"
    )
    (uid,) = anna.receive(signed)
    asked = anna.client.get(anna.url("strip", "INBOX", uid, v=anna.uidvalidity())).content.decode()
    assert "This message is signed." in asked


def test_nothing_is_guessed() -> None:
    raw = letter(files=FILES)
    with pytest.raises(strip.CannotStrip):
        strip.replaced(raw, {"2": ("text/plain", "It is of another type.")})
    with pytest.raises(strip.CannotStrip):
        strip.replaced(raw, {"7": ("text/plain", "It is not there.")})
    changed = strip.replaced(raw, {"3": ("text/plain", "Gone.")})
    start = raw.index(b"felt.txt") - 300
    assert changed[:start] == raw[:start] and b"Gone." in changed and changed.endswith(raw[-20:])
