"""The demo's servers speak their protocols: sign-in, delivery, refusals, bounces, several connections at once."""

import base64
import imaplib  # noqa: TID251 - the oracle: a bare session beside the portal's
import quopri
import smtplib  # noqa: TID251
from email import message_from_bytes

import pytest

from demo.accounts import address_of
from tests.demo.conftest import DemoMail
from tests.support.mailserver import check, quote

pytestmark = pytest.mark.needs_app("mail")  # once is enough in the settings matrix


@pytest.mark.parametrize("login", ["alice", "Alice", "bob"])
def test_the_accounts_sign_in(demo: DemoMail, login: str) -> None:
    with demo.session(login) as client:
        assert check(client.select("INBOX")) != [b"0"]


@pytest.mark.parametrize(
    ("login", "password"), [("alice", "wrong"), ("mallory", "demo"), ("alice@ims.example", "demo")]
)
def test_nobody_else_does(demo: DemoMail, login: str, password: str) -> None:
    client = imaplib.IMAP4(demo.host, demo.imap_port, timeout=30)
    with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        client.login(login, password)
    client.shutdown()


def test_a_message_arrives_in_every_mailbox_it_is_sent_to(demo: DemoMail) -> None:
    assert demo.send("alice", [address_of("bob"), address_of("charlie")], "Soup at noon") == {}
    for login in ("bob", "charlie"):
        arrived = demo.messages(login)[-1]
        assert b"Subject: Soup at noon" in arrived
        assert b"Return-Path: <alice@ims.example>" in arrived


def test_what_leaves_for_the_world_comes_back_as_a_bounce(demo: DemoMail) -> None:
    assert demo.send("bob", ["someone@far-away.example"], "Anybody there?") == {}
    notice = message_from_bytes(demo.messages("bob")[-1])
    assert notice.get_content_type() == "multipart/report"
    words, report, excerpt = notice.get_payload()
    assert "someone@far-away.example" in words.get_payload()
    assert report.get_payload(1)["Status"] == "5.4.4"
    assert "Anybody there?" in excerpt.get_payload()


def test_an_unknown_colleague_is_refused_at_once_and_the_others_get_it(demo: DemoMail) -> None:
    refused = demo.send("alice", ["nobody@ims.example", address_of("charlie")], "To two")
    assert list(refused) == ["nobody@ims.example"]
    assert refused["nobody@ims.example"][0] == 550
    assert b"Subject: To two" in demo.messages("charlie")[-1]


def test_sending_needs_a_sign_in_and_the_own_address(demo: DemoMail) -> None:
    with smtplib.SMTP(demo.host, demo.smtp_port, timeout=30) as client:
        with pytest.raises(smtplib.SMTPSenderRefused, match="530"):
            client.sendmail("alice@ims.example", ["bob@ims.example"], b"Subject: x\r\n\r\n")
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("alice", "wrong")
        client.login("alice", demo.password)
        with pytest.raises(smtplib.SMTPSenderRefused, match="not owned"):
            client.sendmail("bob@ims.example", ["alice@ims.example"], b"Subject: x\r\n\r\n")


def test_an_open_connection_hears_of_new_mail(demo: DemoMail) -> None:
    with demo.session("charlie") as client:
        before = int(check(client.select("INBOX"))[0])
        demo.send("alice", [address_of("charlie")], "While you look")
        client.noop()
        assert client.untagged_responses["EXISTS"][-1] == b"%d" % (before + 1)


def test_copies_keep_every_octet(demo: DemoMail) -> None:
    """The reason for a store of our own: pymap's maildir copies the headers of a message and leaves its body behind."""
    original = (
        b"Subject: =?utf-8?Q?odd?=\r\nX-Odd:  two  spaces\r\n\r\n\xff\xfe raw octets\r\n.\r\nno newline at the end"
    )
    [uid] = demo.append("bob", original, mailbox="Drafts")
    with demo.session("bob") as client:
        check(client.select("Drafts"))
        check(client.uid("COPY", str(uid), "Archive"))
    assert demo.messages("bob", "Archive")[-1] == original == demo.messages("bob", "Drafts")[-1]


def test_folders_are_renamed_with_their_children(demo: DemoMail) -> None:
    with demo.session("charlie") as client:
        for name in ("Plan", "Plan/Gr&APYA3w-e", "Planet"):
            check(client.create(quote(name)))
        check(client.rename("Plan", "Done"))
        names = b" ".join(check(client.list()))
        assert b"Done/Gr&APYA3w-e" in names and b"Planet" in names and b" Plan/" not in names
        assert client.delete("Done")[0] == "NO"  # it has children


@pytest.mark.parametrize("encoding", ["8bit", "quoted-printable", "base64"])
@pytest.mark.parametrize("word", ["Schlüsselwort", "SCHLÜSSELWORT", "Ende", "Отчёт"])
def test_words_are_found_however_they_travel(demo: DemoMail, encoding: str, word: str) -> None:
    octets = "Ein Schlüsselwort, отчёт und Ende.\r\n".encode()
    wrapped = {"8bit": bytes, "quoted-printable": quopri.encodestring, "base64": base64.encodebytes}[encoding](octets)
    head = f"Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    (uid,) = demo.append("bob", head.encode() + wrapped, mailbox="Drafts")
    with demo.session("bob") as client:
        check(client.select("Drafts"))
        client.literal = word.encode()
        assert str(uid).encode() in check(client.uid("SEARCH", "CHARSET", "UTF-8", "BODY"))[0].split()


def test_a_page_of_rows_has_an_envelope_each(demo: DemoMail) -> None:
    with demo.session("alice") as client:
        check(client.select("INBOX"))
        rows = check(client.fetch("1:50", "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)"))
        assert sum(b"ENVELOPE" in (row[0] if isinstance(row, tuple) else row) for row in rows) == 50
