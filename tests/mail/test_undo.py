"""What was done is taken back exactly, for a few messages and for all of a folder or a search."""

from __future__ import annotations

import html
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client

from apps.mail.mailbox.errors import BadArgument
from apps.mail.mailbox.imap import changes
from apps.mail.services import actions, everything, folders, noted, stores
from tests.mail.conftest import HTMX, Person, letter
from tests.mail.everywhere import every_server  # noqa: F401 - a fixture
from tests.mail.test_actions import act, uids_of
from tests.support.mailserver import MailServer


def way_back(answer: HttpResponse) -> dict[str, Any]:
    undo: dict[str, Any] = json.loads(answer["HX-Trigger"])["toast"]["undo"]
    return undo


def take_back(person: Person, answer: HttpResponse, **more: object) -> HttpResponse:
    undo = way_back(answer)
    return person.client.post(undo["url"], undo["values"] | more, headers=HTMX)


def toast(answer: HttpResponse) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(answer["HX-Trigger"])["toast"]
    return told


@pytest.mark.parametrize(
    ("do", "flag", "on"),
    [
        ("read", "\\Seen", True),
        ("unread", "\\Seen", False),
        ("flag", "\\Flagged", True),
        ("unflag", "\\Flagged", False),
    ],
)
def test_undo_of_a_mark_is_about_the_messages_it_changed(anna: Person, do: str, flag: str, on: bool) -> None:
    (changed,) = anna.receive(letter("changed"), flags="" if on else flag)
    (same,) = anna.receive(letter("same"), flags=flag if on else "")
    answer = act(anna, do, changed, same, htmx=True)
    assert (flag in anna.flags(changed), flag in anna.flags(same)) == (on, on)
    for _twice in range(2):
        assert take_back(anna, answer).status_code == 200
        assert (flag in anna.flags(changed), flag in anna.flags(same)) == (not on, on)


def test_a_mark_that_changed_nothing_offers_no_undo(anna: Person) -> None:
    (uid,) = anna.receive(letter(), flags="\\Seen")
    assert "undo" not in toast(act(anna, "read", uid, htmx=True))


def test_undo_of_junk_unteaches_the_filter(anna: Person) -> None:
    (uid,) = anna.receive(letter())
    take_back(anna, act(anna, "junk", uid, htmx=True))
    (back,) = uids_of(anna, "INBOX")
    assert "$Junk" not in anna.flags(back)


@pytest.mark.parametrize("do", ["junk", "notjunk"])
def test_nothing_is_learnt_from_what_was_not_moved(
    on_dovecot: Person, monkeypatch: pytest.MonkeyPatch, do: str
) -> None:
    """The folder it goes to vanishes between the look at the folders and the move."""
    (uid,) = on_dovecot.receive(letter(), mailbox="Kept")
    monkeypatch.setitem(actions.TARGET_ROLES, do, "junk")
    monkeypatch.setattr(folders, "ensure_role", lambda *_: "Vanished")
    answer = act(on_dovecot, do, uid, mailbox="Kept", htmx=True)
    assert answer.status_code == 404
    assert on_dovecot.flags(uid, "Kept") == set()


def test_junk_is_learnt_where_it_went(on_dovecot: Person) -> None:
    (uid,) = on_dovecot.receive(letter())
    act(on_dovecot, "junk", uid)
    (there,) = uids_of(on_dovecot, "Junk")
    assert "$Junk" in on_dovecot.flags(there, "Junk")


def test_a_flag_beside_the_open_message_is_taken_back_too(anna: Person) -> None:
    (uid,) = anna.receive(letter())
    answer = act(anna, "flag", uid, htmx=True, **{"from": "message"})
    assert 'value="unflag"' in answer.content.decode().partition('id="flag"')[2]
    page = take_back(anna, answer, open=uid).content.decode()
    assert 'value="flag"' in page.partition('id="flag"')[2]
    assert 'id="flag"' not in take_back(anna, answer, open=uid + 1).content.decode()


