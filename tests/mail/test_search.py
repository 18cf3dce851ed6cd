"""The one box: sender, recipients, subject and text, in one folder."""

from __future__ import annotations

import pytest

from tests.mail.conftest import Person, letter
from tests.mail.test_list import link, page_of, set_page_size, subjects


@pytest.fixture
def filled(anna: Person) -> Person:
    anna.receive(letter("Ice radar", text="We ship it on Friday", sender="Søren Kjær <soren@radar.test>"))
    anna.receive(letter("Budget 2027", text="the radar costs 2100", Cc="carol@example.test"), flags="\\Seen")
    anna.receive(letter("Größe der Zelte", text="nothing else"))
    return anna


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("radar", ["Budget 2027", "Ice radar"]),
        ("carol@example.test", ["Budget 2027"]),
        ("soren@radar.test", ["Ice radar"]),
        ("radar friday", ["Ice radar"]),
        ('"radar costs"', ["Budget 2027"]),
        ("Größe", ["Größe der Zelte"]),
        ("nowhere", []),
    ],
)
def test_words_are_looked_for_in_every_field(filled: Person, q: str, found: list[str]) -> None:
    html = page_of(filled, q=q)
    assert subjects(html) == found
    if not found:
        assert "No message with “nowhere”" in html


@pytest.mark.parametrize(
    "q", ['"', '""', "a\r\nA1 LOGOUT", '") (SEEN', "{5}", "\\", "x" * 5000, "\0", "☃", "*", "%", "NOT ALL", "  "]
)
def test_whatever_is_typed_is_only_ever_looked_for(filled: Person, q: str) -> None:
    answer = filled.client.get("/mail/INBOX/", {"q": q})
    assert answer.status_code == 200
    assert subjects(page_of(filled)) == ["Größe der Zelte", "Budget 2027", "Ice radar"]


def test_filters_hold_within_a_search(filled: Person) -> None:
    assert subjects(page_of(filled, q="radar", show="unread")) == ["Ice radar"]


def test_results_come_in_pages_that_stay_whole_while_they_are_read(anna: Person) -> None:
    set_page_size(anna, "25")
    uids = anna.receive(*(letter(f"n{number}") for number in range(30)))
    first = page_of(anna, show="unread")
    for uid in uids[-3:]:  # read, and so no longer among the unread
        anna.client.get(anna.url("message", "INBOX", uid, v=anna.uidvalidity()))
    assert subjects(page_of(anna, link(first, "next"))) == [f"n{n}" for n in reversed(range(5))]


def test_a_message_found_leads_back_to_its_search(filled: Person) -> None:
    import re

    html = page_of(filled, q="radar", show="unread")
    href = re.search(r'<a class="go[^>]*href="([^"]*)"', html)[1].replace("&amp;", "&")
    page = filled.client.get(href).content.decode()
    assert 'href="/mail/INBOX/?q=radar&amp;show=unread' in page


def test_what_was_searched_for_is_shown_as_text(filled: Person) -> None:
    html = page_of(filled, q="<script>alert(1)</script>")
    assert "<script>alert(1)" not in html
    assert "&lt;script&gt;alert(1)" in html
