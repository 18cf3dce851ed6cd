"""Read receipts: asked for, answered by the reader alone, once, and told in words where one comes back."""

from __future__ import annotations

import re
from html import unescape

import pytest

from apps.mail.mime import headers
from apps.mail.models import OutboxMessage, Recipient
from apps.mail.prefs import RECEIPTS
from apps.mail.services.outbox_page import entries
from portal.prefs import for_user
from tests.mail.conftest import HTMX, Person, letter
from tests.mail.desk import Writer
from tests.mail.test_message import opened
from tests.mail.test_outbox import nothing_is_left, page, row_of, user_of
from tests.mail.test_sending import _smtp, smtp_at
from tests.support.mailserver import DovecotServer
from tests.support.receiver import PostOffice, RealPost, arrived, read
from tests.support.scripted import scripted

pytestmark = pytest.mark.django_db
RICH = pytest.mark.parametrize("server", ["dovecot"], indirect=True)


def asking(post: PostOffice, *, path: str = "", **more: str) -> tuple[str, bytes]:
    """Somebody who gets receipts, and a message of theirs."""
    login = post.new_login()
    email = f"{login}@example.test"
    return_path = f"Return-Path: <{path or email}>\n".encode()
    sender = f"Carla <{email}>"
    return login, return_path + letter(sender=sender, Disposition_Notification_To=f"Carla <{email}>", **more)


def answer(person: Person, uid: int, do: str, **more: object):
    return person.client.post(person.url("receipt", "INBOX", uid, v=person.uidvalidity()), {"do": do}, **more)


def marked(person: Person, uid: int) -> bool:
    """The poor server keeps no keywords."""
    return "$MDNSent" in person.flags(uid) or not isinstance(person.server, DovecotServer)


