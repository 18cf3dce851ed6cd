"""Folders deleted and emptied: into the trash and back, or for ever, never more than was counted; on both servers."""

from __future__ import annotations

import pytest

from apps.mail.services.folder_removal import Counted
from tests.mail.conftest import HTMX, Person, letter
from tests.mail.everywhere import every_server  # noqa: F401 - a fixture
from tests.mail.test_manage_folders import act, confirm, names, take_back, toast

# deleting


def test_deleting_throws_into_the_trash_and_back(anna: Person) -> None:
    anna.receive(letter(), mailbox="Old")
    anna.receive(letter(), letter("b"), mailbox="Old/in")
    answer = act(anna, "delete", "Old", here="INBOX")
    assert toast(answer)["text"] == "Folder “Old” moved to the trash."
    assert {"Trash/Old", "Trash/Old/in"} <= names(anna)
    assert anna.count("Trash/Old/in") == 2
    take_back(anna, answer)
    assert {"Old", "Old/in"} <= names(anna)
    assert anna.count("Old/in") == 2


def test_two_of_one_name_lie_side_by_side_in_the_trash(anna: Person) -> None:
    for _round in range(2):
        anna.receive(letter(), mailbox="Old")
        act(anna, "delete", "Old")
    assert {"Trash/Old", "Trash/Old 2"} <= names(anna)


def test_the_page_of_a_deleted_folder_leads_to_the_inbox(anna: Person) -> None:
    anna.receive(letter(), mailbox="Old")
    answer = act(anna, "delete", "Old", here="Old")
    assert answer["HX-Redirect"] == "/mail/INBOX/"


def test_in_the_trash_it_is_counted_asked_and_gone(anna: Person) -> None:
    anna.receive(letter(), mailbox="Old")
    anna.receive(letter(), letter("b"), mailbox="Old/in")
    act(anna, "delete", "Old")
    asked = act(anna, "delete", "Trash/Old")
    html = asked.content.decode()
    assert asked["HX-Retarget"] == "#mail-dialog"
    assert "3 messages are deleted and cannot be brought back." in html
    assert "1 folder inside it is deleted too" in html
    assert "Trash/Old/in" in names(anna)
    done = confirm(anna, asked)
    assert toast(done)["text"] == "Folder “Old” deleted for ever."
    assert not {name for name in names(anna) if name.startswith(("Trash/", "Old"))}
    assert "isn’t there any more" in str(toast(confirm(anna, asked))["text"])


@pytest.mark.parametrize("late", ["message", "folder"])
def test_what_was_not_counted_is_never_lost(anna: Person, late: str) -> None:
    anna.receive(letter(), mailbox="Old/in")
    anna.receive(letter(), mailbox="Old")
    act(anna, "delete", "Old")
    asked = act(anna, "delete", "Trash/Old")
    anna.receive(letter("late"), mailbox="Trash/Old/in" if late == "message" else "Trash/Old/late")
    again = confirm(anna, asked)
    html = again.content.decode()
    assert "nothing was deleted" in html
    assert "3 messages are deleted" in html
    assert anna.count("Trash/Old/in") == (2 if late == "message" else 1)
    assert toast(confirm(anna, again))["text"] == "Folder “Old” deleted for ever."


# emptying


def test_emptying_the_trash_removes_what_was_counted(anna: Person) -> None:
    anna.receive(letter("a"), letter("b"), mailbox="Trash")
    anna.receive(letter("c"), mailbox="Old")
    act(anna, "delete", "Old")
    asked = act(anna, "empty", "Trash", here="INBOX")
    html = asked.content.decode()
    assert "3 messages are deleted and cannot be brought back." in html
    assert "1 folder inside it is deleted too" in html
    anna.receive(letter("late"), mailbox="Trash")
    anna.receive(letter("late too"), mailbox="Trash/Newer")
    done = confirm(anna, asked)
    assert toast(done)["text"] == "3 messages deleted for ever. 1 folder has changed meanwhile and stays."
    assert (anna.count("Trash"), anna.count("Trash/Newer")) == (1, 1)
    assert "Trash/Old" not in names(anna)
    assert (
        toast(confirm(anna, asked))["text"] == "0 messages deleted for ever. 1 folder has changed meanwhile and stays."
    )
    assert anna.count("Trash") == 1


def test_emptying_junk_and_nothing_else(anna: Person) -> None:
    anna.receive(letter("a"), mailbox="Junk")
    anna.receive(letter("b"), mailbox="Projects")
    confirm(anna, act(anna, "empty", "Junk"))
    assert anna.count("Junk") == 0
    assert "is empty already" in str(toast(act(anna, "empty", "Junk"))["text"])
    forged = {"do": "empty", "folder": "Projects", "confirmed": "yes", "counted": "Projects:1:9:9"}
    answer = anna.client.post("/mail/@/folders/act/", forged, headers=HTMX)
    assert "Only the trash and junk" in str(toast(answer)["text"])
    assert anna.count("Projects") == 1


def test_a_count_of_another_life_of_the_trash_removes_nothing(anna: Person) -> None:
    anna.receive(letter("a"), mailbox="Trash")
    forged = {"do": "empty", "folder": "Trash", "confirmed": "yes", "counted": "Trash:1:999:9"}
    assert anna.client.post("/mail/@/folders/act/", forged, headers=HTMX).status_code == 409
    assert anna.count("Trash") == 1


@pytest.mark.parametrize("text", ["", "x", "INBOX:1:2", "INBOX:a:2:3", "~zz:1:2:3", "INBOX:1:2:-3"])
def test_counts_that_are_none(text: str) -> None:
    assert Counted.parse(text) is None


def test_counts_survive_their_form() -> None:
    counted = Counted("a:b/c ~", 7, 8, 9)
    assert Counted.parse(str(counted)) == counted
