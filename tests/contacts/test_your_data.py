"""The address books in a person's export, and gone with it: as vCards that come in again, photos, files."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from apps.auth.models import User
from apps.contacts.card import Value
from apps.contacts.models import Book, Change, Contact, Photo, Undertaking
from apps.contacts.services import groups, importing, keeping
from apps.contacts.services.keeping import Doing
from apps.contacts.vcard import reading
from portal import your_data
from tests.contacts.world import add, book_of, with_everything


def archive_of(user: User) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(b"".join(your_data.archive(user, present=True))))


def names_in(archive: zipfile.ZipFile, name: str) -> list[str]:
    cards = list(reading.cards(io.BytesIO(archive.read(name))))
    return [value.text for card in cards for value in card.values if value.name == "FN"]


def test_each_book_is_a_vcard_file_and_the_history_is_there(alice: User, bob: User) -> None:
    with_everything(alice)
    odd = add(alice, "Ada Odd", "ada@felt.example", book=book_of(alice, "Work / felt"), more=(Value("X-ODD", "kept"),))
    gone = add(alice, "Gone Before")
    keeping.throw_away([gone], Doing(alice))
    groups.add(groups.make(alice.pk, "Team"), [odd])
    add(bob, "Bobs Own")
    archive = archive_of(alice)
    assert names_in(archive, "contacts/vcards/Work _ felt.vcf") == ["Ada Odd"]
    assert b"X-ODD:kept" in archive.read("contacts/vcards/Work _ felt.vcf")
    assert b"VERSION:4.0" in archive.read("contacts/vcards/Personal.vcf")
    assert names_in(archive, "contacts/vcards/Personal (-).vcf") == ["Gone Before"]
    assert odd.uid.encode() in archive.read("contacts/vcards/groups.vcf").replace(b"\r\n ", b"")
    assert {change["kind"] for change in json.loads(archive.read("contacts/change.json"))} >= {"created", "deleted"}
    (photo,) = Photo.objects.filter(owner=alice)
    assert archive.read(f"contacts/photos/{photo.digest}.webp") == bytes(photo.content)
    assert archive.read("contacts/imports/people.csv") == b"Name,Notes\nSecret poles,x\n"
    whole = b"".join(archive.read(name) for name in archive.namelist())
    assert b"Bobs Own" not in whole


@pytest.mark.django_db(transaction=True)
def test_files_go_when_the_rows_have_gone(alice: User, bob: User) -> None:
    with_everything(alice)
    add(bob, "Bobs Own")
    file = importing.folder() / Undertaking.objects.get(owner=alice).file
    assert file.is_file()
    your_data.remove(alice, account=False)
    assert not file.exists()
    assert list(Book.objects.values_list("owner", flat=True)) == [bob.pk]
    assert Contact.objects.count() == 1 and not Change.objects.exclude(contact__owner=bob).exists()


def test_a_book_of_thousands_goes_in_a_few_queries(alice: User, django_assert_max_num_queries) -> None:
    keeping.create_many(book_of(alice), [("", [Value("FN", f"Anna {n:04}")]) for n in range(1500)], Doing(alice))
    with django_assert_max_num_queries(250):
        your_data.remove(alice, account=False)
    assert not Contact.objects.exists()
