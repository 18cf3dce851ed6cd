"""Wrong passwords are answered ever more slowly: for this login, and for this address."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.test import Client

from portal import throttle
from tests.auth.world import sign_in, user_of, world

__all__ = ["world"]  # the fixture


def test_guessing_is_slow_for_this_login_and_this_address_only(client: Client, db, monkeypatch) -> None:
    for _ in range(throttle.FREE):
        assert "name or the password is wrong" in sign_in(client, "Carol", "guess").content.decode()
    refused = sign_in(client)  # even the right password waits
    assert "Too many wrong passwords" in refused.content.decode()
    assert user_of(client) is None
    other_machine = Client(REMOTE_ADDR="127.0.0.2")
    assert sign_in(other_machine).status_code == 302
    assert "name or the password is wrong" in sign_in(client, "dora", "guess").content.decode()


def test_the_wait_doubles_up_to_a_limit_and_ends(db, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(throttle.time, "time", lambda: now[0])
    gate = throttle.Throttle(what="carol", who="192.0.2.7")
    waits = []
    for _ in range(throttle.FREE + 12):
        assert gate.enter() == 0
        waits.append(gate.wait())
        now[0] += waits[-1]
    assert waits[: throttle.FREE] == [0, 0, 0, 0, 2]
    assert waits[throttle.FREE : throttle.FREE + 3] == [4, 8, 16]
    assert waits[-1] == throttle.LONGEST
    assert gate.wait() == 0


def test_tries_at_the_same_moment_are_no_cheaper(db) -> None:
    gates = [throttle.Throttle(what="carol", who="192.0.2.8") for _ in range(20)]
    assert [gate.wait() for gate in gates] == [0] * 20, "all have looked before any has tried"
    assert [gate.enter() for gate in gates].count(0) == throttle.FREE


def test_two_that_pass_the_look_together_share_one_turn(db, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = throttle.Throttle(what="carol", who="192.0.2.9", free=1)
    assert gate.enter() == 0
    monkeypatch.setattr(throttle.Throttle, "wait", lambda self: 0)
    assert gate.enter() > 0


def test_an_address_that_tries_many_logins_is_slowed(client: Client, db, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "FREE_OF_ADDRESS", 4)
    for number in range(4):
        assert "name or the password is wrong" in sign_in(client, f"nobody{number}", "guess").content.decode()
    assert "Too many wrong passwords" in sign_in(client, "nobody9", "guess").content.decode()
    assert sign_in(Client(REMOTE_ADDR="127.0.0.2")).status_code == 302


def test_those_who_know_their_passwords_do_not_slow_their_office(client: Client, db, monkeypatch) -> None:
    monkeypatch.setattr(throttle, "FREE_OF_ADDRESS", 2)
    for _ in range(5):
        assert sign_in(Client()).status_code == 302


def test_neighbours_in_a_network_of_ipv6_are_one() -> None:
    one, other, far = (
        throttle.Throttle.of_address(f"2001:db8:0:{net}::{host}") for net, host in ((1, 1), (1, 2), (2, 1))
    )
    assert one == other != far


def test_what_people_type_is_no_cache_key(client: Client, db) -> None:
    sign_in(client, "marked-login\r\nx", "guess")
    sign_in(client, "marked-login", "guess")
    assert cache._cache
    assert not [key for key in cache._cache if "marked" in key]


def test_the_right_password_forgives_the_wrong_ones(client: Client, db) -> None:
    for _ in range(throttle.FREE - 1):
        sign_in(client, "carol", "guess")
    assert sign_in(client).status_code == 302
    assert throttle.Throttle(what="carol", who="127.0.0.1").wait() == 0
