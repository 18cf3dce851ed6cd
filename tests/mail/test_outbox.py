"""The Outbox: a message waits, is taken back or sent, and is sent once."""

from __future__ import annotations

import re
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.db import connections
from django.test import Client
from django.utils import timezone

from apps.mail import tasks
from apps.mail.models import OutboxMessage
from apps.mail.prefs import UNDO_SEND
from apps.mail.services import delivery, letters, sweeping
from portal import delegations
from portal.celery import app
from portal.models import Delegation
from portal.prefs import for_user
from scripts.servers import exim
from tests.mail.conftest import Person, SignIn, letter
from tests.mail.desk import Desk, Writer
from tests.mail.test_sending import WRITTEN, to
from tests.support.receiver import PostOffice, arrived, read

State = OutboxMessage.State


@pytest.fixture
def patient(writer: Writer) -> Writer:
    """Somebody who has ten seconds to undo."""
    for_user(user_of(writer.person)).save({UNDO_SEND: 10})
    return writer


def user_of(person: Person):
    return get_user_model().objects.get(pk=person.client.session["_auth_user_id"])


def row_of(writer: Writer) -> OutboxMessage:
    return OutboxMessage.objects.get(user=user_of(writer.person))


def the_clock_shows(**later: float) -> None:
    """What the worker's sweep does at that time."""
    sweeping.sweep(now=timezone.now() + timedelta(**later))


def nothing_is_left(writer: Writer) -> bool:
    files = list(letters.folder().glob("*")) if letters.folder().exists() else []
    return not Delegation.objects.filter(user=user_of(writer.person)).exists() and not files


def press(writer: Writer, do: str, row: OutboxMessage | None = None, client: Client | None = None) -> Desk:
    pk = (row or row_of(writer)).pk
    person = Person(writer.person.server, writer.person.login, client or writer.person.client)
    return Desk(person)._stand(person.client.post(f"/mail/@/outbox/{pk}/", {"do": do}, follow=True))


def page(writer: Writer) -> str:
    return writer.person.client.get("/mail/@/outbox/").content.decode()


# --- waiting, undo ----------------------------------------------------------------------------------------------------


def test_a_message_waits_and_is_sent_when_its_time_has_come(patient: Writer, post: PostOffice) -> None:
    bob, dora = post.new_login(), post.new_login()
    (original,) = patient.person.receive(letter())
    said = patient.on("reply", original).press(text="Yes.\n", to=to(bob), bcc=to(dora)).said
    assert said[0].startswith("The message goes out in 10 seconds.")
    assert "Undo" in said[0]
    assert row_of(patient).state == State.WAITING
    assert patient.stored("Sent") == []
    the_clock_shows(seconds=5)
    assert row_of(patient).state == State.WAITING
    the_clock_shows(seconds=11)
    assert row_of(patient).state == State.DONE
    (raw,) = arrived(post, bob)
    assert b"bcc" not in raw.lower()
    arrived(post, dora)
    (copy,) = patient.stored("Sent")
    assert read(copy)["Bcc"] == to(dora)
    assert read(copy)["Message-ID"] == read(raw)["Message-ID"]
    assert "\\Answered" in patient.person.flags(original)
    assert nothing_is_left(patient)
    assert bytes(row_of(patient).sealed) == b""


def test_undo_reopens_the_draft_exactly_as_it_was(patient: Writer, post: PostOffice) -> None:
    typed = {
        "to": f"Bob Brown <{post.new_login()}@example.test>, c@example.test",
        "cc": "d@example.test",
        "bcc": "Dora <e@example.test>",
        "subject": "Зимний лагерь 🏕",
        "text": "  indented\n\nA long line " + "word " * 60 + "end\n> a quote\n-- \nAnn",
    }
    content = bytes(range(256)) * 300
    before = patient.new().press("save", **typed, files=[("Grüße.bin", "application/octet-stream", content)])
    writing_id = before.value("id")
    before.press("send")
    after = press(patient, "edit")
    assert "/edit/?v=" in after.url
    assert {name: after.value(name) for name in typed} == typed
    assert after.files == ["Grüße.bin"]
    assert after.value("id") == writing_id
    (draft,) = patient.stored("Drafts")
    (file,) = read(draft).iter_attachments()
    assert file.get_payload(decode=True) == content
    assert not OutboxMessage.objects.exists()
    assert nothing_is_left(patient)
    the_clock_shows(hours=1)
    assert patient.stored("Sent") == []
    for_user(user_of(patient.person)).save({UNDO_SEND: 0})
    assert after.press().said == ["Message sent."]
    assert patient.stored("Drafts") == []


