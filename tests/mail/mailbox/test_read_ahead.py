"""What is read first goes out together with the witnesses (``identity``), and counts only where nothing was new."""

from __future__ import annotations

import pytest

from apps.mail.mailbox import errors
from apps.mail.mailbox.pool import Pool
from tests.mail.mailbox.conftest import Person, letter
from tests.mail.mailbox.test_identity import SELECTED, STAYS
from tests.mail.mailbox.test_odd_servers import account_at
from tests.support.scripted import answering, scripted

#: What another client does in between: (the message that it flags, the one that it removes, whether mail comes).
MEANWHILE = {
    "nothing": (0, 0, False),
    "a flag": (4, 0, False),
    "the oldest goes": (0, 1, False),
    "one of the page goes": (0, 4, False),
    "the newest goes": (0, 5, False),
    "one comes": (0, 0, True),
    "one goes and one comes": (3, 4, True),
}


def done_by_another(person: Person, change: str) -> None:
    flagged, removed, comes = MEANWHILE[change]
    with person.server.session(person.login) as session:
        session.select("INBOX")
        if flagged:
            session.store(str(flagged), "+FLAGS", "\\Flagged")
        if removed:
            session.store(str(removed), "+FLAGS", "\\Deleted")
            session.expunge()
    if comes:
        person.deliver(letter("six"))


@pytest.mark.parametrize("change", MEANWHILE)
def test_a_page_shows_what_another_client_has_done(rich: Person, change: str) -> None:
    rich.deliver(*(letter(name) for name in ("one", "two", "three", "four", "five")))
    with rich.pool.lease(rich.account) as store:
        for _ in range(2):  # the second time its rows are known
            validity = store.page("INBOX", limit=3).status.uidvalidity
    done_by_another(rich, change)
    with rich.pool.lease(rich.account) as store:
        page = store.page("INBOX", limit=3)
        (top, *_others) = page.rows
        detail = store.message("INBOX", top.uid, uidvalidity=validity)
        around = store.neighbours("INBOX", top.uid, uidvalidity=validity)
    rich.pool.close_all()
    with rich.pool.lease(rich.account) as store:
        fresh = store.page("INBOX", limit=3)
        assert page.rows == fresh.rows
        assert page.total == fresh.total
        assert detail.summary.uid == top.uid
        assert detail.summary.envelope.subject == top.envelope.subject
        assert around == store.neighbours("INBOX", top.uid, uidvalidity=validity)


@pytest.mark.parametrize("change", MEANWHILE)
def test_folders_count_what_another_client_has_done(rich: Person, change: str) -> None:
    rich.deliver(*(letter(name) for name in ("one", "two", "three", "four", "five")))
    with rich.pool.lease(rich.account) as store:
        store.page("INBOX")
    done_by_another(rich, change)
    with rich.pool.lease(rich.account) as store:
        counted = store.mailboxes()
    rich.pool.close_all()
    with rich.pool.lease(rich.account) as store:
        assert counted == store.mailboxes()


@pytest.mark.parametrize("change", MEANWHILE)
def test_a_message_has_the_neighbours_that_are_left(rich: Person, change: str) -> None:
    """What another client does comes between the message and its parts."""
    uids = rich.deliver(*(letter(name) for name in ("one", "two", "three", "four", "five")))
    with rich.pool.lease(rich.account) as store:
        validity = store.page("INBOX").status.uidvalidity
        store.message("INBOX", uids[2], uidvalidity=validity)
        done_by_another(rich, change)
        assert store.parts("INBOX", uids[2], ["1"], uidvalidity=validity)
        said = store.connection.commands
        around = store.neighbours("INBOX", uids[2], uidvalidity=validity)
        came_along = store.connection.commands == said
    assert came_along or change not in ("nothing", "a flag")
    gone = MEANWHILE[change][1] == 4
    assert around == ((uids[4] if gone and not came_along else uids[3]), uids[1])


def test_a_message_that_is_gone_is_gone(rich: Person) -> None:
    uids = rich.deliver(letter("one"), letter("two"))
    with rich.pool.lease(rich.account) as store:
        validity = store.page("INBOX").status.uidvalidity
    with rich.server.session(rich.login) as session:
        session.select("INBOX")
        session.store("1", "+FLAGS", "\\Deleted")
        session.expunge()
    with rich.pool.lease(rich.account) as store, pytest.raises(errors.NoSuchMessage):
        store.message("INBOX", uids[0], uidvalidity=validity)


def test_a_server_that_hangs_up_at_it_is_asked_for_less(pool: Pool) -> None:
    """As before: the message is there, without what the server cannot make of it."""
    code = b"OK [CAPABILITY IMAP4rev1 CONDSTORE] in\r\n"
    header = b"Subject: odd\r\n\r\n"
    row = b'* 1 FETCH (UID 1 FLAGS () INTERNALDATE "01-Feb-2026 09:00:00 +0000" RFC822.SIZE 20 BODY[HEADER] {%d}\r\n%b'
    whole = b"* 1 FETCH (UID 1 BODY[] {%d}\r\n%b)\r\n%%t OK x\r\n" % (len(header) + 3, header + b"hi\n")
    answers = {
        b"LOGIN": b"%t " + code,
        b"SELECT": b"* OK [HIGHESTMODSEQ 5] x\r\n" + SELECTED,
        b"STATUS": STAYS,
        b"NOOP": b"%t OK x\r\n",
        b"LOGOUT": b"%t OK x\r\n",
        b"(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER])": row % (len(header), header) + b")\r\n%t OK x\r\n",
        b"BODY.PEEK[]": whole,
        b"RFC822.SIZE)": b"%t OK x\r\n",
    }
    heard: list[bytes] = []
    with scripted(answering(b"* " + code, answers, heard)) as port:
        with pool.lease(account_at(port)) as store:
            store.set_flags("INBOX", [1], uidvalidity=7)  # it is selected now
        with pool.lease(account_at(port)) as store:
            assert store.message("INBOX", 1, uidvalidity=7).summary.envelope.subject == "odd"
        pool.close_all()
    assert sum(b"BODYSTRUCTURE" in line for line in heard) == 2  # along with the witnesses, and by itself
