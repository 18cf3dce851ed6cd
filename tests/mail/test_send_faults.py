"""The fault matrix of sending (tests/vectors/send_faults.json): every line of it is run."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from apps.mail.models import OutboxMessage
from apps.mail.prefs import UNDO_SEND
from apps.mail.services import delivery, letters, outbox, sweeping, uploads
from apps.mail.submission import SendResult
from portal.models import Delegation
from portal.prefs import for_user
from portal.registry import PortalApp
from portal.testing import with_apps
from tests.mail.desk import Desk, Writer
from tests.mail.test_outbox import State, nothing_is_left, page, press, row_of, user_of
from tests.mail.test_sending import WRITTEN
from tests.support import forms
from tests.support.receiver import read
from tests.support.smtp import HANG_UP, FaultyPost, faulty_post

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/send_faults.json").read_text())["items"]
pytestmark = pytest.mark.parametrize("server", ["dovecot"], indirect=True)
BOB, CARLA = "bob@example.test", "carla@example.test"


@dataclass
class Stage:
    """Somebody who writes, with a submission server of the test's own making."""

    writer: Writer
    settings: object
    clock: timedelta = timedelta()

    def queue(self, recipients: str = BOB, **typed: str) -> OutboxMessage:
        for_user(user_of(self.writer.person)).save({UNDO_SEND: 10})
        said = self.writer.new().press(**(WRITTEN | typed), to=recipients).said
        assert said[0].startswith("The message goes out in"), said
        return row_of(self.writer)

    def at(self, url: str) -> None:
        self.settings.SMTP_URL, self.settings.SMTP_TLS_CA_FILE = url, ""  # type: ignore[attr-defined]

    @contextlib.contextmanager
    def post(self, **how: object) -> Iterator[FaultyPost]:
        with faulty_post(**how) as post:
            self.at(post.url)
            yield post

    def pass_time(self, **later: float) -> OutboxMessage:
        """So much later the worker looks again."""
        self.clock += timedelta(**later)
        sweeping.sweep(now=timezone.now() + self.clock)
        return row_of(self.writer)

    def sent(self) -> list[bytes]:
        return self.writer.stored("Sent")


@pytest.fixture
def stage(writer: Writer, settings) -> Stage:
    return Stage(writer, settings)


def nowhere() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"smtp://127.0.0.1:{listener.getsockname()[1]}"


def sends_once_when_it_is_back(stage: Stage) -> None:
    """After the pause, on a server that works; and nothing more for a day."""
    with stage.post() as post:
        assert stage.pass_time(minutes=2).state == State.DONE
        stage.pass_time(days=1)
        assert [recipients for recipients, _octets in post.taken] == [[BOB]]
    assert len(stage.sent()) == 1
    assert nothing_is_left(stage.writer)


# --- one function for each line, by its number ------------------------------------------------------------------------


def fault_001(stage: Stage) -> None:
    """Refused, silent, not safe."""
    stage.queue()
    stage.at(nowhere())
    assert stage.pass_time(seconds=11).state == State.WAITING
    assert "The server for sending does not answer." in page(stage.writer)
    for _ in range(10):
        assert stage.pass_time(seconds=3).tries == 1  # nobody is there who could take it
    with stage.post(replies={b"HELLO": HANG_UP}):
        assert stage.pass_time(seconds=3).tries == 1
    with stage.post(replies={b"AUTH": HANG_UP}):
        row = stage.pass_time(seconds=3)
        assert row.tries == 2
        due = row.due
        assert stage.pass_time(seconds=5).due == due  # not before its pause is over
    with stage.post() as post:
        stage.at(post.url.replace("smtp:", "smtp+starttls:"))  # which it does not offer
        assert stage.pass_time(minutes=6).state == State.FAILED
        assert "could not prove who it is" in page(stage.writer)
        stage.at(post.url)
        press(stage.writer, "again")
        assert len(post.taken) == 1
    assert row_of(stage.writer).state == State.DONE


def fault_002(stage: Stage) -> None:
    stage.queue()
    with stage.post(replies={b"EHLO": b"421 4.3.2 closing\r\n"}):
        assert stage.pass_time(seconds=11).state == State.WAITING
    sends_once_when_it_is_back(stage)


def fault_003(stage: Stage) -> None:
    """Signing in is tried once, and again only when somebody says so."""
    stage.queue()
    with stage.post(replies={b"AUTH": b"535 5.7.8 wrong\r\n"}) as post:
        assert stage.pass_time(seconds=11).state == State.FAILED
        stage.pass_time(days=1)
        assert post.sessions == 1
        shown = page(stage.writer)
        assert "does not take your name and password" in shown and "5.7.8 wrong" in shown
    with stage.post() as post:
        assert press(stage.writer, "again").said == ["Message sent."]
        assert len(post.taken) == 1


