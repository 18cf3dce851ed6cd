"""Somebody who is signed in at a server that does what a test wants, and what the portal shows them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from django.contrib.auth import get_user_model
from django.test import Client

from apps.mail.mailbox.account import Account
from apps.mail.services import stores
from tests.support.imap import FaultyImap

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
