"""Redirecting a message: once, unchanged, and the original is known to have gone on."""

from __future__ import annotations

import pytest

from apps.mail.models import OutboxMessage
from apps.mail.prefs import UNDO_SEND
from apps.mail.services.stores import account, open_account
from portal.prefs import for_user
from scripts.servers import exim
from tests.mail.conftest import letter
from tests.mail.desk import Writer
from tests.mail.test_outbox import nothing_is_left, page, press, row_of, user_of
from tests.mail.test_sending import _smtp, smtp_at
from tests.support import forms
from tests.support.receiver import PostOffice, arrived, read
from tests.support.scripted import scripted


def page_of(writer: Writer, uid: int, *, v: int | None = None) -> tuple[str, dict[str, list[str]]]:
    url = writer.person.url("redirect", "INBOX", uid, v=v or writer.person.uidvalidity())
    return url, forms.fields(writer.person.client.get(url).content.decode(), "redirect")


def test_it_goes_on_unchanged_and_once(writer: Writer, post: PostOffice) -> None:
    bob = post.new_login()
    original = letter("Poles", text="Felt\n.\n", html="<p>Felt</p>", files=(("a.bin", "application/x-a", b"\0\1"),))
    (uid,) = writer.person.receive(original.replace(b"\n", b"\r\n"))
    url, fields = page_of(writer, uid)
    for _again in range(2):
        answer = writer.person.client.post(url, {**fields, "to": f"Bob <{bob}@example.test>"})
        assert answer.status_code == 302, answer.content.decode()
    (raw,) = arrived(post, bob)
    assert original.rstrip() in raw.replace(b"\r\n", b"\n")
    message = read(raw)
    assert (message["Resent-From"], message["Resent-To"]) == (writer.address, f"Bob <{bob}@example.test>")
    assert message["From"] == "Aigerim Tokoeva <aigerim@example.test>"
    (copy,) = writer.stored("Sent")
    assert read(copy)["Resent-Message-ID"] == message["Resent-Message-ID"]
    person = writer.person
    with open_account(account(login=person.login, password=person.server.password)) as store:
        known = store.find_message_id("Sent", message["Resent-Message-ID"], header="Resent-Message-ID")
    assert len(known) == 1


def test_for_ten_seconds_it_can_be_undone(writer: Writer, post: PostOffice) -> None:
    for_user(user_of(writer.person)).save({UNDO_SEND: 10})
    bob = post.new_login()
    (uid,) = writer.person.receive(letter())
    url, fields = page_of(writer, uid)
    for _again in range(2):
        shown = writer.person.client.post(url, {**fields, "to": f"{bob}@example.test"}, follow=True).content.decode()
        assert "The message goes out in 10 seconds." in shown
    assert row_of(writer).state == OutboxMessage.State.WAITING
    assert press(writer, "edit").said == ["Discarded."]
    assert nothing_is_left(writer) and writer.stored("Sent") == [] and writer.person.count() == 1
    assert post.received(bob) == []


def test_to_somebody_else_is_another_order(writer: Writer, post: PostOffice) -> None:
    bob, carla = post.new_login(), post.new_login()
    (uid,) = writer.person.receive(letter())
    url, fields = page_of(writer, uid)
    writer.person.client.post(url, {**fields, "to": f"{bob}@example.test"})
    page = writer.person.client.post(url, {**fields, "to": f"{carla}@example.test"})
    assert page.status_code == 422
    assert "has been changed since" in page.content.decode()
    anew = forms.fields(page.content.decode(), "redirect")
    assert writer.person.client.post(url, anew).status_code == 302
    assert len(arrived(post, carla)) == 1


def test_what_was_redirected_becomes_no_draft_of_ones_own(writer: Writer, settings) -> None:
    """Nobody knows whether it went out, then the server is away: what is taken back is gone, the original lies where
    it lay."""
    (uid,) = writer.person.receive(letter())
    url, fields = page_of(writer, uid)
    with scripted(lambda client: _smtp(client, end=b"", seen=[])) as port:
        smtp_at(settings, port)
        writer.person.client.post(url, {**fields, "to": "bob@example.test"})
    assert row_of(writer).state == OutboxMessage.State.UNKNOWN
    smtp_at(settings, 1)
    press(writer, "again")
    assert row_of(writer).state == OutboxMessage.State.WAITING
    assert 'value="discard"' in page(writer) and 'value="edit"' not in page(writer)
    assert press(writer, "edit").said == ["Discarded."]
    assert not OutboxMessage.objects.exists() and nothing_is_left(writer)
    assert writer.stored("Drafts") == []
    assert writer.person.count() == 1


@pytest.mark.parametrize("server", ["pymap_server"], indirect=True)
def test_what_is_wrong_is_said_and_nothing_goes_out(writer: Writer) -> None:
    (uid,) = writer.person.receive(letter())
    url, fields = page_of(writer, uid)
    for to, said in (("", "Say who the message is for."), ("nobody", "“nobody” is not a mail address.")):
        answer = writer.person.client.post(url, {**fields, "to": to})
        assert answer.status_code == 422
        assert said in answer.content.decode()
    answer = writer.person.client.post(url, {**fields, "to": exim.REFUSED})
    assert answer.status_code == 422
    assert f"{exim.REFUSED}: The server does not accept this address" in answer.content.decode()
    assert writer.stored("Sent") == []


def test_another_numbering_redirects_nothing(writer: Writer) -> None:
    (uid,) = writer.person.receive(letter())
    url, fields = page_of(writer, uid)
    other = url.replace(f"v={writer.person.uidvalidity()}", f"v={writer.person.uidvalidity() + 1}")
    answer = writer.person.client.post(other, {**fields, "to": "bob@example.test"})
    assert answer.status_code >= 400
    assert writer.stored("Sent") == []
