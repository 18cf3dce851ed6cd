"""Lists in an order of somebody's choice, by the server and here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from apps.mail.mailbox import errors
from apps.mail.mailbox.imap import sorting
from apps.mail.mailbox.imap.store import ImapStore
from apps.mail.mailbox.store import NEWEST_FIRST, SORT_KEYS, Page, Query, Sort
from apps.mail.mime.subjects import base_subject
from tests.mail.mailbox.conftest import Person

START = datetime(2025, 3, 1, 8, tzinfo=UTC)
#: (subject, from, to, day sent, day of arrival, octets of text)
LETTERS = [
    ("Re: beta", "Zoe <a@x.test>", "Carl <c@x.test>", 5, 0, 900),
    ("alpha", "bob@x.test", "adam@x.test", 1, 1, 100),
    ("[list] Alpha", "=?utf-8?q?=C3=84nne?= <z@x.test>", "Bea <b@x.test>", 3, 2, 5000),
    ("Gamma (fwd)", "Bob <m@x.test>", "Dora <d@x.test>", 0, 3, 300),
    ("", "carl@x.test", "Eve <e@x.test>", 2, 4, 2000),
]
WANTED = {
    "arrival": [0, 1, 2, 3, 4],
    "date": [3, 1, 4, 2, 0],
    "subject": [4, 2, 1, 0, 3],
    "size": [1, 3, 0, 4, 2],
}


def deliver(person: Person, *numbers: int) -> list[int]:
    uids = []
    for number in numbers:
        subject, sender, to, sent, arrived, size = LETTERS[number]
        date = (START + timedelta(days=sent)).strftime("%a, %d %b %Y %H:%M:%S +0000")
        head = f"From: {sender}\nTo: {to}\nDate: {date}\nMessage-ID: <{number}@x.test>\n"
        head += f"Subject: {subject}\n" if subject else ""
        raw = f"{head}X-Number: {number}\n\n{'x' * size}\n".encode()
        uids += person.deliver(raw, date=START + timedelta(days=arrived))
    return uids


def numbers(page: Page) -> list[int]:
    return [int(row.envelope.message_id[1:].partition("@")[0]) for row in page.rows]


def every_page(store: ImapStore, sort: Sort, limit: int) -> list[int]:
    found: list[int] = []
    page = store.page("INBOX", limit=limit, sort=sort)
    while page.rows:
        found += numbers(page)
        page = store.page("INBOX", offset=page.offset + limit, limit=limit, sort=sort, after=page.rows[-1].uid)
    return found


@pytest.mark.parametrize("by", WANTED)
@pytest.mark.parametrize("descending", [False, True])
def test_every_order_on_every_page(person: Person, by: str, descending: bool) -> None:
    deliver(person, 3, 0, 4, 1, 2)
    wanted = WANTED[by][::-1] if descending else WANTED[by]
    if by == "subject" and descending:
        wanted = [3, 0, 2, 1, 4]  # among equals the newest comes first both ways
    sort = Sort(by, descending)
    store = person.lease()
    assert every_page(store, sort, 2) == wanted
    assert numbers(store.page("INBOX", sort=sort)) == wanted


@pytest.mark.parametrize(("by", "wanted"), [("from", [2, 3, 1, 4, 0]), ("to", [1, 2, 0, 3, 4])])
def test_people_are_sorted_as_they_are_shown(person: Person, by: str, wanted: list[int]) -> None:
    deliver(person, 0, 1, 2, 3, 4)
    store = person.lease()
    assert numbers(store.page("INBOX", sort=Sort(by, False))) == wanted
    assert numbers(store.page("INBOX", sort=Sort(by, True))) == wanted[::-1]


def test_a_steady_mailbox_the_other_way_round(person: Person) -> None:
    deliver(person, 0, 1, 2, 3, 4)
    store = person.lease()
    assert numbers(store.page("INBOX", sort=NEWEST_FIRST)) == [4, 3, 2, 1, 0]
    assert numbers(store.page("INBOX", sort=Sort("arrival", False))) == [0, 1, 2, 3, 4]


def test_searches_and_neighbours_follow_the_order(person: Person) -> None:
    uids = dict(zip(range(5), deliver(person, 0, 1, 2, 3, 4), strict=True))
    store = person.lease()
    sort = Sort("size", True)
    page = store.page("INBOX", sort=sort)
    validity = page.status.uidvalidity
    assert numbers(page) == [2, 4, 0, 3, 1]
    store.set_flags("INBOX", [uids[4], uids[1]], uidvalidity=validity, add=["\\Seen"])
    found = store.search("INBOX", Query(unseen=True), limit=2, sort=sort)
    assert (numbers(found), found.total) == ([2, 0], 3)
    store.set_flags("INBOX", [uids[0]], uidvalidity=validity, add=["\\Seen"])
    rest = store.search("INBOX", Query(unseen=True), offset=2, limit=2, sort=sort, after=found.rows[-1].uid)
    assert numbers(rest) == [3], "what has been read meanwhile hides nothing"
    assert store.neighbours("INBOX", uids[0], uidvalidity=validity, sort=sort) == (uids[4], uids[3])
    assert store.neighbours("INBOX", uids[2], uidvalidity=validity, sort=sort) == (None, uids[4])
    assert store.neighbours("INBOX", uids[1], uidvalidity=validity, sort=sort) == (uids[3], None)
    assert store.neighbours("INBOX", 4_000_000, uidvalidity=validity, sort=sort) == (None, None)


def test_pages_neither_repeat_nor_hide_while_mail_comes_and_goes(person: Person) -> None:
    deliver(person, 0, 1, 3)
    sort = Sort("size", True)
    reader, other = person.lease(), person.lease()
    first = reader.page("INBOX", limit=2, sort=sort)
    assert numbers(first) == [0, 3]
    deliver(person, 2, 4)
    second = reader.page("INBOX", offset=2, limit=2, sort=sort, after=first.rows[-1].uid)
    assert (numbers(second), second.offset, second.total) == ([1], 4, 5)
    assert numbers(reader.page("INBOX", limit=2, sort=sort, before=second.rows[0].uid)) == [0, 3]
    other.expunge("INBOX", [first.rows[-1].uid], uidvalidity=first.status.uidvalidity)
    again = reader.page("INBOX", offset=4, limit=2, sort=sort, after=first.rows[-1].uid)
    assert (numbers(again), again.offset) == ([1], 3), "where it was before it went"
    assert every_page(reader, sort, 2) == [2, 4, 0, 1]


def test_an_empty_mailbox_has_every_order(store: ImapStore) -> None:
    for by in SORT_KEYS:
        page = store.page("INBOX", sort=Sort(by, False))
        assert (page.rows, page.total) == ((), 0)


def test_what_an_order_costs_once_it_is_known(rich: Person) -> None:
    uids = deliver(rich, 0, 1, 2, 3, 4)
    sort = Sort("subject", False)
    with rich.pool.lease(rich.account) as store:
        store.page("INBOX", sort=sort)
    with rich.pool.lease(rich.account) as store:
        page = store.page("INBOX", sort=sort)
        assert store.commands == 3  # STATUS and NOOP together, FETCH of the flags
        store.set_flags("INBOX", uids[:1], uidvalidity=page.status.uidvalidity, add=["\\Seen"])
    with rich.pool.lease(rich.account) as store:
        assert next(row for row in store.page("INBOX", sort=sort).rows if row.uid == uids[0]).seen
        assert store.commands == 3, "flags change no order"


def test_what_is_too_much_to_sort_here_is_said(person: Person, monkeypatch) -> None:
    monkeypatch.setattr(sorting, "MOST_HERE", 2)
    deliver(person, 0, 1, 2)
    store = person.lease()
    if "SORT" in store.capabilities:
        assert len(store.page("INBOX", sort=Sort("subject", False)).rows) == 3
    else:
        with pytest.raises(errors.CannotSort):
            store.page("INBOX", sort=Sort("subject", False))
        assert numbers(store.page("INBOX", sort=Sort("size", False)))[0] == 1


@pytest.mark.parametrize(
    ("subject", "base"),
    [
        ("Re: Hello", "hello"),
        ("RE: Fwd: re[4]: Hello", "hello"),
        ("[list] Re: [list] Hello (fwd) (FWD)  ", "hello"),
        ("[Fwd: Re: Hello]", "hello"),
        ("[only a blob]", "[only a blob]"),
        ("Reading", "reading"),
        ("Straße", "strasse"),
        ("", ""),
        ("Re:", ""),
    ],
)
def test_base_subjects(subject: str, base: str) -> None:
    assert base_subject(subject) == base


@pytest.mark.parametrize("text", ["", "-", "size ", "nonsense", "--date"])
def test_orders_that_are_none(text: str) -> None:
    assert Sort.parse(text) == NEWEST_FIRST
    assert str(Sort.parse("-size")) == "-size"
    assert str(Sort.parse("from")) == "from"
