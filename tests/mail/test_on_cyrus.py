"""What another server does in its own way: Cyrus has rights for everybody, quotas, and previews that it never makes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from apps.mail.services import stores
from tests.mail.conftest import HTMX, Person, letter, signed_in
from tests.mail.desk import Writer
from tests.mail.test_folder_properties import column, page, share
from tests.support.mailserver import CyrusServer, check
from tests.support.receiver import SmallPost

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(cyrus: CyrusServer, settings) -> Iterator[CyrusServer]:
    settings.IMAP_URL = cyrus.url
    yield cyrus
    stores.pool().close_all()


def test_the_first_words_of_a_message_are_in_the_list(server: CyrusServer) -> None:
    anna = signed_in(server)
    anna.receive(letter("Poles", text="We raise the felt tomorrow."))
    assert "We raise the felt tomorrow." in anna.client.get("/mail/INBOX/").content.decode()


def test_a_folder_is_shared_seen_and_taken_back(server: CyrusServer) -> None:
    anna, ben = signed_in(server), signed_in(server)
    anna.receive(letter("for both"), mailbox="Team")
    assert "You may: manage, and decide who else may." in page(anna, "Team")
    assert "may now: read." in share(anna, "Team", identifier=ben.login, role="read")
    theirs = f"Other Users/{anna.login}/Team"
    assert f'data-folder="{theirs}"' in column(ben)
    assert "Other people" in column(ben)
    assert "for both" in ben.client.get(ben.url("mailbox", theirs)).content.decode()
    html = page(ben, theirs)
    assert "A folder of somebody else" in html
    assert "You may: read." in html
    assert "Delete the folder" not in menu(ben, theirs)
    assert "Mark all as read" not in menu(ben, theirs)
    share(anna, "Team", identifier=ben.login, role="edit")
    assert "Mark all as read" in menu(ben, theirs)
    share(anna, "Team", identifier=ben.login, do="remove")
    assert theirs not in column(ben)


def menu(person: Person, folder: str) -> str:
    return person.client.get("/mail/@/folders/menu/", {"folder": folder}, headers=HTMX).content.decode()


def test_a_full_mailbox_keeps_what_was_typed(server: CyrusServer) -> None:
    anna = signed_in(server)
    desk = Writer(anna, SmallPost("")).new()
    with server.administrator() as session:
        check(session.setquota(f"user/{anna.login}", "(STORAGE 1)"))
    desk.press("save", subject="Long", text="as typed " * 400)
    assert (desk.status, desk.value("subject")) == (507, "Long")
    assert "Your mailbox is full" in desk.html
    assert desk.value("text").startswith("as typed")
    with server.administrator() as session:
        check(session.setquota(f"user/{anna.login}", "(STORAGE 1000)"))
    desk.press("save")
    assert desk.said == ["Draft saved."]
    assert anna.count("Drafts") == 1
