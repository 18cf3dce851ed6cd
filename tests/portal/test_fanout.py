from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from django.db import transaction
from django.http import HttpRequest
from django.utils import translation

from portal import addressing, fanout, search, spelling
from portal.contracts import Address, Contact, Misspelling, SearchHit, WritingPart
from portal.registry import PortalApp
from portal.testing import override_registry


@pytest.fixture
def hanging() -> Iterator[threading.Event]:
    """A call that waits for it hangs until the test is over."""
    event = threading.Event()
    yield event
    event.set()


def test_answers_arrive_as_they_come_and_a_hanging_call_is_left_behind(hanging: threading.Event) -> None:
    started = time.monotonic()
    answers = list(fanout.ask({"slow": hanging.wait, "quick": lambda: 1}, budget=1.0, what="test"))
    assert [(answer.id, answer.value, answer.error) for answer in answers] == [
        ("quick", 1, ""),
        ("slow", None, fanout.TIMED_OUT),
    ]
    assert time.monotonic() - started < 20


def test_a_failing_call_fails_alone_and_is_named_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    answers = fanout.collect({"broken": lambda: 1 // 0, "sound": lambda: 2}, budget=30, what="test")
    assert [(answer.id, answer.value, answer.error) for answer in answers] == [
        ("broken", None, "ZeroDivisionError"),
        ("sound", 2, ""),
    ]
    assert "broken" in caplog.text


def test_a_provider_that_keeps_hanging_is_refused_at_once(hanging: threading.Event) -> None:
    for _ in range(fanout.MAX_RUNNING):
        list(fanout.ask({"dead": hanging.wait}, budget=0, what="test"))
    (answer,) = fanout.ask({"dead": hanging.wait}, budget=30, what="test")
    assert (answer.error, answer.seconds) == (fanout.BUSY, 0.0)
    hanging.set()
    deadline = time.monotonic() + 60
    while fanout._running["test dead"] and time.monotonic() < deadline:
        time.sleep(0.01)
    (answer,) = fanout.ask({"dead": lambda: "alive"}, budget=30, what="test")
    assert answer.value == "alive"


def test_calls_speak_the_language_of_the_asker() -> None:
    with translation.override("de"):
        (answer,) = fanout.collect({"who": translation.get_language}, budget=30, what="test")
    assert answer.value == "de"


@pytest.mark.django_db
def test_inside_a_transaction_the_calls_see_its_rows(alice) -> None:
    from django.contrib.auth import get_user_model

    with transaction.atomic():
        answers = fanout.collect(
            {"count": get_user_model().objects.count, "thread": threading.get_ident}, budget=30, what="test"
        )
    assert [answer.value for answer in answers] == [1, threading.get_ident()]


class Book:
    remote = False

    def __init__(self, name: str, *contacts: Contact, writable: str = "", fails: bool = False) -> None:
        self.id, self._contacts, self._writable, self._fails = name, contacts, writable, fails

    def complete(self, user, prefix, limit):
        if self._fails:
            raise ConnectionError("the directory is gone")
        return [contact for contact in self._contacts if prefix in contact.address.email]

    def resolve(self, user, emails):
        if self._fails:
            raise ConnectionError("the directory is gone")
        return {c.address.email.lower(): c for c in self._contacts if c.address.email.lower() in emails}

    def add_url(self, address):
        return self._writable

    def expand(self, user, group):
        raise LookupError(group)


BOB = Contact(Address("bob@example.test", "Bob Brown"), source="Contacts")
BARE_BOB = Contact(Address("Bob@Example.test"), source="Recent")
BODIL = Contact(Address("bodil@example.test", "Bodil"), source="Directory")


def books(*found: Book) -> PortalApp:
    return PortalApp(id="books", title="Books", address_books=found)


def test_addresses_come_once_in_the_order_of_the_books_and_with_a_name(db, alice) -> None:
    dead = Book("dead", fails=True)
    with override_registry(
        books(Book("recent", BARE_BOB), dead, Book("contacts", BOB, writable="/add/"), Book("d", BODIL))
    ):
        assert addressing.complete(user=alice, prefix="o") == [BOB, BODIL]
        assert addressing.complete(user=alice, prefix="o", limit=1) == [BOB]
        assert addressing.complete(user=alice, prefix="  ") == []
        assert addressing.resolve(user=alice, emails=["BOB@example.test", "nobody@example.test", ""]) == {
            "bob@example.test": BOB
        }
        assert addressing.add_url(BODIL.address) == "/add/"


class Letters:
    def can_write(self, user):
        return user.login == "alice"

    def compose_url(self, to):
        return f"/write/?to={len(to)}"


def test_writing_goes_to_the_composer_for_those_who_have_a_mailbox_else_to_the_browser(db, alice, bob) -> None:
    people = [Address("a+b@example.test"), Address("c@example.test")]
    with override_registry(PortalApp(id="none", title="None")):
        assert addressing.compose_url(user=alice, to=people) == "mailto:a%2Bb@example.test,c@example.test"
        assert addressing.compose_url(user=alice) == ""
    with override_registry(PortalApp(id="letters", title="Letters", composer=Letters())):
        assert addressing.compose_url(user=alice, to=people) == "/write/?to=2"
        assert addressing.compose_url(user=alice) == "/write/?to=0"
        assert addressing.compose_url(user=bob, to=people).startswith("mailto:")
        assert addressing.compose_url(user=bob) == ""


def request_of(user) -> HttpRequest:
    request = HttpRequest()
    request.user = user
    return request


class Finder:
    label = "Finder"

    def __init__(self, name: str, hits: int = 0, fails: bool = False) -> None:
        self.id, self._hits, self._fails = name, hits, fails

    def search(self, request, query, limit):
        if self._fails:
            raise TimeoutError
        return [SearchHit(f"{query} {number}", f"/{number}") for number in range(self._hits)]


def test_search_keeps_the_limit_leaves_out_the_empty_and_names_the_failed(db, alice) -> None:
    app = PortalApp(id="f", title="F", search_providers=(Finder("many", 9), Finder("none"), Finder("dead", fails=True)))
    with override_registry(app):
        results = search.search(request_of(alice), query=" tea ", limit=3)
        assert [(result.id, len(result.hits), result.error) for result in results] == [
            ("many", 3, ""),
            ("dead", 0, "TimeoutError"),
        ]
        assert results[0].hits[0].title == "tea 0"
        assert search.search(request_of(alice), query="  ") == []


class Speller:
    id = "s.speller"

    def __init__(self, *, asks: bool = True, fails: bool = False) -> None:
        self._asks, self._fails = asks, fails

    def check(self, request, text):
        if self._fails:
            raise OSError
        return [Misspelling(6, "wrod", "en"), Misspelling(0, "teh", "en")]

    def asks_before_sending(self, request):
        return self._asks

    def beside(self, request):
        if self._fails:
            raise OSError
        return WritingPart("s/beside.html", {})

    def corrected(self, request, text):
        if self._fails:
            raise OSError
        return text.replace("teh", "the")


@pytest.mark.parametrize(
    ("checkers", "words", "text", "beside"),
    [
        ((Speller(),), ["teh", "wrod"], "the wrod", True),
        ((Speller(asks=False),), [], "the wrod", True),
        ((Speller(fails=True),), [], "teh wrod", False),
        ((), [], "teh wrod", False),
    ],
)
def test_spelling_is_asked_where_it_is_there_and_loses_nothing(
    checkers, words: list[str], text: str, beside: bool
) -> None:
    request = HttpRequest()
    with override_registry(PortalApp(id="s", title="S", spell_checkers=checkers)):
        assert [each.word for each in spelling.before_sending(request, "teh wrod")] == words
        assert spelling.corrected(request, "teh wrod") == text
        assert (spelling.beside(request) is not None) is beside
