"""What a message says about itself, in plain words: the panel below its head."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.contrib.auth import get_user_model

from apps.mail.models import remember
from portal.contracts import Address
from tests.mail.conftest import Person, letter
from tests.mail.test_message import opened
from tests.support.vectors import items

pytestmark = [pytest.mark.django_db, pytest.mark.parametrize("server", ["dovecot"], indirect=True)]
OWN = "Authentication-Results: mx.example.test; dmarc={dmarc} header.from=bank.test; dkim=pass header.d=mailer.test\r\n"
LIST = "Received: from a.test by mx.example.test with SMTP; Fri, 27 Nov 2026 10:00:00 +0000\r\n"


def lines(html: str) -> dict[str, str]:
    """The panel's lines as text, by kind; under "" the summary with its grade."""
    panel = re.search(r'<details class="details trust grow" data-grade="(\w*)">(.*?)</details>', html, re.S)
    if panel is None:
        return {}
    found = {kind: plain(text) for kind, text in re.findall(r'<dd data-line="([\w-]+)">(.*?)</dd>', panel[2], re.S)}
    return found | {"": f"{panel[1]}: {plain(panel[2].partition('</summary>')[0])}"}


def plain(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def told(person: Person, message: bytes, **query: object) -> dict[str, str]:
    (uid,) = person.receive(message)
    return lines(opened(person, uid, **query))


def bank(dmarc: str = "pass", *, sender: str = "The bank <info@bank.test>", **more: str) -> bytes:
    return (OWN.format(dmarc=dmarc) + LIST).encode() + letter(sender=sender, **more)


def test_nobody_is_believed_until_the_site_says_whom(anna: Person, settings) -> None:
    found = told(anna, bank())
    assert found[""] == "note: First contact"
    assert "this site names no mail server to be believed" in found["checked"]
    assert "Not believed: what mx.example.test says" in found["checked"]
    assert "MAIL_AUTHSERV_IDS" not in found["checked"]
    get_user_model().objects.filter(login=anna.login).update(is_staff=True)
    assert "Set MAIL_AUTHSERV_IDS; the self-test says how." in told(anna, bank())["checked"]
    settings.MAIL_AUTHSERV_IDS = ("other.example.test",)
    assert "None of this site’s mail servers says" in told(anna, bank())["checked"]


def test_who_it_is_really_from(anna: Person, settings) -> None:
    settings.MAIL_AUTHSERV_IDS = ("mx.example.test",)
    found = told(anna, bank())
    assert found[""] == "ok: Really from bank.test"
    assert "The message says that it is from The bank <info@bank.test>." in found["who"]
    assert "mx.example.test has checked it: the message is really from bank.test." in found["checked"]
    assert "DMARC, the rules of bank.test: passed DKIM, a signature of mailer.test: passed" in found["checked"]
    found = told(anna, bank("fail"))
    assert found[""] == "bad: Not from bank.test, by its own rules"
    assert found["checked"].startswith("Warning:")
    found = told(anna, bank("none"))
    assert "has found no proof that the message is from bank.test" in found["checked"]


def test_first_contact_or_known(anna: Person, settings) -> None:
    settings.MAIL_AUTHSERV_IDS = ("mx.example.test",)
    user = get_user_model().objects.get(login=anna.login)
    assert "You have never written to info@bank.test" in told(anna, bank())["first"]
    remember(user.pk, [Address("info@bank.test", "The bank")])
    found = told(anna, bank())
    assert "first" not in found and "You have written to info@bank.test before." in found["known"]
    found = told(anna, letter(sender="The bank <info@bank-support.example>"))
    assert found[""] == "bad: May not be who it seems to be"
    assert "You know this name with another address: info@bank.test" in found["name"]
    found = told(anna, letter(sender="Somebody <x@y.test>").replace(b"x@y.test", "info@bаnk.test".encode()))
    assert "Letters of another alphabet stand in for Latin ones: а" in found["who"]
    assert "This address looks like one of bank.test, and is not" in found["domain"]
    assert "own organisation" in told(anna, letter(sender="Bob <bob@example.test>"))["known"]


@pytest.mark.parametrize("group", [0, 1])
def test_headers_that_name_somebody_else(anna: Person, group: int) -> None:
    """The class "From display spoofing" of ``vectors/headers.json``: the real address is shown, the trick is named."""
    innocent = {'"" <evil@evil.test>', "group: boss@bank.test;", "boss@bank.test(x)<evil@evil.test>"}
    for item in [item for item in items("headers") if item["class"] == "From display spoofing"][group::2]:
        octets = b"From: " + item["value"].encode() + b"\r\nSubject: x\r\n\r\ntext\r\n"
        (uid,) = anna.receive(octets)
        html = opened(anna, uid)
        found = lines(html)
        warned = found[""].startswith("bad")
        assert warned or item["value"] in innocent, (item, found)
        if "evil@evil.test" in item["value"]:
            assert "evil@evil.test" in found["who"]


def test_answers_links_trackers_and_files(anna: Person) -> None:
    html = (
        '<p><a href="https://evil.test/login">www.bank.test</a>'
        '<img src="https://shop.us1.list-manage.com/track/open.php?u=1"></p>'
    )
    found = told(
        anna,
        letter(
            html=html,
            files=(("invoice.pdf.exe", "application/pdf", b"MZ"), ("plan.docm", "application/pdf", b"PK")),
            Reply_To="pay@other.test",
            Sender="agent@agency.test",
        ),
    )
    assert found[""] == "bad: Links lead elsewhere and 1 more warning"
    assert "Sent for them by agent@agency.test" in found["who"]
    assert "Answers go to another domain than the sender’s. pay@other.test" in found["reply-to"]
    assert "1 link shows one address and leads to another. bank.test → evil.test" in found["links"]
    assert "Mailchimp would learn that you have opened the message" in found["trackers"]
    assert "shop.us1.list-manage.com" in found["trackers"]
    assert "invoice.pdf.exe is a program, and named to look like something else." in found["files"]
    assert "plan.docm can hold small programs" in found["files"]
    post = "<mailto:felt@lists.test>"
    assert (
        "Answers go to the mailing list." in told(anna, letter(Reply_To="felt@lists.test", List_Post=post))["reply-to"]
    )


def test_it_asks_nothing_further_of_the_mail_server(anna: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """One message opens with as many commands as without the panel."""
    from apps.mail.mailbox.imap.connection import Connection
    from apps.mail.services import security

    (uid,) = anna.receive(bank())
    opened(anna, uid)
    counted: list[int] = []
    send = Connection.attempt

    def counting(self, *commands, **more):
        counted.append(len(commands))
        return send(self, *commands, **more)

    monkeypatch.setattr(Connection, "attempt", counting)
    opened(anna, uid)
    with_panel = sum(counted)
    counted.clear()
    monkeypatch.setattr(security, "panel", lambda *_args, **_more: None)
    opened(anna, uid)
    assert sum(counted) == with_panel > 0


def test_not_on_what_one_has_written_oneself(anna: Person) -> None:
    (uid,) = anna.receive(letter())
    assert lines(opened(anna, uid))
    with anna.server.session(anna.login) as session:
        session.create("Sent")
    (uid,) = anna.receive(letter(), mailbox="Sent")
    assert lines(opened(anna, uid, mailbox="Sent")) == {}
