"""Forms that do something to messages: with and without htmx, once and twice, and back again."""

from __future__ import annotations

import html
import json
import re

import pytest
from django.http import HttpResponse

from tests.mail.conftest import HTMX, Person, SignIn, letter
from tests.mail.everywhere import every_server  # noqa: F401 - a fixture

ACTIONS = ["read", "unread", "flag", "unflag", "archive", "delete", "junk", "notjunk", "move"]


def act(
    person: Person, do: str, *uids: int, mailbox: str = "INBOX", htmx: bool = False, **fields: object
) -> HttpResponse:
    data = {"do": do, "uid": list(uids), "v": person.uidvalidity(mailbox), "role": "inbox", **fields}
    return person.client.post(person.url("act", mailbox), data, headers=HTMX if htmx else {})


def shown_message(person: Person, answer: HttpResponse) -> str:
    """The toast on the page that the answer leads to."""
    assert answer.status_code == 302, answer.content.decode()
    page = person.client.get(answer["Location"]).content.decode()
    return re.search(r'<div class="toast[^"]*"><span class="grow">(.*?)</span></div>', page, re.DOTALL)[1]


@pytest.mark.parametrize(
    ("do", "before", "after"),
    [
        ("read", "", {"\\Seen"}),
        ("unread", "\\Seen", set()),
        ("flag", "", {"\\Flagged"}),
        ("unflag", "\\Flagged \\Seen", {"\\Seen"}),
    ],
)
def test_marks_are_set_and_again_does_no_harm(anna: Person, do: str, before: str, after: set[str]) -> None:
    (uid,) = anna.receive(letter(), flags=before)
    for _time in range(2):
        answer = act(anna, do, uid)
        assert answer["Location"] == "/mail/INBOX/"
        assert anna.flags(uid) == after


@pytest.mark.parametrize(("do", "target"), [("archive", "Archive"), ("delete", "Trash"), ("junk", "Junk")])
def test_moves_find_or_make_their_folder(anna: Person, do: str, target: str) -> None:
    first, second = anna.receive(letter("one"), letter("two"))
    text = shown_message(anna, act(anna, do, first, second))
    assert text.startswith("2 messages")
    assert anna.count() == 0
    assert anna.count(target) == 2


def test_the_same_move_again_touches_nothing_else(anna: Person) -> None:
    first, _second = anna.receive(letter("one"), letter("two"))
    assert act(anna, "archive", first).status_code == 302
    answer = act(anna, "archive", first)
    assert answer.status_code in {302, 404}
    assert (anna.count(), anna.count("Archive")) == (1, 1)


def test_not_junk_comes_back_to_the_inbox(anna: Person) -> None:
    (uid,) = anna.receive(letter(), mailbox="Junk")
    act(anna, "notjunk", uid, mailbox="Junk")
    assert (anna.count(), anna.count("Junk")) == (1, 0)


