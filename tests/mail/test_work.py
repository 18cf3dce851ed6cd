"""What takes longer than a request goes on in the next one, says how far it is, and can be stopped and undone."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from apps.mail.services import stores, work
from tests.mail.conftest import HTMX, Person, SignIn, letter
from tests.mail.test_actions import uids_of
from tests.mail.test_undo import chosen, fill, on_all, take_back, toast, way_back
from tests.support.mailserver import MailServer


@pytest.fixture(autouse=True)
def four_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request does one batch."""
    monkeypatch.setattr(work, "SECONDS", 0.0)
    for name in ("FIRST", "LEAST", "MOST"):
        monkeypatch.setattr(work, name, 4)


def fields_of(text: str) -> dict[str, str]:
    """What the box sends when it goes on."""
    form = re.search(r'<form class="found" id="work".*?</form>', text, re.DOTALL)
    assert form, text
    return {name: html.unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', form[0])} | {
        "stop": ""
    }


def progress(answer: HttpResponse) -> tuple[int, int]:
    found = re.search(r'<progress [^>]*max="(\d+)" value="(\d+)"', answer.content.decode())
    assert found, answer.content.decode()
    return int(found[2]), int(found[1])


def go_on(person: Person, fields: dict[str, str], **more: str) -> HttpResponse:
    return person.client.post(person.url("go_on"), fields | more, headers=HTMX)


def to_the_end(person: Person, answer: HttpResponse) -> tuple[HttpResponse, list[int]]:
    """The last answer, and how far it was before each."""
    fields, seen = fields_of(answer.content.decode()), [progress(answer)[0]]
    while "HX-Trigger" not in (answer := go_on(person, fields)):
        assert 'hx-trigger="load, every 10s"' in answer.content.decode()
        seen.append(progress(answer)[0])
    return answer, seen


def test_it_goes_on_until_all_is_done_and_so_does_its_undo(anna: Person) -> None:
    fill(anna, 10)
    fields = chosen(anna)
    (late,) = anna.receive(letter("late"))
    begun = on_all(anna, "archive", fields)
    assert progress(begun) == (4, 10)
    assert "4 messages archived. 6 are still to do." in begun.content.decode()
    assert anna.count("Archive") == 4
    answer, seen = to_the_end(anna, begun)
    assert seen == [4, 8]
    assert toast(answer)["text"] == "10 messages archived."
    assert uids_of(anna, "INBOX") == [late]
    assert 'id="list"' in answer.content.decode()
    back, seen = to_the_end(anna, take_back(anna, answer))
    assert (seen, toast(back)["text"]) == ([4, 8], "10 messages are back.")
    assert (anna.count(), anna.count("Archive")) == (11, 0)
    again, _seen = to_the_end(anna, take_back(anna, answer))
    assert toast(again)["text"] == "There is nothing left to undo."


def test_without_scripts_it_goes_on_by_a_button(anna: Person) -> None:
    fill(anna, 10)
    page = anna.client.post(anna.url("act", "INBOX"), {**chosen(anna), "do": "flag"}, follow=True).content.decode()
    pressed = 0
    while "messages flagged. " in page:
        assert '<button class="btn sm">Continue</button>' in page
        page = anna.client.post(anna.url("go_on"), fields_of(page), follow=True).content.decode()
        pressed += 1
    assert pressed == 2
    assert "10 messages flagged." in page
    assert re.search(r'id="work"[^>]* hidden>', page)
    assert all("\\Flagged" in anna.flags(uid) for uid in uids_of(anna, "INBOX"))


def test_it_is_shown_on_every_list_and_ends_on_the_one_that_is_open(anna: Person) -> None:
    fill(anna, 6)
    anna.receive(letter("there"), mailbox="Projects")
    on_all(anna, "archive", chosen(anna))
    page = anna.client.get(anna.url("mailbox", "Projects")).content.decode()
    answer = go_on(anna, fields_of(page))
    assert toast(answer)["text"] == "6 messages archived."
    assert ">there</b>" in answer.content.decode()
    assert 'id="work-state"' not in anna.client.get("/mail/INBOX/").content.decode()


@pytest.mark.parametrize("do", ["archive", "copy", "unflag"])
def test_who_stops_it_is_told_what_was_done_and_can_undo_that(anna: Person, do: str) -> None:
    fill(anna, 10)
    anna.receive(letter(), mailbox="Projects")
    if do == "unflag":
        to_the_end(anna, on_all(anna, "flag", chosen(anna)))
    begun = on_all(anna, do, chosen(anna), to="Projects")
    answer = go_on(anna, fields_of(begun.content.decode()), stop="yes")
    assert "Stopped: 6 stay as they are." in toast(answer)["text"]
    back = take_back(anna, answer)
    assert toast(back)["text"].startswith("4 ")
    assert (anna.count(), anna.count("Projects")) == (10, 1)
    if do == "unflag":
        assert all("\\Flagged" in anna.flags(uid) for uid in uids_of(anna, "INBOX"))


def test_the_key_that_takes_back_stops_it(anna: Person) -> None:
    fill(anna, 6)
    stopped = take_back(anna, on_all(anna, "archive", chosen(anna)))
    assert toast(stopped)["text"] == "4 messages archived. Stopped: 2 stay as they are."
    assert toast(take_back(anna, stopped))["text"] == "4 messages are back."


