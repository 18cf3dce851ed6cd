"""The web process killed (SIGKILL) while a draft is saved or a message is sent: no word is lost, nothing is sent twice,
and nothing that its writer has not sent.

Each round is a request in a process of its own, forked from here, that dies at the point. Then the browser is there
again: whoever wrote finds their words, presses the same button once more, and it has happened once.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from apps.mail.mailbox.imap.store import ImapStore
from apps.mail.models import OutboxMessage
from apps.mail.services import delivery, folders, letters, outbox, sending, stores, sweeping
from apps.mail.views import sheet
from portal import delegations
from portal.models import Delegation
from tests.mail.conftest import send_at_once
from tests.mail.desk import Desk, Writer
from tests.mail.killed_sender import at
from tests.support.receiver import PostOffice, arrived, read, text_of

ROUNDS = int(os.environ.get("SOAK_ROUNDS", "20"))
WORDS = "Every word of it.\n"
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.parametrize("server", ["dovecot"], indirect=True),
]
Arm = Callable[[], None]
SAVING: dict[str, Arm] = {
    "form read": lambda: at(sheet, "draw", "before") or at(sending, "was_changed_elsewhere", "before"),
    "before the draft is stored": lambda: at(folders, "append", "before"),
    "draft stored": lambda: at(folders, "append", "after"),
    "before the former one goes": lambda: at(sending, "discard", "before"),
    "former one found": lambda: at(ImapStore, "expunge", "before"),
    "former one gone": lambda: at(ImapStore, "expunge", "after"),
    "before the answer": lambda: at(sending, "save_draft", "after"),
}
SENDING: dict[str, Arm] = {
    "button pressed": lambda: at(outbox, "send", "before"),
    "secret made": lambda: at(delegations, "grant", "after"),
    "octets laid down": lambda: at(letters, "lay_down", "after"),
    "secret kept": lambda: at(Delegation, "save", "after"),
    "message kept": lambda: at(OutboxMessage, "save", "after"),  # and the transaction is not over
    "message put in": lambda: at(outbox, "_put_in", "after"),
    "before the answer to the browser": lambda: at(outbox, "send", "after"),
}
AT_ONCE: dict[str, Arm] = {
    "before the server is asked": lambda: at(delivery, "submit", "before"),
    "before the dot": lambda: at(letters, "mark_handed", "after"),
    "server has it": lambda: at(letters, "mark_taken", "after"),
    "before the copy": lambda: at(folders, "ensure_role", "after"),
    "copy stored": lambda: at(sending, "mark_source", "before"),
    "before the end": lambda: at(delivery, "finish", "before"),
}


def killed(arm: Arm, request: Callable[[], object]) -> None:
    """The request in a process that dies on its way."""
    connections.close_all()
    stores.pool().close_all()
    child = os.fork()
    if not child:
        signal.alarm(60)  # whatever holds it: that is no SIGKILL, and fails
        try:
            arm()
            request()
        finally:
            os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status), "the point was not met"
    assert os.WTERMSIG(status) == signal.SIGKILL


def saved_and_killed(writer: Writer, point: str) -> None:
    desk = writer.new().press("save", subject=point, text=WORDS)
    before = len(writer.stored("Drafts"))
    killed(SAVING[point], lambda: desk.press("save", text=f"{WORDS}And more.\n"))
    texts = [text_of(read(each)) for each in writer.stored("Drafts") if read(each)["Subject"] == point]
    assert texts
    assert all(text.startswith(WORDS) for text in texts)
    desk.press("save", text=f"{WORDS}And more.\n")  # what stands in the browser still
    assert f"{WORDS}And more.\n" in [text_of(read(each)) for each in writer.stored("Drafts")]
    assert len(writer.stored("Drafts")) <= before + 1  # the former one, or its copy, and this
    assert not OutboxMessage.objects.filter(writing_id=desk.value("id")).exists()
    empty(writer, "Drafts")


def empty(writer: Writer, mailbox: str) -> None:
    with writer.person.server.session(writer.person.login) as session:
        session.select(mailbox)
        session.store("1:*", "+FLAGS", "(\\Deleted)")
        session.expunge()


def sent_and_killed(writer: Writer, post: PostOffice, arm: Arm, point: str, *, seconds: int) -> None:
    send_at_once(writer.person, seconds=seconds)
    bob = post.new_login()
    desk = writer.new().press("save", subject=point, text=WORDS, to=f"{bob}@example.test")
    killed(arm, desk.press)
    Desk(writer.person).open("/mail/INBOX/")  # the portal is there again
    sweeping.sweep(now=timezone.now() + timedelta(minutes=11))
    row = OutboxMessage.objects.filter(writing_id=desk.value("id")).first()
    if row is not None and row.state == OutboxMessage.State.UNKNOWN:
        has_it = bool(post.received(bob))
        writer.person.client.post(f"/mail/@/outbox/{row.pk}/", {"do": "arrived" if has_it else "again"})
    elif row is None:
        assert post.received(bob) == []  # nobody was told that it was sent
        (draft,) = writer.stored("Drafts")
        assert text_of(read(draft)) == WORDS
    desk.press()  # once more, as somebody does who has seen no answer
    sweeping.sweep(now=timezone.now() + timedelta(minutes=22))
    (message,) = arrived(post, bob)
    assert text_of(read(message)) == WORDS
    copies = [each for each in writer.stored("Sent") if read(each)["Subject"] == point]
    assert len({read(each)["Message-ID"] for each in copies}) == len(copies)
    assert writer.stored("Drafts") == []
    assert len(post.received(bob)) == 1


@pytest.mark.parametrize("point", list(SAVING))
def test_killed_while_a_draft_is_saved(writer: Writer, point: str) -> None:
    saved_and_killed(writer, point)


@pytest.mark.parametrize("point", list(SENDING))
def test_killed_while_a_message_is_put_into_the_outbox(writer: Writer, post: PostOffice, point: str) -> None:
    sent_and_killed(writer, post, SENDING[point], point, seconds=10)


@pytest.mark.parametrize("point", list(AT_ONCE))
def test_killed_while_a_message_is_sent_at_once(writer: Writer, post: PostOffice, point: str) -> None:
    sent_and_killed(writer, post, AT_ONCE[point], point, seconds=0)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_killed_at_every_point_of_writing_twenty_times(writer: Writer, post: PostOffice) -> None:
    points = len(SAVING) + len(SENDING) + len(AT_ONCE)
    assert points >= 20
    for number in range(ROUNDS):
        for point in SAVING:
            saved_and_killed(writer, point)
        for point, arm in SENDING.items():
            sent_and_killed(writer, post, arm, f"{point} {number}", seconds=10)
        for point, arm in AT_ONCE.items():
            sent_and_killed(writer, post, arm, f"{point} {number}", seconds=0)
    print(f"{ROUNDS * points} requests killed at {points} points while writing and sending: 0 words lost, 0 doubled")
