"""The message list: what a row says, pages, filters, the cost of a page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from apps.mail.mailbox.store import Summary
from apps.mail.mime.parts import Envelope
from apps.mail.prefs import PAGE_SIZE, SNIPPETS
from apps.mail.services import listing, stores, times
from apps.mail.services.listing import Row
from apps.mail.services.view import View
from apps.mail.templatetags import rows
from portal.contracts import Address
from portal.core_prefs import LANGUAGE, TIME_ZONE
from portal.stencil import stencils
from tests.mail.conftest import HTMX, Person, SignIn, days_ago, letter
from tests.support.mailserver import PymapServer


def page_of(person: Person, path: str = "/mail/INBOX/", **query: object) -> str:
    answer = person.client.get(path, query)
    assert answer.status_code == 200, answer.content.decode()
    return answer.content.decode()


def subjects(html: str) -> list[str]:
    return re.findall(r'class="subj" dir="auto"><b class="ell">(.*?)</b>', html)


def labels(html: str) -> list[str]:
    return re.findall(r'class="go who ell"[^>]*? aria-label="(.*?)"', html, re.DOTALL)


def link(html: str, rel: str) -> str:
    found = re.search(rf'href="([^"]*)"[^>]*rel="{rel}" data-page', html)
    assert found, f"no {rel} page"
    return found[1].replace("&amp;", "&")


def prefer(person: Person, values: dict[Any, Any]) -> None:
    from apps.auth.models import User
    from portal.prefs import Prefs

    Prefs(User.objects.get(login=person.login)).save(values)


def set_page_size(person: Person, size: str) -> None:
    prefer(person, {PAGE_SIZE: size})


def test_mail_leads_to_the_inbox(anna: Person) -> None:
    assert anna.client.get("/mail/")["Location"] == "/mail/INBOX/"


def test_an_empty_mailbox_says_so(anna: Person) -> None:
    assert "All read, all filed" in page_of(anna)


def test_a_row_says_what_there_is_to_know(anna: Person) -> None:
    pdf = ("plan.pdf", "application/pdf", b"%PDF-1.7")
    anna.receive(letter("Read and answered"), flags="\\Seen \\Answered \\Flagged")
    (uid,) = anna.receive(letter("New <plan>", text="First words of it.", files=(pdf,)))
    html = page_of(anna)
    new, old = labels(html)
    assert new.startswith("unread, with attachment, Aigerim Tokoeva, New &lt;plan&gt;, ")
    assert old.startswith("flagged, answered, Aigerim Tokoeva, Read and answered, ")
    assert f'data-uid="{uid}" data-uidvalidity="{anna.uidvalidity()}"' in html
    assert "First words of it." in html
    assert html.count('class="row msg un"') == 1


@pytest.mark.parametrize("role", ["inbox", "drafts", "archive", "nonsense"])
def test_a_filled_row_is_the_row_that_its_template_draws(role: str) -> None:
    """Rows come from stencils (``portal.stencil``): whatever a message says, and in whichever state it is."""
    from apps.mail.services.refs import MessageRef

    def mark(number: int) -> str:
        return f"<{number}> & '%s' %(who)s \ue000who\ue001"

    states = [frozenset(flags) for flags in ((), ("\\Seen", "\\Flagged"), ("\\Answered", "$Forwarded", "\\seen"))]
    for number, flags in enumerate(states):
        for ref in (None, MessageRef("a/<b>", 7, 5)):
            summary = Summary(
                uid=5,
                flags=flags,
                size=1,
                received=datetime(2026, 11, 23, tzinfo=UTC),
                envelope=Envelope(),
                has_attachment=bool(number),
            )
            row = Row(
                summary=summary,
                people=(Address("a@example.test", mark(0)),),
                who=mark(1),
                subject=mark(2),
                snippet=mark(3) if number else "",
                when=mark(4),
                time="" if number == 1 else "2026-11-23T00:00:00+00:00",
                moment=summary.received,
                label=mark(5),
                pick=mark(6),
                url=mark(7),
                uidvalidity=7,
                ref=ref,
                folder=mark(8) if ref else "",
            )
            words = rows._words(row)
            place = ("role", role), ("oob", bool(number)), ("open", number == 2), ("chosen", False)
            kind = (*place, *rows._kind(row, words))
            drawn = render_to_string("mail/_row.html", {"row": dict(kind) | words})
            stencil = stencils("mail/_row.html", inside="row")(kind, rows._holes(words))
            assert stencil.fill(words) == drawn


def test_rows_that_were_kept_are_those_that_would_be_drawn(anna: Person) -> None:
    """Whatever the words of a row depend on is changed between two looks, there and back."""
    anna.receive(letter("one"), letter("two <b>"), letter("three"))
    answers = [anna.client.get("/mail/INBOX/?role=inbox", headers=HTMX)]
    uid = re.search(r'data-uid="(\d+)"', answers[0].content.decode())
    validity = re.search(r'data-uidvalidity="(\d+)"', answers[0].content.decode())
    assert uid and validity
    opened = f"/mail/INBOX/{uid[1]}/?v={validity[1]}&role=inbox"

    def flag(sign: str) -> None:
        with anna.server.session(anna.login) as session:
            session.select("INBOX")
            session.store("2", f"{sign}FLAGS", "(\\Flagged \\Answered)")

    changes: list[Callable[[], object]] = [
        lambda: None,
        lambda: flag("+"),
        lambda: flag("-"),
        lambda: prefer(anna, {LANGUAGE: "de"}),
        lambda: prefer(anna, {LANGUAGE: "ar", TIME_ZONE: "Asia/Tokyo"}),
        lambda: prefer(anna, {LANGUAGE: "en", TIME_ZONE: "America/New_York", SNIPPETS: False}),
        lambda: prefer(anna, {SNIPPETS: True}),
        lambda: anna.client.post("/mail/INBOX/sort/", {"sort": "-size"}),
        lambda: anna.client.post("/mail/INBOX/sort/", {"sort": "-arrival"}),
    ]
    paths = "/mail/INBOX/", "/mail/INBOX/?role=junk", "/mail/INBOX/?all=1", "/mail/INBOX/?q=in:anywhere", opened
    seen = set()
    for change in changes:
        change()
        for path in paths:
            anna.client.get(path, headers=HTMX)
            kept = rows_in(anna.client.get(path, headers=HTMX))
            listing._known.clear()
            assert kept
            assert rows_in(anna.client.get(path, headers=HTMX)) == kept, path
            seen.add(kept)
    assert len(seen) > 30, "nearly each of them looks different"


def rows_in(answer: HttpResponse) -> str:
    return "".join(re.findall(r'<li class="row msg.*?</li>', answer.content.decode(), re.DOTALL))


def test_sent_mail_names_those_it_went_to(anna: Person) -> None:
    people = "Bob <bob@example.test>, Carol <c@example.test>, dan@example.test, e@example.test"
    anna.receive(letter(to=people), mailbox="Sent", flags="\\Seen")
    (label,) = labels(page_of(anna, "/mail/Sent/"))
    assert "To: Bob, Carol, dan@example.test and 1 more" in label


def test_rows_are_newest_first_under_their_dates(anna: Person) -> None:
    for name, days in (("old", 400), ("week", 8), ("yesterday", 1), ("now", 0)):
        anna.receive(letter(name), date=days_ago(days))
    html = page_of(anna)
    assert subjects(html) == ["now", "yesterday", "week", "old"]
    headings = re.findall(r"<h2>(.*?)</h2></li>", html)
    assert headings[:2] == ["Today", "Yesterday"]
    assert len(headings) == 4


def test_a_mailbox_filled_in_random_order_is_shown_by_date(anna: Person) -> None:
    days = [5, 1, 9, 3, 7, 2, 8, 4, 6]
    for day in days:
        anna.receive(letter(f"day {day}"), date=days_ago(day))
    set_page_size(anna, "25")
    assert subjects(page_of(anna)) == [f"day {day}" for day in sorted(days)]


def test_pages_neither_repeat_nor_hide_a_row_while_mail_arrives(anna: Person) -> None:
    set_page_size(anna, "25")
    anna.receive(*(letter(f"n{number}") for number in range(60)))
    first = page_of(anna)
    anna.receive(*(letter(f"late {number}") for number in range(3)))
    second = page_of(anna, link(first, "next"))
    anna.receive(letter("later still"))
    third = page_of(anna, link(second, "next"))
    assert [*subjects(first), *subjects(second), *subjects(third)] == [f"n{n}" for n in reversed(range(60))]
    anna.receive(letter("and one more"))
    assert subjects(page_of(anna, link(third, "prev"))) == subjects(second)


def test_a_page_goes_on_where_its_last_row_was_even_when_that_is_gone(anna: Person) -> None:
    set_page_size(anna, "25")
    uids = anna.receive(*(letter(f"n{number}") for number in range(40)))
    older = link(page_of(anna), "next")
    with anna.server.session(anna.login) as session:
        session.select("INBOX")
        session.uid("STORE", str(uids[15]), "+FLAGS", "(\\Deleted)")
        session.expunge()
    assert subjects(page_of(anna, older)) == [f"n{n}" for n in reversed(range(15))]


@pytest.mark.parametrize(("show", "expected"), [("all", ["c", "b", "a"]), ("unread", ["c", "a"]), ("flagged", ["b"])])
def test_filters(anna: Person, show: str, expected: list[str]) -> None:
    anna.receive(letter("a"))
    anna.receive(letter("b"), flags="\\Seen \\Flagged")
    anna.receive(letter("c"))
    html = page_of(anna, show=show)
    assert subjects(html) == expected
    assert re.search(rf'show={show}" aria-current="true"' if show != "all" else r'INBOX/" aria-current="true"', html)


@pytest.mark.parametrize(("show", "words"), [("unread", "Nothing unread"), ("flagged", "Nothing flagged")])
def test_empty_filters_say_so(anna: Person, show: str, words: str) -> None:
    anna.receive(letter("a"), flags="\\Seen")
    assert words in page_of(anna, show=show)


def test_htmx_gets_the_list_alone(anna: Person) -> None:
    anna.receive(letter("a"))
    answer = anna.client.get("/mail/INBOX/?role=inbox", headers=HTMX)
    assert answer.content.startswith(b'<section class="pane" id="list"')
    assert b"<html" not in answer.content
    assert "HX-Request" in answer["Vary"]


def test_nonsense_in_the_address_is_ignored(anna: Person) -> None:
    anna.receive(letter("a"))
    query = {"start": "-1", "after": "x", "before": "9" * 20, "show": "everything", "q": ""}
    assert subjects(page_of(anna, **query)) == ["a"]


@pytest.mark.parametrize("path", ["/mail/Nowhere/", "/mail/%00/", "/mail/~zz/", "/mail/a~2f~2fb%0a/"])
def test_a_folder_that_is_not_there(anna: Person, path: str) -> None:
    assert anna.client.get(path).status_code in {400, 404}


@contextmanager
def counted() -> Iterator[list[int]]:
    """How many SQL queries and IMAP commands the block needs."""
    pool = stores.pool()
    before = sum(warm.connection.commands for warm in pool._idle)
    found: list[int] = []
    with CaptureQueriesContext(connection) as queries:
        yield found
    found += [len(queries), sum(warm.connection.commands for warm in pool._idle) - before]


def test_a_list_page_costs_a_fixed_number_of_queries_and_commands(anna: Person) -> None:
    """SQL: session, user, preferences and their overrides, saved searches, labels, the order. IMAP, warm: LIST with
    STATUS and FETCH of flags, each after a NOOP, the second with a STATUS beside it.

    Every row that this process has not seen adds nothing but two commands for all of them together: the rows, and the
    first words of those whose text lies at the same place.
    """
    anna.receive(*(letter(f"n{number}") for number in range(30)))
    with counted() as cold:
        page_of(anna)
    anna.receive(*(letter(f"m{number}") for number in range(300)))
    page_of(anna)
    with counted() as warm:
        page_of(anna)
    with counted() as again:
        page_of(anna, show="all")
    assert warm == again
    assert warm == again == [SQL_QUERIES, IMAP_COMMANDS_POOR if isinstance(anna.server, PymapServer) else IMAP_COMMANDS]
    assert cold[0] == SQL_QUERIES + 3  # when the first reminder is due, how folders are wanted, that there is no other
    # account: all of it is remembered
    assert cold[1] <= warm[1] + 3


SQL_QUERIES = 8  # session, user, preferences, the order, saved searches, labels, the outbox ...
IMAP_COMMANDS = 5
IMAP_COMMANDS_POOR = 6  # no LIST-STATUS: LIST, LSUB and a STATUS for each folder, all sent together


def test_two_people_never_see_each_others_mail(sign_in: SignIn) -> None:
    anna, bert = sign_in(), sign_in()
    anna.receive(letter("for anna only"))
    assert subjects(page_of(anna)) == ["for anna only"]
    assert subjects(page_of(bert)) == []
    assert subjects(page_of(anna)) == ["for anna only"]


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (datetime(2026, 11, 23, 9, 14, tzinfo=UTC), "09:14"),
        (datetime(2026, 11, 22, 9, 14, tzinfo=UTC), "Sun"),
        (datetime(2026, 11, 17, 9, 14, tzinfo=UTC), "Tue"),
        (datetime(2026, 10, 4, 9, 14, tzinfo=UTC), "4 Oct"),
        (datetime(2024, 2, 29, 9, 14, tzinfo=UTC), "02/29/2024"),
    ],
)
def test_time_is_as_short_as_it_can_be(moment: datetime, words: str) -> None:
    with timezone.override(UTC), translation.override("en"):
        assert times.short_time(moment, datetime(2026, 11, 23, 12, 0, tzinfo=UTC)) == words


def test_time_is_the_readers() -> None:
    from zoneinfo import ZoneInfo

    with timezone.override(ZoneInfo("Asia/Tokyo")), translation.override("de"):
        now = timezone.localtime(datetime(2026, 11, 23, 12, 0, tzinfo=UTC))
        assert times.short_time(datetime(2026, 11, 22, 16, 0, tzinfo=UTC), now) == "01:00"


def test_a_view_survives_its_address() -> None:
    view = View(q="tea & cake", show="unread", start=50, after=7, v=3)
    from django.http import QueryDict

    assert View.parse(QueryDict(view.encoded()[1:]).dict()) == view


def test_a_uid_without_its_uidvalidity_is_not_used() -> None:
    assert View.parse({"after": "7", "before": "8"}) == View()
    assert View(v=3).encoded() == ""


@pytest.mark.parametrize("show", ["all", "unread"])
@pytest.mark.parametrize("rel", ["next", "prev"])
def test_a_link_to_a_page_of_a_mailbox_that_was_made_anew(anna: Person, rel: str, show: str) -> None:
    set_page_size(anna, "25")
    anna.receive(*(letter(f"n{number}") for number in range(80)), mailbox="Trips")
    page = page_of(anna, "/mail/Trips/", show=show)
    while rel == "prev" and "before=" not in page.partition('rel="prev"')[0].rpartition("<a ")[2]:
        page = page_of(anna, link(page, "next"))
    address = link(page, rel)
    with anna.server.session(anna.login) as session:
        session.delete("Trips")
        session.create("Trips")
    anna.receive(letter("of another trip"), mailbox="Trips")
    answer = anna.client.get(address)
    assert answer.status_code == 409
    assert "of another trip" not in answer.content.decode()


def test_drafts_offer_what_means_something_there(anna: Person) -> None:
    (uid,) = anna.receive(letter("half written"), mailbox="Drafts", flags="\\Draft \\Seen")
    page = anna.client.get("/mail/Drafts/").content.decode()
    listed = page[page.index('id="list"') : page.index('id="reading"')]
    offered = re.findall(r'name="(?:one|do)" value="([a-z]+)', listed)
    assert set(offered) == {"delete", "flag", "move", "copy"}
    assert f"delete:{uid}" in listed
    assert 'class="seg"' not in listed


def test_an_empty_list_has_no_foot(anna: Person) -> None:
    assert 'class="foot"' not in anna.client.get("/mail/INBOX/").content.decode()
    anna.receive(letter())
    assert 'class="foot"' in anna.client.get("/mail/INBOX/").content.decode()