def fault_004(stage: Stage) -> None:
    """5xx: it stays with the server's words, and can be edited; 452 too, as it says that the size is wrong."""
    answers = ((b"552 5.3.4 too big\r\n", "5.3.4 too big"), (b"452 message size exceeds\r\n", "size exceeds"))
    for answer, words in answers:
        stage.queue()
        with stage.post(replies={b"MAIL": answer}) as post:
            assert stage.pass_time(seconds=11).state == State.FAILED
            shown = page(stage.writer)
            assert "larger than the server for sending takes" in shown and words in shown
            assert post.taken == []
        draft = press(stage.writer, "edit")
        assert draft.value("text") == WRITTEN["text"].strip()
        draft.press("discard")
        stage.clock = timedelta()


def fault_005(stage: Stage) -> None:
    """One refused for good: nobody gets it, each is named with the reason."""
    stage.queue(f"{BOB}, nobody@example.test, {CARLA}")
    with stage.post(replies={b"RCPT TO:<nobody": b"550 5.1.1 No such person\r\n"}) as post:
        assert stage.pass_time(seconds=11).state == State.FAILED
        shown = page(stage.writer)
        assert "nobody@example.test" in shown and "5.1.1 No such person" in shown
        assert post.taken == []
        draft = press(stage.writer, "edit")
        assert "nobody@example.test" in draft.value("to")
        for_user(user_of(stage.writer.person)).save({UNDO_SEND: 0})
        assert draft.press(to=f"{BOB}, {CARLA}").said == ["Message sent."]
        assert [recipients for recipients, _octets in post.taken] == [[BOB, CARLA]]


def fault_006(stage: Stage) -> None:
    """The others get it at once, the delayed one alone and later; the copy is stored once."""
    stage.queue(f"{BOB}, {CARLA}")
    with stage.post(replies={b"RCPT TO:<carla": b"450 4.2.1 later\r\n"}) as post:
        row = stage.pass_time(seconds=11)
        assert row.state == State.WAITING
        assert [recipients for recipients, _octets in post.taken] == [[BOB]]
        shown = page(stage.writer)
        assert "4.2.1 later" in shown and f"Sent already to:</span> <bdi>{BOB}" in shown.replace("to: ", "to:</span> ")
        assert len(stage.sent()) == 1
        assert press(stage.writer, "edit").said == ["Too late: it is being sent, or was."]
        post.replies.clear()
        assert stage.pass_time(minutes=3).state == State.DONE
        assert [recipients for recipients, _octets in post.taken] == [[BOB], [CARLA]]
    assert len({read(octets)["Message-ID"] for _recipients, octets in post.taken}) == 1
    assert len(stage.sent()) == 1


def fault_007(stage: Stage) -> None:
    stage.queue(text="Bring poles.\n" * 300_000)  # more than fits into the buffers on the way
    with stage.post(drops_body=True) as post:
        assert stage.pass_time(seconds=11).state == State.WAITING
        assert post.taken == []
    sends_once_when_it_is_back(stage)


def fault_008(stage: Stage) -> None:
    """Nobody knows: told, not tried again by itself, sent again under the same Message-ID or known to have arrived."""
    for choice in ("again", "arrived"):
        stage.queue()
        with stage.post(loses_reply=True) as post:
            assert stage.pass_time(seconds=11).state == State.UNKNOWN
            stage.pass_time(days=1)
            assert len(post.taken) == 1
            shown = page(stage.writer)
            assert "Perhaps sent" in shown and "It is not sent again unless you say so." in shown
            post.loses_reply = False
            assert press(stage.writer, choice).said == ["Message sent."]
            assert len(post.taken) == (2 if choice == "again" else 1)
            assert len({read(octets)["Message-ID"] for _recipients, octets in post.taken}) == 1
        assert row_of(stage.writer).state == State.DONE
        OutboxMessage.objects.all().delete()
        stage.clock = timedelta()
    assert len(stage.sent()) == 2
    # a server that files what it takes itself answers the question
    row = stage.queue()
    with stage.post(loses_reply=True):
        octets = letters.take_up(row.file, outbox._opened(row))
        stage.writer.person.receive(octets, mailbox="Sent")
        stage.pass_time(seconds=11)
        assert stage.pass_time(seconds=1).state == State.DONE
    assert len(stage.sent()) == 3


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


def fault_009(stage: Stage) -> None:
    killed_with(stage, State.HANDING, letters.TAKEN)
    with stage.post() as post:
        assert stage.pass_time(seconds=1).state == State.DONE
        assert post.sessions == 0
    assert len(stage.sent()) == 1


