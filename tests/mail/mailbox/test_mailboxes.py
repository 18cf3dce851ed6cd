"""The tree of mailboxes on real servers."""

from __future__ import annotations

import pytest

from apps.mail.mailbox import errors
from apps.mail.mailbox.imap import folders
from apps.mail.mailbox.imap.store import ImapStore
from apps.mail.mailbox.store import Mailbox
from tests.mail.mailbox.conftest import Person, letter
from tests.support.mailserver import CyrusServer

WEIRD = [
    "Entwürfe & Müll",
    "受信トレイ 😀",
    'quote " and \\ slash',
    "100% {5}",
    "space at end ",
    "a~b@c",
    "*",
    "%",
    "NIL",
]

REFUSED = ("*", "%", "space at end ", "a~b@c", 'quote " and \\ slash', "100% {5}")


def tree(store: ImapStore) -> dict[str, Mailbox]:
    return {mailbox.name: mailbox for mailbox in store.mailboxes()}


def test_counts(person: Person) -> None:
    store = person.lease()
    store.create("Trips")
    person.deliver(letter("1"), letter("2"), mailbox="Trips")
    person.deliver(letter("3"), mailbox="Trips", flags="\\Seen")
    found = tree(store)["Trips"]
    assert found.status is not None
    assert (found.status.messages, found.status.unseen) == (3, 2)
    assert found.status == store.status("Trips")
    assert found.selectable
    assert tree(store)["INBOX"].role == "inbox"
    assert all(mailbox.status is None for mailbox in store.mailboxes(status=False))


@pytest.mark.parametrize("name", WEIRD)
def test_weird_names(person: Person, name: str) -> None:
    store = person.lease()
    try:
        store.create(name)
    except errors.ServerRefused:
        # Some servers have rules for names; what matters is that nothing else is refused, and nothing else happens.
        assert name in REFUSED
        assert name not in tree(store)
        return
    assert name in tree(store)
    # Dovecot's LIST takes the first of two spellings; the mailbox must be reachable under the name it lists.
    uidvalidity, uid = store.append(name, letter("x").replace(b"\n", b"\r\n"))
    assert [row.uid for row in store.page(name, uidvalidity=uidvalidity).rows] == [uid]
    store.delete(name)
    assert name not in tree(store)


def test_nesting_and_order(person: Person) -> None:
    store = person.lease()
    for name in ("Sent", "zebra", "Álbum", "Projects/Glacier/2025", "Projects/Aurora", "apple", "Drafts", "Sent/2024"):
        if name not in tree(store):
            store.create(name)
    names = list(tree(store))
    assert names[0] == "INBOX"
    ours = [name for name in names if name not in ("INBOX", "Archive", "Junk", "Trash")]
    assert ours == [
        *("Drafts", "Sent", "Sent/2024", "apple"),
        *("Projects", "Projects/Aurora", "Projects/Glacier", "Projects/Glacier/2025", "zebra", "Álbum"),
    ]
    found = tree(store)
    if isinstance(person.server, CyrusServer):  # which makes mailboxes of the levels above
        assert found["Projects"].status == store.status("Projects")
    else:
        assert (found["Projects"].selectable, found["Projects"].status) == (False, None)
    assert (found["Projects/Glacier/2025"].depth, found["Projects/Glacier/2025"].leaf) == (2, "2025")
    assert [found[name].role for name in ("Drafts", "Sent", "Sent/2024")] == ["drafts", "sent", ""]


def test_create_rename_delete(person: Person) -> None:
    store = person.lease()
    store.create("Old/Inner")
    store.append("Old/Inner", b"Subject: x\r\n\r\nx\r\n")
    with pytest.raises(errors.MailboxExists):
        store.create("Old/Inner")
    store.page("Old/Inner")
    store.rename("Old/Inner", "Neu/Ünter")
    assert "Old/Inner" not in tree(store)
    assert tree(store)["Neu/Ünter"].subscribed
    assert store.page("Neu/Ünter").total == 1
    store.delete("Neu/Ünter")
    assert "Neu/Ünter" not in tree(store)
    for act in (
        lambda: store.page("Neu/Ünter"),
        lambda: store.status("Neu/Ünter"),
        lambda: store.rename("Neu/Ünter", "x"),
        lambda: store.delete("Neu/Ünter"),
        lambda: store.append("Neu/Ünter", b"Subject: x\r\n\r\nx\r\n"),
    ):
        with pytest.raises(errors.NoSuchMailbox):
            act()


def test_subscription(person: Person) -> None:
    store = person.lease()
    store.create("Trips")
    store.subscribe("Trips", on=False)
    assert not tree(store)["Trips"].subscribed
    store.subscribe("Trips", on=True)
    assert tree(store)["Trips"].subscribed


def test_one_command_draws_the_tree(rich: Person) -> None:
    """Whose they are (NAMESPACE) was asked once before, for all that follows."""
    with rich.pool.lease(rich.account) as store:
        store.namespaces()
    with rich.pool.lease(rich.account) as store:
        store.mailboxes()
        assert store.commands == 1
        roles = {mailbox.role: mailbox.name for mailbox in store.mailboxes() if mailbox.role}
        assert roles == {
            role: "INBOX" if role == "inbox" else role.title()
            for role in ("inbox", "drafts", "sent", "archive", "junk", "trash")
        }


@pytest.mark.parametrize("name", ["", "a\r\nY9 DELETE INBOX", "a\0b", "\ud800", "x" * 1001])
def test_impossible_names_reach_no_server(person: Person, name: str) -> None:
    store = person.lease()
    before = [mailbox.name for mailbox in store.mailboxes()]
    for act in (store.create, store.delete, store.status, store.page):
        with pytest.raises(errors.BadArgument):
            act(name)
    assert [mailbox.name for mailbox in store.mailboxes()] == before


@pytest.mark.parametrize(
    ("names", "roles"),
    [
        (["Entwürfe", "Gesendet", "Papierkorb", "Spam", "Archiv"], ["drafts", "sent", "trash", "junk", "archive"]),
        (["Brouillons", "Éléments envoyés", "Corbeille"], ["drafts", "sent", "trash"]),
        (["المسودات", "البريد المرسل", "المهملات"], ["drafts", "sent", "trash"]),
        (["草稿", "已发送", "已删除"], ["drafts", "sent", "trash"]),
        (["Sent", "Sent Items", "Trips/Sent"], ["sent", "", ""]),
    ],
)
def test_roles_by_usual_names(names: list[str], roles: list[str]) -> None:
    found = folders._with_roles([Mailbox(name=name) for name in names])
    assert [mailbox.role for mailbox in found] == roles


def test_roles_below_inbox_and_what_the_server_says_first() -> None:
    found = folders._with_roles(
        [
            Mailbox(name="INBOX", delimiter=".", role="inbox"),
            Mailbox(name="INBOX.Sent", delimiter="."),
            Mailbox(name="INBOX.Trash", delimiter="."),
            Mailbox(name="Bin", delimiter=".", role="trash"),
        ]
    )
    assert [mailbox.role for mailbox in found] == ["inbox", "sent", "", "trash"]


def test_a_dotless_inbox_is_another_mailbox(rich: Person) -> None:
    """On Dovecot; the poor server itself takes one for the other."""
    rich.deliver(letter("in the inbox"))
    rich.deliver(letter("in the other"), mailbox="&ATE-nbox")
    store = rich.lease()
    assert {"INBOX", "ınbox"} <= set(tree(store))
    for name, subject in (("ınbox", "in the other"), ("INBOX", "in the inbox")):
        assert [row.envelope.subject for row in store.page(name).rows] == [subject]
