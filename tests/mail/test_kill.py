"""Killed at any point of sending (SIGKILL), a worker loses no message and doubles none.

Each round is real: a message queued from the writing page, a worker in a process of its own that dies at the point, the
sweep of the next worker, the submission server (Exim) and the mailboxes (Dovecot) behind it. Where nobody can know
whether the server has the message, the Outbox says so and its writer decides; the test decides as somebody would who
has asked the recipient.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as site
from django.contrib.auth import get_user_model
from django.utils import timezone

from apps.mail import submission
from apps.mail.models import OutboxMessage, Reminder
from apps.mail.prefs import UNDO_SEND
from apps.mail.services import sweeping
from portal.models import Delegation
from portal.net import parse_server_url
from portal.prefs import for_user
from tests.mail.conftest import Person, letter
from tests.mail.desk import Writer
from tests.mail.killed_sender import POINTS
from tests.portal.test_database import database_url
from tests.support.receiver import PATIENCE, RealPost, arrived, read

ROOT = Path(__file__).resolve().parents[2]
ROUNDS, SAMPLE, SEED = int(os.environ.get("SOAK_ROUNDS", "20")), 6, 20261126
State = OutboxMessage.State
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.parametrize("server", ["dovecot"], indirect=True),
]


def user_of(person: Person):
    return get_user_model().objects.get(pk=person.client.session["_auth_user_id"])


Kill = Callable[[OutboxMessage, str], None]


def environment() -> dict[str, str]:
    """For a process that works on this test's database, files and servers."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    names = ("SECRET_KEY", "DELEGATION_KEY", "IMAP_URL", "SMTP_URL", "SMTP_TLS_CA_FILE", "MAIL_DOMAIN", "DATA_DIR")
    return (
        kept
        | {"DJANGO_SETTINGS_MODULE": "portal.settings", "ENV_FILE": "", "LOG_LEVEL": "ERROR"}
        | {"DATABASE_URL": database_url()}
        | {name: str(getattr(site, name)) for name in names}
    )


@pytest.fixture
def kill(writer: Writer) -> Iterator[Kill]:
    """A worker that dies at this point, sending this message."""
    command = [sys.executable, "-m", "tests.mail.killed_sender"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, env=environment(), text=True, bufsize=1, **pipes) as workers:

        def die_at(row: OutboxMessage, point: str) -> None:
            workers.stdin.write(f"{row.pk} {point}\n")
            assert workers.stdout.readline() == f"{-signal.SIGKILL}\n"

        yield die_at
        workers.stdin.close()


def run(writer: Writer, post: RealPost, kill: Kill, point: str, bob: str, *, later: bool) -> str:
    """One message to Bob, sent after the time to undo or ``later``, one death; returns the state in which the next
    worker left it."""
    person = writer.person
    for_user(user_of(person)).save({UNDO_SEND: 10})
    (original,) = person.receive(letter())
    page = writer.on("reply", original).press("save", subject=point, text="Once.\n", to=f"{bob}@example.test")
    page.press(remind="3", **({"later": (timezone.now() + timedelta(days=9)).isoformat()} if later else {}))
    row = OutboxMessage.objects.exclude(state=State.DONE).get()
    message_id = f"<{row.writing_id}@example.test>"
    now = timezone.now()
    OutboxMessage.objects.filter(pk=row.pk).update(due=now, planned=now if later else None)
    before = post.server.server.log().count("lost after final dot")
    kill(row, point)
    sweeping.sweep(now=timezone.now() + timedelta(minutes=11))
    row.refresh_from_db()
    state = str(row.state)
    if state == State.UNKNOWN:
        shown = person.client.get("/mail/@/outbox/").content.decode()
        assert "Perhaps sent" in shown
        has_it = POINTS[point]
        if has_it is None:
            has_it = _took_it(post, message_id, before)
        person.client.post(f"/mail/@/outbox/{row.pk}/", {"do": "arrived" if has_it else "again"})
        row.refresh_from_db()
    assert row.state == State.DONE
    _exactly_once(writer, post, bob, message_id, original)
    return state


def _took_it(post: RealPost, message_id: str, before: int) -> bool:
    """What the submission server has written down when it is done with the connection that broke off. Exim looks
    whether somebody is still there before it takes a message, and leaves it when not."""
    deadline = time.monotonic() + PATIENCE
    while True:
        log = post.server.server.log()
        if f"id={message_id.strip('<>')}" in log:
            return True
        if log.count("lost after final dot") > before:
            return False
        assert time.monotonic() < deadline, log[-3000:]
        time.sleep(0.02)


def send(post: RealPost, login: str) -> None:
    message = f"From: alice@example.test\r\nTo: {login}@example.test\r\nSubject: Last\r\n\r\nx\r\n".encode()
    submission.send(
        parse_server_url(post.url, services=site.SMTP_SERVICES),
        login="alice",
        password=post.server.dovecot.password,
        sender="alice@example.test",
        recipients=[f"{login}@example.test"],
        message=message,
        ca_file=post.ca_file,
    )


def _exactly_once(writer: Writer, post: RealPost, bob: str, message_id: str, original: int) -> None:
    (raw,) = arrived(post, bob)
    assert read(raw)["Message-ID"] == message_id
    # a second one would be here before what is sent after it has come
    send(post, bob)
    assert len(arrived(post, bob, 2)) == 2
    with writer.person.server.session(writer.person.login) as session:
        session.select("Sent", readonly=True)
        (copies,) = session.search(None, f'HEADER Message-ID "{message_id}"')[1]
    assert len(copies.split()) == 1
    assert writer.stored("Drafts") == []
    assert "\\Answered" in writer.person.flags(original)
    assert not Delegation.objects.exists()
    assert Reminder.objects.filter(message_id=message_id).count() == 1


@pytest.mark.parametrize(
    ("point", "later"),
    [(point, bool(number % 2)) for number, point in enumerate(random.Random(SEED).sample(list(POINTS), SAMPLE))],
)
def test_killed_once(writer: Writer, post: RealPost, kill: Kill, point: str, later: bool) -> None:
    run(writer, post, kill, point, post.new_login(), later=later)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_killed_at_every_point_twenty_times(writer: Writer, post: RealPost, kill: Kill) -> None:
    assert len(POINTS) >= 20
    states: dict[str, dict[str, int]] = {point: {} for point in POINTS}
    people = []
    for number in range(ROUNDS):
        for point, seen in states.items():
            people.append(post.new_login())
            state = run(writer, post, kill, point, people[-1], later=bool(number % 2))
            seen[state] = seen.get(state, 0) + 1
    sweeping.sweep(now=timezone.now() + timedelta(minutes=11))
    total = ROUNDS * len(POINTS)
    assert len({read(copy)["Message-ID"] for copy in writer.stored("Sent")}) == len(writer.stored("Sent")) == total
    assert {len(post.received(bob)) for bob in people} == {2}  # this message, and the one after it
    print(f"{total} workers killed at {len(POINTS)} points: {total} messages arrived once, 0 lost, 0 doubled")
    for point, seen in states.items():
        print(f"  {point}: " + ", ".join(f"{count} {state}" for state, count in sorted(seen.items())))
