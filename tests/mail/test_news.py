"""What an open list asks on a timer: nothing while nothing is new, and the list anew when something is."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpResponse

from apps.mail.mailbox.imap.connection import Connection
from apps.mail.prefs import CHECK, PAGE_SIZE
from portal.middleware import SessionLifetimeMiddleware
from portal.prefs import for_user
from tests.mail.conftest import HTMX, Person, letter
from tests.support.mailserver import PymapServer

BACKGROUND = {**HTMX, "X-Portal-Background": "yes"}


def user_of(person: Person) -> AbstractBaseUser:
    return get_user_model().objects.get(login=person.login)


def shown(answer: HttpResponse) -> dict[str, str]:
    """What the page would send with its next question."""
    found = re.search(r' data-state="(\w+)" data-key-older', answer.content.decode())
    assert found
    return {"state": found[1]}


def ask(person: Person, asked: dict[str, str], **query: object) -> Any:
    url = person.url("news", query.pop("mailbox", "INBOX"), **asked, **query)
    return person.client.get(url, headers=BACKGROUND)


def test_nothing_new_is_no_content(anna: Person) -> None:
    anna.receive(*(letter(f"n{number}") for number in range(3)))
    asked = shown(anna.client.get("/mail/INBOX/"))
    answer = ask(anna, asked)
    assert (answer.status_code, answer.content) == (204, b"")
    assert ask(anna, {**asked, "mark": answer["X-Mail-Mark"]}).status_code == 204
    assert bool(answer["X-Mail-Mark"]) is not isinstance(anna.server, PymapServer)


@pytest.mark.parametrize("marked", [False, True])
def test_what_another_program_does_is_news(anna: Person, marked: bool) -> None:
    """New mail, a flag, a message that has gone: each once."""
    first, second = anna.receive(letter("one"), letter("two"))
    answer = anna.client.get("/mail/INBOX/")
    asked = shown(answer)

    def act(number: int) -> None:
        with anna.server.session(anna.login) as session:
            session.select("INBOX")
            if number == 0:
                session.uid("STORE", str(first), "+FLAGS", "(\\Seen)")
            elif number == 1:
                session.uid("STORE", str(second), "+FLAGS", "(\\Deleted)")
                session.expunge()
        if number == 2:
            anna.receive(letter("three"))

    for number, rows in enumerate(([second, first], [first], [None, first])):
        before = ask(anna, asked)
        assert before.status_code == 204
        mark = {"mark": before["X-Mail-Mark"]} if marked else {}
        act(number)
        news = ask(anna, {**asked, **mark})
        assert news.status_code == 200
        uids = [int(uid) for uid in re.findall(r'data-uid="(\d+)"', news.content.decode())]
        assert len(uids) == len(rows) and all(row in (None, uid) for row, uid in zip(rows, uids, strict=True))
        asked = shown(news)


def test_a_flag_on_another_page_of_the_list_is_no_news(anna: Person) -> None:
    for_user(user_of(anna)).save({PAGE_SIZE: "25"})
    uids = anna.receive(*(letter(f"n{number}") for number in range(26)))
    asked = shown(anna.client.get("/mail/INBOX/"))
    mark = ask(anna, asked)["X-Mail-Mark"]
    with anna.server.session(anna.login) as session:
        session.select("INBOX")
        session.uid("STORE", str(uids[0]), "+FLAGS", "(\\Flagged)")
    answer = ask(anna, {**asked, "mark": mark})
    assert answer.status_code == 204
    assert not mark or answer["X-Mail-Mark"] != mark


def test_the_folder_column_is_told_of_other_folders(anna: Person) -> None:
    anna.receive(letter(), mailbox="Projects", flags="\\Seen")
    page = anna.client.get("/mail/INBOX/")
    asked, column = shown(page), re.search(r'id="folders".* data-state="(\w+)"', page.content.decode())
    assert column
    before = ask(anna, asked)
    anna.receive(letter(), mailbox="Projects")
    after = ask(anna, {**asked, "mark": before["X-Mail-Mark"]})
    assert after.status_code == 204
    if not isinstance(anna.server, PymapServer):  # there the column asks by itself, more seldom
        assert before["X-Mail-Folders"] == column[1] != after["X-Mail-Folders"]


def test_what_a_search_has_found_stays_as_it_is(anna: Person) -> None:
    anna.receive(letter("felt"))
    for query in ({"q": "felt"}, {"show": "unread"}):
        assert ask(anna, {}, **query).status_code == 204


def test_a_vanished_folder_is_told(anna: Person) -> None:
    assert ask(anna, {}, mailbox="Nowhere").status_code == 404


def test_asking_keeps_no_session_alive(anna: Person, settings, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = shown(anna.client.get("/mail/INBOX/"))
    now = int(time.time())
    monkeypatch.setattr("portal.middleware.time.time", lambda: now + settings.SESSION_IDLE_MINUTES * 60 - 5)
    assert ask(anna, asked).status_code == 204
    assert anna.client.session[SessionLifetimeMiddleware.SEEN] <= now
    monkeypatch.setattr("portal.middleware.time.time", lambda: now + settings.SESSION_IDLE_MINUTES * 60 + 5)
    assert ask(anna, asked).status_code == 401


def test_asking_is_cheap(anna: Person, django_assert_num_queries, monkeypatch: pytest.MonkeyPatch) -> None:
    """Session, user, two for the preferences; where the server has every extension, two commands."""
    anna.receive(*(letter(f"n{number}") for number in range(3)))
    asked = shown(anna.client.get("/mail/INBOX/"))
    mark = ask(anna, asked)["X-Mail-Mark"]
    if not mark:
        return
    sent = []
    monkeypatch.setattr(Connection, "_send", spied(Connection._send, sent))
    with django_assert_num_queries(4):
        assert ask(anna, {**asked, "mark": mark}).status_code == 204
    assert len(sent) == 2


def spied(send: Any, sent: list[object]) -> Any:
    def counted(self: Connection, tag: bytes, *rest: Any) -> Any:
        sent.append(tag)
        return send(self, tag, *rest)

    return counted


def test_the_interval_is_a_preference(anna: Person) -> None:
    assert 'data-every="30"' in anna.client.get("/mail/INBOX/").content.decode()
    for_user(user_of(anna)).save({CHECK: "0"})
    page = anna.client.get("/mail/INBOX/").content.decode()
    assert 'data-every="0"' in page
    assert "every 60s" not in page
