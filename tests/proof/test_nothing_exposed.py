"""Until the first level passes, no socket to any server opens: listeners in their places hear nothing, and Python's
own audit of this process (PEP 578) sees nobody connect to anything else.

A few tries of every kind in each run, 1,000 of every kind in `make soak`.
"""

from __future__ import annotations

import itertools
import socket
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from apps.auth.factors import codes, ways
from apps.auth.factors.models import CodeDevice, Rule
from apps.auth.models import User
from portal.accounts import external_user
from portal.testing import override_registry
from portal.throttle import Throttle
from tests.auth.oauth.signing import with_provider

pytestmark = pytest.mark.needs_app("mail")
KINDS = ("code", "password", "recovery", "invitation", "passkey", "certificate", "nothing", "second level", "in place",
         "with a form", "remembered", "unknown way", "provider", "back from the provider")  # fmt: skip
NOTHING = {"imap": 0, "smtp": 0, "ldap": 0, "oidc": 0, "any": 0}


class Dialled:
    """Counts what this process connects to, whatever it is, while it is listened to."""

    def __init__(self) -> None:
        self.heard, self._listening = 0, True
        sys.addaudithook(self._hear)  # there is no taking it away again

    def _hear(self, event: str, _arguments: tuple[Any, ...]) -> None:
        if self._listening and event == "socket.connect":
            self.heard += 1

    def close(self) -> None:
        self._listening = False


class Listener:
    """Counts who connects, and says nothing."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.heard = 0
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                self._socket.accept()[0].close()
            except OSError:
                return
            self.heard += 1

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def servers(settings, monkeypatch: pytest.MonkeyPatch, db: None) -> Iterator[dict[str, Listener | Dialled]]:
    listeners = {name: Listener() for name in NOTHING if name != "any"}
    settings.IMAP_URL = f"imap://127.0.0.1:{listeners['imap'].port}"
    settings.SMTP_URL = f"smtp://127.0.0.1:{listeners['smtp'].port}"
    settings.LDAP_URL = f"ldap://127.0.0.1:{listeners['ldap'].port}"
    settings.LDAP_BASE = "dc=example,dc=test"
    settings.AUTHENTICATION_BACKENDS = ["apps.auth.ldap.backend.LdapBackend", *settings.AUTHENTICATION_BACKENDS]
    settings.SIGN_IN, settings.OIDC_CLIENT_ID = ["ldap", "imap", "oidc"], "yurt"
    settings.OIDC_ISSUER = f"http://127.0.0.1:{listeners['oidc'].port}"
    monkeypatch.setattr(Throttle, "enter", lambda self: 0)  # each try shall be heard
    everything = listeners | {"any": Dialled()}
    with override_registry(*with_provider()):
        yield everything
    for listener in everything.values():
        listener.close()


def attempt(kind: str, login: str, number: int) -> None:
    client, password = Client(), f"guess {number}"
    first = {"first_level": "1", "username": login, "next": "/mail/"}
    if kind == "second level":
        client.post("/sign-in/", {"username": login, "password": password})
    elif kind == "in place":
        client.post("/sign-in/?inplace=1", {"portal_username": login, "portal_password": password})
    elif kind == "with a form":
        client.post("/mail/@/compose/", {"portal_username": login, "portal_password": password, "text": "x"})
    elif kind == "provider":
        client.post("/sign-in/", first | {"way": "code", "code": password})
        client.get("/auth/oauth/start/", {"next": "/mail/", **({"beside": "1"} if number % 2 else {})})
    elif kind == "back from the provider":
        session = client.session  # as if the first level had been asked for only since
        trip = {"nonce": "n", "verifier": "v", "redirect_uri": "", "target": "/", "beside": False, "user": None}
        session["auth.oauth.on_the_way"] = {"state": trip | {"at": int(time.time())}}
        session.save()
        client.get("/auth/oauth/back/", {"state": "state", "code": password})
        client.get("/auth/oauth/leave/")
    elif kind == "remembered":
        client.cookies["yurt_remembered"] = password
        client.post("/sign-in/", first)
    else:
        way = {"nothing": "", "unknown way": f"way{number}"}.get(kind, kind)
        client.post("/sign-in/", first | {"way": way, way or "x": password})
        client.post("/sign-in/", {"password": password})  # and on, as if that had been right
    assert "_auth_user_id" not in client.session


def tries(count: int) -> None:
    person = external_user(source="imap", server="mail.example.test", login="carol", email="carol@example.test")
    device = CodeDevice(user=person, kind=ways.TOTP)
    device.put_key(b"12345678901234567890")
    device.save()
    codes.new_sheet(person)
    person.set_password("portal password")
    person.save()
    User.objects.create_user("root", "a password of the portal's own")
    names = itertools.cycle(("carol", "nobody", "root", "Carol@example.test", "x\r\ny", ""))
    for kind in KINDS:
        for number in range(count):
            attempt(kind, next(names), number)


def test_a_few_of_every_kind(servers: dict[str, Listener | Dialled]) -> None:
    Rule.objects.create(title="everybody", needs="code, passkey, certificate+password", remember_days=30)
    tries(6)
    assert {name: listener.heard for name, listener in servers.items()} == NOTHING


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_thousand_of_every_kind(servers: dict[str, Listener | Dialled]) -> None:
    Rule.objects.create(title="everybody", needs="code, passkey, certificate+password", remember_days=30)
    tries(1_000)
    assert {name: listener.heard for name, listener in servers.items()} == NOTHING
    print(f"{1_000 * len(KINDS)} failing tries of {len(KINDS)} kinds, 0 connections")


def test_the_listeners_hear(servers: dict[str, Listener | Dialled], settings) -> None:
    """Without a rule the directory and the mail server are asked: that the proof bites."""
    Client().post("/sign-in/", {"username": "carol", "password": "x"})
    assert servers["ldap"].heard > 0
    settings.LDAP_URL = ""
    Client().post("/sign-in/", {"username": "carol", "password": "x"})
    assert servers["imap"].heard > 0
    assert servers["any"].heard >= servers["imap"].heard + servers["ldap"].heard
    assert servers["oidc"].heard == 0
    attempt("provider", "carol", 1)
    heard = servers["oidc"].heard
    assert heard > 0
    cache.clear()
    attempt("back from the provider", "carol", 2)
    assert servers["oidc"].heard > heard
