"""Lists that go on: more rows below the last one, and every page still at its address."""

from __future__ import annotations

import re

from apps.mail.prefs import ENDLESS
from apps.mail.services.view import MOST_ROWS, View
from tests.mail.conftest import HTMX, Person, letter
from tests.mail.test_list import link, page_of, set_page_size, subjects


def prefer(person: Person) -> None:
    from apps.auth.models import User
    from portal.prefs import Prefs

    set_page_size(person, "25")
    Prefs(User.objects.get(login=person.login)).save({ENDLESS: True})


def go_on(person: Person, html: str) -> str:
    found = re.search(r'hx-get="([^"]*below=[^"]*)"', html)
    assert found, "the list does not go on"
    return person.client.get(found[1].replace("&amp;", "&"), headers=HTMX).content.decode()


def test_by_default_there_are_pages_alone(anna: Person) -> None:
    set_page_size(anna, "25")
    anna.receive(*(letter(f"n{number}") for number in range(30)))
    assert "data-endless" not in page_of(anna)


def test_rows_go_on_below_the_last_one_while_mail_arrives(anna: Person) -> None:
    prefer(anna)
    anna.receive(*(letter(f"n{number}") for number in range(60)))
    first = page_of(anna)
    assert "1–25 of 60" in first
    anna.receive(letter("late"))
    second = go_on(anna, first)
    assert second.lstrip().startswith('<li class="grp">')
    assert "2–51 of 61" in second
    third = go_on(anna, second)
    assert "data-endless" not in third
    assert [*subjects(first), *subjects(second), *subjects(third)] == [f"n{n}" for n in reversed(range(60))]
    assert subjects(page_of(anna, link(first, "next"))) == subjects(second), "without scripts it is the next page"


def test_in_another_order_too(anna: Person) -> None:
    prefer(anna)
    anna.receive(*(letter(f"n{number:02d}") for number in range(40)))
    anna.client.post("/mail/INBOX/sort/", {"sort": "subject"})
    first = page_of(anna)
    assert [*subjects(first), *subjects(go_on(anna, first))] == [f"n{n:02d}" for n in range(40)]


def test_what_was_loaded_stays_after_an_action(anna: Person) -> None:
    prefer(anna)
    uids = anna.receive(*(letter(f"n{number}") for number in range(60)))
    order = {"do": "archive", "uid": uids[0], "v": anna.uidvalidity(), "rows": 60, "role": "inbox"}
    html = anna.client.post("/mail/INBOX/act/", order, headers=HTMX).content.decode()
    assert len(subjects(html)) == 59
    assert 'name="rows" value="59"' in html


def test_a_message_far_down_leads_back_to_the_same_list(anna: Person) -> None:
    prefer(anna)
    anna.receive(*(letter(f"n{number}") for number in range(60)))
    more = go_on(anna, page_of(anna))
    row = re.search(r'href="(/mail/INBOX/\d+/[^"]*)"', more)
    assert row
    message = anna.client.get(row[1].replace("&amp;", "&")).content.decode()
    back = re.search(r'id="list"[^>]*hx-get="([^"]*)"', message)
    assert back
    assert len(subjects(anna.client.get(back[1].replace("&amp;", "&"), headers=HTMX).content.decode())) == 50


def test_one_list_has_an_end() -> None:
    assert View.parse({"rows": "999999"}).rows == MOST_ROWS
    assert View.parse({"rows": "-1"}).rows == 0


def test_nonsense_below_is_the_list(anna: Person) -> None:
    anna.receive(letter("a"))
    for below in ("x", "-1", "0", "99999999999"):
        answer = anna.client.get("/mail/INBOX/", {"below": below}, headers=HTMX)
        assert answer.content.startswith(b'<section class="pane" id="list"')
