"""Files attached to contacts: put there, saved, taken away, and seen by nobody else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from apps.auth.models import User
from apps.contacts.models import Contact, File, Subscription
from apps.contacts.services import duplicates, files, keeping
from apps.contacts.services.keeping import Doing
from tests.contacts.world import add

pytestmark = pytest.mark.django_db
EVIL = b"<script>alert(1)</script>"


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice", "alice's own", display_name="Alice Adams")


@pytest.fixture
def browser(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def attach(browser: Client, contact: Contact, content: bytes = b"x", name: str = "contract.pdf") -> str:
    """What is said then."""
    fields = {"do": "attach", "file": SimpleUploadedFile(name, content)}
    return browser.post(reverse("contacts:files", args=[contact.pk]), fields, follow=True).content.decode()


def test_a_file_is_attached_saved_and_removed(browser: Client, alice: User) -> None:
    contact = add(alice, "Anna One")
    said = attach(browser, contact, EVIL, "page of Анна.html")
    assert "The file is attached." in said and "page of Анна.html" in said and "Alice Adams" in said
    file = File.objects.get()
    url = reverse("contacts:file", args=[contact.pk, file.pk])
    answer = browser.get(url)
    assert answer.content == EVIL and answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith("attachment; ") and "sandbox" in answer["Content-Security-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff" and "no-store" in answer["Cache-Control"]
    browser.post(reverse("contacts:files", args=[contact.pk]), {"do": "remove", "id": file.pk})
    assert not File.objects.exists() and browser.get(url).status_code == 404


def test_size_and_number_have_limits(browser: Client, alice: User, settings: Any) -> None:
    contact = add(alice, "Anna One")
    settings.CONTACT_FILE_MB, settings.CONTACT_FILES = 1, 2
    assert "A file may have at most 1 MB." in attach(browser, contact, b"x" * (1024 * 1024 + 1))
    assert "This file is empty." in attach(browser, contact, b"")
    for _file in range(2):
        attach(browser, contact)
    assert "A contact holds at most 2 files." in attach(browser, contact)
    assert contact.files.count() == 2
    settings.CONTACT_FILES = 0
    page = browser.get(reverse("contacts:contact", args=[contact.pk])).content.decode()
    assert "contract.pdf" in page and 'value="attach"' not in page
    fields = {"do": "attach", "file": SimpleUploadedFile("x", b"x")}
    assert browser.post(reverse("contacts:files", args=[contact.pk]), fields).status_code == 404


def test_nobody_else_sees_them(browser: Client, alice: User) -> None:
    contact, other = add(alice, "Anna One"), add(alice, "Bob Two")
    attach(browser, contact)
    file = File.objects.get()
    bob = Client()
    bob.force_login(User.objects.create_user("bob", "bob's own"))
    assert bob.get(reverse("contacts:file", args=[contact.pk, file.pk])).status_code == 404
    for do in ({"do": "remove", "id": file.pk}, {"do": "attach", "file": SimpleUploadedFile("x", b"x")}):
        assert bob.post(reverse("contacts:files", args=[contact.pk]), do).status_code == 404
    assert browser.get(reverse("contacts:file", args=[other.pk, file.pk])).status_code == 404
    remove = reverse("contacts:files", args=[other.pk])
    assert browser.post(remove, {"do": "remove", "id": file.pk}).status_code == 404
    Subscription.objects.create(book=contact.book, url="https://x.test/", login="x", trusted="x.test")
    assert browser.get(reverse("contacts:file", args=[contact.pk, file.pk])).status_code == 404
    assert File.objects.count() == 1


def test_they_go_with_the_contact_and_not_before(browser: Client, alice: User) -> None:
    contact = add(alice, "Anna One")
    attach(browser, contact)
    keeping.throw_away([contact], Doing(alice))
    page = browser.get(reverse("contacts:contact", args=[contact.pk])).content.decode()
    assert "contract.pdf" in page and 'value="attach"' not in page
    Contact.objects.all().delete()
    assert not File.objects.exists()


def test_a_merge_brings_them_along_and_back(browser: Client, alice: User) -> None:
    one, other = add(alice, "Anna One"), add(alice, "Anna Onne")
    attach(browser, one, name="one.txt")
    attach(browser, other, name="other.txt")
    whole = duplicates.merge(one, other, Doing(alice))
    assert {*one.files.values_list("name", flat=True)} == {"one.txt", "other.txt"}
    duplicates.unmerge(whole, Doing(alice))
    assert [*one.files.values_list("name", flat=True)] == ["one.txt"]
    assert [*other.files.values_list("name", flat=True)] == ["other.txt"]


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Temp\\x.pdf", "x.pdf"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("a\r\nb.txt", "ab.txt"),
        (".htaccess", "htaccess"),
        ("", "file"),
        ("x" * 400 + ".pdf", "x" * 146 + ".pdf"),
    ],
)
def test_names_are_plain(name: str, safe: str) -> None:
    assert files.safe(name) == safe


def test_they_are_in_the_backup(browser: Client, alice: User, tmp_path: Path) -> None:
    import zipfile

    attach(browser, add(alice, "Anna One"), b"kept in the backup")
    call_command("backup", str(tmp_path / "b.zip"))
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        assert b"contract.pdf" in archive.read("rows/contacts.file.jsonl")