def said(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", "", html)).split())


def test_nothing_goes_out_by_itself_and_a_receipt_once(writer: Writer, post: PostOffice) -> None:
    carla, message = asking(post, to="x@y.test")
    person = writer.person
    (uid,) = person.receive(message)
    html = said(opened(person, uid))
    assert f"Carla <{carla}@example.test> asks to be told that you have opened this message." in html
    assert "Be careful: the message itself" not in html
    assert not OutboxMessage.objects.exists()
    assert "The receipt was sent." in answer(person, uid, "send", follow=True).content.decode()
    (raw,) = arrived(post, carla)
    found = read(raw)
    assert found.get_content_type() == "multipart/report"
    assert found.get_param("report-type") == "disposition-notification"
    assert (found["From"], found["To"]) == (writer.address, f"Carla <{carla}@example.test>")
    assert found["Subject"] == "Read: The poles are cut"
    original = headers.parse(message.replace(b"\n", b"\r\n")).text("Message-ID")
    assert found["In-Reply-To"] == original
    text, report = found.get_payload()
    assert "This does not say that it was read or understood." in text.get_content()
    told = b"\n".join(part.as_bytes() for part in report.get_payload()).decode()
    assert f"Final-Recipient: rfc822;{writer.address}" in told
    assert f"Original-Message-ID: {original}" in told
    assert "Disposition: manual-action/MDN-sent-manually; displayed" in told
    assert b"Return-Path: <>" in raw if isinstance(post, RealPost) else post.envelopes[0].mail_from in ("", "<>")
    assert marked(person, uid)
    assert "asks to be told" not in opened(person, uid)
    assert "This was answered already." in answer(person, uid, "send", follow=True).content.decode()
    assert len(arrived(post, carla)) == 1 and nothing_is_left(writer)
    assert len(writer.stored("Sent")) == 1
    assert not Recipient.objects.exists()  # nobody has been written to


@pytest.mark.parametrize("server", ["dovecot", "pymap_server"], indirect=True)
def test_who_sends_none_is_not_asked_again(writer: Writer, post: PostOffice) -> None:
    carla, message = asking(post)
    (uid,) = writer.person.receive(message)
    fragment = answer(writer.person, uid, "refuse", headers=HTMX).content.decode()
    assert "No receipt is sent" in fragment and "<html" not in fragment
    assert marked(writer.person, uid)
    assert "asks to be told" not in opened(writer.person, uid)
    answer(writer.person, uid, "send")
    assert post.received(carla) == [] and nothing_is_left(writer)


@RICH
def test_a_receipt_that_would_go_elsewhere_is_named(writer: Writer, post: PostOffice) -> None:
    _carla, message = asking(post, path="bounces@mailer.test")
    (uid,) = writer.person.receive(message)
    assert "the message itself came from another address, bounces@mailer.test" in said(opened(writer.person, uid))
    _carla, message = asking(post)
    nobody = re.sub(rb"Return-Path: <.*>", b"Return-Path: <>", message)
    (uid,) = writer.person.receive(nobody)
    assert "the message itself came from no address at all" in said(opened(writer.person, uid))


@RICH
def test_whoever_wants_not_to_be_asked_is_not(writer: Writer, post: PostOffice) -> None:
    person = writer.person
    _carla, message = asking(post)
    far = message.replace(b"@example.test", b"@far.test")
    (uid,) = person.receive(message)
    (stranger,) = person.receive(far)
    for choice, shown in (("ask", (True, True)), ("known", (True, False)), ("never", (False, False))):
        for_user(user_of(person)).save({RECEIPTS: choice})
        assert tuple("asks to be told" in opened(person, each) for each in (uid, stranger)) == shown
    for_user(user_of(person)).save({RECEIPTS: "ask"})
    (uid,) = person.receive(
        message.replace(b"Disposition-Notification-To: Carla <", b"Disposition-Notification-To: <@")
    )
    assert answer(person, uid, "send", follow=True).status_code == 200
    assert post.received(_carla) == []


@RICH
def test_while_the_server_is_away_it_is_said_and_can_be_tried_again(writer: Writer, post: PostOffice, settings) -> None:
    carla, message = asking(post)
    (uid,) = writer.person.receive(message)
    url = settings.SMTP_URL
    smtp_at(settings, 1)
    assert "Nothing was sent." in answer(writer.person, uid, "send", follow=True).content.decode()
    assert "$MDNSent" not in writer.person.flags(uid) and nothing_is_left(writer)
    settings.SMTP_URL = url
    answer(writer.person, uid, "send")
    assert len(arrived(post, carla)) == 1


@RICH
def test_one_of_unknown_fate_makes_no_draft(writer: Writer, post: PostOffice, settings) -> None:
    _carla, message = asking(post)
    (uid,) = writer.person.receive(message)
    with scripted(lambda client: _smtp(client, end=b"", seen=[])) as port:
        smtp_at(settings, port)
        assert (
            "Nobody knows whether the receipt was sent"
            in answer(writer.person, uid, "send", follow=True).content.decode()
        )
    assert row_of(writer).state == OutboxMessage.State.UNKNOWN
    (entry,) = entries(user_of(writer.person).pk)
    assert entry.can == {"again", "arrived", "discard"}
    assert 'value="edit"' not in page(writer)


MDN = (
    "From: Bob <bob@example.test>\r\nSubject: Read: x\r\nMIME-Version: 1.0\r\n"
    'Content-Type: multipart/report; report-type=disposition-notification; boundary="b"\r\n\r\n'
    "--b\r\n\r\nI have seen it.\r\n--b\r\nContent-Type: message/disposition-notification\r\n\r\n"
    "Reporting-UA: x\r\nFinal-Recipient: rfc822;bob@example.test\r\nOriginal-Message-ID: {id}\r\n"
    "Disposition: {disposition}\r\n--b--\r\n"
)


@pytest.mark.parametrize("server", ["dovecot", "pymap_server"], indirect=True)
def test_one_that_comes_back_is_told_in_words_and_leads_to_what_was_sent(anna: Person) -> None:
    with anna.server.session(anna.login) as session:
        session.create("Sent")
    (sent,) = anna.receive(letter("What I wrote"), mailbox="Sent")
    message_id = headers.parse(anna.server.messages(anna.login, "Sent")[0]).text("Message-ID")
    (uid,) = anna.receive(MDN.format(id=message_id, disposition="manual-action/MDN-sent-manually; displayed").encode())
    html = opened(anna, uid)
    assert "bob@example.test has opened your message. They have agreed to tell you." in said(html)
    assert "I have seen it." in html
    link = unescape(re.search(r'href="(/mail/@/reported/[^"]+)"', html)[1])
    there = anna.client.get(link, follow=True)
    assert there.redirect_chain[-1][0].startswith(f"/mail/Sent/{sent}/?v=")
    assert "What I wrote" in there.content.decode()
    lost = anna.client.get(anna.url("reported", id="<no@such.test>"), follow=True).content.decode()
    assert "The message is not in Sent any more." in lost
    assert anna.client.get(anna.url("reported", id="x\r\ny")).status_code == 404


@RICH
def test_other_words_for_other_fates(anna: Person) -> None:
    for disposition, words in (
        ("automatic-action/MDN-sent-automatically; displayed", "Their program has said so by itself."),
        ("automatic-action/MDN-sent-automatically; deleted", "has deleted your message"),
        ("manual-action/MDN-sent-manually; denied", "does not want to say"),
        ("manual-action/MDN-sent-manually; processed/error", "handled by a program"),
        ("manual-action/MDN-sent-manually; sold", "reports about your message"),
    ):
        (uid,) = anna.receive(MDN.format(id="<x@y.test>", disposition=disposition).encode())
        assert words in said(opened(anna, uid))
    (uid,) = anna.receive(MDN.format(id="", disposition="nonsense").encode())
    assert "data-report" not in opened(anna, uid)