def fault_010(stage: Stage) -> None:
    killed_with(stage, State.COPYING, letters.TAKEN)
    with stage.post() as post:
        assert stage.pass_time(seconds=1).state == State.DONE
        assert post.sessions == 0
    assert len(stage.sent()) == 1
    assert nothing_is_left(stage.writer)


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


def fault_012(stage: Stage) -> None:
    """The copy is in Sent, the answer was lost: it is looked for before a second one."""
    row = killed_with(stage, State.COPYING, letters.TAKEN)
    with stage.writer.person.server.session(stage.writer.person.login) as session:
        session.create("Sent")
    stage.writer.person.receive(letters.take_up(row.file, outbox._opened(row)), mailbox="Sent")
    with stage.post():
        assert stage.pass_time(seconds=1).state == State.DONE
    assert len(stage.sent()) == 1


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


def fault_019(stage: Stage) -> None:
    """The cache knows nothing of sending: emptied, it makes no difference."""
    from django.core.cache import cache

    fields = stage.writer.new().fields
    with stage.post() as post:
        assert Desk(stage.writer.person, fields=dict(fields)).press(**WRITTEN, to=BOB).said == ["Message sent."]
        cache.clear()
        assert Desk(stage.writer.person, fields=dict(fields)).press(**WRITTEN, to=BOB).said == ["Sent already."]
        assert len(post.taken) == 1


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


def fault_021(stage: Stage) -> None:
    from apps.mail import tasks

    row = stage.queue()
    OutboxMessage.objects.update(due=timezone.now())
    with stage.post() as post:
        tasks.send_message(row.pk)
        tasks.send_message(row.pk)
        assert len(post.taken) == 1


def fault_022(stage: Stage) -> None:
    """A directory that fails: completion has the others' answers (and tests/portal/test_complete.py the slow one)."""

    class Directory:
        id, label = "directory", "Directory"

        def search(self, *_args: object, **_kwargs: object) -> list[object]:
            raise OSError("directory unavailable")

        resolve = lookup = expand = search

    with stage.post():
        stage.writer.new().press(**WRITTEN, to=f"Bob Brown <{BOB}>")
    with with_apps(PortalApp(id="directory", title="Directory", address_books=(Directory(),))):  # type: ignore[arg-type]
        answer = stage.writer.person.client.get("/complete/", {"q": "brown"}, headers={"Accept": "application/json"})
    assert [contact["email"] for contact in answer.json()["contacts"]] == [BOB]


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


def fault_025(stage: Stage) -> None:
    stage.queue()
    stage.at(nowhere())
    stage.pass_time(seconds=11)
    sends_once_when_it_is_back(stage)


def fault_026(stage: Stage) -> None:
    """In tests/mail/test_outbox.py from both sides; here at the very last one."""
    row = stage.queue()

    with stage.post() as post:
        mark = letters.mark_handed

        def undo_at_the_dot(name: str, box: bytes) -> None:
            mark(name, box)
            assert press(stage.writer, "edit", row).said == ["Too late: it is being sent, or was."]

        letters.mark_handed = undo_at_the_dot
        try:
            assert stage.pass_time(seconds=11).state == State.DONE
        finally:
            letters.mark_handed = mark
        assert len(post.taken) == 1
    assert stage.writer.stored("Drafts") == []


def fault_027(stage: Stage) -> None:
    page_again = stage.writer.new()
    with stage.post() as post:
        answer = page_again.press(**WRITTEN, to="jürgen@example.test")
        assert answer.status == 422
        assert answer.errors["to"]
        assert b"DATA\r\n" not in post.heard


def fault_028(stage: Stage) -> None:
    stage.queue(text="x\n" * 2000)
    small = b"250-here\r\n250-AUTH PLAIN\r\n250 SIZE 1000\r\n"
    with stage.post(replies={b"EHLO": small}) as post:
        assert stage.pass_time(seconds=11).state == State.FAILED
        assert not any(line.startswith((b"MAIL", b"DATA")) for line in post.heard)
    assert "larger than the server for sending takes" in page(stage.writer)


def fault_029(stage: Stage) -> None:
    """What we build has seven bits, whatever is written."""
    stage.queue(text="Grüße 🏕\n")
    poor = b"250-here\r\n250 AUTH PLAIN\r\n"
    with stage.post(replies={b"EHLO": poor}) as post:
        assert stage.pass_time(seconds=11).state == State.DONE
        ((_recipients, octets),) = post.taken
    assert octets.isascii()
    assert "Grüße 🏕" in read(octets).get_content()


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_vector(vector: dict[str, str], stage: Stage, request: pytest.FixtureRequest) -> None:
    run: Callable[..., None] = globals()[f"fault_{vector['id'].rpartition('-')[2]}"]
    names = run.__code__.co_varnames[1 : run.__code__.co_argcount]
    run(stage, **{name: request.getfixturevalue(name) for name in names})
