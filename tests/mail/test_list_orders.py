"""The order of a list: chosen in its head, remembered for its folder, the same on every page."""

from __future__ import annotations

import re

import pytest

from apps.mail.mailbox.imap import sorting
from apps.mail.mailbox.store import Sort
from apps.mail.models import ListOrder
from apps.mail.services import list_orders, searching
from tests.mail.conftest import HTMX, Person, SignIn, days_ago, letter
from tests.mail.everywhere import every_server  # noqa: F401 - a fixture
from tests.mail.test_list import link, page_of, set_page_size, subjects


def choose(person: Person, order: str, mailbox: str = "INBOX", **more: str):
    return person.client.post(f"/mail/{mailbox}/sort/", {"sort": order, **more})


def headings(html: str) -> list[str]:
    return re.findall(r"<h2>(.*?)</h2></li>", html)


def deliver(person: Person) -> None:
    for name, days, sender in (("banana", 2, "Zoe"), ("apple", 40, "Ann"), ("cherries", 1, "Max")):
        person.receive(
            letter(name, sender=f"{sender} <x@example.test>", text="x\n" * len(name) * 100), date=days_ago(days)
        )


@pytest.mark.parametrize(
    ("order", "wanted"),
    [
        ("-arrival", ["cherries", "banana", "apple"]),
        ("arrival", ["apple", "banana", "cherries"]),
        ("subject", ["apple", "banana", "cherries"]),
        ("-subject", ["cherries", "banana", "apple"]),
        ("from", ["apple", "cherries", "banana"]),
        ("size", ["apple", "banana", "cherries"]),
    ],
)
def test_the_order_is_remembered_for_its_folder(anna: Person, order: str, wanted: list[str]) -> None:
    deliver(anna)
    assert choose(anna, order)["Location"] == "/mail/INBOX/"
    html = page_of(anna)
    assert subjects(html) == wanted
    assert f'value="{order}" aria-pressed="true"' in page_of(anna, "/mail/INBOX/layout/")
    assert bool(headings(html)) == (order.removeprefix("-") == "arrival"), "dates divide lists in their order only"
    anna.receive(letter("elsewhere"), letter("and here"), mailbox="Box")
    assert subjects(page_of(anna, "/mail/Box/")) == ["and here", "elsewhere"]
    assert ListOrder.objects.count() == (order != "-arrival")


def test_by_date_sent_the_list_shows_and_groups_by_that(anna: Person) -> None:
    for name, date in (("late", "Mon, 5 Jan 2015 10:00:00 +0000"), ("early", "Sat, 3 Jan 2004 10:00:00 +0000")):
        raw = f"From: a@x.test\nSubject: {name}\nDate: {date}\n\nx\n".encode()
        anna.receive(raw)
    choose(anna, "date")
    html = page_of(anna)
    assert subjects(html) == ["early", "late"]
    assert headings(html) == ["January 2004", "January 2015"]
    assert 'datetime="2004-01-03' in html


def test_a_list_by_size_shows_the_sizes(anna: Person) -> None:
    deliver(anna)
    choose(anna, "-size")
    assert len(re.findall(r'<span class="when num">\d\.\d\xa0KB</span>', page_of(anna))) == 3


@pytest.mark.parametrize("order", ["subject", "-size"])
def test_pages_in_another_order_neither_repeat_nor_hide(anna: Person, order: str) -> None:
    set_page_size(anna, "25")
    names = [f"n{number:02d}" for number in range(60)]
    for name in names[::7] + [name for name in names if name not in names[::7]]:
        anna.receive(letter(name, text="x\n" * (100 + 50 * int(name[1:]))))
    choose(anna, order)
    first = page_of(anna)
    assert "Next page" in first
    anna.receive(letter("a late one", text="x"))
    second = page_of(anna, link(first, "next"))
    third = page_of(anna, link(second, "next"))
    seen = [*subjects(first), *subjects(second), *subjects(third)]
    wanted = names if order == "subject" else names[::-1]
    assert [name for name in seen if name != "a late one"] == wanted
    assert subjects(page_of(anna, link(third, "prev"))) == subjects(second)


def test_a_filter_keeps_the_order(anna: Person) -> None:
    deliver(anna)
    anna.receive(letter("apple pie"), flags="\\Flagged")
    choose(anna, "subject")
    assert subjects(page_of(anna, show="unread")) == ["apple", "apple pie", "banana", "cherries"]
    assert choose(anna, "-subject", show="unread")["Location"] == "/mail/INBOX/?show=unread"


