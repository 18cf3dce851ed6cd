"""Servers that offer what they cannot do, cannot do what everybody offers, or go away at the wrong moment."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from itertools import islice

import pytest

from apps.mail.mailbox import errors
from apps.mail.mailbox.account import Account
from apps.mail.mailbox.imap import messages
from apps.mail.mailbox.imap.answers import copied, found_count, found_uids, merged
from apps.mail.mailbox.imap.commands import Completion, Result, untagged
from apps.mail.mailbox.imap.selected import Selected
from apps.mail.mailbox.pool import Pool
from apps.mail.mailbox.store import MoveResult
from portal.net import parse_server_url
from tests.mail.mailbox.conftest import SERVICES
from tests.support.scripted import answering, scripted

SELECTED = b"* 2 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT 3] x\r\n%t OK [READ-WRITE] x\r\n"


def account_at(port: int) -> Account:
    return Account(server=parse_server_url(f"imap://127.0.0.1:{port}", services=SERVICES), login="a", password="p")


def hello(*capabilities: str) -> tuple[bytes, dict[bytes, bytes]]:
    code = f"OK [CAPABILITY {' '.join(capabilities)}] in\r\n".encode()
    return b"* " + code, {b"LOGIN": b"%t " + code}


@pytest.mark.parametrize("refusal", [b"NO [BADCHARSET (US-ASCII)] no", b"BAD what"])
@pytest.mark.parametrize("capabilities", [["SORT"], ["SORT", "ESORT"]])
def test_sorting_that_is_offered_and_refused_is_done_here(pool: Pool, capabilities: list[str], refusal: bytes) -> None:
    greeting, answers = hello("IMAP4rev1", *capabilities)
    rows = b"".join(
        b'* %d FETCH (UID %d FLAGS () INTERNALDATE "0%d-Jan-2026 00:00:00 +0000")\r\n' % (uid, uid, 3 - uid)
        for uid in (1, 2)
    )
    answers |= {b"SELECT": SELECTED, b"SORT": b"%t " + refusal + b"\r\n", b"FETCH": rows + b"%t OK x\r\n"}
    with scripted(answering(greeting, answers)) as port, pool.lease(account_at(port)) as store:
        assert [row.uid for row in store.page("INBOX").rows] == [1, 2], "the second one is older"


def test_a_server_of_imap4rev2_alone(pool: Pool) -> None:
    """It has no LSUB, and all of LIST-EXTENDED without naming it."""
    greeting, answers = hello("IMAP4rev2")
    answers |= {
        b"AUTHENTICATE": answers[b"LOGIN"],
        b"RETURN (SUBSCRIBED CHILDREN STATUS": b'* LIST (\\Subscribed) "/" INBOX\r\n'
        b"* STATUS INBOX (MESSAGES 3 UNSEEN 1 UIDVALIDITY 1 UIDNEXT 9)\r\n%t OK x\r\n",
        b"LSUB": b"%t BAD unknown command\r\n",
        b"NAMESPACE": b'* NAMESPACE (("" "/")) NIL NIL\r\n%t OK x\r\n',
    }
    with scripted(answering(greeting, answers)) as port, pool.lease(account_at(port)) as store:
        (inbox,) = store.mailboxes()
        assert inbox.subscribed
        assert inbox.status is not None
        assert inbox.status.messages == 3


def test_a_connection_that_died_before_its_first_answer_is_replaced(pool: Pool) -> None:
    """However many commands went out together."""
    greeting, answers = hello("IMAP4rev1")
    answers |= {
        b"LIST": b'* LIST () "/" INBOX\r\n%t OK x\r\n',
        b"LSUB": b'* LSUB () "/" INBOX\r\n%t OK x\r\n',
        b"STATUS": b"* STATUS INBOX (MESSAGES 3 UNSEEN 1 UIDVALIDITY 1 UIDNEXT 9)\r\n%t OK x\r\n",
    }
    talk: Callable[[socket.socket], None] = answering(greeting, answers)
    short = answering(greeting, {b"LOGIN": answers[b"LOGIN"]})
    scripts = iter([short])
    with scripted(lambda client: next(scripts, talk)(client)) as port, pool.lease(account_at(port)) as store:
        assert [mailbox.name for mailbox in store.mailboxes()] == ["INBOX"]


def test_a_server_that_knows_no_parts_of_parts(pool: Pool) -> None:
    """It sends all of it each time, however little was asked for: no download goes on for ever."""
    whole = b"x" * (2 * messages.CHUNK + 10)
    greeting, answers = hello("IMAP4rev1")
    answers |= {
        b"SELECT": SELECTED,
        b"FETCH": b"* 1 FETCH (UID 1 BODY[] {%d}\r\n%b)\r\n%%t OK x\r\n" % (len(whole), whole),
    }
    with scripted(answering(greeting, answers)) as port, pool.lease(account_at(port)) as store:
        chunks = list(islice(store.stream("INBOX", 1, uidvalidity=1), 10))
        assert b"".join(chunks) == whole
        assert len(store.part("INBOX", 1, "", uidvalidity=1, limit=100)) == 100


def test_neighbours_while_a_message_goes(pool: Pool) -> None:
    """Sequence numbers shift between two commands; nobody is their own neighbour."""
    greeting, answers = hello("IMAP4rev1")
    answers |= {
        b"SELECT": b"* 5 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT 6] x\r\n%t OK x\r\n",
        b"INTERNALDATE": b"".join(
            b'* %d FETCH (UID %d INTERNALDATE "0%d-Jan-2026 00:00:00 +0000")\r\n' % (uid, uid, uid)
            for uid in range(1, 6)
        )
        + b"%t OK x\r\n",
        b"UID FETCH": b"* 3 FETCH (UID 3)\r\n* 1 EXPUNGE\r\n%t OK x\r\n",
        b"FETCH": b"* 2 FETCH (UID 3)\r\n* 3 FETCH (UID 4)\r\n* 4 FETCH (UID 5)\r\n%t OK x\r\n",
    }
    with scripted(answering(greeting, answers)) as port, pool.lease(account_at(port)) as store:
        newer, older = store.neighbours("INBOX", 3, uidvalidity=1)
    assert (newer, older) == (4, None)


def test_a_target_that_is_rebuilt_during_a_move_leaves_nothing_to_undo() -> None:
    """UIDs of before mean other messages now."""
    before = MoveResult(done=1, uidvalidity=5, uids={1: 10})
    after = MoveResult(done=1, uidvalidity=6, uids={2: 1})
    both = MoveResult(done=2, uidvalidity=6, uids={2: 1})
    assert merged([before, after]) == both
    codes = [Completion.parse(b"OK [COPYUID 5 1 10] x"), Completion.parse(b"OK [COPYUID 6 2 1] x")]
    assert copied(Result([], codes)) == both


def test_what_the_last_command_does_not_tell_takes_nothing_from_the_others() -> None:
    before = MoveResult(done=1, uidvalidity=5, uids={1: 10})
    assert merged([before, MoveResult(done=2)]) == MoveResult(done=3, uidvalidity=5, uids={1: 10})


@pytest.mark.parametrize("code", [b"SERVERBUG", b"NOPERM", b"INUSE"])
def test_a_mailbox_that_cannot_be_opened_is_not_said_to_be_gone(pool: Pool, code: bytes) -> None:
    greeting, answers = hello("IMAP4rev1")
    answers |= {b"SELECT": b"%t NO [" + code + b"] x\r\n", b"STATUS": b"%t NO [" + code + b"] x\r\n"}
    with scripted(answering(greeting, answers)) as port, pool.lease(account_at(port)) as store:
        for ask in (store.page, store.status):
            with pytest.raises(errors.ServerRefused) as caught:
                ask("INBOX")
            assert type(caught.value) is errors.ServerRefused


def test_an_answer_that_does_not_end(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.mail.mailbox.imap.connection.MOST_ANSWERS", 100)
    greeting, answers = hello("IMAP4rev1")
    answers |= {b"SELECT": SELECTED, b"FETCH": b"* 1 FETCH (UID 1)\r\n" * 101 + b"%t OK x\r\n"}
    with scripted(answering(greeting, answers)) as port:
        with pytest.raises(errors.NotImap), pool.lease(account_at(port)) as store:
            store.page("INBOX")
        assert pool.idle_count() == 0


def test_octets_without_end(monkeypatch: pytest.MonkeyPatch, pool: Pool) -> None:
    monkeypatch.setattr("apps.mail.mailbox.imap.transport.MAX_OCTETS", 200_000)
    greeting, answers = hello("IMAP4rev1")
    answers |= {b"SELECT": SELECTED, b"FETCH": b"* OK still here\r\n" * 20_000}
    with scripted(answering(greeting, answers)) as port:
        with pytest.raises(errors.NotImap), pool.lease(account_at(port)) as store:
            store.page("INBOX")
        assert pool.idle_count() == 0


def test_a_server_that_says_too_much_of_everything_is_left(monkeypatch: pytest.MonkeyPatch, pool: Pool) -> None:
    monkeypatch.setattr("apps.mail.mailbox.imap.transport.MAX_LINE", 10_000)
    greeting, answers = hello("IMAP4rev1")
    answers |= {b"SELECT": SELECTED, b"FETCH": b"x" * 20_000}
    with scripted(answering(greeting, answers)) as port:
        with pytest.raises(errors.LineTooLong), pool.lease(account_at(port)) as store:
            store.page("INBOX")
        assert pool.idle_count() == 0


def test_an_exchange_has_an_end(monkeypatch: pytest.MonkeyPatch, pool: Pool) -> None:
    """However lively the server is."""
    monkeypatch.setattr("apps.mail.mailbox.imap.transport.LONGEST", 0.5)
    never = threading.Event()

    def script(client: socket.socket) -> None:
        client.sendall(b"* OK [CAPABILITY IMAP4rev1] hello\r\n")
        with client.makefile("rb") as lines:
            tag = lines.readline().split()[0]
            client.sendall(tag + b" OK [CAPABILITY IMAP4rev1] in\r\n")
            lines.readline()
            while not never.wait(0.05):
                client.sendall(b"* OK still here\r\n")  # ends with our hanging up

    with scripted(script) as port, pytest.raises(errors.ServerTimeout), pool.lease(account_at(port)) as store:
        store.page("INBOX")


def test_numbers_beyond_all_reason_are_none() -> None:
    huge = b"9" * 5000
    lines = [b"* SEARCH 7 " + huge, b"* ESEARCH ALL " + huge + b",8:" + huge + b",9", b"* ESEARCH COUNT " + huge]
    answers = [answer for line in lines if (answer := untagged(line))]
    copy = Completion.parse(b"OK [COPYUID " + huge + b" 1 1] done")
    result = Result(answers, [copy])
    assert found_uids(result) == [7, 9]
    assert found_count(result) == 2
    assert copied(result).uids == {}
    selected = Selected("INBOX")
    answer = untagged(b"* OK [UIDNEXT " + huge + b"] x")
    assert answer is not None
    selected.observe(answer)
    assert not selected.uidnext_known
