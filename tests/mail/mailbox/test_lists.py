"""Lists on real servers: order, pages, what they cost."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from apps.mail.mailbox import errors
from apps.mail.mailbox.imap.store import ImapStore
from apps.mail.mailbox.pool import Pool
from apps.mail.mailbox.store import Page, Query
from tests.mail.mailbox.conftest import EVERYTHING, Person, letter

START = datetime(2025, 3, 1, 8, tzinfo=UTC)


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def fill(person: Person, days: list[int]) -> list[int]:
    """One message per day in the order given; returns the UIDs."""
    return [person.deliver(letter(f"Day {number}"), date=day(number))[0] for number in days]


def subjects(page: Page) -> list[str]:
    return [row.envelope.subject for row in page.rows]


def all_pages(store: ImapStore, limit: int) -> list[str]:
    found: list[str] = []
    page = store.page("INBOX", limit=limit)
    while page.rows:
        found += subjects(page)
        page = store.page("INBOX", offset=page.offset + limit, limit=limit)
    return found


ORDERS = {
    "as it came": list(range(23)),
    "backwards": list(range(22, -1, -1)),
    "at random": random.Random(7).sample(range(23), 23),
    # Each window of the newest ten falls steadily, and yet the newest messages are the oldest by UID.
    "an import of old mail": [*range(12, 23), *range(12)],
    "one old message moved in last": [*range(1, 23), 0],
    "one new message moved in first": [22, *range(22)],
}


@pytest.mark.parametrize("days", ORDERS.values(), ids=ORDERS)
def test_every_page_is_newest_first(person: Person, days: list[int]) -> None:
    fill(person, days)
    store = person.lease()
    wanted = [f"Day {number}" for number in range(22, -1, -1)]
    assert all_pages(store, 5) == wanted
    assert all_pages(store, 2) == wanted
    assert all_pages(store, 100) == wanted
    assert store.page("INBOX", offset=4, limit=3).total == 23


def test_messages_of_one_second_follow_their_uids(person: Person) -> None:
    uids = person.deliver(*[letter(f"{number}") for number in range(6)], date=START)
    assert [row.uid for row in person.lease().page("INBOX").rows] == uids[::-1]


@pytest.mark.parametrize("days", [list(range(10)), [5, 4, 3, 2, 1, 0, 6, 7, 8, 9]], ids=["steady", "unsteady"])
def test_changes_show_on_a_warm_connection(person: Person, days: list[int]) -> None:
    fill(person, days)
    store = person.lease()
    assert subjects(store.page("INBOX", limit=3)) == ["Day 9", "Day 8", "Day 7"]
    fill(person, [10])
    assert subjects(store.page("INBOX", limit=3)) == ["Day 10", "Day 9", "Day 8"]
    page = store.page("INBOX", limit=20)
    store.expunge("INBOX", [page.rows[0].uid, page.rows[5].uid], uidvalidity=page.status.uidvalidity)
    left = [f"Day {number}" for number in (9, 8, 7, 6, 4, 3, 2, 1, 0)]
    assert all_pages(store, 4) == left
    fill(person, [-1])
    assert all_pages(store, 4) == [*left, "Day -1"], "old mail that arrives late is old mail"
    fill(person, [11])
    assert subjects(store.page("INBOX", limit=2)) == ["Day 11", "Day 9"]
    assert store.page("INBOX").total == 11


@pytest.mark.parametrize("days", [list(range(12)), [3, 1, 2, 0, *range(4, 12)]], ids=["steady", "unsteady"])
def test_turning_pages_while_mail_arrives_and_goes(person: Person, days: list[int]) -> None:
    fill(person, days)
    reader, other = person.lease(), person.lease()
    first = reader.page("INBOX", limit=4)
    assert subjects(first) == ["Day 11", "Day 10", "Day 9", "Day 8"]
    fill(person, [12, 13])
    second = reader.page("INBOX", offset=4, limit=4, after=first.rows[-1].uid)
    assert subjects(second) == ["Day 7", "Day 6", "Day 5", "Day 4"]
    assert second.offset == 6
    other.expunge("INBOX", [first.rows[0].uid], uidvalidity=first.status.uidvalidity)
    third = reader.page("INBOX", offset=8, limit=4, after=second.rows[-1].uid)
    assert subjects(third) == ["Day 3", "Day 2", "Day 1", "Day 0"]
    back = reader.page("INBOX", offset=4, limit=4, before=third.rows[0].uid)
    assert subjects(back) == subjects(second)
    assert subjects(reader.page("INBOX", limit=4, before=second.rows[0].uid))[-1] == "Day 8"


def test_going_on_below_a_message_that_has_gone(person: Person) -> None:
    uids = fill(person, list(range(8)))
    store = person.lease()
    first = store.page("INBOX", limit=3)
    store.expunge("INBOX", [uids[5]], uidvalidity=first.status.uidvalidity)
    assert subjects(store.page("INBOX", limit=2, after=uids[5])) == ["Day 4", "Day 3"]


def test_an_empty_mailbox(store: ImapStore) -> None:
    page = store.page("INBOX")
    assert (page.rows, page.total, page.status.messages) == ((), 0, 0)
    assert store.page("INBOX", offset=50).rows == ()
    assert store.search("INBOX", Query(text="nothing")).rows == ()


def test_a_row_says_what_the_list_needs(person: Person) -> None:
    extra = 'Content-Type: multipart/mixed; boundary="x"\n'
    text = (
        "--x\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nGrüße aus   dem Eis.\n"
        '--x\nContent-Type: application/pdf; name="map.pdf"\nContent-Disposition: attachment; filename="map.pdf"\n'
        "Content-Transfer-Encoding: base64\n\nJVBERg==\n--x--"
    )
    raw = letter(
        "=?utf-8?q?Gl=C3=A4tscher?=",
        sender='"Bob, the =?utf-8?q?B=C3=A4r?=" <bob@example.test>',
        text=text,
        extra=extra,
    )
    uid = person.deliver(raw, flags="\\Seen \\Flagged", date=START)[0]
    person.deliver(letter("plain"), date=day(1))
    store = person.lease()
    plain, row = store.page("INBOX").rows
    assert (row.uid, row.envelope.subject, row.snippet) == (uid, "Glätscher", "Grüße aus dem Eis.")
    assert row.envelope.from_[0].email == "bob@example.test"
    assert (row.seen, row.flagged, row.answered, row.has_attachment) == (True, True, False, True)
    assert row.received == START
    assert row.size > 100
    assert (plain.seen, plain.has_attachment, plain.snippet) == (False, False, "Some words.")
    assert store.summaries("INBOX", [uid], uidvalidity=store.page("INBOX").status.uidvalidity) == [row]


def test_raw_octets_in_headers_are_read(person: Person) -> None:
    person.deliver(letter("Grüße", sender='"Bäb" <bob@example.test>'))
    row = person.lease().page("INBOX").rows[0]
    assert (row.envelope.subject, row.envelope.from_[0].name) == ("Grüße", "Bäb")


def test_neighbours(person: Person) -> None:
    uids = fill(person, [2, 0, 1, 3])
    store = person.lease()
    validity = store.page("INBOX").status.uidvalidity
    by_day = {2: uids[0], 0: uids[1], 1: uids[2], 3: uids[3]}
    assert store.neighbours("INBOX", by_day[3], uidvalidity=validity) == (None, by_day[2])
    assert store.neighbours("INBOX", by_day[1], uidvalidity=validity) == (by_day[2], by_day[0])
    assert store.neighbours("INBOX", by_day[0], uidvalidity=validity) == (by_day[1], None)
    assert store.neighbours("INBOX", 4_000_000, uidvalidity=validity) == (None, None)


def test_neighbours_of_a_steady_mailbox(person: Person) -> None:
    uids = fill(person, [0, 1, 2])
    store = person.lease()
    validity = store.page("INBOX").status.uidvalidity
    assert store.neighbours("INBOX", uids[1], uidvalidity=validity) == (uids[2], uids[0])
    assert store.neighbours("INBOX", uids[2], uidvalidity=validity) == (None, uids[1])
    assert store.neighbours("INBOX", uids[0], uidvalidity=validity) == (uids[1], None)


def test_what_a_list_page_costs(rich: Person) -> None:
    """The numbers that the mail list's own test and the benchmark build on."""
    fill(rich, list(range(30)))
    with rich.pool.lease(rich.account) as store:
        store.page("INBOX", limit=10)
        assert store.commands == 4  # SELECT, SORT once, FETCH of the flags, FETCH of the rows
    with rich.pool.lease(rich.account) as store:
        store.page("INBOX", limit=10)
        assert store.commands == 3  # STATUS and NOOP together, FETCH of the flags
        store.page("INBOX", offset=10, limit=10)
        assert store.commands == 7  # and FETCH of the rows
        store.page("INBOX", offset=10, limit=10)
        assert store.commands == 10
    fill(rich, [30])
    with rich.pool.lease(rich.account) as store:
        assert subjects(store.page("INBOX", limit=2)) == ["Day 30", "Day 29"]
        # STATUS, NOOP and in vain FETCH of the flags; what has come, FETCH of the flags, FETCH of one row
        assert store.commands == 6


