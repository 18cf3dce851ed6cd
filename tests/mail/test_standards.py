"""What leaves, as the next server sees it: nothing of this machine, and letters of all scripts where it takes them."""

from __future__ import annotations

import getpass
import re
import socket
from collections.abc import Iterator
from email import message_from_bytes, message_from_string, policy

import pytest
from django.contrib.auth import get_user_model

from apps.mail.services import sending
from tests.mail.conftest import letter, send_at_once
from tests.mail.desk import Writer
from tests.support.receiver import SmallPost

pytestmark = pytest.mark.parametrize("server", ["pymap_server"], indirect=True)
FOREIGN = "dörte@example.test"


@pytest.fixture
def utf8_post(server, settings, tmp_path) -> Iterator[SmallPost]:
    from apps.mail.services import stores

    stores.pool()
    settings.DATA_DIR, settings.MAIL_DOMAIN = tmp_path, "example.test"
    post = SmallPost(server.password, utf8=True)
    post.start()
    settings.SMTP_URL = post.url
    yield post
    post.stop()


@pytest.fixture
def utf8_writer(utf8_post: SmallPost, sign_in) -> Writer:
    person = sign_in()
    send_at_once(person)
    return Writer(person, utf8_post)


def test_addresses_of_all_scripts_where_the_server_takes_them(utf8_writer: Writer, utf8_post: SmallPost) -> None:
    """RFC 6531 and 6532: announced, and in the header as it is."""
    page = utf8_writer.new().press(to=f"Dörte <{FOREIGN}>", bcc="ä@example.test", subject="Grüße", text="Hallo.\n")
    assert page.said == ["Message sent."]
    (envelope,) = utf8_post.envelopes
    assert envelope.smtp_utf8
    assert envelope.rcpt_tos == [FOREIGN, "ä@example.test"]
    message = message_from_string(envelope.content.decode(), policy=policy.SMTPUTF8)
    assert message["To"].addresses[0].addr_spec == FOREIGN
    assert message["Subject"] == "Grüße"
    assert "ä@example.test".encode() not in envelope.content
    (copy,) = utf8_writer.stored("Sent")
    assert "Bcc: ä@example.test\r\n".encode() in copy


def test_it_is_announced_where_it_is_needed_only(utf8_writer: Writer, utf8_post: SmallPost) -> None:
    utf8_writer.new().press(to="Dörte <d@example.test>, e@bücher.test", subject="Grüße", text="Hallo.\n")
    (envelope,) = utf8_post.envelopes
    assert not envelope.smtp_utf8
    assert envelope.content.isascii()
    assert envelope.rcpt_tos == ["d@example.test", "e@xn--bcher-kva.test"]


@pytest.mark.parametrize("seconds", [0, 10])
def test_where_the_server_does_not_take_them_the_address_is_named(
    writer: Writer, post: SmallPost, seconds: int
) -> None:
    send_at_once(writer.person, seconds=seconds)
    typed = {"to": f"b@example.test, {FOREIGN}", "subject": "S", "text": "T\n"}
    page = writer.new().press(**typed)
    assert page.status == 422
    assert page.errors["to"] == [f"{FOREIGN}: The server for sending does not accept such letters before the @."]
    assert {name: page.value(name) for name in typed} == typed
    assert post.envelopes == []


def test_a_draft_keeps_such_an_address(writer: Writer) -> None:
    page = writer.new().press("save", to=FOREIGN, text="T\n")
    assert page.value("to") == FOREIGN


def test_a_domain_in_another_script_gives_a_message_id(writer: Writer, post: SmallPost) -> None:
    get_user_model().objects.filter(login=writer.person.login).update(email="anna@bücher.test")
    assert writer.new().press(to="b@example.test", text="T\n").said == ["Message sent."]
    message = message_from_bytes(post.envelopes[0].content, policy=policy.default)
    assert message["Message-ID"].endswith("@xn--bcher-kva.test>")
    assert sending.message_id("x", "nobody") == "<x@localhost.invalid>"


@pytest.mark.parametrize("way", ["new", "reply", "forward", "forward_attached"])
def test_nothing_of_this_machine_leaves(writer: Writer, post: SmallPost, way: str) -> None:
    """Neither what the server hears nor what is in a header says where it came from or by what it was written."""
    (uid,) = writer.person.receive(letter(files=(("a.txt", "text/plain", b"a"),)))
    page = writer.new() if way == "new" else writer.on(way, uid)
    page.press(
        to="b@example.test",
        cc="",
        subject="S",
        reminded="yes",
        files=[("C:\\Users\\anna\\Desktop\\plan.pdf", "application/pdf", b"%PDF")],
    )
    (envelope,) = post.envelopes
    message = message_from_bytes(envelope.content, policy=policy.default)
    own = [message, *message.iter_parts()]
    heads = "\n".join(f"{name}: {value}" for part in own for name, value in part.items()).lower()
    for name in {socket.gethostname(), socket.getfqdn(), getpass.getuser(), "localhost", "127.0.0.1", "desktop"}:
        assert not re.search(rf"(?<![\w.]){re.escape(name.lower())}(?![\w.])", heads), name
    for name in ("user-agent", "x-mailer", "received", "x-originating-ip", "python", "django", "yurt", "/mail/"):
        assert name not in heads
    assert 'filename="plan.pdf"' in heads.replace("filename=plan.pdf", 'filename="plan.pdf"')