def test_an_undo_that_was_stopped_goes_on_when_it_is_undone_again(anna: Person) -> None:
    fill(anna, 6)
    answer, _seen = to_the_end(anna, on_all(anna, "archive", chosen(anna)))
    begun = take_back(anna, answer)
    stopped = go_on(anna, fields_of(begun.content.decode()), stop="yes")
    assert toast(stopped)["text"] == "4 messages are back. Stopped: 2 stay as they are."
    assert toast(take_back(anna, stopped))["text"] == "2 messages are back."
    assert anna.count() == 6


def test_a_request_that_comes_twice_does_nothing_twice(anna: Person) -> None:
    fill(anna, 6)
    anna.receive(letter(), mailbox="Projects")
    fields = fields_of(on_all(anna, "copy", chosen(anna), to="Projects").content.decode())
    for _twice in range(2):
        answer = go_on(anna, fields)
        assert toast(answer)["text"] == "6 messages copied to Projects."
        assert anna.count("Projects") == 7
    assert anna.client.post(anna.url("go_on"), fields).status_code == 302
    to_the_end(anna, take_back(anna, answer))
    assert (anna.count("Projects"), anna.count()) == (1, 6)


def test_one_request_at_a_time_is_at_it_and_hears_who_wants_to_stop_it(anna: Person) -> None:
    fill(anna, 10)
    fields = fields_of(on_all(anna, "archive", chosen(anna)).content.decode())
    user_id = int(anna.client.session["_auth_user_id"])
    with work.resumed(fields["work"], user_id=user_id):
        for stop in ("", "yes"):
            answer = go_on(anna, fields, stop=stop)
            assert (progress(answer), anna.count("Archive")) == ((4, 10), 4)
            assert "delay:3s" in answer.content.decode()
    for _twice in range(2):
        assert "Stopped: 6 stay" in toast(go_on(anna, fields))["text"]


def test_messages_of_several_folders(anna: Person) -> None:
    fill(anna, 5, subject="poles ")
    anna.receive(*(letter(f"poles 1{n}") for n in range(5)), mailbox="Projects")
    begun = on_all(anna, "archive", chosen(anna, q="subject:poles", where="all"), anna.url("act_found"))
    answer, seen = to_the_end(anna, begun)
    assert (seen, toast(answer)["text"]) == ([4, 5, 9], "10 messages archived.")
    to_the_end(anna, take_back(anna, answer))
    assert (anna.count(), anna.count("Projects"), anna.count("Archive")) == (5, 5, 0)


def test_what_has_gone_meanwhile_is_not_counted(anna: Person) -> None:
    uids = fill(anna, 10)
    begun = on_all(anna, "archive", chosen(anna))
    with anna.server.session(anna.login) as session:
        session.select("INBOX")
        rest = ",".join(map(str, uids_of(anna, "INBOX")[:4]))
        session.uid("STORE", rest, "+FLAGS", "(\\Deleted)")
        session.expunge()
    answer, _seen = to_the_end(anna, begun)
    assert "6 messages archived." in toast(answer)["text"]
    assert len(uids) == 10
    to_the_end(anna, take_back(anna, answer))
    assert anna.count() == 6


def test_nobody_goes_on_with_what_somebody_else_began(sign_in: SignIn) -> None:
    anna, bert = sign_in(), sign_in()
    fill(anna, 6)
    fields = fields_of(on_all(anna, "archive", chosen(anna)).content.decode())
    for name in (fields["work"], "x" * 5000):
        assert "<progress" not in go_on(bert, fields | {"work": name}).content.decode()
    assert anna.count("Archive") == 4


# when it fails


def enter(server: MailServer, login: str, settings: Any) -> Person:
    settings.IMAP_URL = server.url
    client = Client()
    client.post("/sign-in/", {"username": login, "password": server.password})
    return Person(server, login, client)


def test_a_batch_that_is_refused_leaves_those_before_it_with_their_undo(
    dovecot: MailServer, settings: Any, db: None
) -> None:
    """The quota of ``tiny`` is 64 KB."""
    tiny = enter(dovecot, "tiny", settings)
    tiny.receive(*(letter(f"n{number}", text="x" * 4000) for number in range(10)))
    tiny.receive(letter(), mailbox="Projects")
    answer, _seen = to_the_end(tiny, on_all(tiny, "copy", chosen(tiny), to="Projects"))
    told = toast(answer)
    assert told["text"].startswith("4 messages copied to Projects. 6 messages were left alone")
    assert told["text"].endswith("Your mailbox is full.")
    assert told["level"] == "error"
    assert "undo" in told
    take_back(tiny, answer)
    assert tiny.count("Projects") == 1
    stores.pool().close_all()
    with dovecot.session("tiny") as session:  # others need the room
        session.delete("Projects")
        for mailbox in ("Trash", "INBOX"):
            session.select(mailbox)
            session.store("1:*", "+FLAGS", "(\\Deleted)")
            session.expunge()


def test_a_server_that_goes_away_ends_nothing(own_dovecot: Any, settings: Any, db: None) -> None:
    with own_dovecot() as server:
        person = enter(server, server.new_user(), settings)
        fill(person, 10)
        fields = fields_of(on_all(person, "archive", chosen(person)).content.decode())
        server.stop()
        for _again in range(2):
            away = go_on(person, fields)
            assert progress(away) == (4, 10)
            assert "isn’t answering." in away.content.decode()
            assert 'hx-trigger="load delay:3s, every 10s"' in away.content.decode()
        server.start()
        assert progress(go_on(person, fields)) == (8, 10)
        answer = go_on(person, fields)
        assert toast(answer)["text"] == "10 messages archived."
        assert way_back(answer)
        stores.pool().close_all()