def test_without_scripts_the_undo_of_a_flag_stays_with_the_message(anna: Person) -> None:
    (uid,) = anna.receive(letter())
    answer = act(anna, "flag", uid, **{"from": "message"})
    page = anna.client.get(answer["Location"]).content.decode()
    form = re.search(r'<form method="post" action="/mail/@/undo/">.*?</form>', page, re.DOTALL)[0]
    fields = {name: html.unescape(value) for name, value in re.findall(r'name="([\w-]+)" value="([^"]*)"', form)}
    answer = anna.client.post("/mail/@/undo/", fields)
    assert answer["Location"].startswith(f"/mail/INBOX/{uid}/")
    assert "\\Flagged" not in anna.flags(uid)


# copies


def test_copies_go_to_a_folder_and_undo_removes_exactly_them(anna: Person) -> None:
    first, second = anna.receive(letter("one"), letter("two"), flags="\\Flagged")
    (before,) = anna.receive(letter("one"), mailbox="Projects")
    asked = act(anna, "copy", first, second, htmx=True)
    assert asked["HX-Retarget"] == "#mail-dialog"
    assert "Copy to a folder" in asked.content.decode()
    assert "Copy to a folder" in act(anna, "copy", first).content.decode()
    answer = act(anna, "copy", first, second, to="Projects", htmx=True)
    assert toast(answer)["text"] == "2 messages copied to Projects."
    assert (anna.count(), anna.count("Projects")) == (2, 3)
    (late,) = anna.receive(letter("late"), mailbox="Projects")
    for text in ("2 copies removed.", "There is nothing left to undo."):
        assert toast(take_back(anna, answer))["text"] == text
        assert uids_of(anna, "Projects") == [before, late]
    assert uids_of(anna, "INBOX") == [first, second]


def test_copies_that_are_taken_back_lie_in_the_trash_where_there_is_one(anna: Person) -> None:
    (uid,) = anna.receive(letter("one"))
    anna.receive(letter("other"), mailbox="Projects")
    (thrown,) = anna.receive(letter("thrown"), mailbox="Trash")
    take_back(anna, act(anna, "copy", uid, to="Projects", htmx=True))
    assert (anna.count("Projects"), anna.count("Trash"), anna.count()) == (1, 2, 1)
    take_back(anna, act(anna, "copy", uid, to="Trash", htmx=True))
    assert (thrown in uids_of(anna, "Trash"), anna.count("Trash")) == (True, 2)


def test_the_way_back_says_how_long_it_lasts(anna: Person) -> None:
    (uid,) = anna.receive(letter())
    assert way_back(act(anna, "archive", uid, htmx=True))["lasts"] == noted.SECONDS


def test_undo_tells_what_the_server_did_and_not_what_was_asked(anna: Person) -> None:
    uids = fill(anna, 3)
    answer = act(anna, "archive", *uids, htmx=True)
    flagged = act(anna, "flag", *fill(anna, 2, subject="m"), htmx=True)
    with anna.server.session(anna.login) as session:
        session.select("Archive")
        session.store("1", "+FLAGS", "(\\Deleted)")
        session.expunge()
        session.select("INBOX")
        session.store("1", "-FLAGS", "(\\Flagged)")
    assert toast(take_back(anna, answer))["text"] == "2 messages are back."
    assert toast(take_back(anna, flagged))["text"] == "Flag removed from 1 message."


def test_copies_into_a_folder_that_is_not_there_are_not_made(anna: Person) -> None:
    (uid,) = anna.receive(letter())
    assert act(anna, "copy", uid, to="Nowhere", htmx=True).status_code == 404


def test_what_has_gone_meanwhile_is_said_and_leaves_the_list(anna: Person) -> None:
    stays, gone = anna.receive(letter("stays"), letter("gone"))
    act(anna, "archive", gone)
    marked = act(anna, "flag", gone, htmx=True)
    assert f'<li id="m{gone}" hx-swap-oob="delete">' in marked.content.decode()
    moved = act(anna, "archive", gone, htmx=True)
    for answer in (marked, moved):
        assert toast(answer)["level"] == "error"
        assert "not here any more" in toast(answer)["text"]
        assert "undo" not in toast(answer)
    assert uids_of(anna, "INBOX") == [stays]


