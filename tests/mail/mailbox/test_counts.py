"""How many messages went is the server's answer, also where it does not say where to."""

from __future__ import annotations

import socket
import threading

import pytest

from apps.mail.mailbox import errors
from apps.mail.mailbox.pool import Pool
from apps.mail.mailbox.store import MoveResult, Query
from tests.mail.mailbox.conftest import Person
from tests.mail.mailbox.test_changes import opened
from tests.mail.mailbox.test_odd_servers import SELECTED, account_at, hello
from tests.support.scripted import answering, scripted


@pytest.mark.parametrize(
    ("told", "done"),
    [
        (b"* OK [COPYUID 9 1:2 11:12] x\r\n* 2 EXPUNGE\r\n* 1 EXPUNGE\r\n", 2),
        (b"* 2 EXPUNGE\r\n* 1 EXPUNGE\r\n", 2),
        (b"* 1 EXPUNGE\r\n", 1),
        (b"* VANISHED 1:2\r\n", 2),
        (b"* VANISHED 2,7:9\r\n", 1),
        (b"* VANISHED (EARLIER) 1:2\r\n", 0),
        (b"", 0),
    ],
)
def test_a_move_is_counted_without_copyuid(pool: Pool, told: bytes, done: int) -> None:
    """RFC 4315 section 3 allows to leave it out."""
    greeting, answers = hello("IMAP4rev1", "UIDPLUS", "MOVE")
    answers |= {b"SELECT": SELECTED, b"UID MOVE": told + b"%t OK x\r\n", b"NOOP": b"%t OK x\r\n"}
    with scripted(answering(greeting, answers)) as port, pool.lease(account_at(port)) as store:
        result = store.move("INBOX", [1, 2], "Kept", uidvalidity=1)
    assert result == MoveResult(
        done=done, uidvalidity=9 if b"COPYUID" in told else 0, uids={1: 11, 2: 12} if b"COPYUID" in told else {}
    )


def test_a_copy_is_counted_without_copyuid(pool: Pool) -> None:
    greeting, answers = hello("IMAP4rev1", "UIDPLUS")
    answers |= {b"SELECT": SELECTED, b"UID COPY": b"%t OK x\r\n", b"UID SEARCH UID 1:2": b"* SEARCH 2\r\n%t OK x\r\n"}
    with scripted(answering(greeting, answers)) as port, pool.lease(account_at(port)) as store:
        assert store.copy("INBOX", [1, 2], "Kept", uidvalidity=1) == MoveResult(done=1)


@pytest.mark.parametrize(
    ("stored", "expunged", "count"),
    [
        (b"* 2 EXPUNGE\r\n* 1 EXPUNGE\r\n", b"", 2),
        (b"* 1 EXPUNGE\r\n", b"* 1 EXPUNGE\r\n", 2),
        (b"* VANISHED 1:2\r\n", b"* VANISHED 1:2\r\n", 2),
        (b"", b"* 1 EXPUNGE\r\n", 1),
    ],
)
def test_what_goes_when_it_is_marked_is_counted(pool: Pool, stored: bytes, expunged: bytes, count: int) -> None:
    """Gmail expunges at once, as it is set up."""
    greeting, answers = hello("IMAP4rev1", "UIDPLUS")
    answers |= {
        b"SELECT": SELECTED,
        b"UID STORE": stored + b"%t OK x\r\n",
        b"UID EXPUNGE": expunged + b"%t OK x\r\n",
    }
    with scripted(answering(greeting, answers)) as port, pool.lease(account_at(port)) as store:
        assert store.expunge("INBOX", [1, 2], uidvalidity=1) == count


@pytest.mark.parametrize(
    ("untagged", "code", "result"),
    [
        (b"[COPYUID 9 1:2 11:12]", b"[COPYUID 9 1:2 11:12]", MoveResult(done=2, uidvalidity=9, uids={1: 11, 2: 12})),
        (b"[COPYUID 0 1:2 11:12]", b"x", MoveResult(done=2)),
    ],
)
def test_copyuid_twice_counts_once_and_without_uidvalidity_is_no_way_back(
    pool: Pool, untagged: bytes, code: bytes, result: MoveResult
) -> None:
    greeting, answers = hello("IMAP4rev1", "UIDPLUS", "MOVE")
    answers |= {b"SELECT": SELECTED, b"UID MOVE": b"* OK " + untagged + b" x\r\n%t OK " + code + b" x\r\n"}
    with scripted(answering(greeting, answers)) as port, pool.lease(account_at(port)) as store:
        assert store.move("INBOX", [1, 2], "Kept", uidvalidity=1) == result


def test_what_is_not_there_is_not_counted(person: Person) -> None:
    store, uids, validity = opened(person)
    nobody = max(uids) + 1000
    assert store.copy("INBOX", [uids[0], nobody], "Trips", uidvalidity=validity).done == 1
    assert store.move("INBOX", [uids[0], nobody], "Trips", uidvalidity=validity).done == 1
    assert store.expunge("INBOX", [uids[1], nobody], uidvalidity=validity) == 1
    assert store.move("INBOX", [nobody], "Trips", uidvalidity=validity).done == 0
    assert store.copy("INBOX", [nobody], "Trips", uidvalidity=validity).done == 0
    assert store.expunge("INBOX", [nobody], uidvalidity=validity) == 0


def test_a_search_that_says_it_is_still_at_it_ends_all_the_same(pool: Pool) -> None:
    greeting, answers = hello("IMAP4rev1")
    answers[b"SELECT"] = b"* 0 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT 3] x\r\n%t OK x\r\n"
    over = threading.Event()

    def script(client: socket.socket) -> None:
        client.sendall(greeting)
        with client.makefile("rb") as lines:
            for line in lines:
                while b"SUBJECT" in line and not over.wait(0.05):
                    client.sendall(b"* OK still searching\r\n")
                found = next((answer for key, answer in answers.items() if key in line), b"%t OK x\r\n")
                client.sendall(found.replace(b"%t", line.split()[0]))

    with scripted(script) as port, pool.lease(account_at(port)) as store:
        with pytest.raises(errors.ServerTimeout):
            store.matching("INBOX", Query(text="poles"), seconds=0.3)
        over.set()
