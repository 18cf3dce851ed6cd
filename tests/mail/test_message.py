"""An open message: what is shown, what is stored, what is refused."""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from apps.mail.services import stores, times
from tests.mail.conftest import HTMX, Person, letter

PREFETCH = [{"Sec-Purpose": "prefetch"}, {"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"}]


def opened(person: Person, uid: int, *, mailbox: str = "INBOX", **query: object) -> str:
    url = person.url("message", mailbox, uid, v=person.uidvalidity(mailbox), **query)
    answer = person.client.get(url)
    assert answer.status_code == 200, answer.content.decode()
    return answer.content.decode()


def test_people_date_subject_and_text(anna: Person) -> None:
    body = "Hello <b>Anna</b>,\n\nsee https://example.test/plan\n\n> what you wrote\n"
    (uid,) = anna.receive(letter("Plan & poles", text=body, Cc="Bob <bob@example.test>"))
    html = opened(anna, uid)
    assert "Plan &amp; poles" in html
    assert "Aigerim Tokoeva" in html
    assert "aigerim@example.test" in html
    assert "bob@example.test" in html
    assert "Hello &lt;b&gt;Anna&lt;/b&gt;" in html
    assert 'href="https://example.test/plan"' in html
    assert "<blockquote" in html


def test_an_address_without_uidvalidity_gets_the_present_one(anna: Person) -> None:
    (uid,) = anna.receive(letter())
    answer = anna.client.get(f"/mail/INBOX/{uid}/")
    assert answer.status_code == 302
    assert parse_qs(urlsplit(answer["Location"]).query)["v"] == [str(anna.uidvalidity())]


def test_another_uidvalidity_opens_nothing(anna: Person) -> None:
    (uid,) = anna.receive(letter("secret subject"))
    answer = anna.client.get(anna.url("message", "INBOX", uid, v=anna.uidvalidity() + 1))
    assert answer.status_code == 409
    assert "secret subject" not in answer.content.decode()
    assert "This folder was rebuilt" in answer.content.decode()
    assert anna.flags(uid) == set()


def test_a_message_that_is_gone(anna: Person) -> None:
    anna.receive(letter())
    answer = anna.client.get(anna.url("message", "INBOX", 4000, v=anna.uidvalidity()))
    assert answer.status_code == 404
    assert "isn’t here any more" in answer.content.decode()


def test_opening_stores_seen_after_the_answer(anna: Person) -> None:
    (uid,) = anna.receive(letter())
    answer = anna.client.get(anna.url("message", "INBOX", uid, v=anna.uidvalidity()))
    assert answer.status_code == 200
    assert anna.flags(uid) == {"\\Seen"}


def test_the_folder_column_counts_the_opened_message_as_read(anna: Person) -> None:
    uid, _other = anna.receive(letter("a"), letter("b"))
    assert ", 1 unread" in opened(anna, uid)
    assert ", 1 unread" in opened(anna, uid)


@pytest.mark.parametrize("headers", PREFETCH)
def test_a_prefetch_stores_nothing(anna: Person, headers: dict[str, str]) -> None:
    (uid,) = anna.receive(letter())
    answer = anna.client.get(anna.url("message", "INBOX", uid, v=anna.uidvalidity()), headers=headers)
    assert answer.status_code == 200
    assert anna.flags(uid) == set()


def test_who_marks_by_hand_keeps_unread_what_was_opened(anna: Person) -> None:
    from apps.auth.models import User
    from apps.mail.prefs import MARK_READ
    from portal.prefs import Prefs

    Prefs(User.objects.get(login=anna.login)).save({MARK_READ: "never"})
    (uid,) = anna.receive(letter())
    opened(anna, uid)
    assert anna.flags(uid) == set()


def test_looking_at_parts_source_and_headers_marks_nothing(anna: Person) -> None:
    file = ("a.txt", "text/plain", b"file")
    (uid,) = anna.receive(letter(html="<p>x</p>", files=(file,)))
    v = anna.uidvalidity()
    for name, args in (
        ("body", ("1.2",)),
        ("part", ("2",)),
        ("source", ()),
        ("headers", ()),
        ("eml", ()),
        ("print", ()),
    ):
        answer = anna.client.get(anna.url(name, "INBOX", uid, *args, v=v))
        assert answer.status_code == 200, name
        assert answer.getvalue()
    assert anna.flags(uid) == set()


