"""The mailbox that a warm connection has open is deleted or renamed away, and another one takes its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from apps.mail.mailbox import errors
from apps.mail.mailbox.imap import store as imap_store
from apps.mail.mailbox.imap.store import ImapStore
from apps.mail.mailbox.pool import Pool
from tests.mail.mailbox.conftest import Person, letter
from tests.mail.mailbox.test_odd_servers import account_at
from tests.support.scripted import answering, scripted

Change = Callable[[ImapStore, int, int], Any]

CHANGES: dict[str, Change] = {
    "move": lambda store, uid, validity: store.move("Projects", [uid], "Kept", uidvalidity=validity),
    "copy": lambda store, uid, validity: store.copy("Projects", [uid], "Kept", uidvalidity=validity),
    "flag": lambda store, uid, validity: store.set_flags(
        "Projects", [uid], uidvalidity=validity, add=["\\Flagged"], remove=[]
    ),
    "expunge": lambda store, uid, validity: store.expunge("Projects", [uid], uidvalidity=validity),
}


def subjects(person: Person, store: ImapStore, mailbox: str = "Projects") -> list[str]:
    return [row.envelope.subject for row in store.page(mailbox).rows]


def replace(person: Person, how: str) -> int:
    """What another program does to Projects; the UID of the message that lies there now."""
    with person.server.session(person.login) as session:
        if how == "rename":
            session.rename("Projects", "Old")
        else:
            session.delete("Projects")
        session.create("Projects")
    (uid,) = person.deliver(letter("the new one"), mailbox="Projects")
    return uid


def opened(person: Person) -> tuple[int, int]:
    """Projects with one message, selected on a warm connection; (UID, UIDVALIDITY)."""
    (uid,) = person.deliver(letter("the old one"), mailbox="Projects")
    person.deliver(letter("kept"), mailbox="Kept")
    with person.pool.lease(person.account) as store:
        return uid, store.page("Projects").status.uidvalidity


@pytest.mark.parametrize("how", ["delete", "rename"])
@pytest.mark.parametrize("change", CHANGES)
def test_nothing_is_done_to_the_messages_of_another_mailbox(person: Person, how: str, change: str) -> None:
    uid, validity = opened(person)
    new = replace(person, how)
    with person.pool.lease(person.account) as store, pytest.raises(errors.UidValidityChanged):
        CHANGES[change](store, uid, validity)
    assert len(person.server.messages(person.login, "Projects")) == 1
    assert len(person.server.messages(person.login, "Kept")) == 1
    assert "\\Flagged" not in person.server.flags(person.login, new, "Projects")


@pytest.mark.parametrize("change", CHANGES)
def test_nor_in_the_middle_of_a_lease(person: Person, change: str) -> None:
    uid, validity = opened(person)
    store = person.lease()
    store.page("Projects")
    new = replace(person, "delete")
    with pytest.raises(errors.UidValidityChanged):
        CHANGES[change](store, uid, validity)
    assert len(person.server.messages(person.login, "Projects")) == 1
    assert "\\Flagged" not in person.server.flags(person.login, new, "Projects")


@pytest.mark.parametrize("how", ["delete", "rename"])
def test_the_list_shows_the_new_one(person: Person, how: str) -> None:
    uid, validity = opened(person)
    replace(person, how)
    with person.pool.lease(person.account) as store:
        page = store.page("Projects")
        assert [row.envelope.subject for row in page.rows] == ["the new one"]
        assert page.status.uidvalidity != validity
        with pytest.raises(errors.UidValidityChanged):
            store.message("Projects", uid, uidvalidity=validity)


def test_the_tree_counts_the_new_one(person: Person) -> None:
    _uid, validity = opened(person)
    replace(person, "delete")
    person.deliver(letter("and another"), mailbox="Projects")
    with person.pool.lease(person.account) as store:
        found = next(mailbox for mailbox in store.mailboxes() if mailbox.name == "Projects")
        assert found.status is not None
        assert found.status.messages == 2
        assert found.status.uidvalidity != validity


def test_a_rename_of_ours_reaches_the_other_connections(person: Person) -> None:
    opened(person)
    with person.pool.lease(person.account) as one, person.pool.lease(person.account) as other:
        one.page("Projects"), other.page("Projects")
    with person.pool.lease(person.account) as store:
        store.rename("Projects", "Old")
        store.create("Projects")
    person.deliver(letter("the new one"), mailbox="Projects")
    with person.pool.lease(person.account) as one, person.pool.lease(person.account) as other:
        for store in (one, other):
            assert subjects(person, store) == ["the new one"]


def test_a_large_mailbox_is_not_selected_for_each_page(rich: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """SELECT takes as long as the mailbox is large: once in a while it must, in between two witnesses do."""
    uid, validity = opened(rich)
    acts: list[Callable[[ImapStore], Any]] = [
        lambda store: store.page("Projects"),
        lambda store: store.message("Projects", uid, uidvalidity=validity),
        *(lambda store, act=act: act(store, uid, validity) for act in CHANGES.values()),
    ]
    for act in acts:
        with rich.pool.lease(rich.account) as store:
            before = store.connection.selected
            act(store)
            assert store.connection.selected is before
    monkeypatch.setattr(imap_store, "TRUSTED", 0.0)
    with rich.pool.lease(rich.account) as store:
        store.page("Projects")
        assert store.connection.selected is not before


SELECTED = b"* 1 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 3] x\r\n%t OK [READ-WRITE] x\r\n"
STAYS = b"* STATUS Projects (UIDVALIDITY 7 UIDNEXT 3 MESSAGES 1)\r\n%t OK x\r\n"
WITNESSES: dict[str, tuple[dict[bytes, bytes], bool]] = {
    "both agree": ({}, True),
    "the name is another mailbox's": ({b"STATUS": STAYS.replace(b"Y 7", b"Y 8")}, False),
    "the name is nobody's": ({b"STATUS": b"%t NO [NONEXISTENT] x\r\n"}, False),
    "nothing is told": ({b"STATUS": b"%t OK x\r\n"}, False),
    "a warning": ({b"NOOP": b"* NO the index has changed\r\n%t OK x\r\n"}, False),
    "news": ({b"NOOP": b"* 2 EXISTS\r\n%t OK x\r\n"}, True),
    "news that the session is not told": ({b"STATUS": STAYS.replace(b"T 3", b"T 4")}, False),
    "a loss that the session is not told": ({b"STATUS": STAYS.replace(b"S 1", b"S 0")}, False),
}


@pytest.mark.parametrize("case", WITNESSES)
@pytest.mark.parametrize("modseq", [True, False])
def test_one_witness_that_objects_is_enough(pool: Pool, case: str, modseq: bool) -> None:
    """A server without mod-sequences of this mailbox is not asked: it is selected anew each time."""
    answers, stays = WITNESSES[case]
    code = b"OK [CAPABILITY IMAP4rev1 CONDSTORE] in\r\n"
    highest = b"* OK [HIGHESTMODSEQ 5] x\r\n" if modseq else b"* OK [NOMODSEQ] x\r\n"
    heard: list[bytes] = []
    script = {b"LOGIN": b"%t " + code, b"SELECT": highest + SELECTED, b"STORE": b"%t OK x\r\n"} | answers
    script |= {word: answer for word, answer in ((b"STATUS", STAYS), (b"NOOP", b"%t OK x\r\n")) if word not in script}
    with scripted(answering(b"* " + code, script, heard)) as port:
        with pool.lease(account_at(port)) as store:
            for _ in range(2):
                store.set_flags("Projects", [1], uidvalidity=7, add=["\\Flagged"])
        pool.close_all()
    sent = [line.split()[1] for line in heard if b"LOGIN" not in line]
    proof = [b"STATUS", b"NOOP"] if modseq else []
    again = [] if modseq and stays else [b"SELECT"]
    assert [word for word in sent if word != b"LOGOUT"] == [b"SELECT", b"UID", *proof, *again, b"UID"]
