"""The language of the search box: every text has terms, terms keep their meaning when they are written again."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.mail.mailbox.query import MAX_OCTETS, MAX_TERMS, OPERATORS, Term, meaning, parse, write
from apps.mail.mailbox.store import Query, Words

TODAY = date(2026, 11, 26)
PIECES = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [*(f"{name}:" for name in OPERATORS), "-", '"', " ", ":", "From:", "IS:", "unread", "2026-11-30", "2M"]
    ),
)
TEXTS = st.lists(PIECES, max_size=30).map("".join)


def query(text: str, zone: ZoneInfo | None = None) -> Query:
    found = meaning(parse(text), today=TODAY, zone=zone or UTC)
    assert found.problems == ()
    return found.query


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("ice radar", [Term("", "ice"), Term("", "radar")]),
        ('"ice radar" -loan', [Term("", "ice radar"), Term("", "loan", True)]),
        ('from:søren -to:"Ann Lee"', [Term("from", "søren"), Term("to", "Ann Lee", True)]),
        ("FROM:Bob Is:Unread", [Term("from", "Bob"), Term("is", "Unread")]),
        ("http://x.test/ re: foo:bar", [Term("", "http://x.test/"), Term("", "re:"), Term("", "foo:bar")]),
        ('"from:bob" -"is:read"', [Term("", "from:bob"), Term("", "is:read", True)]),
        ('subject:"open quote', [Term("subject", "open quote")]),
        ("- -- from:", [Term("", "-"), Term("", "-", True), Term("from", "")]),
        ('a"b "" " " "', [Term("", 'a"b')]),
        ("a\x00b\r\nc\u2028d", [Term("", name) for name in "abcd"]),
        ("w " * 50, [Term("", "w")] * MAX_TERMS),
    ],
)
def test_terms(text: str, terms: list[Term]) -> None:
    assert list(parse(text)) == terms


@given(TEXTS)
def test_what_is_written_again_is_the_same_search(text: str) -> None:
    terms = parse(text)
    assert parse(write(terms)) == terms
    for term in terms:
        assert parse(write(other for other in terms if other is not term)) == tuple(t for t in terms if t is not term)


@given(TEXTS, st.dates(min_value=date(1970, 1, 1), max_value=date(2500, 1, 1)))
def test_every_text_means_something_or_says_what_is_wrong(text: str, today: date) -> None:
    """Each term is part of the query, of the folders, or of the problems; none is lost and none counts twice."""
    terms = parse(text)
    found = meaning(terms, today=today, zone=ZoneInfo("Asia/Almaty"))
    wrong = [problem.term for problem in found.problems]
    said = [term for term in terms if term not in wrong]
    assert len(found.query.words) == sum(
        not term.key or term.key in ("from", "to", "cc", "bcc", "subject", "body", "with") for term in said
    )
    assert len(found.query.flags) == sum(term.key in ("is", "label") for term in said)
    assert [*found.inside, *found.outside] == sorted((t for t in said if t.key == "in"), key=lambda term: term.negated)
    assert bool(found.query.attachment) == any(term.key == "has" for term in said)
    sized = found.query.larger is not None or found.query.smaller is not None
    assert sized == any(term.key in ("larger", "smaller") for term in said)
    dated = found.query.since is not None or found.query.before is not None
    assert dated == any(term.key in ("before", "after", "older", "newer") for term in said)
    alone = parse(write(reversed(said)))
    assert meaning(alone, today=today, zone=UTC).problems == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("radar -ice", Query(words=(Words("", "radar"), Words("", "ice", True)))),
        ("with:anna", Query(words=(Words("with", "anna"),))),
        ("-with:a@x.test,b@x.test", Query(words=(Words("with", "a@x.test", True, ("b@x.test",)),))),
        ('with:"Lee, Ann"', Query(words=(Words("with", "Lee, Ann"),))),
        ("with:a@x.test,ann", Query(words=(Words("with", "a@x.test,ann"),))),
        ("bcc:x body:y", Query(words=(Words("bcc", "x"), Words("body", "y")))),
        (
            "is:unread is:flagged -is:answered",
            Query(flags=(("\\Seen", False), ("\\Flagged", True), ("\\Answered", False))),
        ),
        ("is:read -is:unread", Query(flags=(("\\Seen", True), ("\\Seen", True)))),
        ("has:attachment", Query(attachment=frozenset({True}))),
        ("-has:attachment", Query(attachment=frozenset({False}))),
        ("larger:2M larger:1k", Query(larger=2 * 2**20)),
        ("larger:1.5KB smaller:1,5MiB", Query(larger=1536, smaller=3 * 2**19)),
        ("-larger:10 -smaller:5", Query(larger=4, smaller=11)),
        (f"larger:{'9' * 15}g", Query(larger=MAX_OCTETS)),
        ("after:2026-11-30", Query(since=datetime(2026, 11, 30, tzinfo=UTC))),
        ("before:2026/2", Query(before=datetime(2026, 2, 1, tzinfo=UTC))),
        ("-before:2026", Query(since=datetime(2026, 1, 1, tzinfo=UTC))),
        (
            "newer:2w before:today",
            Query(since=datetime(2026, 11, 12, tzinfo=UTC), before=datetime(2026, 11, 26, tzinfo=UTC)),
        ),
        ("after:yesterday after:2025-01-01", Query(since=datetime(2026, 11, 25, tzinfo=UTC))),
        ("older:9m", Query(before=datetime(2026, 2, 26, tzinfo=UTC))),
        ("older:1y", Query(before=datetime(2025, 11, 26, tzinfo=UTC))),
        ("older:99999y", Query(before=datetime(1900, 1, 1, tzinfo=UTC))),
        ("in:projects", Query()),
    ],
)
def test_meaning(text: str, expected: Query) -> None:
    assert query(text) == expected


def test_the_last_day_of_a_shorter_month() -> None:
    assert meaning(parse("older:1m"), today=date(2026, 3, 31), zone=UTC).query.before == datetime(
        2026, 2, 28, tzinfo=UTC
    )
    assert meaning(parse("older:1m"), today=date(2027, 1, 31), zone=UTC).query.before == datetime(
        2026, 12, 31, tzinfo=UTC
    )


def test_days_begin_where_the_reader_lives() -> None:
    assert query("after:2026-11-30", ZoneInfo("Asia/Tokyo")).since == datetime(2026, 11, 29, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        *(("before:soon", "day"), ("after:2026-02-30", "day"), ("before:9999", "day"), ("after:٢٠٢٦", "day")),
        *(
            ("older:30", "age"),
            ("newer:-1d", "age"),
            ("larger:big", "size"),
            ("smaller:1e309", "size"),
            ("larger:-1", "size"),
        ),
        *(("has:wings", "choice"), ("is:starred", "choice"), ("from:", "text"), ('to:""', "text"), ("in:", "folder")),
    ],
)
def test_values_that_say_nothing_are_told(text: str, wanted: str) -> None:
    found = meaning(parse(f"{text} radar"), today=TODAY, zone=UTC)
    assert [problem.wanted for problem in found.problems] == [wanted]
    assert found.query == Query(words=(Words("", "radar"),))