def test_what_fails_after_the_answer_is_not_the_readers_business(anna: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    from apps.mail.views import message as view

    (uid,) = anna.receive(letter())
    monkeypatch.setattr(
        view, "open_account", lambda target: stores.open_account(stores.account(login="x", password="y"))
    )
    assert "The poles are cut" in opened(anna, uid)
    assert anna.flags(uid) == set()


def test_htmx_gets_the_pane_and_the_row_as_read(anna: Person) -> None:
    (uid,) = anna.receive(letter())
    answer = anna.client.get(anna.url("message", "INBOX", uid, v=anna.uidvalidity(), role="inbox"), headers=HTMX)
    html = answer.content.decode()
    assert html.startswith('<section class="pane" id="reading"')
    row = re.search(rf'<li class="row msg open" id="m{uid}".*?hx-swap-oob="true"', html)
    assert row, html


def test_newer_and_older_lead_on(anna: Person) -> None:
    uids = anna.receive(*(letter(f"n{number}") for number in range(3)))
    html = opened(anna, uids[1])
    hrefs = dict(re.findall(r'<a class="ib hide-m" href="([^"]*)"[^>]*rel="(\w+)"', html))
    assert {rel: re.search(r"/(\d+)/\?", href)[1] for href, rel in hrefs.items()} == {
        "prev": str(uids[2]),
        "next": str(uids[0]),
    }


def test_html_stands_in_a_frame_of_its_own(anna: Person) -> None:
    (uid,) = anna.receive(letter(html="<p>Rich <b>text</b></p><script>steal()</script>"))
    html = opened(anna, uid)
    frame = re.search(r"<iframe ([^>]*)>", html)[1]
    assert 'sandbox="allow-same-origin allow-popups allow-popups-to-escape-sandbox"' in frame
    assert "steal()" not in html
    assert "Rich" not in re.sub(r'class="sn".*?</span>', "", html)
    assert "/body/2/" in frame


def test_plain_text_on_request_and_by_preference(anna: Person) -> None:
    (uid,) = anna.receive(letter(text="the plain form", html="<p>the rich form</p>"))
    assert "Show as plain text" in opened(anna, uid)
    assert "the plain form" in opened(anna, uid, form="plain")


def test_remote_images_are_counted_and_loaded_by_consent_only(anna: Person) -> None:
    remote = '<p>x</p><img src="https://img.example.test/a.png"><img src="https://img.example.test/b.png">'
    (uid,) = anna.receive(letter(html=remote))
    html = opened(anna, uid)
    assert "2 remote images blocked" in html
    consent = re.search(r'href="([^"]*images=[^"]*)"', html)[1].replace("&amp;", "&")
    after = anna.client.get(consent).content.decode()
    assert "remote images blocked" not in after
    assert "images=" in re.search(r"<iframe ([^>]*)>", after)[1]
    forged = anna.client.get(re.sub(r"images=[^&]*", "images=1", consent)).content.decode()
    assert "2 remote images blocked" in forged


def test_an_attached_message_opens_and_its_files_are_saved(anna: Person) -> None:
    from email import message_from_bytes
    from email.message import EmailMessage

    file = ("deep.txt", "text/plain", b"deep content")
    outer = EmailMessage()
    outer["Subject"], outer["From"] = "forwarded", "bob@example.test"
    outer.set_content("see below")
    outer.add_attachment(message_from_bytes(letter("The inner one", text="inner text", files=(file,))))
    (uid,) = anna.receive(outer.as_bytes())
    html = opened(anna, uid)
    inside = re.search(r"inside=([\d.]+)", html)
    if inside is None:  # the poor server's BODYSTRUCTURE does not look into messages
        assert "/part/2/" in html
        return
    html = opened(anna, uid, inside=inside[1])
    assert "The inner one" in html
    assert "inner text" in html
    assert "deep.txt" in html
    part = re.search(r'href="([^"]*/part/2\.2/[^"]*save[^"]*)"', html)[1].replace("&amp;", "&")
    assert anna.client.get(part).getvalue() == b"deep content"


def test_a_broken_message_shows_its_source(anna: Person) -> None:
    (uid,) = anna.receive(b"Content-Type: multipart/mixed; boundary=never\r\nSubject: broken\r\n\r\n")
    html = opened(anna, uid)
    assert "Its source may tell you more" in html
    assert "boundary=never" in html


@pytest.mark.parametrize("body", ["", "\r\n", " \r\n\r\n"])
def test_a_message_that_is_only_a_subject_says_so(anna: Person, body: str) -> None:
    (uid,) = anna.receive(f"From: x@example.test\r\nSubject: Call me\r\n\r\n{body}".encode())
    html = opened(anna, uid)
    assert "(no text)" in html
    assert "No text could be found" not in html
    assert 'class="source"' not in html


def test_a_draft_leads_to_writing(anna: Person) -> None:
    (uid,) = anna.receive(letter(), mailbox="Drafts", flags="\\Draft \\Seen")
    assert f"/mail/Drafts/{uid}/edit/" in anna.client.get("/mail/Drafts/").content.decode()
    assert "Continue writing" in opened(anna, uid, mailbox="Drafts")


def test_strangers_are_asked_to_sign_in(anna: Person) -> None:
    (uid,) = anna.receive(letter())
    answer = Client().get(anna.url("message", "INBOX", uid, v=anna.uidvalidity()))
    assert answer.status_code == 302
    assert answer["Location"].startswith("/sign-in/")


def test_the_head_says_how_long_ago_and_names_the_whole_date(anna: Person) -> None:
    (uid,) = anna.receive(letter())
    whole = r"\w{3} \d+ \w{3} \d{4}, \d\d:\d\d"
    shown = opened(anna, uid)
    assert re.search(rf'<time [^>]*title="{whole}">(Today|Yesterday) \d\d:\d\d \([\w ]+\)</time>', shown)
    assert re.search(rf"<dd>{whole}</dd>", shown)


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ("2026-11-26T14:09", "Today 14:09 (48 min ago)"),
        ("2026-11-26T14:57", "Today 14:57 (just now)"),
        ("2026-11-26T03:20", "Today 03:20 (11 h ago)"),
        ("2026-11-26T02:57", "Thu 26 Nov 2026, 02:57"),
        ("2026-11-26T15:30", "Thu 26 Nov 2026, 15:30"),
        ("2026-11-21T15:30", "Sat 21 Nov 2026, 15:30"),
    ],
)
def test_less_than_twelve_hours_are_counted(sent: str, words: str) -> None:
    now = datetime.fromisoformat("2026-11-26T14:57:10+00:00")
    with timezone.override("UTC"), translation.override("en"):
        assert times.near_time(datetime.fromisoformat(f"{sent}:00+00:00"), now) == words


