"""The command line tools of contacts."""

from __future__ import annotations

import io
import stat
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.auth.models import User
from apps.contacts.models import Book, Contact, Undertaking
from apps.contacts.services import importing
from tests.contacts.world import add, book_of

pytestmark = pytest.mark.django_db
TABLE = "First Name,Last Name,E-mail Address\nAnna,One,anna@felt.example\nBob,Two,nonsense\n,,\n"
CARDS = "BEGIN:VCARD\nVERSION:3.0\nUID:u1\nFN:Anna One\nEND:VCARD\nBEGIN:VCARD\nVERSION:3.0\nEND:VCARD\n"


@pytest.fixture(autouse=True)
def own_folder(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "data"


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice", "alice's own")


def run(*words: object) -> str:
    out = io.StringIO()
    call_command(*(str(word) for word in words), stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_a_dry_run_says_what_would_be_done_and_leaves_nothing(alice: User, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(TABLE)
    said = run("contacts_import", "alice", file, "--book", "Team", "--dry-run")
    assert "2: Anna One: new" in said and "“nonsense” is no mail address" in said
    assert said.endswith("2 new. Nothing was changed.\n")
    assert not Contact.objects.exists() and not Undertaking.objects.exists()
    assert not Book.objects.filter(name="Team").exists() and not [*importing.folder().iterdir()]


def test_a_file_is_imported_and_stands_among_the_imports(alice: User, tmp_path: Path) -> None:
    file = tmp_path / "people.vcf"
    file.write_text(CARDS)
    with pytest.raises(CommandError, match="Some could not be taken"):
        run("contacts_import", "ALICE", file, "--book", "Team")
    assert [*Contact.objects.values_list("name", "book__name", "owner")] == [("Anna One", "Team", alice.pk)]
    whole = Undertaking.objects.get()
    assert (whole.title, whole.state) == ("people.vcf", "done") and not [*importing.folder().iterdir()]
    file.write_text(CARDS.partition("END:VCARD\n")[0] + "TEL:1\nEND:VCARD\n")
    assert "Anna One: there already" in run("contacts_import", "alice", file, "--book", "team", "--existing", "skip")
    assert "Anna One: brought up to date" in run("contacts_import", "alice", file, "--book", "team")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nobody", "people.vcf"), "Nobody has signed in as nobody"),
        (("alice", "no-such-file.vcf"), "No such file"),
        (("alice", "empty.vcf"), "This file is empty"),
    ],
)
def test_what_cannot_be_imported_is_said(alice: User, tmp_path: Path, words: tuple[str, str], said: str) -> None:
    (tmp_path / "empty.vcf").write_bytes(b"")
    with pytest.raises(CommandError, match=said):
        run("contacts_import", words[0], tmp_path / words[1], "--book", "New")
    assert not Book.objects.exists()


def test_contacts_go_out_and_others_stay(alice: User, tmp_path: Path) -> None:
    bob = User.objects.create_user("bob", "bob's own")
    add(bob, "Bob Secret", "bob@felt.example")
    add(alice, "Anna One", "anna@felt.example")
    add(alice, "Team Two", book=book_of(alice, "Team"))
    everything = run("contacts_export", "alice")
    assert "FN:Anna One" in everything and "FN:Team Two" in everything and "Bob Secret" not in everything
    file = tmp_path / "out.csv"
    run("contacts_export", "alice", "--format", "csv", "--book", "team", "--output", file)
    assert "Team,,Two" in file.read_text("utf-8") and "Anna" not in file.read_text("utf-8")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(CommandError, match="File exists"):
        run("contacts_export", "alice", "--output", file)
    with pytest.raises(CommandError, match="There are: Personal, Team"):
        run("contacts_export", "alice", "--book", "Family")
    assert run("contacts_export", "alice", "--dry-run") == "2 contacts. Nothing was written.\n"
