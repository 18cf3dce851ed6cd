"""What became of a message, told as what happened to whom, and leading to the message."""

from __future__ import annotations

import re
from html import unescape

import pytest

from tests.mail.conftest import Person, letter
from tests.mail.mime.test_reports import TWO, message
from tests.mail.test_message import opened
from tests.mail.test_receipts import said

pytestmark = [pytest.mark.django_db, pytest.mark.parametrize("server", ["dovecot", "pymap_server"], indirect=True)]


def test_what_happened_to_whom_and_the_message_it_is_about(anna: Person) -> None:
    with anna.server.session(anna.login) as session:
        session.create("Sent")
    (sent,) = anna.receive(letter("What I wrote"), mailbox="Sent")
    (raw,) = anna.server.messages(anna.login, "Sent")
    message_id = re.search(rb"Message-ID: (<.*?>)", raw)[1].decode()
    rest = f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nSubject: What I wrote\r\nMessage-ID: {message_id}\r\n"
    (uid,) = anna.receive(b"From: MAILER-DAEMON@example.test\r\nSubject: Undelivered\r\n" + message(TWO, rest=rest))
    html = opened(anna, uid)
    text = said(html)
    assert "The message could not be delivered to bob@far.test. There is no such mailbox." in text
    assert "What mx.far.test has said" in text and "5.1.1: 550 5.1.1 <bob@far.test>: no such user" in text
    assert "The message has not been delivered to carla@far.test yet. The server goes on trying." in text
    assert "It gives up on" in text and "The receiving server does not answer." in text
    assert "It failed." in text and "Final-Recipient" not in text
    link = unescape(re.search(r'href="(/mail/@/reported/[^"]+)"', html)[1])
    assert anna.client.get(link, follow=True).redirect_chain[-1][0].startswith(f"/mail/Sent/{sent}/?v=")


def test_one_that_nobody_understands_is_shown_as_it_is(anna: Person) -> None:
    (uid,) = anna.receive(message("Reporting-MTA: dns; mx.example.test\r\nX-Odd: yes"))
    html = opened(anna, uid)
    assert "X-Odd: yes" in html and "data-report" not in html