def test_in_the_small_hours_the_evening_was_yesterday() -> None:
    now = datetime.fromisoformat("2026-11-26T01:00:00+00:00")
    with timezone.override("UTC"), translation.override("en"):
        moment = datetime.fromisoformat("2026-11-25T23:40:00+00:00")
        assert times.near_time(moment, now) == "Yesterday 23:40 (1 h ago)"


@pytest.mark.parametrize("target", ["section#reading", "reading", "list"])
def test_trouble_comes_in_the_pane_that_asked(anna: Person, settings, target: str) -> None:
    stores.pool().close_all()
    settings.IMAP_URL = "imap://localhost:1"
    answer = anna.client.get("/mail/INBOX/1/?v=1", headers=HTMX | {"HX-Target": target})
    assert answer.status_code == 503
    pane = target.rpartition("#")[2]
    assert answer.content.decode().startswith(f'<section class="pane" id="{pane}"')
    assert "isn’t answering" in answer.content.decode()
    page = anna.client.get("/mail/INBOX/1/?v=1").content.decode()
    assert "isn’t answering" in page
    assert "<html" in page
    assert 'href="/mail/@/compose/" data-key="c"' in page  # the frame stands as it was
    assert 'action="/search/"' in page
    assert 'hx-trigger="every 8s"' in page  # and its folders do not ask at once again


def test_the_folder_column_stays_when_its_server_is_away(anna: Person, settings) -> None:
    stores.pool().close_all()
    settings.IMAP_URL = "imap://localhost:1"
    answer = anna.client.get("/mail/@/folders/", headers=HTMX | {"HX-Target": "div#folders"})
    assert (answer.status_code, answer["HX-Reswap"], answer.content) == (503, "none", b"")


def test_what_a_message_offers_lies_below_its_own_address() -> None:
    """The templates write these addresses themselves, from the message's."""
    base = reverse("mail:message", args=("a/b", 7))
    ends = ["reply", "reply-all", "forward", "forward-attached", "edit", "redirect", "headers", "source"]
    for end in ends:
        assert reverse(f"mail:{end.replace('-', '_')}", args=("a/b", 7)) == f"{base}{end}/"
    assert reverse("mail:as_new", args=("a/b", 7)) == f"{base}edit-as-new/"
    assert reverse("mail:eml", args=("a/b", 7)) == f"{base}message.eml"
