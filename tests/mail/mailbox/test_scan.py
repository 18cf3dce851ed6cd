"""Search with operators and in windows, on servers with every extension and with none."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from apps.mail.mailbox.errors import UidValidityChanged
from apps.mail.mailbox.imap import scan, sift
from apps.mail.mailbox.query import meaning, parse
from apps.mail.mailbox.store import Query, Stretch, Words
from tests.mail.mailbox.conftest import Person, letter
from tests.support.mailserver import CyrusServer, PymapServer

START = datetime(2025, 3, 1, 12, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Almaty")
FILE = 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n'
PDF = 'Content-Type: application/pdf\nContent-Disposition: attachment; filename="a.pdf"'
PARTS = f"--b\nContent-Type: text/plain\n\ntext\n--b\n{PDF}\n\nx\n--b--"
#: Nor what it does not find: raw octets in a subject, as here, are no words to Cyrus.
NOT_READ = {"-subject:Große": ["Große", "Plan", "Loan", "Ice radar"]}
#: pymap answers BODY as if it were TEXT: it looks into the header too. What a server finds is not ours to correct.
READ_AS_TEXT = {"dora": ["Große"], "body:radar": ["Loan", "Ice radar"]}


def ask(text: str) -> Query:
    found = meaning(parse(text), today=date(2025, 3, 10), zone=ZONE)
    assert found.problems == ()
    return found.query


@pytest.fixture
def searched(person: Person) -> Person:
    person.deliver(letter("Ice radar", text="We ship it."), date=START)
    person.deliver(
        letter("Loan", sender="radar@example.test"), date=START + timedelta(days=1), flags="\\Seen \\Answered"
    )
    person.deliver(letter("Plan", text=PARTS, extra=FILE), date=START + timedelta(days=2), flags="\\Flagged")
    person.deliver(
        letter("Große", text="Köln " + "x" * 3000, extra="Cc: carl@x.test\nBcc: dora@x.test\n"),
        date=START + timedelta(days=3),
    )
    return person


@pytest.mark.parametrize(
    ("text", "subjects"),
    [
        ("radar", ["Loan", "Ice radar"]),
        ("subject:radar", ["Ice radar"]),
        ("from:radar", ["Loan"]),
        ("-from:radar", ["Große", "Plan", "Ice radar"]),
        ("-radar", ["Große", "Plan"]),
        ("cc:carl", ["Große"]),
        ("bcc:dora", ["Große"]),
        ("dora", []),
        ("with:dora", ["Große"]),
        ("with:carl@x.test", ["Große"]),
        ("with:radar@example", ["Loan"]),
        ("with:nobody@x.test,radar@example.test,carl@x.test", ["Große", "Loan"]),
        ("-with:radar@example.test,carl@x.test", ["Plan", "Ice radar"]),
        ("with:dörte@x.test,carl@x.test", ["Große"]),
        ("with:ship", []),
        ("body:ship", ["Ice radar"]),
        ("body:radar", []),
        ("-subject:Große", ["Plan", "Loan", "Ice radar"]),
        ("köln", ["Große"]),
        ("-köln -radar", ["Plan"]),
        ("is:unread", ["Große", "Plan", "Ice radar"]),
        ("is:read", ["Loan"]),
        ("is:flagged", ["Plan"]),
        ("-is:flagged is:answered", ["Loan"]),
        ("is:read is:unread", []),
        ("has:attachment", ["Plan"]),
        ("-has:attachment", ["Große", "Loan", "Ice radar"]),
        ("has:attachment -has:attachment", []),
        ("has:attachment radar", []),
        ("larger:2k", ["Große"]),
        ("smaller:2k", ["Plan", "Loan", "Ice radar"]),
        ("-larger:2k -smaller:1", ["Plan", "Loan", "Ice radar"]),
        ("after:2025-03-03", ["Große", "Plan"]),
        ("before:2025-03-02", ["Ice radar"]),
        ("-after:2025-03-02", ["Ice radar"]),
        ("newer:7d older:6d", ["Plan"]),
        ("after:1900 before:2999", ["Große", "Plan", "Loan", "Ice radar"]),
        ("after:2999", []),
        ("before:1900", []),
    ],
)
def test_operators(searched: Person, text: str, subjects: list[str]) -> None:
    if text in READ_AS_TEXT and isinstance(searched.server, PymapServer):
        subjects = READ_AS_TEXT[text]
    if text in NOT_READ and isinstance(searched.server, CyrusServer):
        subjects = NOT_READ[text]
    store = searched.lease()
    found = store.scan("INBOX", ask(text), limit=50, seconds=60)
    assert [row.envelope.subject for row in found.rows] == subjects
    assert found.complete
    assert (found.searched, found.total) == (4, 4)
    assert [row.envelope.subject for row in store.search("INBOX", ask(text)).rows] == subjects


@pytest.mark.parametrize("hours", [-19, -5, 5, 13, 19])
def test_days_are_the_readers_whatever_zone_the_server_keeps(person: Person, hours: int) -> None:
    """Midnight of 3 March in Almaty is 19:00 of 2 March in Greenwich."""
    moment = datetime(2025, 3, 2, 19, tzinfo=UTC) + timedelta(hours=hours)
    person.deliver(letter("one"), date=moment)
    store = person.lease()
    for text, expected in (
        ("after:2025-03-03", hours >= 0),
        ("before:2025-03-03", hours < 0),
        ("-after:2025-03-03", hours < 0),
    ):
        assert len(store.scan("INBOX", ask(text), limit=9, seconds=60).rows) == expected, text


@pytest.mark.parametrize("steady", [True, False], ids=["delivered", "imported"])
def test_windows_find_each_message_once_newest_first(
    person: Person, monkeypatch: pytest.MonkeyPatch, steady: bool
) -> None:
    monkeypatch.setattr(scan, "FIRST", 4)
    monkeypatch.setattr(scan, "LEAST", 2)
    monkeypatch.setattr(scan, "MOST", 7)
    chance = random.Random(7)
    days = list(range(40)) if steady else chance.sample(range(40), 40)
    hits = set(chance.sample(range(40), 11))
    for day in days:
        person.deliver(letter(f"{'radar' if day in hits else 'other'} {day}"), date=START + timedelta(days=day))
    store = person.lease()
    expected = [f"radar {day}" for day in sorted(hits, reverse=True)]
    for limit in (1, 3, 50):
        found: list[str] = []
        stretch: Stretch | None = None
        while stretch is None or stretch.below:
            before = stretch or Stretch(mailbox="INBOX", status=store.status("INBOX"), rows=(), searched=0, total=0)
            stretch = store.scan(
                "INBOX",
                ask("radar"),
                limit=limit,
                seconds=0,
                after=before.below,
                searched=before.searched,
                window=before.window,
            )
            assert len(stretch.rows) <= limit
            found += [row.envelope.subject for row in stretch.rows]
            if stretch.below and not found:
                assert 0 < stretch.searched < stretch.total == 40
        assert found == expected


def test_a_stretch_goes_on_below_a_message_that_has_gone(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "FIRST", 4)
    monkeypatch.setattr(scan, "LEAST", 2)
    monkeypatch.setattr(scan, "MOST", 4)
    uids = person.deliver(*(letter(f"radar {number}") for number in range(12)))
    store = person.lease()
    first = store.scan("INBOX", ask("radar"), limit=3, seconds=0)
    assert first.below == uids[9]
    store.expunge("INBOX", [uids[9], uids[8]], uidvalidity=first.status.uidvalidity)
    person.deliver(letter("radar later"))
    second = store.scan("INBOX", ask("radar"), limit=50, seconds=60, after=first.below, searched=first.searched)
    assert [row.envelope.subject for row in second.rows] == [f"radar {number}" for number in reversed(range(8))]
    assert second.complete


def test_a_stretch_of_another_uidvalidity_is_not_searched(person: Person) -> None:
    (uid,) = person.deliver(letter("radar"))
    store = person.lease()
    known = store.status("INBOX").uidvalidity
    with pytest.raises(UidValidityChanged):
        store.scan("INBOX", ask("radar"), limit=5, seconds=0, after=uid, uidvalidity=known + 1)
    assert store.scan("INBOX", ask("radar"), limit=5, seconds=0, after=uid, uidvalidity=known).rows == ()


def test_nothing_to_find_in_an_empty_mailbox(person: Person) -> None:
    found = person.lease().scan("INBOX", ask("radar has:attachment"), limit=5, seconds=0)
    assert (found.rows, found.complete, found.total) == ((), True, 0)


@pytest.mark.parametrize(
    ("words", "subjects"),
    [
        (Words("", "köln"), ["Große"]),
        (Words("body", "KÖLN"), ["Große"]),
        (Words("subject", "köln"), []),
        (Words("", "loan", True), ["Ice radar", "Plan", "Große"]),
        (Words("from", "radar"), ["Loan"]),
        (Words("bcc", "dora"), ["Große"]),
    ],
)
def test_words_are_found_without_the_servers_help(searched: Person, words: Words, subjects: list[str]) -> None:
    """Where a server takes no CHARSET UTF-8, the messages that it names for the rest are read here."""
    store = searched.lease()
    page = store.page("INBOX")
    uids = [row.uid for row in reversed(page.rows)]
    left = sift.sifted(store.connection, store._memory, Query(), [words], uids)
    names = {row.uid: row.envelope.subject for row in page.rows}
    assert [names[uid] for uid in left] == subjects


def test_a_server_is_never_asked_for_more_than_a_line_can_say(rich: Person) -> None:
    rich.deliver(letter("one"))
    store = rich.lease()
    for value in ('"', "\\", "{5}", 'x" ALL', "a" * 2000, "()", "*", "%", "NIL"):
        query = Query(words=(Words("subject", value), Words("", value, True)))
        assert store.scan("INBOX", query, limit=5, seconds=0).rows == ()
    assert store.scan("INBOX", Query(), limit=5, seconds=0).total == 1
