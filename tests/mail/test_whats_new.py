"""What is new in a message of a conversation; the conversation on paper; HTML as text and in the dark."""

from __future__ import annotations

import re

from django.contrib.auth import get_user_model
from selectolax.lexbor import LexborHTMLParser

from apps.mail.prefs import DARK
from portal.core_prefs import THEME
from portal.prefs import for_user
from tests.mail.conftest import HTMX, Person, days_ago
from tests.mail.test_conversations import ONE, TWO, told
from tests.mail.test_pictures import picture_letter

ASKED = "The tent costs 400.\r\nShall we buy it?\r\nIt is <green>."
ANSWERED = (
    "On Monday Bob wrote:\r\n> The tent costs 300.\r\n> Shall we buy it?\r\n\r\nYes & soon.\r\n\r\n> It is <green>.\r\n"
)


def conversation(person: Person) -> tuple[int, int]:
    first = person.receive(told(ONE, "Tent", text=ASKED), date=days_ago(2), flags="\\Seen")[0]
    return first, person.receive(told(TWO, "Re: Tent", ONE, sender="Zoe <z@x.test>", text=ANSWERED), date=days_ago(1))[
        0
    ]


def whats_new(person: Person, uid: int, **headers: str) -> LexborHTMLParser:
    answer = person.client.get(person.url("whats_new", "INBOX", uid, v=person.uidvalidity()), headers=headers)
    assert answer.status_code == 200, answer.content.decode()[:500]
    return LexborHTMLParser(answer.content.decode())


def prefer(person: Person, **values: str) -> None:
    user = get_user_model().objects.get(pk=person.client.session["_auth_user_id"])
    for_user(user).save({{"dark": DARK, "theme": THEME}[name]: value for name, value in values.items()})


def test_what_an_answer_quotes_is_compared_with_the_original(anna: Person) -> None:
    first, second = conversation(anna)
    tree = whats_new(anna, second, **HTMX)
    assert tree.css_first("#main") is None, "a fragment"
    note = tree.css_first(".note")
    assert f"/{first}/" in (note.css_first("a").attributes["href"] or "")
    assert "1 line is quoted otherwise than it was written." in note.text()
    altered = tree.css_first(".altered")
    assert (altered.css_first("del").text(), altered.css_first("ins").text()) == ("was: 400.", "now: 300.")
    assert tree.css_first(".inline").text().strip() == "Yes & soon."
    assert [each.text().strip() for each in tree.css("summary")] == ["1 line quoted", "1 line quoted"]
    assert "<green>" in tree.css("details")[1].text()
    page = whats_new(anna, second)
    assert page.css_first("#main .whats-new") is not None, "a page of its own without scripts"
    shown = anna.client.get(anna.url("message", "INBOX", second, v=anna.uidvalidity())).content.decode()
    assert anna.url("whats_new", "INBOX", second, v=anna.uidvalidity()) in shown


def test_without_the_original_nothing_is_claimed(anna: Person) -> None:
    uid = anna.receive(told(TWO, "Re: Tent", ONE, text=ANSWERED))[0]
    tree = whats_new(anna, uid)
    assert "cannot be compared" in tree.css_first(".note").text()
    assert tree.css_first(".altered") is None


def test_a_conversation_is_printed_with_and_without_quotes(anna: Person) -> None:
    anna.client.get(anna.url("mailbox", "INBOX"))
    first, _second = conversation(anna)
    long = "Indeed.\r\n\r\n" + "\r\n".join(f"> line {number}" for number in range(6))
    anna.receive(told("<own@x.test>", "Re: Tent", ONE, TWO, text=long), mailbox="Sent", flags="\\Seen")
    anna.receive(told("<d@x.test>", "Re: Tent", ONE, text="not yet"), mailbox="Drafts", flags="\\Seen \\Draft")
    url = anna.url("print_conversation", "INBOX", first, v=anna.uidvalidity())
    answer = anna.client.get(url)
    tree = LexborHTMLParser(answer.content.decode())
    texts = [each.css_first(".text").text() for each in tree.css("article")]
    assert [text.split()[0] for text in texts] == ["The", "On", "Indeed."]
    assert "3 messages" in tree.css_first(".count").text()
    assert tree.css_first("details[open]") is None
    assert "script-src" not in answer["Content-Security-Policy"]
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    with_quotes = tree.css_first(".choice a").attributes["href"] or ""
    tree = LexborHTMLParser(anna.client.get(with_quotes).content.decode())
    assert tree.css_first("details[open]") is not None
    link = anna.client.get(anna.url("conversation", "INBOX", first, v=anna.uidvalidity()), follow=True).content.decode()
    assert url in link


def test_pictures_of_each_message_are_printed(anna: Person) -> None:
    """The policy lets in those of the messages that have some, and of no other."""
    in_the_text = picture_letter().replace(b'attachment; filename="camp.png"', b'inline; filename="camp.png"')
    uid = anna.receive(in_the_text)[0]
    answer = anna.client.get(anna.url("print_conversation", "INBOX", uid, v=anna.uidvalidity()))
    assert re.search(rf"img-src \S*/INBOX/{uid}/part/ data:", answer["Content-Security-Policy"])
    assert f'<img src="/mail/INBOX/{uid}/part/' in answer.content.decode(), "its address is escaped (RFC 2392)"


def test_any_html_is_shown_as_text(anna: Person) -> None:
    html = "<p>Hello <b>there</b></p><img src='https://t.example/x.gif'><blockquote>What<br>you<br>said<br>then</blockquote>"
    head = b"From: a@x.test\r\nSubject: Only\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n"
    uid = anna.receive(head + html.encode())[0]
    page = anna.client.get(anna.url("message", "INBOX", uid, v=anna.uidvalidity())).content.decode()
    assert "Show as plain text" in page
    assert "data-message-frame" in page
    query = {"v": anna.uidvalidity(), "form": "plain"}
    tree = LexborHTMLParser(anna.client.get(anna.url("message", "INBOX", uid, **query)).content.decode())
    assert tree.css_first("[data-message-frame]") is None
    assert "Hello there" in tree.css_first(".prose.text").text()
    assert "you" in tree.css_first(".prose.text details blockquote").text()
    assert "Show as formatted text" in tree.body.text()
    printed = anna.client.get(anna.url("print", "INBOX", uid, **query)).content.decode()
    assert 'class="text"' in printed
    assert "<b>" not in printed


def test_formatted_text_in_the_dark(anna: Person) -> None:
    head = b"From: a@x.test\r\nSubject: Dark\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n"
    bare, painted = anna.receive(head + b"<p>words</p>", head + b"<p style='color: #300'>words</p>")

    def body(uid: int) -> LexborHTMLParser:
        return LexborHTMLParser(
            anna.client.get(anna.url("body", "INBOX", uid, "1", v=anna.uidvalidity())).content.decode()
        )

    assert body(bare).body.attributes.get("class") is None
    prefer(anna, dark="adapt")
    assert body(bare).body.attributes["class"] == "adapt-system"
    prefer(anna, theme="dark")
    assert body(bare).body.attributes["class"] == "adapt"
    assert body(bare).css_first(".sheet") is None
    assert body(painted).body.attributes["class"] == "adapt own"
    assert body(painted).css_first(".sheet p") is not None
    page = anna.client.get(anna.url("message", "INBOX", painted, v=anna.uidvalidity())).content.decode()
    assert 'class="paper adapt"' in page
    prefer(anna, theme="light")
    assert body(painted).body.attributes.get("class") is None