def test_rich_text_and_what_it_answers_come_back_too(patient: Writer, post: PostOffice) -> None:
    (original,) = patient.person.receive(letter(html="<p>The <b>poles</b> are cut</p>"))
    before = patient.on("reply", original, format="html")
    fields = {name: before.value(name) for name in ("id", "kind", "source", "in_reply_to", "references", "subject")}
    before.press(to=to(post.new_login()), format="html", html="<p>Very <b>good</b>.</p>")
    after = press(patient, "edit")
    assert after.value("format") == "html"
    assert "&lt;b&gt;good&lt;/b&gt;" in after.html
    assert {name: after.value(name) for name in fields} == fields


def test_it_is_sent_or_taken_back_but_never_both(patient: Writer, post: PostOffice) -> None:
    bob = post.new_login()
    patient.new().press(**WRITTEN, to=to(bob))
    row = row_of(patient)
    claimed = delivery._claim(row.pk, timezone.now() + timedelta(seconds=11))
    assert claimed is not None
    assert press(patient, "edit").said == ["Too late: it is being sent, or has been."]
    claimed.delete()
    patient.new().press(**WRITTEN, to=to(bob))
    press(patient, "edit")
    assert delivery.deliver(row.pk, now=timezone.now() + timedelta(hours=1)) is None
    assert patient.stored("Sent") == []


def test_with_no_worker_the_next_page_sends(patient: Writer, post: PostOffice) -> None:
    for address in ("/badge/mail.index/", "/mail/@/folders/", "/mail/@/outbox/", "/mail/@/outbox/watch/"):
        bob = post.new_login()
        patient.new().press(**WRITTEN, to=to(bob))
        rows = OutboxMessage.objects.filter(state=State.WAITING)
        patient.person.client.get(address)
        assert rows.count() == 1  # it is not due
        rows.update(due=timezone.now() - timedelta(seconds=1))
        patient.person.client.get(address)
        assert rows.count() == 1  # a worker would still have time
        rows.update(due=timezone.now() - timedelta(seconds=10))
        patient.person.client.get(address)
        assert rows.count() == 0
        arrived(post, bob)


def test_the_folder_column_counts_it_while_it_is_there(patient: Writer, post: PostOffice) -> None:
    assert "Outbox" not in patient.person.client.get("/mail/@/folders/").content.decode()
    patient.new().press(**WRITTEN, to=to(post.new_login()))
    column = patient.person.client.get("/mail/@/folders/").content.decode()
    assert re.search(r'href="/mail/@/outbox/".*Outbox.*>1<', column)
    told = re.search(r"outbox/watch/\?shown=1\" hx-trigger=\"load delay:(\d+)s", column)
    assert told is not None and 1 <= int(told[1]) <= 19  # when it is due, whatever time has gone by
    the_clock_shows(seconds=11)
    assert 'href="/mail/@/outbox/"' not in patient.person.client.get("/mail/@/folders/").content.decode()
    assert "Message sent." in patient.person.client.get("/mail/@/outbox/watch/")["HX-Trigger"]
    assert "Message sent." not in patient.person.client.get("/mail/@/outbox/watch/")["HX-Trigger"]
    assert "outbox/watch/" not in patient.person.client.get("/mail/@/folders/").content.decode()


