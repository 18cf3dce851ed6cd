"""Servers that offer what they cannot do, cannot do what everybody offers, or go away at the wrong moment."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from apps.mail.mailbox.account import Account
from apps.mail.mailbox.imap.answers import copied, found_count, found_uids
from apps.mail.mailbox.imap.commands import Completion, Result, untagged
from apps.mail.mailbox.imap.selected import Selected
from apps.mail.mailbox.pool import Pool
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
