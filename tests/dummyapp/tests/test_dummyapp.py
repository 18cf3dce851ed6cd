from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
from django.utils import translation

from dummyapp import diagnostics
from dummyapp.models import Entry
from portal.contracts import Level

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_user("alice", "correct horse", display_name="Alice"))
    return client


def test_an_entry_is_written_and_shown(alice: Client) -> None:
    page = alice.post("/dummyapp/", {"text": "I was here"}, follow=True).content.decode()
    assert "I was here" in page and "Your entry is in the book." in page


def test_the_block_shows_as_many_entries_as_wished(alice: Client) -> None:
    author = get_user_model().objects.get()
    for number in range(3):
        Entry.objects.create(author=author, text=f"Entry {number}")
    alice.post("/preferences/dummyapp.page/", {"dummyapp.block_size": "2"})
    block = alice.get("/home/blocks/dummyapp.newest/").content.decode()
    assert "Entry 2" in block and "Entry 1" in block and "Entry 0" not in block


def test_the_self_test_counts_in_the_language_of_the_reader(alice: Client) -> None:
    with translation.override("de"):
        (finding,) = diagnostics.entries()
        assert (finding.level, finding.message) == (Level.OK, "0 Einträge sind lesbar")


def test_the_frame_has_the_entry_and_strangers_see_nothing(alice: Client, client: Client) -> None:
    assert 'href="/dummyapp/"' in alice.get("/").content.decode()
    assert client.get("/dummyapp/").status_code == 302


def test_the_migrations_are_complete() -> None:
    call_command("makemigrations", "dummyapp", check=True, dry_run=True, verbosity=0)