def test_a_failure_is_told_whenever_its_writer_comes_back(patient: Writer, post: PostOffice) -> None:
    patient.new().press(**WRITTEN, to=exim.REFUSED)
    the_clock_shows(seconds=11)
    assert row_of(patient).state == State.FAILED
    column = patient.person.client.get("/mail/@/folders/").content.decode()
    assert 'outbox/watch/?shown=1" hx-trigger="load delay:2s"' in column
    assert "could not be sent" in patient.person.client.get("/mail/@/outbox/watch/")["HX-Trigger"]
    column = patient.person.client.get("/mail/@/folders/").content.decode()
    assert "Outbox" in column and "outbox/watch/" not in column


def test_who_edits_a_failed_message_sees_the_reason_at_each_address(patient: Writer, post: PostOffice) -> None:
    """And no more once the draft is saved again."""
    bob = post.new_login()
    patient.new().press(**WRITTEN, to=f"{to(bob)}, {exim.REFUSED}", cc=exim.FOREIGN)
    the_clock_shows(seconds=11)
    page = press(patient, "edit")
    for name, address in (("to", exim.REFUSED), ("cc", exim.FOREIGN)):
        (said,) = page.errors[name]
        assert said.startswith(f"{address}: The server does not accept this address")
        assert f'data-address="{address}"' in page.html
    assert page.press("save", cc="").errors == {}


# --- once -------------------------------------------------------------------------------------------------------------


def test_a_second_click_finds_the_first(patient: Writer, post: PostOffice) -> None:
    bob = post.new_login()
    first = patient.new()
    fields = dict(first.fields)
    first.press(**WRITTEN, to=to(bob))
    second = Desk(patient.person, fields=fields).press(**WRITTEN, to=to(bob))
    assert second.said[0].startswith("The message goes out in")
    assert OutboxMessage.objects.count() == 1
    the_clock_shows(seconds=11)
    assert Desk(patient.person, fields=fields).press(**WRITTEN, to=to(bob)).said == ["Sent already."]
    the_clock_shows(seconds=30)
    assert len(arrived(post, bob)) == 1
    assert len(patient.stored("Sent")) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("server", ["dovecot"], indirect=True)
def test_many_senders_at_once_send_it_once(patient: Writer, post: PostOffice) -> None:
    """A task that is delivered twice, the sweep, and a page that catches up."""
    bob = post.new_login()
    patient.new().press(**WRITTEN, to=to(bob))
    row, when = row_of(patient), timezone.now() + timedelta(seconds=11)
    start = threading.Barrier(6)
    outcomes = []

    def send() -> None:
        start.wait()
        outcomes.append(delivery.deliver(row.pk, now=when))
        connections.close_all()

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [outcome is None for outcome in outcomes].count(False) == 1
    assert len(arrived(post, bob)) == 1
    assert len(patient.stored("Sent")) == 1


# --- what is kept of it -----------------------------------------------------------------------------------------------


def test_what_waits_is_sealed(patient: Writer, post: PostOffice) -> None:
    bob = post.new_login()
    patient.new().press(subject="Quillback", text="Kestrel", to=to(bob))
    row = row_of(patient)
    (path,) = letters.folder().glob("*")
    assert path.stat().st_mode & 0o077 == 0
    kept = path.read_bytes() + bytes(row.sealed) + bytes(Delegation.objects.get().sealed)
    for word in (b"Quillback", b"Kestrel", bob.encode() + b"@", patient.person.server.password.encode()):
        assert word not in kept


def test_other_peoples_messages_are_not_there(patient: Writer, post: PostOffice, sign_in: SignIn) -> None:
    patient.new().press(**WRITTEN, to=to(post.new_login()))
    stranger = sign_in()
    for do in ("edit", "again", "discard"):
        assert press(patient, do, client=stranger.client).said == ["It is not in the Outbox any more."]
    assert WRITTEN["subject"] not in stranger.client.get("/mail/@/outbox/").content.decode()
    assert stranger.client.get("/sessions/").content.decode().count("revoke/") == 0
    assert stranger.client.post(f"/sessions/{Delegation.objects.get().pk}/revoke/").status_code == 404
    assert row_of(patient).state == State.WAITING


