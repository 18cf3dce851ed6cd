"""Somebody who is signed in at a server that does what a test wants, and what the portal shows them."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from django.contrib.auth import get_user_model
from django.test import Client

from apps.mail.mailbox.account import Account
from apps.mail.models import OutboxMessage
from apps.mail.services import stores
from tests.mail.conftest import send_at_once
from tests.mail.desk import Desk
from tests.support.imap import FaultyImap, HangUp, Line
from tests.support.vectors import Collection

FAULTS = Collection("imap_faults")
CHANGING = (b"UID STORE", b"UID MOVE", b"UID COPY", b"UID EXPUNGE", b"EXPUNGE", b"STORE", b"MOVE", b"COPY")

PATIENCE = 10.0  # seconds that the portal waits for this server
LITTLE = 2.0  # for tests in which it waits in vain


@dataclass
class Answer:
    status: int
    html: str

    @property
    def uids(self) -> list[int]:
        return [int(uid) for uid in re.findall(r'data-uid="(\d+)"', self.html)]


@dataclass
class Scene:
    server: FaultyImap
    monkeypatch: object
    settings: object
    folder: Path
    client: Client = field(default_factory=Client)

    def begin(self, scheme: str = "imap", *, patience: float = PATIENCE) -> Scene:
        self.settings.IMAP_URL = f"{scheme}://127.0.0.1:{self.server.port}"  # type: ignore[attr-defined]
        impatient = partial(Account, connect_timeout=patience, read_timeout=patience)
        self.monkeypatch.setattr(stores, "Account", impatient)  # type: ignore[attr-defined]
        return self

    def sign_in(self, client: Client | None = None, login: str = "anna") -> Answer:
        found = (client or self.client).post("/sign-in/", {"username": login, "password": "secret"})
        return Answer(found.status_code, found.content.decode())

    def cool(self) -> None:
        """All connections are forgotten, and the next request makes its own."""
        stores.pool().close_all()
        self.server.heard.clear()

    def get(self, path: str = "/mail/INBOX/", *, client: Client | None = None, **query: object) -> Answer:
        found = (client or self.client).get(path, query)
        content = b"".join(found.streaming_content) if found.streaming else found.content
        return Answer(found.status_code, content.decode("utf-8", "replace"))

    def open(self, uid: int = 1, v: int = 7) -> Answer:
        return self.get(f"/mail/INBOX/{uid}/", v=v)

    def post(self, path: str, **data: object) -> Answer:
        found = self.client.post(path, data)
        return Answer(found.status_code, found.content.decode())

    def act(self, do: str, uid: int = 1, v: int = 7, **more: object) -> Answer:
        return self.post("/mail/INBOX/act/", do=do, uid=uid, v=v, **more)

    @property
    def user(self):
        return get_user_model().objects.get(pk=self.client.session["_auth_user_id"])


def signed_in(scene: Scene) -> Scene:
    assert scene.sign_in().status == 302
    scene.cool()
    return scene


def say(words: bytes) -> Callable[[Line], None]:
    """Instead of the answer."""
    return lambda line: line.say(words)


def before(words: bytes) -> Callable[[Line], None]:
    def act(line: Line) -> None:
        line.say(words)
        line.usual()

    return act


def hang_up(line: Line) -> None:
    raise HangUp


def stall(line: Line) -> None:
    """Until the portal has had enough of it."""
    while line.client.recv(4096):
        pass
    raise HangUp


def once(server: FaultyImap, key: bytes, act: Callable[[Line], None]) -> None:
    def fault(line: Line) -> None:
        server.faults.pop(key, None)
        act(line)

    server.faults[key] = fault


def bounded(act: Callable[[], object], megabytes: int) -> None:
    tracemalloc.start()
    try:
        act()
        assert tracemalloc.get_traced_memory()[1] < megabytes * 2**20
    finally:
        tracemalloc.stop()


def write(scene: Scene) -> Desk:
    return Desk(scene).open("/mail/@/compose/")  # type: ignore[arg-type]


def send(scene: Scene) -> OutboxMessage:
    send_at_once(scene)  # type: ignore[arg-type]
    write(scene).press(to="bob@example.test", subject="Felt camp", text="Bring poles.")
    return OutboxMessage.objects.latest("pk")
