"""The portal dies in mid-work, is asked twice, or has no room, no session, no clock to trust."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from apps.mail.models import OutboxMessage
from apps.mail.prefs import UNDO_SEND
from apps.mail.services import delivery, letters, outbox, uploads
from apps.mail.submission import SendResult
from portal.models import Delegation
from portal.prefs import for_user
from portal.registry import PortalApp
from portal.testing import with_apps
from tests.mail.desk import Desk
from tests.mail.send_faults.stage import BOB, FAULTS, Stage
from tests.mail.test_outbox import State, nothing_is_left, page, press, user_of
from tests.mail.test_sending import WRITTEN
from tests.support import forms


def killed_with(stage: Stage, state: str, mark: str = "") -> OutboxMessage:
    """What a sender that was killed in mid-work leaves."""
    row = stage.queue()
    opened = outbox._opened(row)
    letter = letters.Letter.opened(opened, row.sealed, row.writing_id)
    box = delivery._after(letter, SendResult(tuple(letter.recipients))).sealed(opened, row.writing_id)
    if mark:
        letters.mark_handed(row.file, box)
    if mark == letters.TAKEN:
        letters.mark_taken(row.file)
    sealed = row.sealed if state == State.SENDING else box
    OutboxMessage.objects.update(state=state, attempt=1, lease_until=timezone.now(), sealed=sealed)
    return row


@FAULTS.line(9)
def fault_009(stage: Stage) -> None:
    killed_with(stage, State.HANDING, letters.TAKEN)
    with stage.post() as post:
        assert stage.pass_time(seconds=1).state == State.DONE
        assert post.sessions == 0
    assert len(stage.sent()) == 1


@FAULTS.line(10)
def fault_010(stage: Stage) -> None:
    killed_with(stage, State.COPYING, letters.TAKEN)
    with stage.post() as post:
        assert stage.pass_time(seconds=1).state == State.DONE
        assert post.sessions == 0
    assert len(stage.sent()) == 1
    assert nothing_is_left(stage.writer)


@FAULTS.line(11)
def fault_011(stage: Stage, settings) -> None:
    """ "tiny" has a quota that takes no copy."""
    tiny = Client()
    tiny.post("/sign-in/", {"username": "tiny", "password": stage.writer.person.server.password})
    stage.writer.person.client, stage.writer.person.login = tiny, "tiny"
    stage.queue(text="x" * 300_000)
    with stage.post() as post:
        assert stage.pass_time(seconds=11).state == State.SENT
        assert "Only the copy for Sent could not be stored yet" in page(stage.writer)
        assert stage.pass_time(days=1).state == State.SENT
        assert len(post.taken) == 1
    assert press(stage.writer, "discard").said == ["Discarded."]
    assert nothing_is_left(stage.writer)


@FAULTS.line(12)
def fault_012(stage: Stage) -> None:
    """The copy is in Sent, the answer was lost: it is looked for before a second one."""
    row = killed_with(stage, State.COPYING, letters.TAKEN)
    with stage.writer.person.server.session(stage.writer.person.login) as session:
        session.create("Sent")
    stage.writer.person.receive(letters.take_up(row.file, outbox._opened(row)), mailbox="Sent")
    with stage.post():
        assert stage.pass_time(seconds=1).state == State.DONE
    assert len(stage.sent()) == 1


@FAULTS.line(13)
def fault_013(stage: Stage) -> None:
    """The same form, four times."""
    for_user(user_of(stage.writer.person)).save({UNDO_SEND: 10})
    fields = stage.writer.new().fields
    with stage.post() as post:
        for _ in range(4):
            said = Desk(stage.writer.person, fields=dict(fields)).press(**WRITTEN, to=BOB).said
            assert said[0].startswith("The message goes out in")
        assert stage.pass_time(seconds=11).state == State.DONE
        assert Desk(stage.writer.person, fields=dict(fields)).press(**WRITTEN, to=BOB).said == ["Sent already."]
        stage.pass_time(days=1)
        assert len(post.taken) == 1


@FAULTS.line(14)
def fault_014(stage: Stage) -> None:
    """Two tabs with one draft, both sent."""
    with stage.post() as post:
        draft = stage.writer.new().press("save", **WRITTEN, to=BOB)
        (uid,) = stage.writer.uids("Drafts")
        tabs = [stage.writer.on("edit", uid, "Drafts") for _ in range(2)]
        assert draft.value("id") == tabs[0].value("id")
        assert tabs[0].press().said == ["Message sent."]
        assert tabs[1].press().said == ["Sent already."]
        assert len(post.taken) == 1


@FAULTS.line(15)
def fault_015(stage: Stage) -> None:
    """The page that asks for name and password carries what was written, and then it is sent."""
    writing = stage.writer.new()
    client = stage.writer.person.client
    client.session.flush()
    asked = client.post("/mail/@/compose/", {**writing.fields, **WRITTEN, "to": BOB, "action": "send"})
    assert asked.status_code == 401
    html = asked.content.decode()
    assert WRITTEN["text"].strip() in html
    data = forms.fields(html, "") | {
        "portal_username": stage.writer.person.login,
        "portal_password": stage.writer.person.server.password,
    }
    with stage.post() as post:
        client.post("/mail/@/compose/", data)
        assert len(post.taken) == 1


@FAULTS.line(16)
def fault_016(stage: Stage) -> None:
    """A form of ours with a stale token is refused, and the page that says so sends it with a good one."""
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = stage.writer.person.client.cookies
    data = {**stage.writer.new().fields, **WRITTEN, "to": BOB, "action": "send", "csrfmiddlewaretoken": "x" * 64}
    with stage.post() as post:
        elsewhere = strict.post("/mail/@/compose/", data, headers={"Sec-Fetch-Site": "cross-site"})
        assert elsewhere.status_code == 403
        assert WRITTEN["text"].strip() not in elsewhere.content.decode()
        refused = strict.post("/mail/@/compose/", data, headers={"Sec-Fetch-Site": "same-origin"})
        assert refused.status_code == 403
        assert post.sessions == 0
        assert not OutboxMessage.objects.exists()
        again = forms.fields(refused.content.decode(), "")
        assert [again[name] for name in ("subject", "text", "to")] == [[WRITTEN["subject"]], [WRITTEN["text"]], [BOB]]
        assert strict.post("/mail/@/compose/", again).status_code == 302
        assert len(post.taken) == 1


@FAULTS.line(17)
def fault_017(stage: Stage) -> None:
    """In tests/mail/test_kill.py, with real kills; here every state in which one can be left behind."""
    for state, mark, taken, end in (
        (State.SENDING, "", 1, State.DONE),
        (State.SENDING, letters.HANDED, 0, State.UNKNOWN),  # the database has lost a moment
        (State.SENDING, letters.TAKEN, 0, State.DONE),
        (State.HANDING, "", 0, State.UNKNOWN),
        (State.HANDING, letters.HANDED, 0, State.UNKNOWN),
        (State.HANDING, letters.TAKEN, 0, State.DONE),
        (State.COPYING, letters.TAKEN, 0, State.DONE),
    ):
        killed_with(stage, state, mark)
        with stage.post() as post:
            assert stage.pass_time(minutes=11).state == end, (state, mark)
            assert len(post.taken) == taken
        OutboxMessage.objects.all().delete()
        Delegation.objects.all().delete()
        stage.clock = timedelta()


@FAULTS.line(18)
def fault_018(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Away before the message is in: nothing is half written. Away at the server's 250: it is known afterwards."""

    def away(*_args: object, **_kwargs: object) -> None:
        raise OperationalError("the database is away")

    writing = stage.writer.new()
    stage.writer.person.client.raise_request_exception = False
    with monkeypatch.context() as broken:
        broken.setattr(OutboxMessage, "save", away)
        assert writing.press(**WRITTEN, to=BOB).status == 500
    assert nothing_is_left(stage.writer)
    stage.queue()
    with stage.post() as post:
        with monkeypatch.context() as broken:
            broken.setattr(delivery, "_taken", away)
            assert stage.pass_time(seconds=11).state == State.HANDING
        assert stage.pass_time(minutes=11).state == State.DONE
        assert len(post.taken) == 1
    assert len(stage.sent()) == 1