def test_undo_brings_back_what_was_moved(anna: Person) -> None:
    uids = anna.receive(letter("one"), letter("two"))
    text = shown_message(anna, act(anna, "archive", *uids))
    assert "Undo" in text
    fields = {name: html.unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', text)}
    answer = anna.client.post(re.search(r'action="([^"]*)"', text)[1], fields)
    assert "2 messages are back" in shown_message(anna, answer)
    assert (anna.count(), anna.count("Archive")) == (2, 0)


def test_htmx_gets_the_list_anew_and_a_toast_with_its_undo(anna: Person) -> None:
    first, second = anna.receive(letter("one"), letter("two"))
    answer = act(anna, "archive", first, htmx=True)
    text = answer.content.decode()
    assert 'id="list"' in text
    assert f'data-uid="{second}"' in text
    assert f'data-uid="{first}"' not in text
    events = json.loads(answer["HX-Trigger"])
    assert events["toast"]["text"] == "1 message archived."
    undo = events["toast"]["undo"]
    assert anna.client.post(undo["url"], undo["values"], headers=HTMX).status_code == 200
    assert anna.count() == 2


def test_htmx_gets_only_the_rows_that_changed(anna: Person) -> None:
    first, second = anna.receive(letter("one"), letter("two"))
    text = act(anna, "read", first, htmx=True).content.decode()
    assert f'id="m{first}"' in text
    assert f'id="m{second}"' not in text
    assert 'hx-swap-oob="true"' in text


def test_a_rows_own_button_means_that_row(anna: Person) -> None:
    first, second = anna.receive(letter("one"), letter("two"))
    data = {"one": f"flag:{second}", "uid": [first], "v": anna.uidvalidity()}
    anna.client.post(anna.url("act", "INBOX"), data)
    assert (anna.flags(first), anna.flags(second)) == (set(), {"\\Flagged"})


def test_moving_asks_where_to(anna: Person) -> None:
    (uid,) = anna.receive(letter())
    anna.receive(letter(), mailbox="Projects")
    page = act(anna, "move", uid).content.decode()
    assert 'name="to" value="Projects"' in page
    assert "<html" in page
    dialog = act(anna, "move", uid, htmx=True)
    assert dialog["HX-Retarget"] == "#mail-dialog"
    text = shown_message(anna, act(anna, "move", uid, to="Projects"))
    assert "1 message moved to Projects." in text
    assert (anna.count(), anna.count("Projects")) == (0, 2)


def test_moving_to_a_folder_that_is_not_there_touches_nothing(anna: Person) -> None:
    (uid,) = anna.receive(letter())
    assert act(anna, "move", uid, to="Nowhere").status_code == 404
    assert anna.count() == 1


def test_in_the_trash_delete_means_for_ever_and_asks(anna: Person) -> None:
    keep, gone = anna.receive(letter("keep"), letter("gone"), mailbox="Trash")
    page = act(anna, "delete", gone, mailbox="Trash")
    assert "cannot be brought back" in page.content.decode()
    assert anna.count("Trash") == 2
    text = shown_message(anna, act(anna, "delete", gone, mailbox="Trash", confirmed="yes"))
    assert "1 message deleted for ever." in text
    assert [keep] == [uid for uid in (keep, gone) if uid in uids_of(anna, "Trash")]


def uids_of(person: Person, mailbox: str) -> list[int]:
    with person.server.session(person.login) as session:
        session.select(mailbox, readonly=True)
        return [int(uid) for uid in session.uid("SEARCH", "ALL")[1][0].split()]


@pytest.mark.parametrize("do", ACTIONS)
def test_another_uidvalidity_touches_nothing(anna: Person, do: str) -> None:
    (uid,) = anna.receive(letter(), flags="\\Flagged")
    anna.receive(letter(), mailbox="Projects")
    for htmx in (False, True):
        answer = act(anna, do, uid, v=anna.uidvalidity() + 1, to="Projects", htmx=htmx)
        assert answer.status_code == 409
        assert "Nothing was touched" in answer.content.decode()
    assert anna.flags(uid) == {"\\Flagged"}


@pytest.mark.parametrize(
    "fields",
    [
        {"do": "explode", "uid": "1", "v": "1"},
        {"one": "archive", "v": "1"},
        {"do": "archive", "uid": [str(n) for n in range(1, 1002)], "v": "1"},
    ],
)
def test_nonsense_is_refused(anna: Person, fields: dict[str, object]) -> None:
    assert anna.client.post(anna.url("act", "INBOX"), fields).status_code in {302, 400}
    assert anna.client.post(anna.url("act", "INBOX"), {"do": "archive", "uid": "1"}).status_code == 404


def test_choosing_nothing_says_so(anna: Person) -> None:
    assert "No message is selected" in shown_message(anna, act(anna, "archive"))


def test_undo_on_a_later_page_stays_there(anna: Person) -> None:
    """The list's UIDVALIDITY and the one of where the messages are now travel side by side."""
    uids = anna.receive(*(letter(f"n{number}") for number in range(60)))
    here = {"v": str(anna.uidvalidity()), "after": str(uids[35]), "start": "25"}
    answer = anna.client.post(anna.url("act", "INBOX"), {"do": "archive", "uid": str(uids[30]), **here}, headers=HTMX)
    undo = json.loads(answer["HX-Trigger"])["toast"]["undo"]
    answer = anna.client.post(undo["url"], undo["values"], headers=HTMX)
    assert answer.status_code == 200
    assert anna.count() == 60
    shown = re.findall(r'data-uid="(\d+)"', answer.content.decode())
    assert str(uids[34]) in shown
    assert str(uids[36]) not in shown


@pytest.mark.parametrize("name", ["act", "undo"])
def test_only_post_does_anything_and_only_with_a_token(anna: Person, name: str) -> None:
    from django.test import Client

    url = anna.url(name, *(["INBOX"] if name == "act" else []))
    assert anna.client.get(url).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = anna.client.cookies
    (uid,) = anna.receive(letter())
    assert strict.post(url, {"do": "archive", "uid": uid, "v": anna.uidvalidity()}).status_code == 403
    assert anna.count() == 1


def test_from_the_open_message_one_stays_or_goes_to_the_list(anna: Person) -> None:
    (uid,) = anna.receive(letter())
    fields = {"from": "message", "start": "50"}
    assert act(anna, "flag", uid, **fields)["Location"].startswith(f"/mail/INBOX/{uid}/?")
    assert act(anna, "unread", uid, **fields)["Location"] == "/mail/INBOX/?start=50"
    answer = act(anna, "archive", uid, htmx=True, **fields)
    assert "Pick a message" in answer.content.decode()
    assert answer["HX-Push-Url"] == "/mail/INBOX/?start=50"


def test_people_act_on_their_own_mail_only(sign_in: SignIn) -> None:
    anna, bert = sign_in(), sign_in()
    (uid,) = anna.receive(letter())
    bert.receive(letter())
    bert.client.post(bert.url("act", "INBOX"), {"do": "delete", "uid": uid, "v": anna.uidvalidity()})
    assert anna.count() == 1


def test_numbers_that_can_be_no_uid_are_not_read(anna: Person) -> None:
    """Python refuses to read a number of 5,000 digits, and so does IMAP one of eleven."""
    (uid,) = anna.receive(letter())
    huge = ["9" * 5000, "99999999999", "0", "²"]
    assert act(anna, "read", *huge).status_code == 302
    assert act(anna, "read", uid, *huge).status_code == 302
    assert "\\Seen" in anna.flags(uid)
    for number in huge:
        ways = json.dumps([("back", "INBOX", 1, number, "Trash")])
        assert anna.client.post(anna.url("undo"), {"ways": ways}).status_code == 400


def test_the_page_that_asks_for_the_folder_keeps_the_side_column(anna: Person) -> None:
    anna.receive(letter(), mailbox="Projects")
    (uid,) = anna.receive(letter("news"))
    page = act(anna, "move", uid).content.decode()
    side = re.search(r'id="folders".*?</aside>', page, re.DOTALL)[0]
    assert 'href="/mail/INBOX/"' in side
    assert '<span class="cnt" aria-hidden="true">1</span>' in side
    offered = re.findall(r'name="to" value="([^"]*)"', page)
    assert "INBOX" not in offered
    assert "Projects" in offered
    assert re.findall(r"autofocus name=.to. value=.([^\"]*)", page) == offered[:1]
