"""Ways in which a server fails, at each thing that somebody does: the page says what is true, nothing else is touched,
nothing typed is lost, and the same works when the server is back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from apps.mail.models import OutboxMessage
from apps.mail.services import stores, sweeping
from tests.mail.conftest import HTMX, send_at_once
from tests.mail.imap_faults.server import CHANGING, LITTLE, Answer, Scene, hang_up, say, signed_in, stall, write
from tests.mail.test_undo import way_back
from tests.support.imap import FaultyImap, Line, faulty_imap, plain
from tests.support.receiver import SmallPost

pytestmark = pytest.mark.django_db
AWAY, ANEW, GONE = "isn’t answering", "numbered its messages anew", "no such folder"
WRITTEN = {"subject": "Felt camp", "text": "as typed"}
NONE = b"%t NO Mailbox does not exist\r\n"


@dataclass
class Stage(Scene):
    post_office: SmallPost = field(default_factory=lambda: SmallPost("secret"))

    def look(self, path: str = "", **query: object) -> Answer:
        found = self.client.get(f"/mail/Plans/{path}", query, follow=True)
        return Answer(found.status_code, found.content.decode())

    def order(self, path: str = "/mail/Plans/act/", **values: object) -> Answer:
        found = self.client.post(path, values, headers=HTMX)
        return Answer(found.status_code, found.content.decode() + found.headers.get("HX-Trigger", ""))

    @property
    def changes(self) -> list[bytes]:
        return self.server.commands(*CHANGING)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, settings, tmp_path: Path) -> Iterator[Stage]:
    """Anna has looked into her folder of plans, in which two messages are one conversation."""
    server = FaultyImap(messages={uid: plain(f"Subject {uid}", number=uid) for uid in (1, 2, 3)})
    server.messages[2].raw = server.messages[2].raw.replace(b"Subject: ", b"References: <m1@x.test>\r\nSubject: Re: ")
    server.folders.append(b'(\\HasNoChildren) "/" "Plans"')
    with faulty_imap(server):
        stores.pool()  # it outlives the test
        settings.DATA_DIR, settings.MAIL_DOMAIN = tmp_path, "example.test"
        stage = Stage(server, monkeypatch, settings, tmp_path)
        stage.post_office.start()
        settings.SMTP_URL = stage.post_office.url
        signed_in(stage.begin(patience=LITTLE))
        send_at_once(stage)  # type: ignore[arg-type]
        assert stage.look().uids == [3, 2, 1]
        yield stage
        stores.pool().close_all()
        stage.post_office.stop()


# what somebody does, and the command that it comes to

Deed = Callable[[], Answer]


def undo(stage: Stage) -> Deed:
    """Of what was done while the server was well."""
    done = stage.client.post("/mail/Plans/act/", {"do": "flag", "uid": 3, "v": 7}, headers=HTMX)
    back = way_back(done)
    return lambda: stage.order(back["url"], **back["values"])


READING: dict[str, tuple[Callable[[Stage], Deed], bytes]] = {
    "list": (lambda stage: stage.look, rb"(UID )?FETCH"),
    "message": (lambda stage: lambda: stage.look("3/", v=7), rb"(UID )?FETCH"),
    "conversation": (lambda stage: lambda: stage.look("1/conversation/", v=7), rb"(UID )?FETCH"),
}
ACTING: dict[str, tuple[Callable[[Stage], Deed], bytes]] = {
    "mark": (lambda stage: lambda: stage.order(do="flag", uid=3, v=7), rb"UID STORE"),
    "move": (lambda stage: lambda: stage.order(do="archive", uid=3, v=7), rb"UID MOVE"),
    "undo": (undo, rb"UID STORE"),
}
DEEDS = READING | ACTING


def cut(line: Line) -> None:
    line.say(b"* 1 FETCH (UID 1 FLAGS () BODY[] {500}\r\nFrom: nob")
    hang_up(line)


@pytest.mark.parametrize("how", [stall, cut], ids=["silent", "cut in a literal"])
@pytest.mark.parametrize("name", DEEDS)
def test_a_server_that_goes_away_in_the_middle(stage: Stage, name: str, how: Callable[[Line], None]) -> None:
    deed, key = DEEDS[name][0](stage), DEEDS[name][1]
    stage.cool()
    stores.pool().memory.clear()
    stage.server.faults[key] = how
    answer = deed()
    assert (answer.status, AWAY in answer.html) == (503, True)
    assert "Subject 3" not in answer.html, "nothing that may be old is shown as if it were there"
    assert len(stage.changes) == (name in ACTING), "what may have been done is not done again"
    stage.server.faults.clear()
    assert deed().status == 200
    assert all(b" 3 " in line for line in stage.changes), "and to no other message"
    assert stage.look().uids == [3, 2, 1]


@pytest.mark.parametrize("name", DEEDS)
def test_a_folder_that_is_numbered_anew(stage: Stage, name: str) -> None:
    deed = DEEDS[name][0](stage)
    stage.cool()
    stage.server.messages, stage.server.uidvalidity = {3: plain("Another life", number=9)}, 8
    answer = deed()
    if name == "list":
        assert (answer.status, answer.uids, "Another life" in answer.html) == (200, [3], True)
    else:
        assert (answer.status, ANEW in answer.html, "Another life" in answer.html) == (409, True, False)
    assert "Subject 3" not in answer.html
    assert stage.changes == []
    assert stage.look("3/", v=8).status == 200
    assert stage.order(do="flag", uid=3, v=8).status == 200


@pytest.mark.parametrize("name", DEEDS)
def test_a_folder_that_vanishes(stage: Stage, name: str) -> None:
    deed = DEEDS[name][0](stage)
    stage.cool()
    there = stage.server.folders.pop()
    stage.server.faults = {b"(SELECT|EXAMINE|STATUS) .*Plans": say(NONE)}
    answer = deed()
    assert GONE in answer.html
    assert answer.status == 404 or '"level": "error"' in answer.html  # a toast that offers to undo again
    assert "Subject 3" not in answer.html
    assert stage.changes == []
    assert stage.get().uids == [3, 2, 1], "everything else is there"
    stage.server.faults.clear()
    stage.server.folders.append(there)
    assert deed().status == 200


# writing


@pytest.mark.parametrize("how", [stall, hang_up], ids=["silent", "hung up"])
def test_a_draft_that_could_not_be_saved_is_saved_afterwards(stage: Stage, how: Callable[[Line], None]) -> None:
    desk = write(stage)
    stage.cool()
    stage.server.faults[rb"APPEND"] = how
    desk.press("save", **WRITTEN)
    assert (desk.status, AWAY in desk.html) == (503, True)
    assert (desk.value("text"), desk.value("subject")) == ("as typed", "Felt camp")
    assert len(stage.server.commands(b"APPEND")) == 1
    stage.server.faults.clear()
    desk.press("save")
    assert desk.said == ["Draft saved."]
    assert [(name, b"as typed" in octets) for name, octets in stage.server.stored] == [(b"Drafts", True)]


@pytest.mark.parametrize("how", [stall, hang_up], ids=["silent", "hung up"])
def test_what_is_sent_while_the_mailbox_goes_away_is_sent_once_and_kept_once(
    stage: Stage, how: Callable[[Line], None]
) -> None:
    desk = write(stage)
    stage.server.faults[rb"APPEND"] = how
    desk.press(to="bob@example.test", **WRITTEN)
    row = OutboxMessage.objects.get()
    assert len(stage.post_office.boxes["bob@example.test"]) == 1
    assert (row.state, stage.server.stored) == (OutboxMessage.State.SENT, [])
    told = stage.get("/mail/@/outbox/")
    assert (told.status, "Felt camp" in told.html) == (200, True)
    stage.server.faults.clear()
    OutboxMessage.objects.update(lease_until=None)
    for _ in range(2):
        sweeping.sweep()
    row.refresh_from_db()
    assert row.state == OutboxMessage.State.DONE
    assert [name for name, _ in stage.server.stored] == [b"Sent"]
    assert len(stage.post_office.boxes["bob@example.test"]) == 1