def test_what_a_page_out_of_order_costs(rich: Person) -> None:
    fill(rich, [3, 1, 2, 0])
    with rich.pool.lease(rich.account) as store:
        store.page("INBOX")
    with rich.pool.lease(rich.account) as store:
        store.page("INBOX")
        assert store.commands == 3


def test_other_processes_see_the_same_order(rich: Person, make_pool: Callable[..., Pool]) -> None:
    fill(rich, [3, 1, 2, 0])
    with rich.pool.lease(rich.account) as here, make_pool().lease(rich.account) as there:
        assert here.page("INBOX") == there.page("INBOX")


def test_uidvalidity_is_checked_first(person: Person) -> None:
    """Whoever holds UIDs of an earlier life of the mailbox changes nothing."""
    uid = fill(person, [1])[0]
    store = person.lease()
    validity = store.page("INBOX").status.uidvalidity
    acts: list[Callable[[int], object]] = [
        lambda v: store.page("INBOX", uidvalidity=v),
        lambda v: store.search("INBOX", Query(text="Day"), uidvalidity=v),
        lambda v: store.summaries("INBOX", [uid], uidvalidity=v),
        lambda v: store.neighbours("INBOX", uid, uidvalidity=v),
        lambda v: store.message("INBOX", uid, uidvalidity=v),
        lambda v: store.part("INBOX", uid, "1", uidvalidity=v),
        lambda v: store.parts("INBOX", uid, ["1"], uidvalidity=v),
        lambda v: list(store.stream("INBOX", uid, uidvalidity=v)),
        lambda v: store.copy("INBOX", [uid], "INBOX", uidvalidity=v),
        lambda v: store.set_flags("INBOX", [uid], uidvalidity=v, add=["\\Flagged"]),
        lambda v: store.move("INBOX", [uid], "INBOX", uidvalidity=v),
        lambda v: store.expunge("INBOX", [uid], uidvalidity=v),
    ]
    for act in acts:
        with pytest.raises(errors.UidValidityChanged):
            act(validity + 1)
    assert person.server.flags(person.login, uid) == set()
    assert len(person.server.messages(person.login)) == 1
    for act in acts[:-1]:
        act(validity)


def test_a_mailbox_that_was_rebuilt(person: Person) -> None:
    store = person.lease()
    store.create("Trips")
    uid = person.deliver(letter("old"), mailbox="Trips")[0]
    old = store.page("Trips").status.uidvalidity
    with person.server.session(person.login) as other:
        other.delete("Trips")
    # Dovecot's UIDVALIDITY of a new mailbox is never an older one's; pymap's is a matter of luck at 1 in 2**32.
    person.deliver(letter("new"), mailbox="Trips")
    again = person.lease()
    with pytest.raises(errors.UidValidityChanged):
        again.expunge("Trips", [uid], uidvalidity=old)
    assert subjects(again.page("Trips")) == ["new"]


def test_the_bare_server_is_bare(dovecot: object) -> None:
    assert {"SORT", "ESEARCH", "MOVE", "UIDPLUS", "CONDSTORE", "PREVIEW", "LIST-STATUS"} <= EVERYTHING
