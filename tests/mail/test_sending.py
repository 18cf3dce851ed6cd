"""Sending: it goes out once, its copies follow, and what cannot be sent stays as it was written."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.test import Client

from apps.mail.models import OutboxMessage, Recipient
from apps.mail.services import servers, stores
from scripts.servers import exim
from tests.mail.conftest import Person, letter, send_at_once
from tests.mail.desk import Desk, Writer
from tests.support import forms
from tests.support.mailserver import DovecotServer
from tests.support.receiver import PostOffice, RealPost, SmallPost, arrived, read, text_of
from tests.support.scripted import scripted
from tests.support.servers import SubmissionServer, running_dovecot

WRITTEN = {"subject": "Felt camp", "text": "Bring poles.\n"}


def to(login: str, name: str = "") -> str:
    return f"{name} <{login}@example.test>" if name else f"{login}@example.test"


def test_a_message_arrives_and_a_copy_stays(writer: Writer, post: PostOffice) -> None:
    bob, carla, dora = (post.new_login() for _ in range(3))
    people = {"to": to(bob, "Bob Brown"), "cc": to(carla), "bcc": to(dora)}
    sent = writer.new().press(subject="Зимний лагерь 🏕", text="Grüße!\n", **people)
    assert sent.said == ["Message sent."]
    for login in (bob, carla, dora):
        (raw,) = arrived(post, login)
        message = read(raw)
        assert message["Subject"] == "Зимний лагерь 🏕"
        assert message["From"].addresses[0].addr_spec == writer.address
        assert message["To"] == f"Bob Brown <{bob}@example.test>"
        assert message["Cc"] == f"{carla}@example.test"
        assert text_of(message) == "Grüße!\n"
        assert b"bcc" not in raw.lower()
    (copy,) = writer.stored("Sent")
    assert read(copy)["Bcc"] == f"{dora}@example.test"
    assert read(copy)["Message-ID"] == message["Message-ID"]
    assert [writer.person.flags(uid, "Sent") for uid in writer.uids("Sent")] == [{"\\Seen"}]


@pytest.mark.parametrize("server", ["pymap_server"], indirect=True)  # its receiver shows the octets as they came
def test_bcc_is_in_no_octet_that_leaves(writer: Writer, post: SmallPost) -> None:
    writer.new().press(**WRITTEN, to=to("bob"), bcc=to("dora", "Dora Secret"))
    (envelope,) = post.envelopes
    assert envelope.rcpt_tos == ["bob@example.test", "dora@example.test"]
    assert isinstance(envelope.content, bytes)
    assert b"dora" not in envelope.content.lower()
    assert b"bcc" not in envelope.content.lower()


@pytest.mark.parametrize(
    ("address", "code"),
    [(exim.REFUSED, "5.1.1"), (exim.OVER_QUOTA, "5.2.2"), (exim.DELAYED, "4.2.2"), (exim.FOREIGN, "5.7.1")],
)
def test_a_refused_address_is_named_beside_its_field(writer: Writer, post: PostOffice, address: str, code: str) -> None:
    bob = post.new_login()
    page = writer.new().press(
        **WRITTEN, to=to(bob), cc=f"Nobody <{address}>", files=[("a.txt", "text/plain", b"octets")]
    )
    assert page.status == 422
    (said,) = page.errors["cc"]
    assert said.startswith(f"{address}: The server does not accept this address")
    assert code in said
    assert ("try again later" in said) == code.startswith("4")
    assert page.errors[""] == ["Nothing was sent, because the server refused an address."]
    assert [page.value(name) for name in ("to", "cc", "subject", "text")] == [
        to(bob),
        f"Nobody <{address}>",
        *WRITTEN.values(),
    ]
    assert page.files == ["a.txt"]
    assert page.press(cc="").said == ["Message sent."]
    (raw,) = arrived(post, bob)
    assert [part.get_filename() for part in read(raw).iter_attachments()] == ["a.txt"]


def test_every_refused_address_is_named(writer: Writer) -> None:
    page = writer.new().press(**WRITTEN, to=f"{exim.REFUSED}, {exim.DELAYED}", bcc=exim.FOREIGN)
    assert [text.partition(":")[0] for text in page.errors["to"]] == [exim.REFUSED, exim.DELAYED]
    assert [text.partition(":")[0] for text in page.errors["bcc"]] == [exim.FOREIGN]
    assert writer.stored("Sent") == []


def test_nobody_to_send_to(writer: Writer) -> None:
    page = writer.new().press(**WRITTEN)
    assert page.errors == {"to": ["Say who the message is for."]}
    assert page.value("text") == WRITTEN["text"]


def test_the_same_form_sends_once(writer: Writer, post: PostOffice) -> None:
    bob, carla = post.new_login(), post.new_login()
    page = writer.new()
    before = dict(page.fields)
    files = [("plan.pdf", "application/pdf", b"%PDF")]
    assert page.press(**WRITTEN, to=to(bob), files=files).said == ["Message sent."]
    assert Desk(writer.person, fields=before).press(**WRITTEN, to=to(bob)).said == ["Sent already."]
    writer.new().press(**WRITTEN, to=f"{to(bob)}, {to(carla)}")
    assert len(arrived(post, bob, 2)) == 2  # and no third, or it would have come before carla's
    arrived(post, carla)
    assert len(post.received(bob)) == 2
    assert len(writer.stored("Sent")) == 2


def test_going_back_to_a_sent_page_with_files_or_a_draft(writer: Writer, post: PostOffice) -> None:
    """What the form names is gone by then: the upload, the draft."""
    bob = post.new_login()
    page = writer.new().press("save", **WRITTEN, to=to(bob), files=[("a.txt", "text/plain", b"x")])
    page = page.press("attach", files=[("b.txt", "text/plain", b"y")])
    assert page.files == ["a.txt", "b.txt"]
    before = dict(page.fields)
    assert page.press().said == ["Message sent."]
    assert Desk(writer.person, fields=before).press().said == ["Sent already."]
    assert len(arrived(post, bob)) == 1


def test_what_was_changed_after_sending_is_not_swallowed(writer: Writer, post: PostOffice) -> None:
    """The page is gone back to, and another message written on it."""
    bob, carla = post.new_login(), post.new_login()
    page = writer.new()
    back = Desk(writer.person, fields=dict(page.fields))
    assert page.press(**WRITTEN, to=to(bob)).said == ["Message sent."]
    asked = back.press(**WRITTEN | {"text": "Something else."}, to=to(carla))
    assert asked.errors[""][0].startswith("This was sent already, and has been changed since.")
    assert asked.value("text") == "Something else."
    assert asked.press().said == ["Message sent."]
    assert b"Something else." in arrived(post, carla)[0]
    assert len(writer.stored("Sent")) == 2
    page = writer.new()
    back = Desk(writer.person, fields=dict(page.fields))
    assert page.press(**WRITTEN, to=to(bob)).said == ["Message sent."]
    forgotten = back.press(**WRITTEN, to=to(bob), files=[("plan.pdf", "application/pdf", b"%PDF")])
    assert forgotten.errors[""][0].startswith("This was sent already, and has been changed since.")
    assert forgotten.files == ["plan.pdf"]


def test_the_original_is_marked(writer: Writer, post: PostOffice) -> None:
    first, second = writer.person.receive(letter(sender=to("charlie")), letter("Two"))
    assert writer.on("reply", first).press(to=to(post.new_login())).said == ["Message sent."]
    assert writer.on("forward", second).press(to=to(post.new_login())).said == ["Message sent."]
    assert "\\Answered" in writer.person.flags(first)
    if isinstance(writer.person.server, DovecotServer):  # the poor server keeps no keywords
        assert "$Forwarded" in writer.person.flags(second)
    assert "\\Answered" not in writer.person.flags(second)


def test_the_draft_goes_when_its_message_is_sent(writer: Writer, post: PostOffice) -> None:
    page = writer.new().press("save", **WRITTEN, to=to(post.new_login()))
    assert len(writer.stored("Drafts")) == 1
    assert page.press().said == ["Message sent."]
    assert writer.stored("Drafts") == []


def test_whom_one_wrote_to_is_remembered_and_completed(writer: Writer, post: PostOffice) -> None:
    bob, carla = post.new_login(), post.new_login()
    writer.new().press(**WRITTEN, to=to(bob, "Bob Brown"))
    writer.new().press(**WRITTEN, to=to(bob), bcc=to(carla, "Carla van Dam"))
    assert list(Recipient.objects.order_by("-uses").values_list("email", "name", "uses")) == [
        (f"{bob}@example.test", "Bob Brown", 2),
        (f"{carla}@example.test", "Carla van Dam", 1),
    ]
    for typed, found in (("bro", bob), ("dam", carla), (carla, carla), ("rown", None)):
        answer = writer.person.client.get("/complete/", {"q": typed}, headers={"Accept": "application/json"}).json()
        assert [contact["email"] for contact in answer["contacts"]] == ([f"{found}@example.test"] if found else [])


def test_nobody_is_remembered_of_what_was_not_sent(writer: Writer) -> None:
    writer.new().press(**WRITTEN, to=exim.REFUSED)
    assert not Recipient.objects.exists()


# --- servers that fail ------------------------------------------------------------------------------------------------


def smtp_at(settings, port: int) -> None:
    settings.SMTP_URL = f"smtp://127.0.0.1:{port}"


def test_no_server_for_sending(writer: Writer, settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    smtp_at(settings, port)
    page = writer.new().press(**WRITTEN, to=to("bob"), files=[("a.txt", "text/plain", b"x")])
    assert page.status == 422
    assert page.errors == {"": ["Nothing was sent. The server for sending is busy or away. Try again in a moment."]}
    assert (page.value("text"), page.value("to"), page.files) == (WRITTEN["text"], to("bob"), ["a.txt"])


def _smtp(client: socket.socket, *, end: bytes, seen: list[bytes]) -> None:
    """A server that takes everything; ``end`` is what it says to a whole message before it hangs up."""
    client.sendall(b"220 hi\r\n")
    answers = {b"EHLO": b"250-x\r\n250 AUTH PLAIN\r\n", b"AUTH": b"235 in\r\n", b"DATA": b"354 go\r\n"}
    with client.makefile("rb") as lines:
        message: list[bytes] | None = None
        for line in lines:
            if message is not None:
                message.append(line)
                if line == b".\r\n":
                    seen.append(b"".join(message[:-1]))
                    client.sendall(end)
                    return
                continue
            client.sendall(next((answers[key] for key in answers if line.startswith(key)), b"250 ok\r\n"))
            message = [] if line == b"DATA\r\n" else None


def test_nobody_knows_whether_it_was_sent(writer: Writer, settings) -> None:
    seen: list[bytes] = []
    with scripted(lambda client: _smtp(client, end=b"", seen=seen)) as port:
        smtp_at(settings, port)
        page = writer.new().press(**WRITTEN, to=to("bob"))
    assert page.errors[""][0].startswith("Nobody knows whether this was sent")
    assert page.value("text") == WRITTEN["text"]
    with scripted(lambda client: _smtp(client, end=b"250 ok\r\n", seen=seen)) as port:
        smtp_at(settings, port)
        # a form from before one was told is not sent again without a word
        unaware = Desk(writer.person, fields=page.fields).press(again="")
        assert unaware.errors[""][0].startswith("Nobody knows")
        assert len(seen) == 1
        assert page.press().said == ["Message sent."]
    assert len(seen) == 2
    assert read(seen[0])["Message-ID"] == read(seen[1])["Message-ID"]


def test_a_second_press_while_the_first_is_under_way(writer: Writer, settings) -> None:
    page = writer.new()
    second = Desk(writer.person, fields=page.fields)
    seen: list[bytes] = []

    def script(client: socket.socket) -> None:
        _smtp(client, end=b"250 ok\r\n", seen=seen)

    fields = dict(page.fields)
    with scripted(script) as port:
        smtp_at(settings, port)
        send_at_once(writer.person, seconds=10)
        page.press(**WRITTEN, to=to("bob"))
        OutboxMessage.objects.update(state="sending")
        assert second.press(**WRITTEN, to=to("bob")).said == ["This message is being sent already."]
        assert seen == []
        OutboxMessage.objects.all().delete()
        send_at_once(writer.person)
        assert Desk(writer.person, fields=fields).press(**WRITTEN, to=to("bob")).said == ["Message sent."]
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({b"MAIL": b"552 5.3.4 no more than 10 MB\r\n"}, "larger than the server for sending accepts"),
        ({b"MAIL": b"553 5.7.1 not yours\r\n"}, "does not let you write from this address"),
        ({b"DATA": b"554 5.7.1 <b>spam</b>\r\n"}, "The server refused the message"),
        ({b"DATA": b"451 4.3.0 later\r\n"}, "accepts no mail just now"),
        ({b"EHLO": b"421 bye\r\n"}, "is busy or away"),
    ],
)
def test_what_the_server_says_is_told(writer: Writer, settings, answers: dict[bytes, bytes], words: str) -> None:
    fine = {b"EHLO": b"250-x\r\n250 AUTH PLAIN\r\n", b"AUTH": b"235 in\r\n", b"DATA": b"354 go\r\n"}

    def script(client: socket.socket) -> None:
        client.sendall(b"220 hi\r\n")
        with client.makefile("rb") as lines:
            for line in lines:
                given = {**fine, **answers}
                client.sendall(next((given[key] for key in given if line.startswith(key)), b"250 ok\r\n"))

    with scripted(script) as port:
        smtp_at(settings, port)
        page = writer.new().press(**WRITTEN, to=to("bob"))
    (said,) = page.errors[""]
    assert said.startswith("Nothing was sent.")
    assert words in said
    (server_said,) = answers.values()
    assert server_said[4:].decode().strip() in said
    assert "<b>spam" not in page.html
    assert page.value("text") == WRITTEN["text"]


def test_the_password_is_asked_for_once(writer: Writer, settings) -> None:
    """The server for sending refuses it: it may have been changed. Refused again, it is that server's own matter."""

    def script(client: socket.socket) -> None:
        client.sendall(b"220 hi\r\n")
        answers = {b"EHLO": b"250-x\r\n250 AUTH PLAIN\r\n", b"AUTH": b"535 5.7.8 wrong\r\n"}
        with client.makefile("rb") as lines:
            for line in lines:
                client.sendall(next((answers[key] for key in answers if line.startswith(key)), b"250 ok\r\n"))

    with scripted(script) as port:
        smtp_at(settings, port)
        page = writer.new().press(**WRITTEN, to=to("bob"), files=[("a.txt", "text/plain", b"octets")])
        assert page.status == 401
        assert "Sign in again" in page.html
        for kept in (WRITTEN["text"], "Felt camp", to("bob")):
            assert kept in page.html
        assert "could not be kept" not in page.html
        data = forms.fields(page.html, "") | {"portal_password": writer.person.server.password}
        again = Desk(writer.person)._stand(writer.person.client.post("/mail/@/compose/", data))
    assert again.status == 422
    assert "does not accept your name and password" in again.errors[""][0]
    assert (again.value("text"), again.files) == (WRITTEN["text"], ["a.txt"])


