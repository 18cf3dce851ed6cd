"""What mail shows on the home page and in the rail."""

from __future__ import annotations

import pytest
from django.test import Client

from apps.mail.services import stores
from tests.mail.conftest import HTMX, Person, letter


def block(person: Person, name: str) -> str:
    answer = person.client.get(f"/home/blocks/{name}/", headers=HTMX)
    assert answer.status_code == 200
    return answer.content.decode()


def test_newest_unread_are_named_and_lead_to_the_message(anna: Person) -> None:
    anna.receive(letter("read already"), flags="\\Seen")
    uids = anna.receive(*(letter(f"n{number}") for number in range(8)))
    html = block(anna, "mail.unread")
    assert "read already" not in html
    assert [name for name in (f"n{n}" for n in range(8)) if name in html] == ["n2", "n3", "n4", "n5", "n6", "n7"]
    assert f"/mail/INBOX/{uids[-1]}/?" in html


def test_nothing_unread(anna: Person) -> None:
    assert "You have read everything" in block(anna, "mail.unread")


def test_folders_with_their_counts(anna: Person) -> None:
    anna.receive(letter("a"), letter("b"))
    anna.receive(letter("c"), mailbox="Projects")
    html = block(anna, "mail.folders")
    assert "Inbox" in html
    assert "Projects" in html
    assert "2 unread" in html


def test_drafts_are_counted_once(anna: Person) -> None:
    anna.receive(letter("half written"), mailbox="Drafts", flags="\\Draft")
    html = block(anna, "mail.folders")
    drafts = html[html.index("/mail/Drafts/") :].partition("</a>")[0]
    assert "1 message" in drafts
    assert "badge" not in drafts


@pytest.mark.parametrize(("unread", "badge"), [(0, ""), (3, "3")])
def test_the_rail_counts_the_inbox(anna: Person, unread: int, badge: str) -> None:
    if unread:
        anna.receive(*(letter(f"n{number}") for number in range(unread)))
    answer = anna.client.get("/badge/mail.index/", headers=HTMX)
    assert answer.status_code == 200
    assert badge in answer.content.decode()


def test_a_local_account_sees_no_mail_anywhere(as_alice: Client) -> None:
    page = as_alice.get("/").content.decode()
    assert 'href="/mail/' not in page
    assert as_alice.get("/home/blocks/mail.unread/").status_code == 404


def test_a_block_without_its_server_says_so_and_the_page_stands(anna: Person, settings) -> None:
    stores.pool().close_all()
    settings.IMAP_URL = "imap://localhost:1"
    assert anna.client.get("/").status_code == 200
    answer = anna.client.get("/home/blocks/mail.unread/", headers=HTMX)
    assert answer.status_code == 200
    assert "The mail server isn’t answering" in answer.content.decode()
    assert answer["X-Request-Id"] in answer.content.decode()
    assert "The mail server isn’t answering" in anna.client.get("/?all=1").content.decode()
