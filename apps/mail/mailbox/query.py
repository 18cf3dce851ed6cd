"""The language of the search box: text into terms, and terms into a ``Query``. Pure: no network, no Django, no clock.

    radar "ice core" -draft from:søren has:attachment newer:30d larger:2M in:projects

A term is a word, a phrase in quotes, or an operator with a value; a minus before it means "not". Operators have English
names in every language, so that a search can be sent to somebody else. What looks like an operator and is none is a
word. A value that makes no sense is a problem to tell, never an error.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo

from apps.mail.mailbox.store import Query, Words

#: Operators that look for text in one place; a word without operator looks in from, to, cc, subject and body, and
#: "with" in from, to, cc and bcc: there it may be several addresses with commas between them, of which one is enough.
FIELDS = ("from", "to", "cc", "bcc", "subject", "body", "with")
#: Operators with a fixed set of values.
CHOICES = {"has": ("attachment",), "is": ("unread", "read", "flagged", "answered")}
DAYS = ("before", "after")
AGES = ("older", "newer")
SIZES = ("larger", "smaller")
OPERATORS = (*FIELDS, *CHOICES, *DAYS, *AGES, *SIZES, "in", "label")
ANYWHERE = "anywhere"

MAX_TERMS = 20
MAX_ADDRESSES = 10  # of one "with"
MAX_OCTETS = 2**32 - 1  # an IMAP number (RFC 3501 section 9)

_FLAGS = {
    "unread": ("\\Seen", False),
    "read": ("\\Seen", True),
    "flagged": ("\\Flagged", True),
    "answered": ("\\Answered", True),
}
_NAMES = "|".join(OPERATORS)
_TERM = re.compile(rf'(-?)(?:({_NAMES}):)?(?:"([^"]*)"?|(\S*))', re.IGNORECASE)
_LOOKS_LIKE_MORE = re.compile(rf'-.|"|(?:{_NAMES}):|-\Z', re.IGNORECASE)
_DAY = re.compile(r"(\d{4})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2}))?)?", re.ASCII)
_AGE = re.compile(r"(\d{1,5})([dwmy])", re.ASCII | re.IGNORECASE)
_SIZE = re.compile(r"(\d{1,15})(?:[.,](\d{1,3}))?(k|m|g)?i?b?", re.ASCII | re.IGNORECASE)
_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30}


@dataclass(frozen=True, slots=True)
class Term:
    """One term as it was typed; ``str`` writes it so that ``parse`` reads the same again."""

    key: str  # one of OPERATORS; "" for a word or phrase
    value: str
    negated: bool = False

    def __str__(self) -> str:
        bare = self.value and not any(char.isspace() for char in self.value)
        if bare and not self.key and not self.negated:
            bare = not _LOOKS_LIKE_MORE.match(self.value)
        elif bare:
            bare = not self.value.startswith('"') and (bool(self.key) or not _LOOKS_LIKE_MORE.match(self.value))
        value = self.value if bare else f'"{self.value}"'
        return f"{'-' if self.negated else ''}{f'{self.key}:' if self.key else ''}{value}"


@dataclass(frozen=True, slots=True)
class Problem:
    """A term that says nothing, and what its value should have been: text, choice, day, age, size, folder or label."""

    term: Term
    wanted: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What a search asks for. ``query`` is asked of each mailbox; which mailboxes, the rest tells."""

    query: Query
    inside: tuple[Term, ...] = ()  # in:…
    outside: tuple[Term, ...] = ()  # -in:…
    problems: tuple[Problem, ...] = ()  # the terms named here are not part of the query

    @property
    def anywhere(self) -> bool:
        return any(term.value.casefold() == ANYWHERE for term in self.inside)


def parse(text: str) -> tuple[Term, ...]:
    """The terms of a search box, at most ``MAX_TERMS``. Never raises."""
    return tuple(_terms(text))[:MAX_TERMS]


