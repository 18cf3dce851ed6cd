"""Work that a server breaks off, refuses or hides the end of: nothing is doubled, and no way back is lost."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpResponse

from apps.mail.mailbox.batches import at_once
from apps.mail.mailbox.errors import BadArgument, TlsFailed, TooManyConnections
from apps.mail.services import actions, noted, steps, stores, work
from apps.mail.services.steps import Step
from apps.mail.services.work import Work
from apps.mail.views import actions as views
from tests.mail.conftest import HTMX, Person
from tests.mail.imap_faults.server import Scene, hang_up, say
from tests.mail.mailbox.conftest import pool  # noqa: F401
from tests.mail.mailbox.test_odd_servers import account_at
from tests.mail.test_undo import chosen, fill, on_all, take_back, toast
from tests.mail.test_work import to_the_end
from tests.support.imap import FaultyImap, faulty_imap, plain


@pytest.fixture(autouse=True)
def four_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "SECONDS", 0.0)
    for name in ("FIRST", "LEAST", "MOST"):
        monkeypatch.setattr(work, name, 4)


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch, settings: Any, db: None, tmp_path: Any) -> Iterator[Scene]:
    server = FaultyImap(messages={uid: plain(f"n{uid}", number=uid) for uid in (1, 2, 3)})
    with faulty_imap(server):
        stores.pool()  # it outlives the test
        settings.DATA_DIR = tmp_path
        scene = Scene(server, monkeypatch, settings, tmp_path).begin()
        scene.sign_in()
        yield scene
        stores.pool().close_all()


def step(do: str = "move", uids: tuple[int, ...] = (1, 2), mailbox: str = "INBOX") -> Step:
    return Step(do=do, mailbox=mailbox, uidvalidity=7, uids=uids, target="Archive")


def noted_work(scene: Scene, **what: Any) -> Work:
    """As it is after its first request."""
    user_id = int(scene.client.session["_auth_user_id"])
    begun = Work(**({"do": "archive", "done": 4, "ways": [step("back", (11,), "Archive")]} | what))
    work._note(begun, user_id)
    return begun


def resume(scene: Scene, begun: Work, **more: str) -> HttpResponse:
    return scene.client.post("/mail/@/work/", {"work": begun.name, **more}, headers=HTMX)


@pytest.mark.parametrize("cut", [rb"UID COPY", rb"UID STORE", rb"UID EXPUNGE"])
def test_a_move_that_is_cut_off_after_its_copy_is_never_repeated(scene: Scene, cut: bytes) -> None:
    scene.server.capabilities = b"IMAP4rev1 UIDPLUS"
    scene.cool()
    scene.server.faults = {cut: hang_up}
    begun = noted_work(scene, steps=[step("archive"), step("archive", (1,), "Sent")])
    for _again in range(2):
        told = toast(resume(scene, begun))
        assert "Some messages may be in both folders now." in told["text"]
        assert (told["level"], "undo" in told) == ("error", True)
    assert len(scene.server.commands(b"UID COPY")) == 1


def test_alone_it_says_so_too(scene: Scene) -> None:
    scene.server.capabilities = b"IMAP4rev1 UIDPLUS"
    scene.cool()
    scene.server.faults = {rb"UID STORE": hang_up}
    answer = scene.act("archive")
    assert (answer.status, "Some messages may be in both folders now" in answer.html) == (502, True)


def test_a_batch_is_one_command(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """UIDs with gaps make a long set; when the second command fails, the first has its count and its undo."""
    uids = tuple(range(100_001, 104_001, 2))
    first = at_once(uids)
    assert 0 < first < len(uids)
    copied = f"* OK [COPYUID 9 {noted.ranges(uids[:first])} 1:{first}] x\r\n%t OK x\r\n".encode()
    scene.server.faults = {b"UID MOVE 100001,": say(copied), b"UID MOVE": say(b"%t NO no\r\n")}
    monkeypatch.setattr(work, "SECONDS", 60.0)
    moved = Work(do="move", steps=[step("move", uids)], size=5000)
    with stores.pool().lease(account_at(scene.server.port)) as store:
        work.proceed(store, moved, user_id=1)
    assert (moved.done, moved.left, steps.count(moved.ways)) == (first, len(uids) - first, first)
    assert moved.text.endswith("The mail server said no.")


def test_a_stop_is_heard_while_the_server_is_away(scene: Scene) -> None:
    begun = noted_work(scene, steps=[step("archive")])
    scene.server.faults = {b"": hang_up}
    scene.cool()
    for _again in range(2):
        answer = resume(scene, begun, stop="yes")
        assert toast(answer)["text"] == "4 messages archived. Stopped: 2 stay as they are."
        assert "undo" in toast(answer)
        assert re.search(r'id="work"[^>]* hidden>', answer.content.decode())
        assert "list-changed" in json.loads(answer["HX-Trigger"])


def test_what_cannot_help_is_not_tried_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = noted_work(scene, steps=[step("archive")])

    def no_tls(request: object) -> None:
        raise TlsFailed

    monkeypatch.setattr(views, "open_store", no_tls)
    told = toast(resume(scene, begun))
    assert told["text"].endswith("No safe connection to the mail server. Stopped: 2 stay as they are.")
    assert (told["level"], "undo" in told) == ("error", True)


def test_the_end_whose_answer_was_lost_is_told_once_by_the_next_page(anna: Person) -> None:
    fill(anna, 6)
    lost, _seen = to_the_end(anna, on_all(anna, "archive", chosen(anna)))
    assert toast(lost)["text"] == "6 messages archived."
    assert anna.client.get("/mail/INBOX/", headers=HTMX).status_code == 200
    page = anna.client.get("/mail/INBOX/").content.decode()
    assert "6 messages archived." in page
    ways = re.search(r'name="ways" value="([^"]*)"', page)
    assert ways
    assert "6 messages archived." not in anna.client.get("/mail/INBOX/").content.decode()
    to_the_end(anna, take_back(anna, lost))
    assert anna.count() == 6


def test_an_undo_that_is_refused_is_said_and_offered_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "SECONDS", 60.0)
    scene.server.faults = {b"UID MOVE": say(b"%t NO no\r\n")}
    back = [step("back", (1, 2), "Trash"), step("back", (3,), "Sent")]
    told = toast(scene.client.post("/mail/@/undo/", {"ways": steps.dump(back)}, headers=HTMX))
    assert told["text"] == "The mail server said no."
    assert told["level"] == "error"
    assert steps.load(told["undo"]["values"]["ways"]) == back


def test_why_it_failed_is_remembered_between_two_requests(scene: Scene) -> None:
    scene.server.faults = {b"UID MOVE": say(b"%t NO [OVERQUOTA] no\r\n")}
    begun = noted_work(scene, steps=[step("archive")])
    for _again in range(2):
        told = toast(resume(scene, begun))
        assert (told["text"].endswith("Your mailbox is full."), told["level"]) == (True, "error")


def test_undo_forms_have_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "MOST", 3)
    assert len(steps.load(steps.dump([step()] * 3))) == 3
    with pytest.raises(BadArgument):
        steps.load(steps.dump([step()] * 4))
    monkeypatch.setattr(noted, "MOST", 5)
    with pytest.raises(BadArgument):
        steps.load(steps.dump([step()] * 3))


def test_a_server_at_its_limit_is_asked_for_less(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "LEAST", 3)

    def busy(*_: object) -> None:
        raise TooManyConnections

    monkeypatch.setattr(actions, "take", busy)
    begun = Work(do="archive", steps=[step("archive", tuple(range(1, 20)))], done=1, size=10)
    sizes = []
    for _again in range(3):
        work.proceed(None, begun, user_id=1)  # type: ignore[arg-type]
        sizes.append(begun.size)
    assert sizes == [5, 3, 3]


def test_the_flag_beside_the_message_is_no_reason_to_lose_the_undo(scene: Scene) -> None:
    scene.server.faults = {b"UID FETCH": hang_up}
    form = {"do": "flag", "uid": "1", "v": "7", "from": "message", "open": "1"}
    answer = scene.client.post("/mail/INBOX/act/", form, headers=HTMX)
    assert toast(answer)["text"] == "1 message flagged."
    assert "undo" in toast(answer)


def test_the_flag_beside_the_open_message_is_drawn_when_it_ends(scene: Scene) -> None:
    begun = noted_work(scene, do="flag", steps=[step("flag")], ways=[step("unflag", (3,))])
    assert 'id="flag"' in resume(scene, begun, stop="yes", open="3").content.decode()


def test_noted_work_that_nobody_can_read_is_none(scene: Scene) -> None:
    begun = noted_work(scene, steps=[step("archive")], ways=[Step(do="back", mailbox="A", uidvalidity=0, uids=(1,))])
    answer = resume(scene, begun)
    assert (answer.status_code, "<progress" in answer.content.decode()) == (200, False)
