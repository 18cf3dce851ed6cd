"""A server that moves and copies without saying where to (RFC 4315 section 3 allows it): told as done, without undo."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from apps.mail.services import stores
from tests.mail.conftest import HTMX
from tests.mail.imap_faults.server import Scene
from tests.mail.test_undo import toast
from tests.support.imap import FaultyImap, Line, faulty_imap, plain


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch, settings: Any, db: None, tmp_path: Any) -> Iterator[Scene]:
    server = FaultyImap(messages={uid: plain(f"n{uid}", number=uid) for uid in (1, 2, 3)})

    def move(line: Line) -> None:
        for uid in (1, 2):
            server.messages.pop(uid, None)
            line.say(b"* 1 EXPUNGE\r\n")
        line.say(b"%t OK done\r\n")

    server.faults = {b"UID MOVE 1:2 ": move, b"UID SEARCH UID 1:2": lambda line: line.say(b"* SEARCH 1 2\r\n%t OK\r\n")}
    with faulty_imap(server):
        stores.pool()  # it outlives the test
        settings.DATA_DIR = tmp_path
        scene = Scene(server, monkeypatch, settings, tmp_path).begin()
        scene.sign_in()
        yield scene
        stores.pool().close_all()


@pytest.mark.parametrize(
    ("do", "text"), [("archive", "2 messages archived."), ("copy", "2 messages copied to Archive.")]
)
def test_it_is_told_as_done_and_cannot_be_undone(scene: Scene, do: str, text: str) -> None:
    form = {"do": do, "uid": ["1", "2"], "v": "7", "to": "Archive"}
    told = toast(scene.client.post("/mail/INBOX/act/", form, headers=HTMX))
    assert told["text"] == f"{text} Your mail server does not say where they are, so this cannot be undone."
    assert (told["level"], "undo" in told) == ("ok", False)


def test_what_was_not_there_is_told_as_gone(scene: Scene) -> None:
    told = toast(scene.client.post("/mail/INBOX/act/", {"do": "archive", "uid": "9", "v": "7"}, headers=HTMX))
    assert "not here any more" in told["text"]
    assert told["level"] == "error"