def _terms(text: str) -> Iterator[Term]:
    clean = "".join(" " if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") else char for char in text)
    at = 0
    while at < len(clean):
        if clean[at].isspace():
            at += 1
            continue
        found = _TERM.match(clean, at)
        assert found is not None
        at = max(found.end(), at + 1)
        minus, key, phrase, word = found[1], (found[2] or "").lower(), found[3], found[4]
        value = (word if phrase is None else phrase).strip()
        if not key and phrase is None and not value and minus:
            minus, value = "", "-"
        if key or value.strip('"'):
            yield Term(key, value, bool(minus))


def write(terms: Iterable[Term]) -> str:
    """The text of these terms."""
    return " ".join(str(term) for term in terms)


#: The keyword of what somebody calls a label; "" where there is none.
KeywordOf = Callable[[str], str]


def meaning(terms: Sequence[Term], *, today: date, zone: tzinfo, keyword_of: KeywordOf = lambda name: name) -> Meaning:
    """``today`` and ``zone`` are the reader's: days begin where they live. So are the labels."""
    query = Query()
    problems: list[Problem] = []
    inside: list[Term] = []
    outside: list[Term] = []
    for term in terms:
        if term.key == "in" and term.value:
            (outside if term.negated else inside).append(term)
            continue
        if term.key == "label":
            keyword = keyword_of(term.value)
            narrowed: Query | str = _with_flag(query, keyword, not term.negated) if keyword else "label"
        else:
            narrowed = _narrowed(query, term, today, zone)
        if isinstance(narrowed, str):
            problems.append(Problem(term, narrowed))
        else:
            query = narrowed
    return Meaning(query=query, inside=tuple(inside), outside=tuple(outside), problems=tuple(problems))


def _narrowed(query: Query, term: Term, today: date, zone: tzinfo) -> Query | str:
    """The query with one term more, or what is wrong with the term (see ``Problem``)."""
    if not term.key or term.key in FIELDS:
        if not term.value.strip('"'):
            return "text"
        return replace(query, words=(*query.words, _words(term)))
    if term.key in CHOICES:
        return _with_choice(query, term)
    if term.key in SIZES:
        return _with_size(query, term)
    if term.key == "in":
        return "folder"
    day = _day(term.value, today) if term.key in DAYS else _day_of_age(term.value, today)
    if day is None:
        return "day" if term.key in DAYS else "age"
    moment = datetime(day.year, day.month, day.day, tzinfo=zone)
    if (term.key in ("before", "older")) != term.negated:
        return replace(query, before=min(moment, query.before or moment))
    return replace(query, since=max(moment, query.since or moment))


def _words(term: Term) -> Words:
    texts = term.value.split(",") if term.key == "with" else [term.value]
    if len(texts) > MAX_ADDRESSES or not all("@" in text.strip("@ ") for text in texts):
        texts = [term.value]  # a name with a comma in it
    return Words(term.key, texts[0].strip(), term.negated, tuple(text.strip() for text in texts[1:]))


def _with_flag(query: Query, flag: str, on: bool) -> Query:
    return replace(query, flags=(*query.flags, (flag, on)))


def _with_choice(query: Query, term: Term) -> Query | str:
    value = term.value.lower()
    if value not in CHOICES[term.key]:
        return "choice"
    if term.key == "has":
        return replace(query, attachment=query.attachment | {not term.negated})
    flag, on = _FLAGS[value]
    return _with_flag(query, flag, on != term.negated)


def _with_size(query: Query, term: Term) -> Query | str:
    octets = _octets(term.value)
    if octets is None:
        return "size"
    if term.key == "larger" and not term.negated:
        return replace(query, larger=max(octets, query.larger if query.larger is not None else octets))
    if term.key == "smaller" and term.negated:
        return replace(query, larger=max(octets - 1, query.larger if query.larger is not None else octets - 1, 0))
    limit = octets + 1 if term.negated else octets
    return replace(query, smaller=min(limit, query.smaller if query.smaller is not None else limit, MAX_OCTETS))


def _day(text: str, today: date) -> date | None:
    """``2026-11-30``, ``2026-11`` and ``2026`` (their first days), ``today``, ``yesterday``."""
    relative = {"today": 0, "yesterday": 1}.get(text.lower())
    if relative is not None:
        return today - timedelta(days=relative)
    found = _DAY.fullmatch(text)
    if not found or not 1900 <= int(found[1]) <= 2999:
        return None
    try:
        return date(int(found[1]), int(found[2] or 1), int(found[3] or 1))
    except ValueError:
        return None


def _day_of_age(text: str, today: date) -> date | None:
    """``30d``, ``2w``, ``6m``, ``1y`` before today; months and years by the calendar."""
    found = _AGE.fullmatch(text)
    if not found:
        return None
    number, unit = int(found[1]), found[2].lower()
    if unit in "dw":
        days = number * (7 if unit == "w" else 1)
        return today - timedelta(days=min(days, (today - date(1900, 1, 1)).days))
    months = today.year * 12 + today.month - 1 - number * (12 if unit == "y" else 1)
    if months < 1900 * 12:
        return date(1900, 1, 1)
    year, month = divmod(months, 12)
    last = (date(year + month // 11, (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month + 1, min(today.day, last))


def _octets(text: str) -> int | None:
    """``500``, ``200k``, ``1.5M``, ``2GB``; a kilobyte has 1024 octets, as where sizes are shown."""
    found = _SIZE.fullmatch(text)
    if not found:
        return None
    unit = _UNITS[(found[3] or "").lower()]
    fraction = int(found[2]) * unit // 10 ** len(found[2]) if found[2] else 0
    return min(int(found[1]) * unit + fraction, MAX_OCTETS)
