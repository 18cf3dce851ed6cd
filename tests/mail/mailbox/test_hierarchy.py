"""Renaming and deleting with what lies below, names that pass to other mailboxes, and quotas."""

from __future__ import annotations

import pytest

from apps.mail.mailbox import errors
from apps.mail.mailbox.imap.store import ImapStore
from apps.mail.mailbox.store import Query
from tests.mail.mailbox.conftest import Person, letter


def names(store: ImapStore) -> set[str]:
    return {mailbox.name for mailbox in store.mailboxes() if mailbox.selectable}


def test_what_lies_below_moves_along_with_its_messages_and_subscriptions(person: Person) -> None:
    store = person.lease()
    for name in ("Old", "Old/in", "Old/in/deep", "Older"):
        store.create(name)
    store.subscribe("Old/in", on=False)
    person.deliver(letter("x"), mailbox="Old/in/deep")
    store.rename("Old", "New/er")
    # "New" is a mailbox, too, where levels are (Cyrus), and none elsewhere.
    assert {name for name in names(store) if "O" in name[:1] or "New/" in name} == {
        *("Older", "New/er", "New/er/in", "New/er/in/deep")
    }
    assert store.page("New/er/in/deep").total == 1
    subscribed = {mailbox.name for mailbox in store.mailboxes() if mailbox.subscribed}
    assert "New/er/in/deep" in subscribed
    assert not subscribed & {"Old", "Old/in", "Old/in/deep", "New/er/in"}


def test_a_level_without_a_mailbox_of_its_own_can_be_renamed(person: Person) -> None:
    store = person.lease()
    store.create("Lists/ice")
    store.rename("Lists", "Post")
    assert "Post/ice" in names(store)
    assert not any(name.startswith("Lists") for name in names(store))


def test_renaming_onto_another_or_nothing_touches_neither(person: Person) -> None:
    store = person.lease()
    store.create("A")
    store.create("B")
    person.deliver(letter("in b"), mailbox="B")
    with pytest.raises(errors.MailboxExists):
        store.rename("A", "B")
    with pytest.raises(errors.NoSuchMailbox):
        store.rename("Nothing", "C")
    assert store.page("B").total == 1


def test_a_name_that_passed_to_another_mailbox_shows_that_one(person: Person) -> None:
    """Another connection of this process has the mailbox open while it is renamed and a new one takes its name."""
    store, reader = person.lease(), person.lease()
    store.create("A")
    person.deliver(letter("before"), mailbox="A")
    assert [row.envelope.subject for row in reader.page("A").rows] == ["before"]
    store.rename("A", "B")
    store.create("A")
    person.deliver(letter("after"), mailbox="A")
    again = person.lease()
    assert [row.envelope.subject for row in again.page("A").rows] == ["after"]
    assert [row.envelope.subject for row in again.page("B").rows] == ["before"]


@pytest.mark.parametrize("how", ["delete", "rename"])
def test_an_open_mailbox_that_vanishes_elsewhere_blocks_nothing(person: Person, how: str) -> None:
    with person.pool.lease(person.account) as store:
        store.create("Gone")
        assert store.page("Gone").total == 0
    with person.server.session(person.login) as other:
        assert (other.delete("Gone") if how == "delete" else other.rename("Gone", "Away"))[0] == "OK"
    with person.pool.lease(person.account) as store:
        assert "Gone" not in names(store)
    with person.pool.lease(person.account) as store, pytest.raises(errors.NoSuchMailbox):
        store.page("Gone")
    with person.pool.lease(person.account) as store:
        assert store.page("INBOX").total == 0


def test_matching_names_every_message(person: Person) -> None:
    uids = person.deliver(letter("1"), letter("2"))
    person.deliver(letter("3"), flags="\\Seen")
    store = person.lease()
    uidvalidity, unread = store.matching("INBOX", Query(unseen=True))
    assert sorted(unread) == uids
    with pytest.raises(errors.UidValidityChanged):
        store.matching("INBOX", Query(), uidvalidity=uidvalidity + 1)


def test_quotas(rich: Person) -> None:
    store = rich.lease()
    (quota,) = store.quotas()
    assert (quota.resource, quota.limit) == ("STORAGE", 2**30)
    before = quota.used
    store.append("INBOX", b"Subject: large\r\n\r\n" + b"x" * 70_000)
    assert store.quotas()[0].used >= before + 64 * 1024, "what this process has added counts at once"
    sent = store.commands
    store.quotas()
    assert store.commands == sent, "within a minute it is not asked again"


def test_no_quota_where_the_server_knows_none(pymap_server: object, make_pool) -> None:
    person = Person(pymap_server, pymap_server.new_user(), make_pool())  # type: ignore[arg-type, attr-defined]
    with person.stack:
        assert list(person.lease().quotas()) == []
