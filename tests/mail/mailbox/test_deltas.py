"""Orders are kept and corrected, while another program changes the mailbox: no ghost, no gap, none out of place."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.mail.mailbox.imap import deltas
from apps.mail.mailbox.imap.store import ImapStore
from apps.mail.mailbox.pool import Pool
from apps.mail.mailbox.store import NEWEST_FIRST, SORT_KEYS, Sort, Summary
from tests.mail.mailbox.conftest import EVERYTHING, Person
from tests.support.mailserver import MailServer, check, crlf

ORDERS = [Sort(by, descending) for by in SORT_KEYS for descending in (False, True)]
CHANGES = {"append": 5, "flag": 3, "expunge": 3, "move out": 2, "move in": 3}
START = datetime(2026, 1, 1, tzinfo=UTC)
HERE, THERE = "Lab", "Elsewhere"


@dataclass
class Other:
    """Another program at work in the same mailbox, by chance; after each change it says what is there."""

    session: Any  # bare IMAP
    chance: random.Random
    steady: bool  # mail arrives in the order of its dates, as by delivery alone
    count: int = 0
    moved: bool = field(init=False)

    def __post_init__(self) -> None:
        self.moved = "MOVE" in self.session.capabilities

    def start(self, messages: int) -> None:
        for name in (HERE, THERE):
            check(self.session.create(name))
        check(self.session.select(HERE))
        for _ in range(messages):
            self.append(HERE)

    def change(self) -> None:
        what = self.chance.choices(list(CHANGES), list(CHANGES.values()))[0]
        if what == "append":
            self.append(HERE)
        elif what == "move in":
            self.move_in()
        elif uids := self.uids():
            most = 40 if len(uids) > 120 else 2
            some = ",".join(map(str, self.chance.sample(uids, min(len(uids), self.chance.randint(1, most)))))
            if what == "flag":
                flag = self.chance.choice(["\\Seen", "\\Flagged", "\\Answered"])
                check(self.session.uid("STORE", some, self.chance.choice(["+FLAGS", "-FLAGS"]), f"({flag})"))
            else:
                self.remove(some, THERE if what == "move out" else None)

    def append(self, mailbox: str) -> None:
        chance, self.count = self.chance, self.count + 1
        sent, number = START + timedelta(hours=chance.randint(0, 5000)), chance.randint(0, 30)
        head = f"From: P{chance.randint(0, 9)} <p{number}@x.test>\nTo: Q{number % 7} <q@x.test>\n"
        head += f"Subject: {chance.choice(['', 'Re: ', '[l] '])}Subject {number}\nMessage-ID: <{self.count}@x.test>\n"
        raw = crlf(f"{head}Date: {sent:%a, %d %b %Y %H:%M:%S +0000}\n\n{'x' * chance.randint(1, 400)}\n".encode())
        arrived = START + timedelta(minutes=self.count if self.steady else chance.randint(0, 9999))
        check(self.session.append(mailbox, "()", f'"{arrived:%d-%b-%Y %H:%M:%S} +0000"', raw))

    def move_in(self) -> None:
        self.append(THERE)
        check(self.session.select(THERE))
        some = self.chance.sample(self.uids(), 1)
        self.remove(",".join(map(str, some)), HERE)
        check(self.session.select(HERE))

    def remove(self, uids: str, target: str | None) -> None:
        if target and self.moved:
            check(self.session.uid("MOVE", uids, target))
            return
        if target:
            check(self.session.uid("COPY", uids, target))
        check(self.session.uid("STORE", uids, "+FLAGS", "(\\Deleted)"))
        check(self.session.expunge())

    def uids(self) -> list[int]:
        check(self.session.noop())
        return [int(uid) for uid in check(self.session.uid("SEARCH", "ALL"))[0].split()]

    def flags(self) -> dict[int, set[str]]:
        check(self.session.noop())
        answer = check(self.session.uid("FETCH", "1:*", "(FLAGS)")) if self.uids() else []
        found: dict[int, set[str]] = {}
        for line in answer:
            if b"UID " not in line:  # news of its own change
                continue
            uid = int(line.partition(b"UID ")[2].split(b" ")[0].rstrip(b")"))
            flags = line.partition(b"FLAGS (")[2].partition(b")")[0].decode().split()
            found[uid] = set(flags) - {"\\Recent"}
        return found


#: What the lists are sorted by, as the letters were made. (How Dovecot sorts new messages among equal names or
#: subjects is not held against it: SORT of all puts them anywhere between those.)
VALUES: dict[str, Callable[[Summary], Any]] = {
    "arrival": lambda row: row.received,
    "date": lambda row: row.envelope.date,
    "from": lambda row: row.envelope.from_[0].name,
    "to": lambda row: row.envelope.to[0].name,
    "subject": lambda row: re.sub(r"\A(re: |\[l\] )", "", row.envelope.subject.lower()),
    "size": lambda row: row.size,
}


def listed(store: ImapStore, sort: Sort, chance: random.Random, expected: int) -> list[Summary]:
    """The whole list, either at once or page by page."""
    limit = expected + 5 if chance.random() < 0.8 else max(expected // 3, 1)
    page = store.page(HERE, limit=limit, sort=sort)
    rows = list(page.rows)
    while page.rows and len(rows) < page.total:
        page = store.page(HERE, offset=len(rows), limit=limit, sort=sort, after=rows[-1].uid)
        rows += page.rows
    assert page.total == len(rows)
    return rows


def compare(person: Person, *, changes: int, steady: bool, seed: int) -> None:
    chance = random.Random(seed)
    with person.server.session(person.login) as session:
        other = Other(session, chance, steady)
        other.start(30)
        for number in range(changes):
            other.change()
            if chance.random() > 0.4:
                continue
            sort = chance.choice([NEWEST_FIRST, *ORDERS])
            flags = other.flags()
            with person.pool.lease(person.account) as store:
                rows = listed(store, sort, chance, len(flags))
            assert len(rows) == len(flags), (number, sort)
            assert {row.uid: set(row.flags) for row in rows} == flags, (number, sort)
            values = [VALUES[sort.by](row) for row in rows]
            assert values == sorted(values, reverse=sort.descending), (number, sort)


#: server, what it is not asked for, whether mail arrives in order
KINDS = {
    "dovecot": ("dovecot", frozenset(), False),
    "steady": ("dovecot", frozenset(), True),
    "without QRESYNC": ("dovecot", frozenset({"QRESYNC", "CONDSTORE"}), False),
    "bare": ("dovecot", EVERYTHING, False),
    "pymap": ("pymap_server", frozenset(), False),
}


def as_if_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """A place is looked for, in several steps."""
    monkeypatch.setattr(deltas, "LEAST", 0)
    monkeypatch.setattr(deltas, "PARTS", 3)


@pytest.fixture(params=KINDS)
def lab(request: pytest.FixtureRequest, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> tuple[Person, bool]:
    name, ignored, steady = KINDS[request.param]
    server: MailServer = request.getfixturevalue(name)
    as_if_large(monkeypatch)
    return Person(server, server.new_user(), pool, {"ignore_capabilities": ignored}), steady


def test_no_ghost_and_no_gap(lab: tuple[Person, bool]) -> None:
    person, steady = lab
    compare(person, changes=50, steady=steady, seed=1)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_no_ghost_and_no_gap_in_ten_thousand_changes(lab: tuple[Person, bool]) -> None:
    person, steady = lab
    with person.pool.lease(person.account) as store:
        rich = "SORT" in store.capabilities
    compare(person, changes=10_000 if rich else 1_000, steady=steady, seed=2)


@pytest.mark.parametrize("by", SORT_KEYS)
def test_an_order_is_not_asked_for_again(rich: Person, monkeypatch: pytest.MonkeyPatch, by: str) -> None:
    """One message comes and one goes: the list is that of another process, and no SORT was sent for it."""
    as_if_large(monkeypatch)
    sort = Sort(by, True)
    with rich.server.session(rich.login) as session:
        other = Other(session, random.Random(3), steady=False)
        other.start(40)
        with rich.pool.lease(rich.account) as store:
            listed(store, sort, other.chance, 40)
        other.append(HERE)
        other.remove("7", None)
        monkeypatch.setattr(deltas, "sort", None)
        with rich.pool.lease(rich.account) as store:
            rows = listed(store, sort, other.chance, 40)
        assert [row.uid for row in rows if row.uid in (7, 41)] == [41]
        values = [(VALUES[by](row), row.received) for row in rows]
        assert values == sorted(values, reverse=True)
