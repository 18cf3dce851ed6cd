"""What a folder is used for, its colour, who shares it, and what fills the mailbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.mail.mailbox.sharing import Grant, Namespace, Namespaces, ordered
from apps.mail.models import FolderSetting, remember
from apps.mail.services import access, stores
from portal.contracts import Address
from tests.mail.conftest import HTMX, Person, letter, signed_in
from tests.support.mailserver import DovecotServer
from tests.support.servers import running_dovecot


def column(person: Person) -> str:
    return person.client.get("/mail/@/folders/", headers=HTMX).content.decode()


def page(person: Person, folder: str, **query: str) -> str:
    answer = person.client.get("/mail/@/folders/properties/", {"folder": folder, **query})
    assert answer.status_code == 200
    return answer.content.decode()


def save(person: Person, folder: str, **values: str) -> str:
    values = {"folder": folder, "colour": "", "role": "", "polled": "yes", **values}
    return person.client.post("/mail/@/folders/properties/", values, follow=True).content.decode()


def share(person: Person, folder: str, **values: object) -> str:
    answer = person.client.post("/mail/@/folders/share/", {"folder": folder, **values}, follow=True)
    return answer.content.decode()


# --- on both servers --------------------------------------------------------------------------------------------------


def test_a_folder_is_given_a_colour_and_keeps_it_under_another_name(anna: Person) -> None:
    anna.receive(letter(), mailbox="Plans")
    assert "Saved." in save(anna, "Plans", colour="green")
    assert "hued h4" in column(anna)
    anna.client.post("/mail/@/folders/edit/", {"folder": "Plans", "name": "Projects", "parent": ""}, headers=HTMX)
    assert "hued h4" in column(anna)
    assert '<option value="green" selected>' in page(anna, "Projects")
    save(anna, "Projects", colour="no such")
    assert "hued" not in column(anna)


def test_a_folder_that_is_not_looked_into_counts_nothing(anna: Person) -> None:
    anna.receive(letter(), letter("two"), mailbox="Lists")
    assert ", 2 unread" in column(anna)
    save(anna, "Lists", polled="")
    assert ", 2 unread" not in column(anna)
    assert "2 messages" in page(anna, "Lists")
    save(anna, "Lists")
    assert ", 2 unread" in column(anna)
    assert not FolderSetting.objects.exists()


def test_what_a_folder_is_used_for_is_somebody_s_own_choice(anna: Person) -> None:
    anna.receive(letter(), mailbox="Outgoing")
    save(anna, "Outgoing", role="sent")
    html = column(anna)
    assert 'data-folder="Outgoing"' in html.partition(">Sent</span>")[0].rpartition("<a")[2]
    save(anna, "Outgoing", role="none")
    assert ">Outgoing</span>" in column(anna)
    save(anna, "INBOX", role="trash")
    assert ">Inbox</span>" in column(anna)


def test_the_size_is_told_when_it_is_asked_for(anna: Person) -> None:
    anna.receive(letter(text="x" * 50_000), letter(text="y" * 10_000), mailbox="Large")
    assert "Show its size" in page(anna, "Large")
    assert "KB" in page(anna, "Large", size="yes")


def test_what_fills_the_mailbox_the_largest_first(anna: Person) -> None:
    anna.receive(letter(text="x" * 1000), mailbox="Small")
    anna.receive(letter(text="x" * 90_000), mailbox="Large")
    html = anna.client.get("/mail/@/folders/space/").content.decode()
    fills = html.partition("What fills it")[2]
    assert 0 < fills.index("Large") < fills.index("Small")


def test_a_server_without_lists_of_rights_shows_none(anna: Person) -> None:
    assert "Who may do what" not in page(anna, "INBOX")


def test_a_nearly_full_root_warns(dovecot: DovecotServer, settings, db) -> None:
    settings.IMAP_URL = dovecot.url
    tiny = signed_in(dovecot)
    from apps.mail.mailbox.store import Quota
    from apps.mail.services.roots import Root

    quota = Quota(root="User quota", resource="STORAGE", used=1, limit=2)
    assert [Root(name="", limits=((quota, n, ""),)).level for n in (79, 80, 90)] == ["", "warn", "bad"]
    html = tiny.client.get("/mail/@/folders/space/").content.decode()
    assert "User quota" in html
    assert "of 1.0\xa0GB used" in html
    stores.pool().close_all()


# --- with others ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sharing_server() -> Iterator[DovecotServer]:
    with running_dovecot(sharing=True) as server:
        yield server


@pytest.fixture
def pair(sharing_server: DovecotServer, settings, db) -> Iterator[tuple[Person, Person]]:
    """Two people of one server on which folders are shared."""
    settings.IMAP_URL = sharing_server.url
    yield signed_in(sharing_server), signed_in(sharing_server)
    stores.pool().close_all()


def test_a_folder_is_shared_seen_and_taken_back(pair: tuple[Person, Person]) -> None:
    anna, ben = pair
    anna.receive(letter("for both"), mailbox="Team")
    html = page(anna, "Team")
    assert "You may: manage, and decide who else may." in html
    assert "(you)" in html or "the owner" in html
    assert "may now: read." in share(anna, "Team", identifier=ben.login, role="read")
    theirs = f"shared/{anna.login}/Team"
    seen = column(ben)
    assert "Other people" in seen
    assert f'data-folder="{theirs}"' in seen
    assert "for both" in ben.client.get(ben.url("mailbox", theirs)).content.decode()
    html = page(ben, theirs)
    assert "A folder of somebody else" in html
    assert "You may: read." in html
    assert "Share with somebody" not in html
    menu = ben.client.get("/mail/@/folders/menu/", {"folder": theirs}, headers=HTMX).content.decode()
    assert "Export" in menu
    assert "Mark all as read" not in menu
    assert "Delete the folder" not in menu
    assert "Import messages" not in menu
    share(anna, "Team", identifier=ben.login, role="edit")
    stores.pool().close_all()  # a session of Dovecot remembers rights for half a minute
    menu = ben.client.get("/mail/@/folders/menu/", {"folder": theirs}, headers=HTMX).content.decode()
    assert "Mark all as read" in menu
    assert "Import messages" in menu
    share(anna, "Team", identifier=ben.login, do="remove")
    stores.pool().close_all()
    assert theirs not in column(ben)


def test_rights_are_given_one_by_one_and_to_all(pair: tuple[Person, Person]) -> None:
    anna, ben = pair
    anna.receive(letter(), mailbox="Odd")
    html = share(anna, "Odd", identifier=ben.login, role="own", right=["l", "r", "i"])
    assert "see that the folder is there, read its messages, add messages" in html
    with pytest.raises(AssertionError):
        assert "may now: see" in page(anna, "Odd")
    html = share(anna, "Odd", kind="authenticated", role="mark")
    assert "everybody who is signed in" in html
    html = share(anna, "Odd", identifier=f"-{ben.login}", role="own", right=["i"])
    assert f"not: {ben.login}" in html
    assert "blanks" in share(anna, "Odd", identifier="two words", role="read")
    assert "does not permit" in share(ben, f"shared/{anna.login}/Odd", identifier="u1", role="read")


def test_somebody_else_s_trash_is_not_mine(pair: tuple[Person, Person]) -> None:
    anna, ben = pair
    share(anna, "Trash", identifier=ben.login, role="edit")
    ben.receive(letter("gone"))
    html = column(ben)
    assert f'data-folder="shared/{anna.login}/Trash"' in html
    roles = html.partition("Other people")[0]
    assert 'data-folder="Trash"' in roles
    assert f"shared/{anna.login}/Trash" not in roles


def test_folders_of_all_stand_apart(pair: tuple[Person, Person]) -> None:
    anna, _ben = pair
    html = column(anna).partition("Shared</span>")[2]
    assert 'data-folder="Public/Notices"' in html
    assert "A shared folder" in page(anna, "Public/Notices")


def test_people_who_are_known_here_are_offered_by_their_logins(pair: tuple[Person, Person], settings) -> None:
    from django.contrib.auth import get_user_model

    settings.MAIL_DOMAIN = "example.test"
    anna, _ben = pair
    user = get_user_model().objects.get(login__startswith=anna.login)
    remember(user.pk, [Address("carla@example.test", "Carla Real"), Address("carl@elsewhere.test", "Carl Far")])
    html = anna.client.get("/mail/@/folders/people/", {"identifier": "car"}, headers=HTMX).content.decode()
    assert html.strip() == '<option value="carla">Carla Real</option>'


def test_metadata_keeps_what_the_server_takes(pair: tuple[Person, Person], sharing_server: DovecotServer) -> None:
    anna, _ben = pair
    anna.receive(letter(), mailbox="Kept")
    save(anna, "Kept", colour="blue")
    target = stores.account(login=anna.login, password=anna.server.password)
    with stores.open_account(target) as store:
        assert store.colour("Kept") == "blue"


# --- words ------------------------------------------------------------------------------------------------------------


def test_roles_and_the_eleven_rights() -> None:
    for role, (letters, _label) in access.ROLES.items():
        assert access.role_of(letters) == role
        assert access.role_of(letters.replace("p", "")) == role
    assert access.role_of("lri") == ""
    assert ordered("lrswicda") == "lrswikxtea"  # RFC 2086
    assert access.rights_in(["a", "l", "?"], "own") == "la"
    assert access.rights_in(["a"], "read") == "lr"


def test_namespaces_tell_whose_it_is() -> None:
    told = Namespaces(others=(Namespace("shared/", "/"),), shared=(Namespace("Public/", "/"), Namespace("", "/")))
    assert [told.kind(name) for name in ("shared", "shared/bob/x", "sharedness", "Public/y", "INBOX")] == [
        "others",
        "others",
        "",
        "shared",
        "",
    ]
    assert told.owner("shared/bob/x") == "bob"
    assert Grant("-bob", "lr").negative
    assert Path