# all of a folder, all of a search


def chosen(person: Person, path: str = "/mail/INBOX/", **query: str) -> dict[str, str]:
    """The fields of the bulk form once "select all" was followed."""
    page = person.client.get(path, {"all": "1", **query}).content.decode()
    form = page[page.index('id="bulk"') :].partition("</form>")[0]
    return {
        name: html.unescape(value) for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)
    }


def fill(person: Person, count: int, *, subject: str = "n") -> list[int]:
    return person.receive(*(letter(f"{subject}{number}") for number in range(count)))


def on_all(person: Person, do: str, fields: dict[str, str], url: str = "", **more: object) -> HttpResponse:
    return person.client.post(url or person.url("act", "INBOX"), {**fields, "do": do, **more}, headers=HTMX)


def test_all_of_a_folder_is_offered_with_its_number_and_works_without_scripts(anna: Person) -> None:
    fill(anna, 55)
    page = anna.client.get("/mail/INBOX/").content.decode()
    assert "Select all 55 messages in this folder" in page
    assert "Select all" not in anna.client.get("/mail/Sent/").content.decode().partition('id="list-foot"')[2]
    everything = anna.client.get("/mail/INBOX/?all=1").content.decode()
    assert "55 selected" in everything
    assert "Select all 55" not in everything
    assert everything.count("checked disabled") == everything.count('class="row msg')
    assert re.search(r'<a [^>]*href="/mail/INBOX/[^"]*"[^>]* data-none', everything)


def test_all_means_what_was_counted_and_nothing_that_came_later(anna: Person) -> None:
    uids = fill(anna, 30)
    fields = chosen(anna)
    (late,) = anna.receive(letter("late"))
    answer = on_all(anna, "archive", fields)
    assert toast(answer)["text"] == "30 messages archived."
    assert uids_of(anna, "INBOX") == [late]
    assert anna.count("Archive") == len(uids)
    assert toast(take_back(anna, answer))["text"] == "30 messages are back."
    assert (anna.count(), anna.count("Archive")) == (31, 0)


def test_marks_on_all_answer_with_the_list_and_are_undone_where_they_changed_something(anna: Person) -> None:
    fill(anna, 28)
    (flagged,) = anna.receive(letter("flagged"), flags="\\Flagged")
    answer = on_all(anna, "flag", chosen(anna))
    assert toast(answer)["text"] == "29 messages flagged."
    assert 'id="list"' in answer.content.decode()
    assert all("\\Flagged" in anna.flags(uid) for uid in uids_of(anna, "INBOX"))
    take_back(anna, answer)
    assert [uid for uid in uids_of(anna, "INBOX") if "\\Flagged" in anna.flags(uid)] == [flagged]


def test_a_rows_own_button_means_that_row_even_while_all_are_selected(anna: Person) -> None:
    uids = fill(anna, 3)
    anna.client.post(anna.url("act", "INBOX"), {**chosen(anna), "one": f"archive:{uids[1]}"}, headers=HTMX)
    assert uids_of(anna, "INBOX") == [uids[0], uids[2]]


def test_moving_and_copying_all_ask_for_the_folder_and_stay_small(anna: Person) -> None:
    fill(anna, 40)
    anna.receive(letter(), mailbox="Projects")
    dialog = on_all(anna, "move", chosen(anna)).content.decode()
    assert dialog.count('name="uid"') == 0
    (value,) = re.findall(r'name="all" value="([^"]*)"', dialog)
    answer = on_all(anna, "move", chosen(anna), to="Projects", all=value)
    assert toast(answer)["text"] == "40 messages moved to Projects."


