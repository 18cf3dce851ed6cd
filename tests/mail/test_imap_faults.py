"""Servers that go wrong (tests/vectors/imap_faults.json), as somebody sees them who reads their mail: every line of it
is run, through the portal's own pages, against a server on a real socket.

What holds for all of them: no page falls over, no message is touched by mistake, a connection in doubt is dropped, and
once the server behaves again the next request works.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.mail.services import stores
from tests.mail.imap_faults import changes, connections, folders, lists, messages, refusals, signing_in  # noqa: F401
from tests.mail.imap_faults.server import FAULTS, Scene
from tests.support.imap import FaultyImap, faulty_imap, plain
from tests.support.vectors import told

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch, settings, tmp_path: Path) -> Iterator[Scene]:
    """Anna is signed in and has three messages."""
    server = FaultyImap(messages={uid: plain(f"Subject {uid}", number=uid) for uid in (1, 2, 3)})
    with faulty_imap(server):
        stores.pool()  # it outlives the test
        settings.DATA_DIR = tmp_path
        yield Scene(server, monkeypatch, settings, tmp_path).begin()
        stores.pool().close_all()


def test_every_line_is_run() -> None:
    assert len(FAULTS.items) == told("imap_faults")["count"] == 65
    assert {item["id"] for item in FAULTS.items} == FAULTS.runs.keys()
    assert {item["class"] for item in FAULTS.items} == {"ENVELOPE", "BODYSTRUCTURE", "session"}


@pytest.mark.parametrize("line", [item["id"] for item in FAULTS.items])
def test_fault(scene: Scene, line: str) -> None:
    FAULTS.runs[line](scene)
    scene.server.faults.clear()
    scene.server.greeting = b"* OK [CAPABILITY %c] ready\r\n"
    if "_auth_user_id" in scene.client.session:
        assert scene.get().status == 200, "and afterwards all is well"


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_fifty_thousand_folders(scene: Scene) -> None:
    folders.fifty_thousand_folders(scene, 50_000)