@FAULTS.line(19)
def fault_019(stage: Stage) -> None:
    """The cache knows nothing of sending: emptied, it makes no difference."""
    from django.core.cache import cache

    fields = stage.writer.new().fields
    with stage.post() as post:
        assert Desk(stage.writer.person, fields=dict(fields)).press(**WRITTEN, to=BOB).said == ["Message sent."]
        cache.clear()
        assert Desk(stage.writer.person, fields=dict(fields)).press(**WRITTEN, to=BOB).said == ["Sent already."]
        assert len(post.taken) == 1


@FAULTS.line(20)
def fault_020(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    from kombu.exceptions import OperationalError as BrokerAway

    from apps.mail import tasks

    def away(*_args: object, **_kwargs: object) -> None:
        raise BrokerAway("no broker")

    monkeypatch.setattr(tasks.send_message, "apply_async", away)
    stage.queue()
    with stage.post() as post:
        assert stage.pass_time(seconds=11).state == State.DONE
        assert len(post.taken) == 1


@FAULTS.line(21)
def fault_021(stage: Stage) -> None:
    from apps.mail import tasks

    row = stage.queue()
    OutboxMessage.objects.update(due=timezone.now())
    with stage.post() as post:
        tasks.send_message(row.pk)
        tasks.send_message(row.pk)
        assert len(post.taken) == 1


@FAULTS.line(22)
def fault_022(stage: Stage) -> None:
    """A directory that fails: completion has the others' answers (and tests/portal/test_complete.py the slow one)."""

    class Directory:
        id = "directory"

        def __init__(self, *, remote: bool) -> None:
            self.remote = remote

        def complete(self, *_args: object, **_kwargs: object) -> list[object]:
            raise OSError("directory unavailable")

        resolve = expand = complete

    with stage.post():
        stage.writer.new().press(**WRITTEN, to=f"Bob Brown <{BOB}>")
    client = stage.writer.person.client
    for remote in (False, True):
        books: Any = (Directory(remote=remote),)
        with with_apps(PortalApp(id="elsewhere", title="Elsewhere", address_books=books)):
            answer = client.get("/complete/", {"q": "brown"}, headers={"Accept": "application/json"})
        assert [contact["email"] for contact in answer.json()["contacts"]] == [BOB]
        assert answer.json().get("far", False) is remote


@FAULTS.line(23)
def fault_023(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """No room for an upload: refused, and nothing of it goes along; none for the message itself: nothing is in."""

    def full(*_args: object, **_kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    writing = stage.writer.new()
    stage.writer.person.client.raise_request_exception = False
    with monkeypatch.context() as broken:
        broken.setattr(uploads.Uploads, "_write", full)
        answer = writing.press(**WRITTEN, to=BOB, files=[("a.txt", "text/plain", b"x" * 1000)])
        assert answer.status == 500
    assert list((stage.settings.DATA_DIR / "uploads").glob("*/*")) == []  # type: ignore[attr-defined]
    with monkeypatch.context() as broken:
        broken.setattr(letters.os, "fsync", full)
        assert stage.writer.new().press(**WRITTEN, to=BOB).status == 500
    assert not OutboxMessage.objects.exists()
    assert not Delegation.objects.exists()


@FAULTS.line(24)
def fault_024(stage: Stage) -> None:
    """An hour forward: whose lease is over asks before the dot, and keeps it back. Back: it waits no longer."""
    row = stage.queue()
    with stage.post() as post:
        claimed = delivery._claim(row.pk, timezone.now() + timedelta(seconds=11))
        assert claimed is not None
        opened = outbox._opened(row)
        stage.pass_time(hours=1)  # somebody else takes over, and sends
        assert len(post.taken) == 1
        with pytest.raises(delivery.LostLease):
            delivery._send(claimed, letters.Letter.opened(opened, row.sealed, row.writing_id), opened, b"X: y\r\n\r\n")
        assert len(post.taken) == 1
    OutboxMessage.objects.all().delete()
    stage.clock = timedelta()
    stage.queue()
    with stage.post() as post:
        assert stage.pass_time(hours=-1).state == State.DONE
        assert len(post.taken) == 1


@FAULTS.line(26)
def fault_026(stage: Stage) -> None:
    """In tests/mail/test_outbox.py from both sides; here at the very last one."""
    row = stage.queue()

    with stage.post() as post:
        mark = letters.mark_handed

        def undo_at_the_dot(name: str, box: bytes) -> None:
            mark(name, box)
            assert press(stage.writer, "edit", row).said == ["Too late: it is being sent, or has been."]

        letters.mark_handed = undo_at_the_dot
        try:
            assert stage.pass_time(seconds=11).state == State.DONE
        finally:
            letters.mark_handed = mark
        assert len(post.taken) == 1
    assert stage.writer.stored("Drafts") == []
