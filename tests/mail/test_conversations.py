"""Conversations in the list and as a page, and the two other ways to show a list."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import pytest
from django.contrib.auth import get_user_model
from django.http import HttpResponse
from selectolax.lexbor import LexborHTMLParser, LexborNode

from apps.mail.mailbox.imap import threaded
from apps.mail.models import ListOrder
from apps.mail.prefs import LIST_MODE
from portal.prefs import for_user
from tests.mail.conftest import HTMX, Person, days_ago
from tests.mail.everywhere import every_server  # noqa: F401 - a fixture
from tests.support.mailserver import PymapServer

ONE, TWO, THREE = "<1@x.test>", "<2@x.test>", "<3@x.test>"


def told(own: str, subject: str, *above: str, sender: str = "Bob <bob@x.test>", text: str = "words") -> bytes:
    head = f"From: {sender}\r\nTo: alice@example.test\r\nSubject: {subject}\r\nMessage-ID: {own}\r\n"
    head += f"In-Reply-To: {above[-1]}\r\nReferences: {' '.join(above)}\r\n" if above else ""
    return f"{head}Date: Sat, 01 Mar 2025 08:00:00 +0000\r\n\r\n{text}\r\n".encode()


@dataclass
class Said:
    """A conversation of three, and a letter beside it, newest in the middle of it."""

    first: int
    second: int
    other: int
    third: int


@pytest.fixture
def said(anna: Person) -> Said:
    return Said(
        anna.receive(told(ONE, "Felt"), flags="\\Seen", date=days_ago(4))[0],
        anna.receive(told(TWO, "Re: Felt", ONE, sender="Zoe <zoe@x.test>"), flags="\\Seen", date=days_ago(3))[0],
        anna.receive(told("<9@x.test>", "Poles"), date=days_ago(2))[0],
        anna.receive(told(THREE, "Re: Felt", ONE, TWO), date=days_ago(1))[0],
    )


def page(person: Person, path: str = "", **headers: str) -> LexborHTMLParser:
    answer = person.client.get(path or person.url("mailbox", "INBOX"), headers=headers)
    assert answer.status_code == 200, answer.content.decode()[:500]
    return LexborHTMLParser(answer.content.decode())


def rows(tree: LexborHTMLParser) -> list[LexborNode]:
    return tree.css(".msg")


def values(tree: LexborHTMLParser) -> list[str]:
    return [row.css_first(".cb").attributes["value"] or "" for row in rows(tree)]


def labels(tree: LexborHTMLParser) -> list[str]:
    return [row.css_first(".go").attributes["aria-label"] or "" for row in rows(tree)]


def act(person: Person, mailbox: str = "INBOX", *, fragment: bool = False, **data: object) -> HttpResponse:
    values = {"v": person.uidvalidity(mailbox), "role": "inbox"} | data
    return person.client.post(person.url("act", mailbox), values, headers=HTMX if fragment else {})


def undo(person: Person, answer: HttpResponse) -> HttpResponse:
    toast = json.loads(answer["HX-Trigger"])["toast"]["undo"]
    return person.client.post(toast["url"], toast["values"], headers=HTMX)


def test_a_row_stands_for_a_conversation(anna: Person, said: Said) -> None:
    tree = page(anna)
    assert values(tree) == [f"{said.first}:{said.second},{said.third}", str(said.other)]
    assert labels(tree)[0].startswith("unread, Bob, Zoe, 3 messages, Re: Felt")
    row = rows(tree)[0]
    assert row.css_first(".n").text() == "3"
    assert row.css_first("[value^='archive:']").attributes["aria-label"] == "Archive 3 messages in this conversation"
    assert "1–2 of 2 conversations" in tree.body.text()
    assert f"/{said.third}/conversation/" in (row.css_first(".go").attributes["href"] or "")
    assert "conversation" not in (rows(tree)[1].css_first(".go").attributes["href"] or "")


def test_a_row_tells_of_any_of_its_messages(anna: Person, said: Said) -> None:
    act(anna, do="flag", uid=said.first)
    act(anna, do="read", uid=said.third)
    assert labels(page(anna))[0].startswith("flagged, Bob")
    act(anna, do="unread", uid=said.first)
    assert labels(page(anna))[0].startswith("unread, flagged, Bob")


def test_what_a_row_does_is_done_to_what_it_counted(anna: Person, said: Said) -> None:
    """One more has come meanwhile, and stays."""
    value = values(page(anna))[0]
    late = anna.receive(told("<4@x.test>", "Re: Felt", ONE, THREE))[0]
    answer = act(anna, one=f"archive:{value}", fragment=True)
    assert "3 messages archived." in answer["HX-Trigger"]
    assert (anna.count(), anna.count("Archive")) == (2, 3)
    assert values(LexborHTMLParser(answer.content.decode())) == [str(late), str(said.other)]
    undo(anna, answer)
    assert (anna.count(), anna.count("Archive")) == (5, 0)
    assert len(values(page(anna))) == 2


def test_marks_change_the_row_alone_and_undo_only_what_they_changed(anna: Person, said: Said) -> None:
    value = values(page(anna))[0]
    answer = act(anna, one=f"read:{value}", fragment=True)
    tree = LexborHTMLParser(answer.content.decode())
    assert values(tree) == [value]
    assert not labels(tree)[0].startswith("unread")
    assert tree.css_first(f"#m{said.third}").attributes["hx-swap-oob"] == "true"
    undo(anna, answer)
    assert "\\Seen" in anna.flags(said.first)
    assert "\\Seen" not in anna.flags(said.third)


def test_what_is_asked_first_is_about_the_same_messages(anna: Person, said: Said) -> None:
    value = values(page(anna))[0]
    asked = act(anna, do="move", uid=value, fragment=True).content.decode()
    assert f'name="uid" value="{value}"' in asked
    with anna.server.session(anna.login) as session:
        session.create("Trash")
    moved = act(anna, do="delete", uid=value, fragment=True)
    assert "3 messages moved to the trash" in moved["HX-Trigger"]
    thrown = values(page(anna, anna.url("mailbox", "Trash")))
    asked = act(anna, "Trash", do="delete", uid=thrown[0], role="trash", fragment=True).content.decode()
    assert "3 messages are deleted and cannot be brought back" in asked
    act(anna, "Trash", do="delete", uid=thrown[0], role="trash", confirmed="yes")
    assert (anna.count(), anna.count("Trash")) == (1, 0)


def test_threads_stand_below_each_other(anna: Person, said: Said) -> None:
    tree = page(anna, anna.url("mailbox", "INBOX", mode="threads"))
    assert values(tree) == [str(uid) for uid in (said.first, said.second, said.third, said.other)]
    assert ["d1" in (row.attributes["class"] or "") for row in rows(tree)] == [False, True, False, False]
    assert "d2" in (rows(tree)[2].attributes["class"] or "")
    answer = act(anna, one=f"flag:{said.second}", mode="threads", fragment=True)
    assert "d1" in answer.content.decode()


def test_how_it_is_shown_is_remembered_of_the_folder(anna: Person, said: Said) -> None:
    assert len(values(page(anna))) == 2
    answer = anna.client.post(anna.url("sort", "INBOX"), {"mode": "flat"})
    assert answer.status_code == 302
    tree = page(anna, answer["Location"])
    assert values(tree) == [str(uid) for uid in (said.third, said.other, said.second, said.first)]
    menu = page(anna, anna.url("layout", "INBOX"))
    assert menu.css_first("[name=mode][value=flat]").attributes["aria-pressed"] == "true"
    anna.client.post(anna.url("sort", "INBOX"), {"sort": "subject"})
    assert ListOrder.objects.get().mode == "flat"
    anna.client.post(anna.url("sort", "INBOX"), {"sort": "-arrival"})
    anna.client.post(anna.url("sort", "INBOX"), {"mode": "conversations"})
    assert not ListOrder.objects.exists()
    assert len(values(page(anna))) == 2
    user = get_user_model().objects.get(pk=anna.client.session["_auth_user_id"])
    for_user(user).save({LIST_MODE: "threads"})
    assert len(values(page(anna))) == 4
    assert len(values(page(anna, anna.url("mailbox", "INBOX", mode="conversations")))) == 2


def test_a_filter_shows_and_counts_what_it_filters(anna: Person, said: Said) -> None:
    act(anna, do="unread", uid=said.first)
    tree = page(anna, anna.url("mailbox", "INBOX", show="unread"))
    assert values(tree) == [f"{said.first},{said.third}", str(said.other)]


def test_pages_of_conversations_neither_repeat_nor_hide(anna: Person) -> None:
    user = get_user_model().objects.get(pk=anna.client.session["_auth_user_id"])
    from apps.mail.prefs import PAGE_SIZE

    for_user(user).save({PAGE_SIZE: "25"})
    anna.receive(*(told(f"<a{n}@x.test>", f"n{n}") for n in range(30)))
    anna.receive(*(told(f"<b{n}@x.test>", f"Re: n{n}", f"<a{n}@x.test>") for n in range(30)))
    first = page(anna)
    older = first.css_first("[rel=next]").attributes["href"]
    anna.receive(told("<c@x.test>", "Re: n3", "<a3@x.test>"))  # of the second page: now it is the newest of all
    second = page(anna, older)
    assert len(values(first)) == 25
    assert [label.split(", ")[3] for label in labels(second)] == ["Re: n4", "Re: n2", "Re: n1", "Re: n0"]
    assert values(page(anna))[0].endswith("61")


def test_the_live_list_tells_a_new_answer(anna: Person, said: Said) -> None:
    state = page(anna).css_first("#list").attributes["data-state"]
    assert anna.client.get(anna.url("news", "INBOX", state=state, role="inbox")).status_code == 204
    anna.receive(told("<4@x.test>", "Re: Felt", ONE, THREE))
    answer = anna.client.get(anna.url("news", "INBOX", state=state, role="inbox"))
    assert "4 messages" in answer.content.decode()


def test_the_poor_server_says_how_many_were_looked_at(anna: Person, said: Said, monkeypatch) -> None:
    monkeypatch.setattr(threaded, "MOST_HERE", 2)
    monkeypatch.setattr(threaded, "MOST", 4 if isinstance(anna.server, PymapServer) else 3)
    tree = page(anna)
    words = tree.body.text()
    if isinstance(anna.server, PymapServer):
        assert "looked for in the newest 2 here" in words
        assert len(values(tree)) == 4
    else:
        assert "listed one by one" in words
        assert values(tree) == [str(uid) for uid in (said.third, said.other, said.second, said.first)]


# the page of a conversation


def conversation(person: Person, uid: int, **query: object) -> str:
    return person.url("conversation", "INBOX", uid, v=person.uidvalidity(), role="inbox", **query)


def lines(tree: LexborHTMLParser) -> list[tuple[str, bool]]:
    found = []
    for item in tree.css(".conv .item"):
        found.append((item.css_first("b").text(), "opened" in (item.attributes["class"] or "")))
    return found


def opened_page(person: Person, uid: int) -> tuple[LexborHTMLParser, str]:
    answer = person.client.get(conversation(person, uid))
    assert answer.status_code == 302
    return page(person, answer["Location"]), answer["Location"]


def with_answers(person: Person) -> None:
    """An own answer in Sent, a draft, and a copy of a message that is in the inbox already."""
    person.client.get(person.url("mailbox", "INBOX"))
    with person.server.session(person.login) as session:
        for name in ("Sent", "Drafts"):
            session.create(name)
    own = told("<own@x.test>", "Re: Felt", ONE, TWO, sender="alice@example.test", text="I bring it.")
    person.receive(own, mailbox="Sent", flags="\\Seen", date=days_ago(2))
    draft = told("<draft@x.test>", "Re: Felt", ONE, THREE, sender="alice@example.test", text="Not yet")
    person.receive(draft, mailbox="Drafts", flags="\\Seen \\Draft", date=days_ago(0.5))
    person.receive(told(TWO, "Re: Felt", ONE), mailbox="Sent", flags="\\Seen", date=days_ago(3))


def test_a_conversation_joins_what_one_has_answered(anna: Person, said: Said) -> None:
    with_answers(anna)
    tree, here = opened_page(anna, said.third)
    assert lines(tree) == [("Bob", False), ("Zoe", False), ("You", False), ("Bob", True), ("Draft", False)]
    words = tree.css_first("#reading").text()
    assert "3 messages in Inbox" in words
    assert "2 in other folders, which stay there" in words
    assert re.search(r"Also looked for in\s+Sent, Drafts", words)
    assert tree.css_first(f"a[href$='edit/?v={anna.uidvalidity('Drafts')}']") is not None
    assert "\\Seen" in anna.flags(said.third), "what is shown has been read"
    assert page(anna, here).css_first(f"#c{said.third}.opened") is not None, "and is open when it is loaded again"


def test_a_line_opens_and_closes_in_place_and_by_its_address(anna: Person, said: Said) -> None:
    tree, here = opened_page(anna, said.third)
    line = tree.css_first(f"#c{said.first} .go")
    assert lines(page(anna, line.attributes["href"] or "")) == [("Bob", True), ("Zoe", False), ("Bob", True)]
    answer = anna.client.get(line.attributes["hx-get"], headers=HTMX | {"HX-Current-URL": f"http://testserver{here}"})
    part = LexborHTMLParser(answer.content.decode())
    assert "words" in part.css_first(f"#c{said.first} .prose").text()
    assert lines(page(anna, answer["HX-Replace-Url"])) == [("Bob", True), ("Zoe", False), ("Bob", True)]
    shut = part.css_first(".go").attributes["hx-get"]
    answer = anna.client.get(shut, headers=HTMX | {"HX-Current-URL": answer["HX-Replace-Url"]})
    assert "opened" not in answer.content.decode().split(">")[0]


def test_what_is_done_to_a_conversation_leaves_sent_alone(anna: Person, said: Said) -> None:
    with_answers(anna)
    tree, _here = opened_page(anna, said.third)
    form = tree.css_first("#acts")
    assert form.css_first("[value=archive]").attributes["aria-label"] == "Archive 3 messages in this conversation"
    data = {
        each.attributes["name"] or "": each.attributes.get("value") or "" for each in form.css("input[type=hidden]")
    }
    data.pop("csrfmiddlewaretoken", None)
    late = anna.receive(told("<4@x.test>", "Re: Felt", ONE, THREE))[0]
    answer = anna.client.post(anna.url("act", "INBOX"), data | {"do": "archive"}, headers=HTMX)
    assert (anna.count("Archive"), anna.count("Sent"), anna.count("Drafts")) == (3, 2, 1)
    assert values(page(anna)) == [str(late), str(said.other)]
    undo(anna, answer)
    assert (anna.count(), anna.count("Archive")) == (5, 0)


def test_one_message_of_a_conversation_is_acted_on_alone(anna: Person, said: Said) -> None:
    tree, _here = opened_page(anna, said.third)
    form = tree.css_first(f"#c{said.third} .menu form")
    data = {
        each.attributes["name"] or "": each.attributes.get("value") or "" for each in form.css("input[type=hidden]")
    }
    data.pop("csrfmiddlewaretoken", None)
    answer = anna.client.post(anna.url("act", "INBOX"), data | {"do": "archive"})
    assert f"/{said.second}/conversation/" in answer["Location"]
    tree = page(anna, answer["Location"])
    assert lines(tree)[:2] == [("Bob", False), ("Zoe", False)]
    assert [tag.text() for tag in tree.css(".conv .tag")] == ["Archive"] * (len(lines(tree)) - 2)
    assert anna.count("Archive") == 1
    answer = anna.client.post(
        anna.url("act", "INBOX"), data | {"do": "archive", "uid": said.second, "conversation": said.first}, headers=HTMX
    )
    assert "conversation-changed" in answer["HX-Trigger"]
    assert "conversation-changed" in undo(anna, answer)["HX-Trigger"]
    assert anna.count() == 3


def test_a_conversation_of_elsewhere_is_not_shown(anna: Person, said: Said) -> None:
    assert anna.client.get(conversation(anna, 4000)).status_code == 404
    assert anna.client.get(anna.url("conversation", "INBOX", said.third, v=5)).status_code in {404, 409, 410}
    assert anna.client.get(conversation(anna, said.third, part="77"), headers=HTMX).status_code == 404


def test_many_that_were_read_are_folded(anna: Person) -> None:
    first = anna.receive(told(ONE, "Felt"), flags="\\Seen")[0]
    for number in range(8):
        anna.receive(told(f"<r{number}@x.test>", "Re: Felt", ONE), flags="\\Seen")
    tree, _here = opened_page(anna, first)
    assert "6 messages between" in tree.css_first(".conv .fold summary").text()
    assert len(tree.css(".conv .fold .item")) == 6
    assert len(tree.css(".conv .item")) == 9