def test_deleting_all_in_the_trash_asks_with_the_number(anna: Person) -> None:
    anna.receive(*(letter(f"n{number}") for number in range(5)), mailbox="Trash")
    fields = chosen(anna, "/mail/Trash/")
    url = anna.url("act", "Trash")
    assert "5 messages are deleted" in on_all(anna, "delete", fields, url).content.decode()
    (late,) = anna.receive(letter("late"), mailbox="Trash")
    assert toast(on_all(anna, "delete", fields, url, confirmed="yes"))["text"] == "5 messages deleted for ever."
    assert uids_of(anna, "Trash") == [late]


def test_all_of_a_filter_are_those_that_matched_when_they_were_counted(anna: Person) -> None:
    fill(anna, 3)
    (read,) = anna.receive(letter("read"), flags="\\Seen")
    fields = chosen(anna, show="unread")
    with anna.server.session(anna.login) as session:
        session.select("INBOX")
        session.uid("STORE", str(read), "-FLAGS", "(\\Seen)")  # it matches now, and was not counted
    assert toast(on_all(anna, "flag", fields))["text"] == "3 messages flagged."
    assert "\\Flagged" not in anna.flags(read)


def test_all_that_a_search_finds(anna: Person) -> None:
    found = fill(anna, 60, subject="poles ")
    other = fill(anna, 2, subject="felt ")
    page = anna.client.get("/mail/INBOX/", {"q": "subject:poles"}).content.decode()
    assert "Select everything this search finds" in page
    answer = on_all(anna, "archive", chosen(anna, q="subject:poles"))
    assert toast(answer)["text"] == f"{len(found)} messages archived."
    assert uids_of(anna, "INBOX") == other


def test_all_that_a_search_over_several_folders_finds(anna: Person) -> None:
    fill(anna, 4, subject="poles ")
    (other,) = anna.receive(letter("felt"))
    anna.receive(letter("poles 5"), letter("poles 6"), mailbox="Projects")
    fields = chosen(anna, q="subject:poles", where="all")
    answer = on_all(anna, "archive", fields, anna.url("act_found"))
    assert toast(answer)["text"] == "6 messages archived."
    assert (uids_of(anna, "INBOX"), anna.count("Projects"), anna.count("Archive")) == ([other], 0, 6)
    assert toast(take_back(anna, answer))["text"] == "6 messages are back."
    assert (anna.count(), anna.count("Projects"), anna.count("Archive")) == (5, 2, 0)
    answer = on_all(anna, "flag", chosen(anna, q="subject:poles", where="all"), anna.url("act_found"))
    take_back(anna, answer)
    assert not any("\\Flagged" in anna.flags(uid) for uid in uids_of(anna, "INBOX"))


@pytest.mark.parametrize("query", [{}, {"q": "subject:n"}, {"q": "subject:n", "where": "all"}])
def test_what_takes_too_long_to_count_is_said(
    anna: Person, monkeypatch: pytest.MonkeyPatch, query: dict[str, str]
) -> None:
    fill(anna, 3)
    monkeypatch.setattr(everything, "SECONDS", 1e-9)
    page = anna.client.get("/mail/INBOX/", {"all": "1", **query}, headers=HTMX).content.decode()
    assert "They cannot all be selected" in page
    assert 'name="all"' not in page
    assert anna.client.get("/mail/INBOX/").status_code == 200


def test_copies_of_what_several_folders_hold_are_taken_back(anna: Person) -> None:
    fill(anna, 2, subject="poles ")
    anna.receive(letter("poles 3"), mailbox="Projects")
    anna.receive(letter("keep"), mailbox="Kept")
    fields = chosen(anna, q="subject:poles", where="all")
    answer = on_all(anna, "copy", fields, anna.url("act_found"), to="Kept")
    assert toast(answer)["text"] == "3 messages copied to Kept."
    assert anna.count("Kept") == 4
    assert toast(take_back(anna, answer))["text"] == "3 copies removed."
    assert (anna.count("Kept"), anna.count("Projects"), anna.count()) == (1, 1, 2)


