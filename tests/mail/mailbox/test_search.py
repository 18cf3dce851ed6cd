"""Search on real servers: OR over the fields, AND over the words, newest first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from apps.mail.mailbox.imap import search
from apps.mail.mailbox.store import Query
from tests.mail.mailbox.conftest import Person, letter

START = datetime(2025, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("two words", ["two", "words"]),
        ('"two words" more', ["two words", "more"]),
        ('open "quote at end', ["open", "quote at end"]),
        ('a"b', ['a"b']),
        (' "" " " ', []),
        ("a\x00b\r\nc", ["a", "b", "c"]),
        ("\u2028x", ["x"]),
        ("w " * 50, ["w"] * search.MAX_WORDS),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert search.words(text) == expected


@pytest.fixture
def searched(person: Person) -> Person:
    person.deliver(letter("Glacier survey", text="Bring the boots."), date=START)
    person.deliver(letter("Lunch", sender="glacier@example.test"), date=START + timedelta(days=3), flags="\\Seen")
    person.deliver(letter("Boots", text="Size 42, for the GLACIER."), date=START + timedelta(days=1), flags="\\Flagged")
    person.deliver(letter("=?utf-8?q?Gr=C3=BC=C3=9Fe?=", text="Aus Köln."), date=START + timedelta(days=2))
    person.deliver(letter('Say "hello" \\ now', text="{5}"), date=START + timedelta(days=4))
    return person


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query(text="glacier"), ["Lunch", "Boots", "Glacier survey"]),
        (Query(text="glacier boots"), ["Boots", "Glacier survey"]),
        (Query(text='"glacier survey"'), ["Glacier survey"]),
        (Query(text='"survey glacier"'), []),
        (Query(text="alice@example.test boots survey"), ["Glacier survey"]),
        (Query(text="Grüße"), ["Grüße"]),
        (Query(text="Köln"), ["Grüße"]),
        (Query(text="köln grüße"), ["Grüße"]),
        (Query(text='"hello"'), ['Say "hello" \\ now']),
        (Query(text="\\"), ['Say "hello" \\ now']),
        (Query(text="{5}"), ['Say "hello" \\ now']),
        (Query(text="glacier", unseen=True), ["Boots", "Glacier survey"]),
        (Query(flagged=True), ["Boots"]),
        (Query(text="nobody-writes-this"), []),
        (Query(text='x" ALL\r\nY9 DELETE INBOX'), []),
    ],
    ids=lambda value: repr(value.text) if isinstance(value, Query) else "",
)
def test_search(searched: Person, query: Query, expected: list[str]) -> None:
    page = searched.lease().search("INBOX", query)
    assert [row.envelope.subject for row in page.rows] == expected
    assert page.total == len(expected)


def test_search_without_anything_finds_everything(searched: Person) -> None:
    assert searched.lease().search("INBOX", Query()).total == 5


def test_pages_of_a_search(searched: Person) -> None:
    store = searched.lease()
    query = Query(text="glacier")
    first = store.search("INBOX", query, limit=2)
    second = store.search("INBOX", query, offset=2, limit=2)
    assert [row.envelope.subject for row in (*first.rows, *second.rows)] == ["Lunch", "Boots", "Glacier survey"]
    assert (first.total, second.total, second.offset) == (3, 3, 2)
    assert store.search("INBOX", query, limit=2, after=first.rows[1].uid).rows == second.rows
    assert store.search("INBOX", query, limit=1, before=second.rows[0].uid).rows == first.rows[1:]


def test_a_search_sees_what_has_changed(searched: Person) -> None:
    store, other = searched.lease(), searched.lease()
    query = Query(text="glacier", unseen=True)
    page = store.search("INBOX", query)
    assert page.total == 2
    other.set_flags("INBOX", [page.rows[0].uid], uidvalidity=page.status.uidvalidity, add=["\\Seen"])
    assert store.search("INBOX", query).total == 1
    searched.deliver(letter("Glacier again"), date=START + timedelta(days=9))
    assert store.search("INBOX", Query(text="glacier")).rows[0].envelope.subject == "Glacier again"


def test_the_next_page_of_a_search_is_not_searched_again(rich: Person) -> None:
    rich.deliver(*[letter(f"Glacier {number}") for number in range(4)])
    with rich.pool.lease(rich.account) as store:
        store.search("INBOX", Query(text="glacier"), limit=2)
        before = store.commands
        store.search("INBOX", Query(text="glacier"), offset=2, limit=2)
        assert store.commands - before == 3  # STATUS, NOOP, FETCH of the rows


@pytest.mark.parametrize("way", ["after", "before"])
def test_read_mail_leaves_the_unread_and_the_pages_go_on_in_disorder(person: Person, way: str) -> None:
    """The mailbox was filled in random order, so that a UID says nothing about the place of its message."""
    days = [5, 1, 4, 2, 3, 6, 8, 7]
    for day in days:
        person.deliver(letter(f"day {day}"), date=datetime(2026, 1, day, tzinfo=UTC))
    store = person.lease()
    unread = store.search("INBOX", Query(unseen=True))
    uids, validity = [row.uid for row in unread.rows], unread.status.uidvalidity
    store.set_flags("INBOX", [uids[3]], uidvalidity=validity, add=["\\Seen"])
    if way == "after":
        page, expected = store.search("INBOX", Query(unseen=True), offset=4, limit=4, after=uids[3]), uids[4:]
    else:
        page, expected = store.search("INBOX", Query(unseen=True), offset=0, limit=2, before=uids[3]), uids[1:3]
    assert [row.uid for row in page.rows] == expected
