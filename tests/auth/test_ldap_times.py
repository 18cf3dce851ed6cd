"""A directory that takes its time, and what the time of an answer tells."""

from __future__ import annotations

import socket
import statistics
import time
from collections.abc import Callable
from itertools import count, repeat

import pytest
from django.test import Client

from apps.auth.ldap.directory import Directory
from portal.ldap import connection
from portal.ldap.connection import Unavailable
from portal.throttle import Throttle
from scripts.servers import slapd as ldap
from scripts.servers.slapd import Slapd
from tests.auth.directory import ask, sign_in, site
from tests.support.scripted import scripted

__all__ = ["ask", "site"]  # fixtures
Ask = Callable[..., Directory]
SUCCESS = bytes.fromhex("0a010004000400")  # LDAPResult of RFC 4511 section 4.1.9
#: A message whose length is told, and which would take a minute to come.
ENDLESS = b"\x30\x82\x04\x00\x02\x01\x01" + b"\x61\x82\x03\xf7" + b"\x00" * 1100
FAR_LESS = 20.0  # seconds: than that minute, with what a busy machine adds to the patience of each test


def slowly(client: socket.socket, said: bytes) -> None:
    client.recv(2000)
    for octet in said:
        client.sendall(bytes([octet]))
        time.sleep(0.05)


def number_of(question: bytes) -> bytes:
    """The message's number, as it stands there: the first INTEGER after the length."""
    at = question.index(b"\x02", 2)
    return question[at : at + 2 + question[at + 1]]


def message(number: bytes, operation: bytes) -> bytes:
    return b"\x30" + bytes([len(number) + len(operation)]) + number + operation


def entries(client: socket.socket, pause: float) -> None:
    """Right answers, of which there is no end: to the bind, then one person after the other."""
    client.sendall(message(number_of(client.recv(2000)), b"\x61" + bytes([len(SUCCESS)]) + SUCCESS))
    one = message(number_of(client.recv(2000)), b"\x64\x07\x04\x03o=x\x30\x00")
    for _ in repeat(None):
        client.sendall(one if pause else one * 4000)
        time.sleep(pause)


@pytest.mark.parametrize("security", ["plain", "starttls", "tls"])
def test_one_that_trickles_is_given_up(ask: Ask, security: str) -> None:
    """Each octet comes in time; all of them would take a minute."""
    with scripted(lambda client: slowly(client, ENDLESS)) as port:
        server = type(ask().server)("ldap", "127.0.0.1", port, security)
        started = time.monotonic()
        with pytest.raises(Unavailable), ask(server=server, patience=0.6, connect_timeout=0.6).open():
            pass
    assert time.monotonic() - started < FAR_LESS


def test_one_that_finds_people_without_end_is_given_up(ask: Ask) -> None:
    with scripted(lambda client: entries(client, 0.02)) as port:
        server = type(ask().server)("ldap", "127.0.0.1", port, "plain")
        started = time.monotonic()
        with pytest.raises(Unavailable), ask(server=server, patience=0.8).open() as session:
            session.find("jdoe")
    assert time.monotonic() - started < FAR_LESS


def test_and_so_is_one_that_says_too_much(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MOST_OCTETS", 1_000_000)
    with scripted(lambda client: entries(client, 0)) as port:
        server = type(ask().server)("ldap", "127.0.0.1", port, "plain")
        with pytest.raises(Unavailable), ask(server=server).open() as session:
            session.find("jdoe")


def test_signing_in_takes_no_longer(site: Slapd, settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(lambda client: slowly(client, ENDLESS)) as port:
        settings.LDAP_URL = f"ldap://127.0.0.1:{port}"
        monkeypatch.setattr(
            "apps.auth.ldap.backend.site_directory.__kwdefaults__", {"read_timeout": 5, "patience": 0.5}
        )
        started = time.monotonic()
        assert "cannot be reached" in sign_in("jdoe").page
    assert time.monotonic() - started < FAR_LESS


# --- what times tell --------------------------------------------------------------------------------------------------


def apart(rounds: int, clock: Callable[[], float], monkeypatch: pytest.MonkeyPatch) -> float:
    """Seconds of ``clock`` between the medians of a name that the directory has and of names it has not, in turn."""
    monkeypatch.setattr(Throttle, "enter", lambda self: 0)
    client, numbers = Client(), count()

    def seconds(login: str) -> float:
        started = clock()
        answer = client.post("/sign-in/", {"username": login, "password": "wrong"})
        assert answer.status_code == 403
        return clock() - started

    for login in ("jdoe", "nobody"):  # what is loaded once
        seconds(login)
    pairs = [(seconds("jdoe"), seconds(f"nobody{next(numbers)}")) for _ in range(rounds)]
    known, unknown = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"known {known * 1000:.1f} ms, unknown {unknown * 1000:.1f} ms, {rounds} of each")
    return abs(known - unknown)


@pytest.fixture
def seen_before(site: Slapd, settings) -> None:
    """Somebody who has an account here, and the hasher of real sites."""
    settings.PASSWORD_HASHERS = ["portal.hashers.Argon2idHasher"]
    sign_in("jdoe", ldap.PASSWORD)


def test_known_and_unknown_names_take_the_same_time(seen_before: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside other tests only the processor's time of ours means something."""
    assert apart(15, time.process_time, monkeypatch) < 0.010


@pytest.mark.soak
def test_known_and_unknown_names_take_the_same_time_200_of_each(seen_before: None, monkeypatch) -> None:
    assert apart(200, time.perf_counter, monkeypatch) < 0.010