def test_another_uidvalidity_touches_nothing_of_all(anna: Person) -> None:
    fill(anna, 3)
    fields = chosen(anna) | {"v": str(anna.uidvalidity() + 1)}
    assert on_all(anna, "archive", fields).status_code == 409
    assert anna.count() == 3


# what travels in the forms


def test_what_is_long_is_noted_and_forgotten_in_time(anna: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noted, "LONGEST", 3)
    uids = fill(anna, 6)
    act(anna, "archive", uids[2])
    fields = chosen(anna)
    assert fields["all"].startswith("@")
    answer = on_all(anna, "archive", fields)
    assert anna.count() == 0
    monkeypatch.setattr(noted, "LONGEST", 0)
    take_back(anna, answer)
    flagged = on_all(anna, "flag", chosen(anna))
    assert way_back(flagged)["values"]["ways"].startswith("@")
    cache.clear()
    for answer in (take_back(anna, flagged), on_all(anna, "archive", fields)):
        assert answer.status_code == 409
        assert "Too much time has passed" in answer.content.decode()
    assert anna.count() == 5


def test_nobody_reads_what_is_noted_for_somebody_else() -> None:
    name = noted.shortened(noted.ranges(range(1, 4000, 2)), user_id=1)
    assert noted.uids_of(noted.lengthened(name, user_id=1)) == tuple(range(1, 4000, 2))
    with pytest.raises(noted.Forgotten):
        noted.lengthened(name, user_id=2)


@pytest.mark.parametrize("text", ["", "0", "1:", "2:1", "1:4294967296", "1:4294967295", "1,,2", "x", "1 2", "²", "@"])
def test_nonsense_is_no_set_of_messages(text: str) -> None:
    with pytest.raises((BadArgument, noted.Forgotten)):
        noted.uids_of(noted.lengthened(text, user_id=1))


@pytest.mark.parametrize(
    "ways",
    [
        "",
        "1",
        "[]",
        "[" * 5000,
        [("explode", "INBOX", 1, "1", "")],
        [("expunge", "INBOX", 1, "1", "")],
        [("move", "INBOX", 1, "1", "Trash")],
        [("back", "INBOX", 1, "1", "")],
        [("back", "INBOX", True, "1", "Trash")],
        [("back", "INBOX", 1, 1, "Trash")],
        [("back", "", 1, "1", "Trash")],
        [("back", "INBOX", 1, "1", "Trash"), ("back", "INBOX", 0, "1", "Trash")],
    ],
)
def test_a_way_back_that_makes_no_sense_is_refused(anna: Person, ways: object) -> None:
    text = ways if isinstance(ways, str) else json.dumps(ways)
    assert anna.client.post(anna.url("undo"), {"ways": text}).status_code == 400


def test_many_are_flagged_in_a_few_commands(
    dovecot: MailServer, on_dovecot: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two commands for each set, two before each batch, and nothing in the answer that grows with the folder."""
    monkeypatch.setattr(changes, "BATCH", 500)
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    dovecot.fill(on_dovecot.login, ((letter(f"n{number}"), moment) for number in range(1200)))
    fields = chosen(on_dovecot)
    assert fields["all"] == "1:1200"
    before = commands()
    answer = on_all(on_dovecot, "flag", fields)
    assert toast(answer)["text"] == "1200 messages flagged."
    assert commands() - before <= 4 * (2 + 2) + 5
    assert answer.content.count(b'class="row msg') == 50
    assert len(answer["HX-Trigger"]) < 1000


def commands() -> int:
    return sum(warm.connection.commands for warm in stores.pool()._idle)


@pytest.fixture
def on_dovecot(dovecot: MailServer, settings: Any, db: None) -> Any:
    settings.IMAP_URL = dovecot.url
    login, client = dovecot.new_user(), Client()
    client.post("/sign-in/", {"username": login, "password": dovecot.password})
    yield Person(dovecot, login, client)
    stores.pool().close_all()