def test_what_a_search_finds_is_newest_first_and_says_so(anna: Person, monkeypatch) -> None:
    """It is shown as it is found, and so in no other order; the folder keeps its own."""
    monkeypatch.setattr(searching, "SECONDS", 600)  # what a slow machine does not find in time is no matter of this
    deliver(anna)
    anna.receive(letter("apple pie"))
    choose(anna, "subject")
    for asked in ({"q": "apple"}, {"q": "apple", "sort": "subject", "rows": "500"}, {"q": "apple", "where": "all"}):
        html = page_of(anna, **asked)
        assert subjects(html) == ["apple pie", "apple"]
        assert "Newest first" in html
        assert 'name="sort"' not in page_of(anna, "/mail/INBOX/layout/", **asked)
    assert subjects(page_of(anna)) == ["apple", "apple pie", "banana", "cherries"]


def test_messages_lead_to_their_neighbours_in_the_list(anna: Person) -> None:
    deliver(anna)
    choose(anna, "subject")
    html = page_of(anna)
    banana = re.search(r'href="([^"]*)"[^>]*aria-label="[^"]*banana', html)
    assert banana
    message = anna.client.get(banana[1].replace("&amp;", "&")).content.decode()
    assert 'aria-label="Previous message"' in message
    older = re.search(r'href="([^"]*)"[^>]*rel="next"', message)
    assert older
    assert "cherries" in anna.client.get(older[1].replace("&amp;", "&")).content.decode()


def test_htmx_gets_the_list_in_its_new_order(anna: Person) -> None:
    deliver(anna)
    headers = {**HTMX, "HX-Current-URL": "http://testserver/mail/INBOX/?start=50"}
    answer = anna.client.post("/mail/INBOX/sort/", {"sort": "subject", "role": "inbox"}, headers=headers)
    assert subjects(answer.content.decode()) == ["apple", "banana", "cherries"]
    assert answer["HX-Push-Url"] == "/mail/INBOX/"
    answer = anna.client.post("/mail/INBOX/sort/", {"sort": "nonsense"}, headers=HTMX)
    assert subjects(answer.content.decode()) == ["cherries", "banana", "apple"]
    assert "HX-Push-Url" not in answer


def test_sent_mail_is_sorted_by_those_it_went_to(anna: Person) -> None:
    for to in ("Zed <z@x.test>", "amy@x.test"):
        anna.receive(letter(to[:3], to=to), mailbox="Sent")
    choose(anna, "to", "Sent")
    html = page_of(anna, "/mail/Sent/")
    assert subjects(html) == ["amy", "Zed"]
    assert "Recipient" in html
    assert ">Sender<" not in html


def test_a_folder_too_large_to_sort_says_so_and_shows_the_newest(anna: Person, monkeypatch) -> None:
    monkeypatch.setattr(sorting, "MOST_HERE", 2)
    deliver(anna)
    choose(anna, "subject")
    html = page_of(anna)
    if "Your mail server cannot sort" in html:
        assert subjects(html) == ["cherries", "banana", "apple"]
    else:
        assert subjects(html) == ["apple", "banana", "cherries"]


def test_the_order_moves_along_with_a_renamed_folder(anna: Person) -> None:
    anna.receive(letter("b"), letter("a"), letter("c"), mailbox="Old/in")
    choose(anna, "subject", "Old~2fin")
    anna.client.post("/mail/@/folders/edit/", {"folder": "Old", "name": "New", "parent": ""})
    assert subjects(page_of(anna, "/mail/New~2fin/")) == ["a", "b", "c"]


def test_two_people_sort_as_they_like(sign_in: SignIn) -> None:
    anna, bert = sign_in(), sign_in()
    choose(anna, "subject")
    assert ListOrder.objects.count() == 1
    assert 'value="-arrival" aria-pressed="true"' in page_of(bert, "/mail/INBOX/layout/")


def test_the_menu_offers_each_key_with_its_usual_direction() -> None:
    menu = list_orders.SortMenu(Sort("size", True), False)
    assert [choice.value for choice in menu.keys] == ["-arrival", "-date", "from", "subject", "-size"]
    assert [(choice.value, choice.on) for choice in menu.directions] == [("-size", True), ("size", False)]
    assert "to" in [choice.value for choice in list_orders.SortMenu(Sort(), True).keys]
