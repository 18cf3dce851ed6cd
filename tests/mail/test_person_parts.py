"""What mail knows of a person, on their page and beside their card, on a rich server and a poor one."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.test import Client

from apps.mail.services import exchanged, stores
from tests.mail.conftest import HTMX, Person, days_ago, letter

AIGERIM, RADAR = "aigerim@example.test", "radar@felt.example"
PDF = ("Budget.pdf", "application/pdf", b"%PDF-1.7" + b"x" * 3000)
SHEET = ("Rota.csv", "text/csv", b"day,who\n")


def part(person: Person, name: str, *emails: str) -> str:
    query = urlencode([("email", email) for email in emails])
    answer = person.client.get(f"/person/parts/mail.{name}/?{query}", headers=HTMX)
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


def subjects(text: str) -> list[str]:
    return re.findall(r'class="strong ell" dir="auto">([^<]*)<', text)


def test_what_came_and_went_is_there_newest_first_each_conversation_once(anna: Person) -> None:
    anna.receive(letter("Budget"), date=days_ago(9))
    anna.receive(letter("Rota", sender=f"Radar <{RADAR.upper()}>"), date=days_ago(7))
    anna.receive(letter("Of others", sender="x@example.test"), date=days_ago(6))
    anna.receive(letter("Re: Budget", sender="me@example.test", to=AIGERIM), mailbox="Sent", date=days_ago(5))
    anna.receive(letter("Hidden", sender="x@example.test", Cc=RADAR), mailbox="Archive", date=days_ago(3))
    page = part(anna, "conversations", AIGERIM, RADAR)
    assert subjects(page) == ["Hidden", "Re: Budget", "Rota"]
    assert "2 messages" in page and "To: aigerim@example.test" in page
    assert "Of others" not in page
    assert subjects(part(anna, "conversations", AIGERIM)) == ["Re: Budget"]
    for url in re.findall(r'class="mini" href="([^"]+)"', page):
        assert anna.client.get(url).status_code == 200, url


def test_all_mail_with_them_is_a_search_that_finds_it(anna: Person) -> None:
    anna.receive(letter("Budget"), letter("Of others", sender="x@example.test"))
    anna.receive(letter("Radar", sender=RADAR), mailbox="Projects")
    page = part(anna, "conversations", AIGERIM, RADAR)
    (url,) = re.findall(r'href="(/mail/INBOX/\?q=[^"]+)"', page)
    assert parse_qs(urlsplit(url).query) == {"q": [f"with:{AIGERIM},{RADAR}"], "where": ["all"]}
    found = anna.client.get(url).content.decode()
    assert "Budget" in found and "Radar" in found and "Of others" not in found


def test_addresses_are_compared_whole(anna: Person) -> None:
    anna.receive(letter("Of somebody else", sender=f"x{AIGERIM}"))
    assert part(anna, "conversations", AIGERIM) == ""


def test_junk_and_drafts_are_no_conversations(anna: Person) -> None:
    anna.receive(letter("Win a yurt"), mailbox="Junk")
    anna.receive(letter("half written", to=AIGERIM), mailbox="Drafts", flags="\\Draft")
    assert part(anna, "conversations", AIGERIM) == ""
    assert part(anna, "files", AIGERIM) == ""


def test_files_that_went_to_and_fro_can_be_opened(anna: Person) -> None:
    anna.receive(letter("Numbers", files=(PDF, SHEET)), letter("No file"))
    anna.receive(letter("Mine", sender="me@example.test", to=AIGERIM, files=(SHEET,)), mailbox="Sent")
    anna.receive(letter("Of others", sender="x@example.test", files=(PDF,)))
    page = part(anna, "files", AIGERIM)
    assert sorted(re.findall(r"<bdi>([^<]+)</bdi>", page)) == ["Budget.pdf", "Rota.csv", "Rota.csv"]
    assert re.search("(?:2.9|3.[0-2])\xa0KB", page)  # servers count line ends or not
    assert "Numbers" in page and "Mine" in page and "Of others" not in page
    for url in re.findall(r'class="strong ell" href="([^"]+)"', page):
        answer = anna.client.get(url)
        assert answer.status_code == 200
        assert b"".join(answer.streaming_content if answer.streaming else [answer.content])[:4] in (b"%PDF", b"day,")  # type: ignore[arg-type]


def test_one_that_is_a_message_opens_as_one(anna: Person) -> None:
    from email.message import EmailMessage

    outer = EmailMessage()
    outer["From"], outer["To"], outer["Subject"] = AIGERIM, "anna@example.test", "Passed on"
    outer.set_content("see below")
    inner = EmailMessage()
    inner["Subject"] = "Inner"
    inner.set_content("inner text")
    outer.add_attachment(inner)
    anna.receive(outer.as_bytes())
    page = part(anna, "files", AIGERIM)
    (url,) = re.findall(r'class="strong ell" href="([^"]+)"', page)
    assert "inner text" in anna.client.get(url).content.decode()


def test_what_time_did_not_suffice_for_is_said(anna: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    from apps.mail.mailbox.imap import scan

    for name, value in (("FIRST", 1), ("LEAST", 1), ("MOST", 1)):
        monkeypatch.setattr(scan, name, value)
    monkeypatch.setattr(exchanged, "SECONDS", 0.0)
    monkeypatch.setattr(exchanged, "LEAST_SECONDS", 0.0)
    anna.receive(letter("Budget"), letter("Of others", sender="x@example.test"), letter("Rota"))
    page = part(anna, "conversations", AIGERIM)
    assert subjects(page) == ["Rota"]
    assert "Older messages were not looked through." in page
    page = part(anna, "conversations", "x@example.test")
    assert subjects(page) == []
    assert "Nothing among the newest messages." in page
    assert "Nothing among the newest messages." in part(anna, "files", "x@example.test")


def test_a_search_goes_on_where_its_first_answer_was_only_alike(anna: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchanged, "MOST_MESSAGES", 2)
    monkeypatch.setattr(exchanged.find, "__kwdefaults__", {"files": False, "most": 2})
    anna.receive(letter("Budget"), *(letter(f"alike {n}", sender=f"x{AIGERIM}") for n in range(5)))
    assert subjects(part(anna, "conversations", AIGERIM)) == ["Budget"]


def test_beside_the_card_stand_the_newest_and_how_many_files(anna: Person) -> None:
    for n in range(4):
        anna.receive(letter(f"Plan {n}", files=(SHEET,)), date=days_ago(9 - n))
    anna.receive(letter("Re: Plan 3"), date=days_ago(1))
    answer = anna.client.get(f"/person/lately/?email={AIGERIM}", headers=HTMX)
    text = answer.content.decode()
    assert re.findall(r'<span class="ell" dir="auto">([^<]*)</span>', text) == [
        "Re: Plan 3",
        "Plan 2",
        "Plan 1",
        "4 files exchanged",
    ]
    assert f'href="/person/?email={AIGERIM.replace("@", "%40")}#part-mail-files"' in text
    nobody = anna.client.get("/person/lately/?email=nobody@example.test", headers=HTMX).content.decode()
    assert "No messages and no files with them lately." in nobody


def test_a_dead_mail_server_is_told_in_its_part_and_the_page_stands(anna: Person, settings: Any) -> None:
    stores.pool().close_all()
    settings.IMAP_URL = "imap://localhost:1"
    assert "The mail server isn’t answering" in part(anna, "conversations", AIGERIM)
    page = anna.client.get(f"/person/?email={AIGERIM}&all=1")
    assert page.status_code == 200
    assert html.unescape(page.content.decode()).count("The mail server isn’t answering") == 2
    beside = anna.client.get(f"/person/lately/?email={AIGERIM}", headers=HTMX).content.decode()
    assert "Not everything could be looked up just now." in beside


def test_nothing_of_hers_is_anybody_elses(anna: Person, sign_in: Any, as_alice: Client) -> None:
    anna.receive(letter("Secret poles", files=(PDF,)))
    assert "Secret poles" in part(anna, "files", AIGERIM)
    other = sign_in()
    assert part(other, "conversations", AIGERIM) == part(other, "files", AIGERIM) == ""
    thief = Client()
    thief.cookies["yurt_session"] = anna.client.cookies["yurt_session"].value
    for path in ("/person/", "/person/?all=1", "/person/parts/mail.conversations/", "/person/lately/"):
        joint = "&" if "?" in path else "?"
        answer = thief.get(f"{path}{joint}email={AIGERIM}", headers=HTMX)
        assert b"Secret poles" not in answer.content and answer.status_code in (401, 403), path
    for name in ("conversations", "files"):  # an account of the portal's own
        assert as_alice.get(f"/person/parts/mail.{name}/?email={AIGERIM}", headers=HTMX).content == b""


def test_the_sender_of_a_message_leads_to_their_page(anna: Person) -> None:
    (uid,) = anna.receive(letter())
    page = anna.client.get(anna.url("message", "INBOX", uid, v=anna.uidvalidity())).content.decode()
    assert f'href="/person/?email={AIGERIM.replace("@", "%40")}"' in page
    assert subjects(anna.client.get(f"/person/?email={AIGERIM}&all=1").content.decode()) == ["The poles are cut"]
    (uid,) = anna.receive(letter(sender="undisclosed-senders:;"))
    page = anna.client.get(anna.url("message", "INBOX", uid, v=anna.uidvalidity())).content.decode()
    assert "/person/" not in page
