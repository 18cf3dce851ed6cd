"""Folders that are exported and imported, through the pages, on both servers."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.mail.archives import entries, mbox
from apps.mail.folder_models import Transfer
from apps.mail.mailbox.errors import ServerUnreachable
from apps.mail.mailbox.imap.wholesale import WholesaleStore
from apps.mail.services import stores
from apps.mail.services.transfers import exports, imports, running, sealed
from portal.models import Delegation
from tests.mail.conftest import HTMX, Person, letter

WHEN = datetime(2020, 2, 29, 12, 30, 15, tzinfo=UTC)
State = Transfer.State


@pytest.fixture(autouse=True)
def kept_here(settings, tmp_path: Path) -> None:
    stores.pool()  # it outlives the test, and so has to be made outside of its folder
    settings.DATA_DIR = tmp_path
    settings.CELERY_BROKER_URL = "memory://"


@pytest.fixture(autouse=True)
def no_worker(monkeypatch) -> None:
    monkeypatch.setattr(imports, "wake", lambda row: None)


def box(count: int, *, size: int = 0, bad: str = "") -> bytes:
    """An mbox of so many messages, and what is broken between them."""
    parts = [
        mbox.written(entries.Message(octets=letter(f"number {n}", text="x" * size), flags=("\\Seen",), received=WHEN))
        for n in range(count)
    ]
    return b"".join(parts) + bad.encode()


def upload(person: Person, octets: bytes, name: str = "old.mbox", **values: str) -> Transfer:
    file = SimpleUploadedFile(name, octets)
    answer = person.client.post("/mail/@/transfers/", {"file": file, "parent": "", "new": "", **values})
    assert answer.status_code == 302, answer.content.decode()
    return Transfer.objects.latest("pk")


def look(person: Person, row: Transfer) -> str:
    html = person.client.get(f"/mail/@/transfers/{row.pk}/").content.decode()
    row.refresh_from_db()
    return html


def do(person: Person, row: Transfer, what: str) -> str:
    answer = person.client.post(f"/mail/@/transfers/{row.pk}/", {"do": what}, follow=True)
    row.refresh_from_db()
    return answer.content.decode()


def export(person: Person, folder: str, form: str, *, below: bool = True) -> Transfer:
    values = {"folder": folder, "format": form, "subfolders": "yes" if below else ""}
    answer = person.client.post("/mail/@/folders/export/", values)
    assert answer.status_code == 302, answer.content.decode()
    return Transfer.objects.latest("pk")


def download(person: Person, row: Transfer) -> bytes:
    answer = person.client.get(f"/mail/@/transfers/{row.pk}/file/")
    assert answer.streaming, answer.headers
    octets = b"".join(answer.streaming_content)  # type: ignore[arg-type]
    row.refresh_from_db()
    return octets


def held(person: Person, folder: str) -> list[tuple[str, frozenset[str], datetime | None]]:
    """(subject, flags, INTERNALDATE) of its messages."""
    target = stores.account(login=person.login, password=person.server.password)
    with stores.open_account(target) as store:
        validity = store.status(folder).uidvalidity
        uids = [each.uid for some in store.sizes(folder, uidvalidity=validity) for each in some]
        return [
            (re.search(rb"Subject: (.*)\r", each.octets or b"")[1].decode(), each.flags, each.received)  # type: ignore[index]
            for each in (store.whole(folder, uids, uidvalidity=validity) if uids else ())
        ]


@pytest.mark.parametrize("form", ["mbox", "zip", "maildir"])
def test_a_folder_goes_out_and_comes_in_again_with_all_that_is_known_of_it(anna: Person, form: str) -> None:
    anna.receive(
        letter("From the start", text="From here\r\n>From there"), mailbox="Old", flags="\\Seen $Label1", date=WHEN
    )
    anna.receive(letter("second"), mailbox="Old", flags="\\Flagged \\Answered", date=WHEN)
    anna.receive(letter("deep"), mailbox="Old/In side", date=WHEN)
    out = export(anna, "Old", form)
    octets = download(anna, out)
    assert (out.state, out.done, out.percent) == (State.DONE, 3, 100)
    row = upload(anna, octets, out.title, new="New")
    html = look(anna, row)
    assert (row.state, row.done, row.left) == (State.DONE, 3, 0), html
    assert "3 messages imported." in html
    assert held(anna, "New") == held(anna, "Old")
    assert held(anna, "New/In side") == held(anna, "Old/In side")
    assert not Delegation.objects.exists()
    assert list(sealed.folder().glob("*")) == []


@pytest.mark.parametrize("form", ["mbox", "zip", "maildir"])
def test_several_folders_go_into_one_file_and_come_in_again_each_by_its_name(anna: Person, form: str) -> None:
    wanted = (("INBOX", "in the inbox"), ("Work/Felt", "of felt"), ("Felt", "other felt"))
    for folder, subject in (*wanted, ("Old", "of nobody's interest")):
        anna.receive(letter(subject), mailbox=folder)
    page = anna.client.get("/mail/@/folders/export/", {"folder": "Felt"}).content.decode()
    assert re.search(r'name="also" value="Work/Felt"><bdi>Work / Felt</bdi>', page)
    assert 'name="also" value="Felt"' not in page
    values = {"folder": "Felt", "also": ["Work/Felt", "INBOX"], "format": form, "subfolders": "yes"}
    answer = anna.client.post("/mail/@/folders/export/", {**values, "format": "nonsense"})
    assert answer.status_code == 422
    assert 'name="also" value="Work/Felt" checked' in answer.content.decode(), "what was ticked stays so"
    answer = anna.client.post("/mail/@/folders/export/", {**values, "also": "No such"}, follow=True)
    assert "The folder “No such” isn’t there any more." in answer.content.decode()
    assert not Transfer.objects.exists()
    assert anna.client.post("/mail/@/folders/export/", values).status_code == 302
    row = Transfer.objects.latest("pk")
    assert (row.total, row.title) == (3, f"Felt and 2 more folders.{'tar' if form == 'maildir' else 'zip'}")
    octets = download(anna, row)
    if form == "mbox":
        names = zipfile.ZipFile(io.BytesIO(octets)).namelist()
        assert sorted(names) == ["Felt/mbox", "INBOX/mbox", "Work/Felt/mbox"]
    back = upload(anna, octets, row.title, new="Back")
    while back.state == State.RUNNING:
        look(anna, back)
    assert back.done == 3
    for folder, subject in wanted:
        (message,) = anna.server.messages(anna.login, f"Back/{folder}")
        assert f"Subject: {subject}".encode() in message


def test_an_import_is_undone_and_takes_nothing_else(anna: Person) -> None:
    mine = anna.receive(letter("mine"), mailbox="Work")
    row = upload(anna, box(5), parent="Work")
    look(anna, row)
    later = anna.receive(letter("later"), mailbox="Work")
    assert anna.count("Work") == 7
    assert "undone" in do(anna, row, "undo")
    assert row.state == State.UNDONE
    assert [subject for subject, _flags, _when in held(anna, "Work")] == ["mine", "later"]
    assert mine
    assert later


def test_folders_that_an_undone_import_has_made_go_if_they_are_empty(anna: Person) -> None:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("a/b/1.eml", letter("one"))
        archive.writestr("c/2.eml", letter("two"))
    row = upload(anna, sink.getvalue(), "x.zip", new="Top")
    look(anna, row)
    assert anna.count("Top/a/b") == 1
    anna.receive(letter("mine"), mailbox="Top/c")
    do(anna, row, "undo")
    look(anna, row)
    tree = anna.client.get("/mail/@/folders/", headers=HTMX).content.decode()
    assert "Top/a" not in tree
    assert [subject for subject, _flags, _when in held(anna, "Top/c")] == ["mine"]


def test_what_cannot_be_taken_is_told_by_number_and_reason(anna: Person) -> None:
    octets = box(2) + b"From a@b Thu Nov 26 10:00:00 2026\nSubject: nul\n\n\0\n\n" + box(1)
    row = upload(anna, octets, new="New")
    html = look(anna, row)
    assert (row.done, row.left) == (3, 1)
    assert list(row.notes.values_list("number", "reason")) == [(3, "nul")]
    assert "octets (NUL)" in html


class Cut(Exception):
    """The process dies."""


@pytest.mark.parametrize("moment", ["before", "halfway", "after"])
def test_a_death_at_any_moment_doubles_nothing_and_loses_nothing(anna: Person, monkeypatch, moment: str) -> None:
    monkeypatch.setattr(running, "MOST_MESSAGES", 4)
    append, calls = WholesaleStore.append_many, []

    def deadly(self, mailbox, new):  # type: ignore[no-untyped-def]
        calls.append(len(new))
        if len(calls) != 2:
            return append(self, mailbox, new)
        if moment != "before":
            append(self, mailbox, new[: 2 if moment == "halfway" else None])
        raise Cut

    monkeypatch.setattr(WholesaleStore, "append_many", deadly)
    row = upload(anna, box(10), new="New")
    with pytest.raises(Cut):
        running.proceed(row.pk, seconds=60)
    row.refresh_from_db()
    assert (row.done, row.number, row.begun != "") == (4, 4, True)
    look(anna, row)
    assert (row.state, row.done) == (State.DONE, 10)
    assert [subject for subject, _flags, _when in held(anna, "New")] == [f"number {n}" for n in range(10)]
    do(anna, row, "undo")
    assert row.state == State.UNDONE
    assert "New" not in anna.client.get("/mail/@/folders/", headers=HTMX).content.decode().split('data-folder="')


def test_one_that_died_and_is_cancelled_is_undone_with_its_last_batch(anna: Person, monkeypatch) -> None:
    append = WholesaleStore.append_many

    def deadly(self, mailbox, new):  # type: ignore[no-untyped-def]
        append(self, mailbox, new)
        raise Cut

    anna.receive(letter("mine"), mailbox="Work")
    monkeypatch.setattr(WholesaleStore, "append_many", deadly)
    row = upload(anna, box(3), parent="Work")
    with pytest.raises(Cut):
        running.proceed(row.pk, seconds=60)
    assert anna.count("Work") == 4
    do(anna, row, "cancel")
    assert row.state == State.CANCELLED
    do(anna, row, "undo")
    assert [subject for subject, _flags, _when in held(anna, "Work")] == ["mine"]


def test_it_is_paused_and_goes_on_where_it_was(anna: Person, monkeypatch) -> None:
    monkeypatch.setattr(running, "MOST_MESSAGES", 2)
    row = upload(anna, box(6), new="New")
    assert running.proceed(row.pk, seconds=0)
    row.refresh_from_db()
    assert row.done == 2
    assert "paused" in do(anna, row, "pause")
    assert not running.proceed(row.pk, seconds=60)
    assert look(anna, row)
    assert row.done == 2
    do(anna, row, "resume")
    look(anna, row)
    assert (row.state, anna.count("New")) == (State.DONE, 6)


def test_a_server_that_is_away_is_waited_for(anna: Person, monkeypatch) -> None:
    row = upload(anna, box(2), new="New")

    def away(self, mailbox, new):  # type: ignore[no-untyped-def]
        raise ServerUnreachable

    with monkeypatch.context() as patch:
        patch.setattr(WholesaleStore, "append_many", away)
        html = look(anna, row)
    assert row.state == State.RUNNING
    assert "does not answer just now" in html
    Transfer.objects.update(lease_until=None)
    look(anna, row)
    assert (row.state, anna.count("New")) == (State.DONE, 2)


def test_pieces_come_in_order_and_again(anna: Person, monkeypatch) -> None:
    monkeypatch.setattr(sealed, "BLOCK", 1000)
    monkeypatch.setattr(sealed, "_SEALED", 1028)
    octets = box(9, size=700)
    begun = anna.client.post(
        "/mail/@/transfers/begin/",
        {"name": "a.mbox", "size": len(octets), "head": "RnJvbSBhQGIgVGh1IE5vdiAyNiAxMDowMDowMCAyMDI2Cg==", "new": "N"},
    ).json()

    def send(at: int, size: int) -> tuple[int, int]:
        body = octets[at : at + size]
        answer = anna.client.post(f"{begun['pieces']}?at={at}", body, content_type="application/octet-stream")
        return answer.status_code, answer.json()["received"]

    assert send(0, 3000) == (200, 3000)
    assert send(0, 3000) == (200, 3000)
    assert send(5000, 1000) == (409, 3000)
    assert send(3000, 500) == (409, 3000)
    assert send(3000, len(octets)) == (200, len(octets))
    row = Transfer.objects.get()
    raw = b"".join(path.read_bytes() for path in sealed.folder().glob("*"))
    assert b"number" not in raw
    look(anna, row)
    assert (row.state, anna.count("N")) == (State.DONE, 9)


@pytest.mark.parametrize(
    ("octets", "values", "words"),
    [
        (b"", {"new": "N"}, "This file is empty."),
        (b"%PDF", {"new": "N"}, "no file that messages can be imported from"),
        (b"A: b\n\nc", {}, "Choose a folder, or name a new one."),
        (b"A: b\n\nc", {"new": "a\x07"}, "invisible characters"),
        (b"A: b\n\nc", {"parent": "Gone"}, "isn’t there any more"),
    ],
)
def test_what_cannot_be_begun_says_why(anna: Person, octets: bytes, values: dict[str, str], words: str) -> None:
    values = {"file": SimpleUploadedFile("x", octets), "parent": "", "new": "", **values}  # type: ignore[dict-item]
    answer = anna.client.post("/mail/@/transfers/", values)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Transfer.objects.exists()
    assert not Delegation.objects.exists()


def test_a_damaged_file_gives_what_can_be_read(anna: Person) -> None:
    import gzip

    row = upload(anna, gzip.compress(box(3))[:-20], "x.mbox.gz", new="New")
    html = look(anna, row)
    assert row.state == State.FAILED
    assert "damaged or ends too early" in html
    assert anna.count("New") == row.done
    assert list(sealed.folder().glob("*")) == []


def test_nobody_sees_or_steers_what_is_another_person_s(sign_in) -> None:
    anna, ben = sign_in(), sign_in()
    row = upload(anna, box(1), new="New")
    for answer in (
        ben.client.get(f"/mail/@/transfers/{row.pk}/"),
        ben.client.post(f"/mail/@/transfers/{row.pk}/", {"do": "cancel"}),
        ben.client.get(f"/mail/@/transfers/{row.pk}/file/"),
        ben.client.post(f"/mail/@/transfers/{row.pk}/piece/?at=0", b"x", content_type="application/octet-stream"),
    ):
        assert answer.status_code == 404
    row.refresh_from_db()
    assert row.state == State.RUNNING


def test_an_export_is_paused_and_comes_in_two_whole_files(anna: Person, monkeypatch) -> None:
    monkeypatch.setattr(exports, "MOST_MESSAGES", 2)
    monkeypatch.setattr(exports, "NOTED_EVERY", 0.0)
    for n in range(5):
        anna.receive(letter(f"number {n}"), mailbox="Old")
    row = export(anna, "Old", "zip")
    chunks: Iterator[bytes] = iter(anna.client.get(f"/mail/@/transfers/{row.pk}/file/").streaming_content)  # type: ignore[arg-type]
    first = next(chunks)
    do(anna, row, "pause")
    first += b"".join(chunks)
    row.refresh_from_db()
    assert (row.state, row.done, row.part) == (State.PAUSED, 2, 2)
    do(anna, row, "resume")
    second = download(anna, row)
    names = [zipfile.ZipFile(io.BytesIO(octets)).namelist() for octets in (first, second)]
    assert [len(each) for each in names] == [2, 3]
    assert not set(names[0]) & set(names[1])
    assert (row.state, row.done, row.title_of_part) == (State.DONE, 5, "Old 2.zip")


def test_an_export_that_broke_off_begins_its_part_again(anna: Person, monkeypatch) -> None:
    monkeypatch.setattr(exports, "MOST_MESSAGES", 1)
    anna.receive(letter("one"), letter("two"), mailbox="Old")
    row = export(anna, "Old", "mbox", below=False)
    chunks = exports.stream(stores.account(login=anna.login, password=anna.server.password), row.pk)
    assert chunks
    next(chunks)
    chunks.close()  # type: ignore[attr-defined]
    html = look(anna, row)
    assert (row.state, row.done) == (State.PAUSED, 0)
    assert "broke off" in html
    do(anna, row, "resume")
    assert download(anna, row).count(b"\nSubject: ") == 2
    assert row.state == State.DONE


def test_taking_back_the_permission_ends_it(anna: Person) -> None:
    row = upload(anna, box(1), new="New")
    delegation = Delegation.objects.get()
    imports.revoke(delegation.task, row.user_id)
    row.refresh_from_db()
    assert row.state == State.CANCELLED
    assert not Delegation.objects.exists()
    assert json.loads(row.stored) == []


def test_a_full_mailbox_pauses_it_and_nothing_is_doubled_when_there_is_room(dovecot, settings, db, monkeypatch) -> None:
    from apps.mail.mailbox.errors import QuotaExceeded
    from apps.mail.mailbox.wholesale import Appended
    from tests.mail.conftest import signed_in

    settings.IMAP_URL = dovecot.url
    anna = signed_in(dovecot)
    append = WholesaleStore.append_many

    def full(self, mailbox, new):  # type: ignore[no-untyped-def]
        taken = append(self, mailbox, [each for index, each in enumerate(new) if index != 1])
        return [taken[0], Appended(error=QuotaExceeded()), *taken[1:]]

    row = upload(anna, box(4), new="New")
    with monkeypatch.context() as patch:
        patch.setattr(WholesaleStore, "append_many", full)
        html = look(anna, row)
    assert row.state == State.PAUSED
    assert "The mailbox is full" in html
    assert anna.count("New") == 3
    do(anna, row, "resume")
    look(anna, row)
    assert (row.state, row.done, anna.count("New")) == (State.DONE, 4, 4)
    do(anna, row, "undo")
    assert row.state == State.UNDONE
    stores.pool().close_all()