@pytest.fixture
def settled(submission: SubmissionServer, settings, db: None, tmp_path: Path) -> Iterator[Callable[..., Writer]]:
    """Somebody with an account of this Dovecot, who sends through the shared submission server."""
    stores.pool()
    settings.DATA_DIR = tmp_path
    settings.MAIL_DOMAIN = "example.test"
    post = RealPost(submission)
    settings.SMTP_URL, settings.SMTP_TLS_CA_FILE = post.url, post.ca_file

    def settle(server: DovecotServer, login: str) -> Writer:
        settings.IMAP_URL = server.url
        client = Client()
        client.post("/sign-in/", {"username": login, "password": server.password})
        person = Person(server, login, client)
        send_at_once(person)
        return Writer(person, post)

    yield settle
    stores.pool().close_all()


@pytest.fixture
def breakable(settled: Callable[..., Writer]) -> Iterator[tuple[Writer, DovecotServer]]:
    """With an IMAP server of their own, which the test may stop."""
    with running_dovecot() as server:
        yield settled(server, "alice"), server


def test_the_mailbox_goes_away_before_sending(breakable: tuple[Writer, DovecotServer]) -> None:
    writer, server = breakable
    (uid,) = writer.person.receive(letter(files=(("plan.pdf", "application/pdf", b"%PDF"),)))
    page = writer.on("forward", uid)
    server.stop()
    bob = writer.post.new_login()
    page = page.press(**WRITTEN, to=to(bob), files=[("a.txt", "text/plain", b"x")])
    assert page.status == 503
    assert page.errors[""][0].startswith("The mail server isn’t answering")
    assert (page.value("text"), page.value("to")) == (WRITTEN["text"], to(bob))
    assert page.files == ["File on the mail server", "a.txt"]
    server.start()
    assert page.press().said == ["Message sent."]
    (raw,) = arrived(writer.post, bob)
    assert [part.get_filename() for part in read(raw).iter_attachments()] == ["plan.pdf", "a.txt"]


