"""The mailbox that a warm connection has open is deleted or renamed away, and another one takes its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from apps.mail.mailbox import errors
from apps.mail.mailbox.imap import store as imap_store
from apps.mail.mailbox.imap.store import ImapStore
from tests.mail.mailbox.conftest import Person, letter

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
    """SELECT takes as long as the mailbox is large: once in a while it must, in between NOOP does."""
    opened(rich)
    for trusted, command in ((imap_store.TRUSTED, "NOOP"), (0.0, "SELECT")):
        monkeypatch.setattr(imap_store, "TRUSTED", trusted)
        with rich.pool.lease(rich.account) as store:
            before = store.connection.selected
            store.page("Projects")
            assert (store.connection.selected is before) == (command == "NOOP")
            assert store.commands == 2
