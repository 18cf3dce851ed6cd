"""The folder column: nesting, names, counts, addresses."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from django.urls import Resolver404, resolve, reverse
from hypothesis import given
from hypothesis import strategies as st

from apps.mail.mailbox.store import Mailbox, MailboxStatus
from apps.mail.services import folders
from tests.mail.conftest import HTMX, Person, letter


def mailbox(name: str, role: str = "", *, delimiter: str = "/", unseen: int = 0, messages: int = 0) -> Mailbox:
    status = MailboxStatus(uidvalidity=1, unseen=unseen, messages=messages)
    return Mailbox(name=name, delimiter=delimiter, role=role, status=status)


def outline(nodes: tuple[folders.Node, ...] | list[folders.Node]) -> list[object]:
    return [(str(node.label), outline(node.children)) if node.children else str(node.label) for node in nodes]


def test_roles_come_first_and_the_rest_is_nested() -> None:
    tree = folders.tree(
        [
            mailbox("INBOX", "inbox"),
            mailbox("Sent", "sent"),
            mailbox("P"),
            mailbox("P/a"),
            mailbox("P/a/deep"),
            mailbox("Q"),
        ]
    )
    assert outline(tree.roles) == ["Inbox", "Sent"]
    assert outline(tree.folders) == [("P", [("a", ["deep"])]), "Q"]


def test_a_level_that_the_server_does_not_list_is_drawn_but_leads_nowhere() -> None:
    tree = folders.tree([mailbox("INBOX", "inbox"), mailbox("Lists/2026/ice")])
    assert outline(tree.folders) == [("Lists", [("2026", ["ice"])])]
    assert [node.selectable for node in tree.folders[0].walk()] == [False, False, True]


def test_folders_below_the_inbox_stand_with_the_others() -> None:
    tree = folders.tree(
        [mailbox("INBOX", "inbox"), mailbox("INBOX.P", delimiter="."), mailbox("INBOX.P.a", delimiter=".")]
    )
    assert outline(tree.folders) == [("P", ["a"])]


def test_in_a_large_tree_only_the_way_to_the_open_folder_is_unfolded() -> None:
    many = [mailbox(f"f{number}") for number in range(folders.UNFOLD_ALL)]
    tree = folders.tree([*many, mailbox("A"), mailbox("A/b"), mailbox("C"), mailbox("C/d")], current="A/b")
    unfolded = {node.name: node.unfolded for node in tree.folders if node.children}
    assert unfolded == {"A": True, "C": False}


def test_one_moves_to_the_archive_and_own_folders_first() -> None:
    everywhere = [
        mailbox("INBOX", "inbox"),
        mailbox("Drafts", "drafts"),
        mailbox("Sent", "sent"),
        mailbox("Archive", "archive"),
        mailbox("Trash", "trash"),
        mailbox("P"),
        mailbox("P/a"),
    ]
    offered = [node.name for node in folders.targets(everywhere, source="INBOX")]
    assert offered == ["Archive", "P", "P/a", "Trash", "Sent", "Drafts"]
    assert folders.targets(everywhere, source="P")[0].name == "Archive"


@pytest.mark.parametrize(
    ("role", "unseen", "messages", "count", "news"),
    [
        ("inbox", 3, 9, 3, True),
        ("", 2, 9, 2, True),
        ("drafts", 0, 4, 4, False),
        ("junk", 5, 9, 5, False),
        ("trash", 5, 9, 0, False),
    ],
)
def test_numbers_beside_the_names(role: str, unseen: int, messages: int, count: int, news: bool) -> None:
    (node,) = folders.tree([mailbox("x", role, unseen=unseen, messages=messages)]).walk()
    assert (node.count, node.unread) == (count, news)


@pytest.mark.parametrize(
    ("names", "prefix"),
    [
        ([("INBOX", "inbox"), ("Sent", "sent")], ""),
        ([("INBOX", "inbox"), ("INBOX.Sent", "sent"), ("INBOX.P", "")], "INBOX."),
        ([("INBOX", "inbox")], ""),
    ],
)
def test_new_folders_go_where_the_server_keeps_them(names: list[tuple[str, str]], prefix: str) -> None:
    assert folders.personal_prefix([mailbox(name, role, delimiter=".") for name, role in names]) == prefix


@pytest.mark.parametrize(
    "name", ["Projekte/Gletscher", "x~y", "@me", "Größe", "日本語", "a b", 'q"uote', "<b>&amp;", "50%"]
)
def test_every_folder_has_an_address_that_leads_back(anna: Person, name: str) -> None:
    anna.receive(letter("in here"), mailbox=imap_name(name))
    page = anna.client.get("/mail/").headers["Location"]
    html = anna.client.get(page).content.decode()
    address = reverse("mail:mailbox", args=(name,))
    assert f'href="{address}"'.replace("&", "&amp;") in html or f'href="{address}"' in html
    assert "in here" in anna.client.get(address).content.decode()


def imap_name(name: str) -> str:
    from apps.mail.mailbox.names import to_wire

    return to_wire(name).decode("ascii")


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40))
def test_names_survive_their_address(name: str) -> None:
    address = reverse("mail:mailbox", args=(name,))
    assert resolve(unquote(address)).kwargs == {"mailbox": name}


@pytest.mark.parametrize("path", ["@me", "@", "~", "~g0", "a~2F", ".."])
def test_what_is_no_folders_address(path: str) -> None:
    with pytest.raises(Resolver404):
        resolve(f"/mail/{path}/")


@pytest.mark.parametrize("uid", ["0", "4294967296", "99999999999", "-1", "1a"])
def test_what_is_no_messages_address(uid: str) -> None:
    with pytest.raises(Resolver404):
        resolve(f"/mail/INBOX/{uid}/")


def test_the_column_by_itself_counts_what_is_unread(anna: Person) -> None:
    anna.receive(letter("a"), letter("b"))
    anna.receive(letter("c"), mailbox="Projects")
    html = anna.client.get("/mail/@/folders/?mailbox=INBOX", headers=HTMX).content.decode()
    assert html.startswith('<div class="side-scroll" id="folders"')
    inbox = re.search(r'<a href="/mail/INBOX/".*?</a>', html, re.DOTALL)[0]
    assert 'aria-current="page"' in inbox
    assert '<span class="cnt" aria-hidden="true">2</span>' in inbox
    assert "2 unread" in inbox
    assert 'href="/mail/Projects/" class="un"' in html
