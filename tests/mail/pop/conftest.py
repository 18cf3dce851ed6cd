"""People whose mail lies on a POP3 server: Dovecot, which tests fill and look into by IMAP behind the portal's back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model

from apps.mail.mailbox.pop.store import PopStore
from apps.mail.services import pop_shelf, stores
from portal import mail_servers
from tests.support.mailserver import DovecotServer


class Maildrop:
    """Somebody's, without a browser."""

    def __init__(self, server: DovecotServer) -> None:
        self.server, self.login = server, server.new_user()
        self.user = get_user_model().objects.external(
            source="imap", server="localhost", login=self.login, email="", name=""
        )

    @contextmanager
    def store(self) -> Iterator[PopStore]:
        """One lease. What is new is seen at once: nobody has looked before."""
        stores.pool().maildrops.memory.looked.clear()
        target = stores.account(
            mail_servers.of_user(self.user), login=self.login, password=self.server.password, owner=self.user.pk
        )
        with stores.pool().lease(target) as store:
            assert isinstance(store, PopStore)
            yield store

    def receive(self, *messages: bytes) -> None:
        self.server.append(self.login, *messages)

    def on_server(self) -> list[bytes]:
        return self.server.messages(self.login)

    @property
    def shelf(self) -> pop_shelf.DatabaseShelf:
        return pop_shelf.of(stores.account(login=self.login, password="x", owner=self.user.pk))


Opened = Callable[[], AbstractContextManager[PopStore]]


@pytest.fixture
def pop3(dovecot: DovecotServer, settings, tmp_path: Path) -> Iterator[DovecotServer]:
    stores.pool()  # it outlives the test, and so has to be made outside of its folder
    settings.DATA_DIR = tmp_path
    settings.IMAP_URL, settings.POP3_URL = "", dovecot.pop3s_url
    settings.POP3_TLS_CA_FILE, settings.MAIL_DOMAIN = str(dovecot.ca_file), "example.test"
    yield dovecot


@pytest.fixture
def drop(pop3: DovecotServer, db: None) -> Maildrop:
    return Maildrop(pop3)
