"""Folders through the portal: made, renamed, moved, thrown away and back, emptied; on both servers."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest
from django.http import HttpResponse

from apps.mail.mailbox.store import Mailbox
from apps.mail.prefs import FOLLOWED_FOLDERS
from apps.mail.services import folder_names, folders
from apps.mail.services.folder_actions import rights
from apps.mail.services.folder_names import FolderRefused
from apps.mail.services.fullness import fullest
from tests.mail.conftest import HTMX, Person, SignIn, letter
from tests.mail.everywhere import every_server  # noqa: F401 - a fixture
from tests.support.mailserver import CyrusServer, DovecotServer

SEEN = "\\Seen"


def act(person: Person, do: str, folder: str, **values: object) -> HttpResponse:
    return person.client.post("/mail/@/folders/act/", {"do": do, "folder": folder, **values}, headers=HTMX)


def send(person: Person, view: str, /, **values: object) -> HttpResponse:
    return person.client.post(f"/mail/@/folders/{view}/", values, headers=HTMX)


def names(person: Person) -> set[str]:
    html = person.client.get("/mail/@/folders/", headers=HTMX).content.decode()
    return {unescape(name) for name in re.findall(r'data-folder="(.*?)"', html)}


def toast(answer: HttpResponse) -> dict[str, object]:
    return json.loads(answer["HX-Trigger"])["toast"]


def take_back(person: Person, answer: HttpResponse) -> HttpResponse:
    undo = toast(answer)["undo"]
    return person.client.post(undo["url"], undo["values"], headers=HTMX)  # type: ignore[index]


def hidden(html: str, name: str) -> list[str]:
    return [unescape(value) for value in re.findall(rf'name="{name}" value="(.*?)"', html)]


def confirm(person: Person, asked: HttpResponse) -> HttpResponse:
    html = asked.content.decode()
    fields = {name: hidden(html, name) for name in ("do", "folder", "confirmed", "counted", "here")}
    return person.client.post("/mail/@/folders/act/", fields, headers=HTMX)


# making, renaming, moving


def test_a_folder_is_made_and_shown(anna: Person) -> None:
    answer = send(anna, "new", name="  Größe & Maß ", parent="")
    assert toast(answer)["text"] == "Folder “Größe & Maß” created."
    assert answer["HX-Retarget"] == "#folders"
    assert "Größe & Maß" in names(anna)
    inside = send(anna, "new", name="日本", parent="Größe & Maß")
    assert 'data-focus="Größe &amp; Maß/日本"' in inside.content.decode()
    assert "Größe & Maß/日本" in names(anna)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "Give the folder a name."),
        ("   ", "Give the folder a name."),
        ("a/b", "“/” separates folders"),
        ("a\x07b", "invisible characters"),
        ("a\u202eb", "invisible characters"),
        ("x" * 121, "at most 120 characters"),
        ("..", "does not accept this name"),
        ("Taken", "There is a folder with this name already."),
        ("inbox", "There is a folder with this name already."),
    ],
)
def test_names_that_cannot_be(anna: Person, name: str, why: str) -> None:
    anna.receive(letter(), mailbox="Taken")
    before = names(anna)
    answer = send(anna, "new", name=name, parent="")
    assert answer.status_code == 422
    assert answer["HX-Retarget"] == "#mail-dialog"
    html = answer.content.decode()
    assert why in html
    assert 'aria-invalid="true"' in html
    assert names(anna) == before


def test_a_name_the_server_refuses_gives_its_reason(sign_in: SignIn, server) -> None:
    refused = {DovecotServer: ("a.b", "Character not allowed in mailbox name"), CyrusServer: ("a%b", "Invalid mailbox")}
    if type(server) not in refused:
        return  # the poor server takes every name
    name, reason = refused[type(server)]
    answer = send(sign_in(), "new", name=name, parent="")
    assert answer.status_code == 422
    assert reason in answer.content.decode()
    assert "secs" not in answer.content.decode()


def test_renaming_takes_children_along_and_the_open_page_follows(anna: Person) -> None:
    anna.receive(letter("deep"), mailbox="Old/in")
    anna.receive(letter("top"), mailbox="Old")
    answer = send(anna, "edit", folder="Old", name="New", parent="", here="Old/in")
    assert (answer.status_code, answer["HX-Redirect"]) == (204, "/mail/New~2fin/")
    html = anna.client.get("/mail/New~2fin/").content.decode()
    assert "deep" in html
    assert "Folder renamed to “New”." in html
    assert {"New", "New/in"} <= names(anna)
    assert not {"Old", "Old/in"} & names(anna)
    fields = dict(re.findall(r'name="(\w+)" value="(.*?)"', html.partition('id="toasts"')[2].partition("</form>")[0]))
    again = anna.client.post("/mail/@/folders/undo/", fields)
    assert again.status_code == 302
    assert {"Old", "Old/in"} <= names(anna)


def test_moving_below_another_folder_and_back(anna: Person) -> None:
    for name in ("A", "B/c"):
        anna.receive(letter(name), mailbox=name)
    answer = send(anna, "edit", folder="A", name="A", parent="B")
    assert toast(answer)["text"] == "Folder “A” moved to “B”."
    assert "B/A" in names(anna)
    assert anna.count("B/A") == 1
    assert toast(take_back(anna, answer))["text"] == "Folder “A” is back."
    assert "A" in names(anna)
    twice = take_back(anna, answer)
    assert "isn’t there any more" in str(toast(twice)["text"])
    assert "A" in names(anna)


@pytest.mark.parametrize("parent", ["B", "B/c", "Nowhere"])
def test_a_folder_cannot_lie_in_itself_or_nowhere(anna: Person, parent: str) -> None:
    anna.receive(letter(), mailbox="B/c")
    anna.receive(letter(), mailbox="B")
    answer = send(anna, "edit", folder="B", name="B", parent=parent)
    assert answer.status_code == 422
    assert {"B", "B/c"} <= names(anna)


def test_the_form_says_where_a_folder_lies(anna: Person) -> None:
    anna.receive(letter(), mailbox="B/c")
    html = anna.client.get("/mail/@/folders/edit/?folder=B/c", headers=HTMX).content.decode()
    assert 'value="c"' in html
    assert re.search(r'<option value="B" selected>B</option>', html)
    assert '<option value="B/c"' not in html


def test_undo_leaves_another_folder_of_the_old_name_alone(anna: Person) -> None:
    anna.receive(letter("first"), mailbox="A")
    answer = send(anna, "edit", folder="A", name="B", parent="")
    anna.receive(letter("second"), letter("third"), mailbox="A")
    assert "new folder with its old name" in str(toast(take_back(anna, answer))["text"])
    assert (anna.count("A"), anna.count("B")) == (2, 1)


@pytest.mark.parametrize("folder", ["INBOX", "Sent", "Trash", "Holder"])
@pytest.mark.parametrize("do", ["rename", "delete"])
def test_folders_with_a_role_stay(anna: Person, folder: str, do: str) -> None:
    anna.receive(letter(), mailbox="Sent")
    anna.receive(letter(), mailbox="Trash")
    before = names(anna)
    if folder == "Holder":
        mailboxes = [Mailbox(name="Holder"), Mailbox(name="Holder/Sent", role="sent")]
        assert not rights(mailboxes[0], mailboxes).rename
        return
    if do == "delete":
        answer = act(anna, "delete", folder)
    else:
        answer = send(anna, "edit", folder=folder, name="Other", parent="")
    assert "mail programs look for it" in answer.content.decode() + answer.get("HX-Trigger", "").encode().decode(
        "unicode-escape"
    )
    assert names(anna) == before
    menu = anna.client.get(f"/mail/@/folders/menu/?folder={folder}", headers=HTMX).content.decode()
    assert 'value="delete"' not in menu
    assert "edit/?folder" not in menu


# read, subscribed


def test_all_is_marked_as_read_and_back(anna: Person) -> None:
    first = anna.receive(letter("a"), mailbox="Box", flags=SEEN)
    unread = anna.receive(letter("b"), letter("c"), mailbox="Box")
    answer = act(anna, "read", "Box", here="Box")
    assert toast(answer)["text"] == "2 messages marked as read."
    assert json.loads(answer["HX-Trigger"])["list-changed"] == {"target": "#list"}
    assert all(SEEN in anna.flags(uid, "Box") for uid in unread)
    assert "Nothing is unread" in str(toast(act(anna, "read", "Box"))["text"])
    back = take_back(anna, answer)
    assert toast(back)["text"] == "2 messages are unread again."
    assert [SEEN in anna.flags(uid, "Box") for uid in (*first, *unread)] == [True, False, False]


def test_an_undo_that_is_too_late_says_so(anna: Person) -> None:
    anna.receive(letter("a"), mailbox="Box")
    answer = act(anna, "read", "Box")
    undo = toast(answer)["undo"]
    values = undo["values"] | {"unread": "forged"}  # type: ignore[index, operator]
    late = anna.client.post("/mail/@/folders/undo/", values, headers=HTMX)
    assert "cannot be undone any more" in str(toast(late)["text"])


def test_subscribing_decides_what_the_column_shows(anna: Person) -> None:
    from apps.auth.models import User
    from portal.prefs import Prefs

    for name in ("Lists/ice", "Other"):
        anna.receive(letter(), mailbox=name)
        act(anna, "unsubscribe", name)
    assert {"Lists/ice", "Other"} <= names(anna)
    Prefs(User.objects.get(login=anna.login)).save({FOLLOWED_FOLDERS: True})
    assert not {"Lists", "Lists/ice", "Other"} & names(anna)
    assert "Other" in anna.client.get("/mail/Other/").content.decode(), "what is open is shown"
    assert toast(act(anna, "subscribe", "Lists/ice"))["text"] == "You are subscribed to “ice”."
    assert {"Lists", "Lists/ice", "INBOX"} <= names(anna)
    assert "Other" not in names(anna)
    assert "Other" in anna.client.get("/mail/@/folders/manage/").content.decode()


# elsewhere


@pytest.mark.parametrize("do", ["delete", "empty", "read", "subscribe", "rename", "menu"])
def test_a_folder_that_vanished_elsewhere_says_so_and_the_column_follows(anna: Person, do: str) -> None:
    anna.receive(letter(), mailbox="Gone")
    assert "Gone" in names(anna)
    with anna.server.session(anna.login) as session:
        session.delete("Gone")
    if do == "rename":
        answer = send(anna, "edit", folder="Gone", name="x", parent="")
    elif do == "menu":
        answer = anna.client.get("/mail/@/folders/menu/?folder=Gone", headers=HTMX)
    else:
        answer = act(anna, do, "Gone")
    assert answer["HX-Retarget"] == "#folders"
    assert "“Gone” isn’t there any more" in str(toast(answer)["text"])
    assert toast(answer)["level"] == "error"
    assert "Gone" not in answer.content.decode()


def test_the_list_of_a_folder_that_vanished_says_so_and_the_rest_works(anna: Person) -> None:
    anna.receive(letter(), mailbox="Gone")
    assert anna.client.get("/mail/Gone/").status_code == 200
    with anna.server.session(anna.login) as session:
        session.rename("Gone", "Elsewhere")
    answer = anna.client.get("/mail/Gone/")
    assert answer.status_code == 404
    assert "There is no such folder" in answer.content.decode()
    assert "Elsewhere" in anna.client.get("/mail/INBOX/").content.decode()


def test_without_scripts(anna: Person) -> None:
    anna.receive(letter(), mailbox="Old")
    anna.receive(letter(), mailbox="Trash")
    page = "/mail/@/folders/manage/"
    assert 'aria-label="Delete Old"' in anna.client.get(page).content.decode()
    answer = anna.client.post("/mail/@/folders/act/", {"do": "delete", "folder": "Old", "from": "page"})
    assert answer["Location"] == page
    html = anna.client.get(page).content.decode()
    assert "Folder “Old” moved to the trash." in html
    assert "Undo" in html
    asked = anna.client.post("/mail/@/folders/act/", {"do": "empty", "folder": "Trash", "from": "page"})
    assert "2 messages are deleted" in asked.content.decode()
    form = anna.client.post("/mail/@/folders/new/", {"name": "", "parent": "", "from": "page"})
    assert form.status_code == 422
    made = anna.client.post("/mail/@/folders/new/", {"name": "Fresh", "parent": "", "from": "page"})
    assert made["Location"] == page
    gone = anna.client.post("/mail/@/folders/act/", {"do": "read", "folder": "Nowhere", "from": "page"})
    assert "isn’t there any more" in anna.client.get(gone["Location"]).content.decode()
    assert "Fresh" in anna.client.get(page + "?folder=Fresh").content.decode()
    assert anna.client.get("/mail/@/folders/menu/?folder=Fresh")["Location"] == page


@pytest.mark.parametrize("path", ["act", "undo"])
def test_nonsense_is_refused(anna: Person, path: str) -> None:
    assert anna.client.get(f"/mail/@/folders/{path}/").status_code == 405
    assert anna.client.post(f"/mail/@/folders/{path}/", {"do": "explode", "folder": "INBOX"}).status_code == 400


# names and words by themselves


def test_servers_that_keep_all_below_the_inbox() -> None:
    mailboxes = [
        Mailbox(name="INBOX", delimiter=".", role="inbox"),
        Mailbox(name="INBOX.Sent", delimiter=".", role="sent"),
        Mailbox(name="INBOX.P", delimiter="."),
    ]
    assert folder_names.joined("", "New", mailboxes) == "INBOX.New"
    assert folder_names.joined("INBOX.P", "New", mailboxes) == "INBOX.P.New"
    assert folder_names.parent_of(mailboxes[2], mailboxes) == ""
    with pytest.raises(FolderRefused):
        folder_names.joined("", "a.b", mailboxes)
    with pytest.raises(FolderRefused):
        folder_names.joined("INBOX.Q", "New", mailboxes)


def test_a_folder_that_may_hold_none_is_no_place_for_others() -> None:
    flat = Mailbox(name="Flat", attributes=frozenset({"\\noinferiors"}))
    with pytest.raises(FolderRefused):
        folder_names.joined("Flat", "x", [flat])


def test_followed_keeps_what_leads_to_them() -> None:
    known = [Mailbox(name=name, subscribed=on) for name, on in (("A", False), ("A/b", True), ("B", False))]
    assert [mailbox.name for mailbox in folders.followed(known)] == ["A", "A/b"]
    assert [mailbox.name for mailbox in folders.followed(known, "B")] == ["A", "A/b", "B"]


# how full


def test_how_full_the_mailbox_is_stands_below_the_folders(sign_in: SignIn, server) -> None:
    html = sign_in().client.get("/mail/INBOX/").content.decode()
    limit = {DovecotServer: "1.0\xa0GB", CyrusServer: "100.0\xa0MB"}.get(type(server))
    if limit:
        assert re.search(r'<meter [^>]*value="0" aria-label="Space in your mailbox">', html)
        assert f"of {limit} used" in html
    else:
        assert "<meter" not in html


def test_nearly_full_is_said_in_words(dovecot, db, settings) -> None:
    from django.test import Client

    settings.IMAP_URL = dovecot.url
    client = Client()
    client.post("/sign-in/", {"username": "tiny", "password": dovecot.password})
    dovecot.append("tiny", b"Subject: large\r\n\r\n" + b"x" * 61_000)
    html = client.get("/mail/INBOX/").content.decode()
    assert "of 64.0\xa0KB used" in html
    assert "Nearly full: delete large messages and empty the trash." in html
    with dovecot.session("tiny") as session:
        session.select("INBOX")
        session.store("1:*", "+FLAGS", "(\\Deleted)")
        session.expunge()


def test_the_limit_that_is_reached_first_counts() -> None:
    from apps.mail.mailbox.store import Quota

    quotas = [
        Quota(root="", resource="STORAGE", used=10, limit=1000),
        Quota(root="", resource="MESSAGE", used=19, limit=20),
    ]
    found = fullest(quotas)
    assert found is not None
    assert (found.percent, found.text, found.warns) == (95, "19 of 20 messages", True)
    assert fullest([]) is None