def test_the_mailbox_goes_away_after_sending(breakable: tuple[Writer, DovecotServer], settings) -> None:
    """The message is out: that is said, and nothing sends it again."""
    writer, server = breakable
    page = writer.new().press("save", **WRITTEN, to=to("bob"))
    seen: list[bytes] = []

    def script(client: socket.socket) -> None:
        server.kill()
        _smtp(client, end=b"250 ok\r\n", seen=seen)

    with scripted(script) as port:
        smtp_at(settings, port)
        settings.SMTP_TLS_CA_FILE = ""
        answer = writer.person.client.post("/mail/@/compose/", {**page.fields, "action": "send"})
    assert answer.status_code == 302
    assert len(seen) == 1
    server.start()
    later = Desk(writer.person).open("/mail/")
    assert later.said == ["The message was sent, but no copy of it could be stored in Sent."]
    assert len(writer.stored("Drafts")) == 1  # all there is of it
    assert Desk(writer.person, fields=page.fields).press().said == ["Sent already."]


def test_a_full_mailbox_still_sends(submission: SubmissionServer, settled: Callable[..., Writer]) -> None:
    """ "tiny" has a quota that takes no copy."""
    writer = settled(submission.dovecot, "tiny")
    bob = writer.post.new_login()
    sent = writer.new().press(**WRITTEN, to=to(bob), files=[("big.bin", "application/octet-stream", b"\1" * 300_000)])
    assert sent.said == ["The message was sent, but no copy of it could be stored in Sent."]
    assert len(arrived(writer.post, bob)) == 1


def test_a_server_that_hangs_holds_a_quarter_of_the_threads_and_nobody_waits_for_it(
    writer: Writer, post: PostOffice, settings
) -> None:
    settings.WEB_THREADS = 4
    servers.slots.cache_clear()
    bob = post.new_login()
    refused = writer.new().press(**WRITTEN, to="nobody@example.test")
    assert refused.status == 422
    with servers.way_out():  # somebody else's message, which does not get on
        full = refused.press(to=to(bob))
    assert full.status == 422
    assert "many messages are waiting" in full.errors[""][0]
    assert full.value("subject") == WRITTEN["subject"]
    assert "Bring poles." in full.value("text")
    assert post.received(bob) == []
    assert full.press().said == ["Message sent."]
    servers.slots.cache_clear()