def test_a_delegation_is_listed_and_revoked(patient: Writer, post: PostOffice) -> None:
    bob = post.new_login()
    patient.new().press(**WRITTEN, to=to(bob))
    listed = patient.person.client.get("/sessions/").content.decode()
    assert "Message waiting to be sent" in listed
    assert patient.address in listed
    (address,) = re.findall(r'action="(/sessions/\d+/revoke/)"', listed)
    Desk(patient.person)._stand(patient.person.client.post(address, follow=True))
    assert nothing_is_left(patient)
    assert not OutboxMessage.objects.exists()
    (draft,) = patient.stored("Drafts")
    assert read(draft)["Subject"] == WRITTEN["subject"]
    assert "Nothing is running without you." in patient.person.client.get("/sessions/").content.decode()


def test_before_its_delegation_ends_a_message_goes_back_to_drafts(patient: Writer, post: PostOffice) -> None:
    patient.new().press(**WRITTEN, to=to(post.new_login()))
    OutboxMessage.objects.update(state=State.FAILED)
    sweeping.tidy(now=timezone.now() + timedelta(days=5))
    assert OutboxMessage.objects.count() == 1
    sweeping.tidy(now=timezone.now() + timedelta(days=6, hours=1))
    assert len(patient.stored("Drafts")) == 1
    assert nothing_is_left(patient)


def test_without_its_delegation_it_is_not_sent_and_says_so(patient: Writer, post: PostOffice) -> None:
    patient.new().press(**WRITTEN, to=to(post.new_login()))
    Delegation.objects.all().delete()
    the_clock_shows(seconds=11)
    assert row_of(patient).state == State.FAILED
    assert "can no longer be opened" in page(patient)
    assert press(patient, "discard").said == ["Discarded."]
    assert not OutboxMessage.objects.exists()
    assert nothing_is_left(patient)


def test_of_a_closed_account_nothing_is_sent(patient: Writer, post: PostOffice) -> None:
    patient.new().press(**WRITTEN, to=to(post.new_login()))
    get_user_model().objects.filter(pk=user_of(patient.person).pk).update(is_active=False)
    sweeping.sweep(now=timezone.now() + timedelta(seconds=11))
    assert OutboxMessage.objects.get().state == State.FAILED


def test_what_is_done_is_forgotten_in_the_end(patient: Writer, post: PostOffice) -> None:
    patient.new().press(**WRITTEN, to=to(post.new_login()))
    the_clock_shows(seconds=11)
    sweeping.tidy(now=timezone.now() + timedelta(days=6))
    assert row_of(patient).state == State.DONE
    sweeping.tidy(now=timezone.now() + timedelta(days=8))
    assert not OutboxMessage.objects.exists()


@pytest.mark.parametrize(("work", "seconds"), [("sweep", 3), ("tidy", 60)])
def test_the_worker_looks_often_and_once_at_a_time(work: str, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    assert app.conf.beat_schedule[f"mail.{work}_outbox"]["schedule"] <= seconds
    task = getattr(tasks, f"{work}_outbox")
    seen: list[int] = []

    def look() -> None:
        seen.append(1)
        assert len(seen) < 5
        task()

    monkeypatch.setattr(sweeping, work, look)
    task()
    task()
    assert len(seen) == 2


def test_a_message_whose_delegation_has_ended_refers_to_none(patient: Writer, post: PostOffice) -> None:
    patient.new().press(**WRITTEN, to=to(post.new_login()))
    delegation = row_of(patient).delegation
    assert delegation is not None
    delegations.end(delegation)
    assert row_of(patient).delegation_id is None


def test_a_mark_that_somebody_took_away_is_no_error(settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    letters.mark_taken("0" * 32)
    assert letters.marked("0" * 32) == ("", b"")
