"""A server that goes away and comes back: what waits for it goes on by itself, and nobody knocks in vain meanwhile."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

import pytest
from django.utils import timezone

from apps.mail.models import OutboxMessage
from apps.mail.services import delivery, sweeping
from scripts.servers.base import stop_group
from scripts.servers.exim import Exim
from tests.mail.conftest import send_at_once
from tests.mail.desk import Writer
from tests.mail.test_kill import ROOT, environment
from tests.mail.test_outbox import page, row_of
from tests.mail.test_sending import WRITTEN, to
from tests.support.receiver import RealPost, arrived
from tests.support.smtp import faulty_post

State = OutboxMessage.State
pytestmark = pytest.mark.parametrize("server", ["dovecot"], indirect=True)


@pytest.fixture
def exim(post: RealPost) -> Iterator[Exim]:
    """Stopped."""
    exim = post.server.server
    exim.stop()
    yield exim
    if not exim.answers():
        exim.start()


@pytest.fixture
def patient(writer: Writer) -> Writer:
    send_at_once(writer.person, seconds=1)
    return writer


def due_now(later: timedelta = timedelta()) -> None:
    OutboxMessage.objects.update(due=timezone.now() - later)


def test_what_waits_goes_as_soon_as_the_server_answers(patient: Writer, post: RealPost, exim: Exim) -> None:
    people = [post.new_login(), post.new_login()]
    for login in people:
        patient.new().press(**WRITTEN, to=to(login))
    due_now()
    for _ in range(4):
        sweeping.sweep()
    rows = OutboxMessage.objects.all()
    assert [(row.state, row.server_away) for row in rows] == [(State.WAITING, True)] * 2
    assert sum(row.tries for row in rows) == 1  # for the other one it was not asked again
    assert page(patient).count("The message goes out as soon as it does.") == 2
    assert "Goes out:" not in page(patient)
    exim.start()
    sweeping.sweep()
    assert [row.state for row in rows.all()] == [State.DONE] * 2
    assert "Message sent." in patient.person.client.get("/mail/@/outbox/watch/")["HX-Trigger"]
    assert "Nothing is waiting" in page(patient)
    for login in people:
        arrived(post, login)
    assert len(patient.stored("Sent")) == 2


def test_meanwhile_a_page_asks_seldom_and_draws_nothing_anew(patient: Writer, post: RealPost, exim: Exim) -> None:
    patient.new().press(**WRITTEN, to=to(post.new_login()))
    due_now()
    sweeping.sweep()
    client = patient.person.client
    asks = re.compile(r'hx-get="(/mail/@/outbox/watch/\?shown=1)" hx-trigger="load delay:(\d+)s"')
    (before,) = asks.findall(client.get("/mail/@/folders/").content.decode())
    OutboxMessage.objects.update(created=timezone.now() - timedelta(hours=1))
    answer = client.get(before[0])
    (after,) = asks.findall(answer.content.decode())
    assert (int(before[1]), int(after[1])) == (5, 30)
    assert "HX-Trigger" not in answer
    OutboxMessage.objects.all().delete()  # in another tab
    answer = client.get(before[0])
    assert answer.content.strip() == b""
    assert "mail-changed" in answer["HX-Trigger"]


def test_all_of_it_goes_out_while_the_mailbox_is_still_away(
    patient: Writer, post: RealPost, exim: Exim, settings
) -> None:
    people = [post.new_login(), post.new_login()]
    for login in people:
        patient.new().press(**WRITTEN, to=to(login))
    due_now()
    sweeping.sweep()
    exim.start()
    there, settings.IMAP_URL = settings.IMAP_URL, "imap://localhost:1"
    sweeping.sweep()
    assert [(row.state, row.server_away) for row in OutboxMessage.objects.all()] == [(State.SENT, True)] * 2
    for login in people:
        arrived(post, login)
    settings.IMAP_URL = there
    sweeping.sweep()
    assert len(patient.stored("Sent")) == 2


def test_a_lease_counts_from_the_moment(patient: Writer, post: RealPost, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the sweep has been under way."""
    patient.new().press(**WRITTEN, to=to(post.new_login()))
    due_now(timedelta(minutes=10))
    leases = []

    def submit(row: OutboxMessage, *_what: object, **_how: object) -> NoReturn:
        leases.append(row.lease_until)
        raise delivery.LostLease

    monkeypatch.setattr(delivery, "submit", submit)
    sweeping.sweep(now=timezone.now() - timedelta(minutes=5))
    assert leases and min(leases) > timezone.now() + timedelta(minutes=1)


def test_a_server_that_answers_and_refuses_is_left_in_peace(patient: Writer, post: RealPost, settings) -> None:
    """4xx: pauses that grow. A server that comes back with such an answer is no worse off for having been away."""
    patient.new().press(**WRITTEN, to="bob@example.test")
    with faulty_post() as busy:
        settings.SMTP_URL, settings.SMTP_TLS_CA_FILE = busy.url, ""
    due_now()
    sweeping.sweep()
    assert row_of(patient).server_away
    with faulty_post(replies={b"MAIL": b"451 4.3.0 later\r\n"}) as busy:
        settings.SMTP_URL = busy.url
        pauses = []
        for _ in range(3):
            sweeping.sweep()
            row, sessions = row_of(patient), busy.sessions
            assert (row.state, row.server_away) == (State.WAITING, False)
            pauses.append(round((row.due - timezone.now()) / timedelta(minutes=1)))
            sweeping.sweep()
            assert busy.sessions == sessions
            due_now()
    assert pauses == [1, 2, 5]


def test_a_page_looks_after_it_only_where_no_worker_does(patient: Writer, post: RealPost, exim: Exim) -> None:
    patient.new().press(**WRITTEN, to=to(post.new_login()))
    for later, tries in ((timedelta(seconds=5), 1), (timedelta(seconds=30), 1), (timedelta(seconds=90), 2)):
        due_now(later)
        patient.person.client.get("/badge/mail.index/")
        assert row_of(patient).tries == tries
    assert row_of(patient).due > timezone.now()


@pytest.mark.soak
@pytest.mark.timeout(300)
@pytest.mark.django_db(transaction=True)
def test_within_ten_seconds_by_the_worker_alone(patient: Writer, post: RealPost, exim: Exim, tmp_path: Path) -> None:
    """The worker of `make run`, with its clock; nobody looks until the message is there."""
    command = [sys.executable, "-m", "celery", "--app=portal.celery", "worker", "--beat", "--pool=threads"]
    command += ["--concurrency=2", "--loglevel=WARNING"]
    taken = []
    with (tmp_path / "worker.log").open("wb") as log:
        worker = subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=log, stderr=log, start_new_session=True)
    try:
        for _ in range(10):
            bob = post.new_login()
            patient.new().press(**WRITTEN, to=to(bob))
            row = OutboxMessage.objects.exclude(state=State.DONE)
            while not row.get().server_away:
                assert worker.poll() is None, (tmp_path / "worker.log").read_text()
                time.sleep(0.1)
            exim.start()
            began = time.monotonic()
            arrived(post, bob)
            taken.append(time.monotonic() - began)
            while row.exists():
                time.sleep(0.02)
            assert "Message sent." in patient.person.client.get("/mail/@/outbox/watch/")["HX-Trigger"]
            exim.stop()
    finally:
        stop_group(worker.pid)
        worker.wait()
    assert len(patient.stored("Sent")) == len(taken)
    assert max(taken) < 10
    print(f"{len(taken)} times the server came back: the message arrived after {max(taken):.1f} s at most")
