"""Wrong passwords are answered ever more slowly: for this login, and for this address."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client

from apps.auth.models import User
from portal import throttle
from tests.auth.proving import app_of, code_now
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


# --- from anywhere, at the whole site, and on a browser that is known -----------------------------------------------


def machines(count: int) -> Iterator[Client]:
    return (Client(REMOTE_ADDR=f"127.1.{number // 250}.{number % 250 + 1}") for number in range(count))


def test_a_login_that_is_guessed_from_everywhere_is_slow_everywhere(db, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "FREE_OF_LOGIN", 6)
    for machine in machines(6):
        assert "name or the password is wrong" in sign_in(machine, "carol", "guess").content.decode()
    stranger = Client(REMOTE_ADDR="127.0.0.9")
    assert "Too many wrong passwords" in sign_in(stranger, "carol").content.decode()
    assert "name or the password is wrong" in sign_in(stranger, "dora", "guess").content.decode()


def test_a_site_at_which_everybody_guesses_is_slow_for_strangers(db, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "FREE_OF_SITE", 6)
    for number, machine in enumerate(machines(6)):
        assert "name or the password is wrong" in sign_in(machine, f"nobody{number}", "guess").content.decode()
    assert "Too many wrong passwords" in sign_in(Client(REMOTE_ADDR="127.0.0.9")).content.decode()


def test_the_wait_of_the_site_is_short(db, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(throttle.time, "time", lambda: now[0])
    gate = throttle.Throttle.of_site()
    waits = set()
    for _ in range(throttle.FREE_OF_SITE + 20):
        assert gate.enter() == 0
        waits.add(gate.wait())
        now[0] += gate.wait()
    assert waits == {0, 2, 4, throttle.LONGEST_OF_SITE}


def test_nothing_that_strangers_do_keeps_the_owner_out_of_a_known_browser(db, monkeypatch: pytest.MonkeyPatch) -> None:
    """The attack goes on from the owner's own address as well."""
    for limit in ("FREE_OF_LOGIN", "FREE_OF_ADDRESS", "FREE_OF_SITE"):
        monkeypatch.setattr(throttle, limit, 8)
    owner = Client()
    assert sign_in(owner).status_code == 302
    owner.post("/sign-out/")
    for machine in [Client() for _ in range(30)] + list(machines(30)):
        sign_in(machine, "carol", "guess")
    assert "Too many wrong passwords" in sign_in(Client()).content.decode()
    assert sign_in(owner).status_code == 302


def test_a_known_browser_has_a_budget_and_not_more(db) -> None:
    owner = Client()
    sign_in(owner)
    owner.post("/sign-out/")
    for _ in range(throttle.FREE):
        assert "name or the password is wrong" in sign_in(owner, "carol", "guess").content.decode()
    assert "Too many wrong passwords" in sign_in(owner).content.decode()
    assert sign_in(Client()).status_code == 302, "it counts for this browser alone"


def test_a_browser_is_known_to_its_own_people_only(db, monkeypatch: pytest.MonkeyPatch) -> None:
    """An attacker has an account too: it does not help against others."""
    monkeypatch.setattr(throttle, "FREE_OF_LOGIN", 3)
    attacker = Client()
    sign_in(attacker)
    for _ in range(4):
        answer = sign_in(attacker, "dora", "guess")
    assert "Too many wrong passwords" in answer.content.decode()


def test_a_try_that_one_gate_stops_counts_at_none(db) -> None:
    shut, before, behind = (throttle.Throttle(what=name, who="x", free=1) for name in "abc")
    shut.enter()
    gates = throttle.Gates([before, shut, behind])
    for _ in range(5):
        assert gates.enter() > 0
    assert before.enter() == behind.enter() == 0


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


def test_who_has_taken_a_session_does_not_guess_its_proof_from_many_addresses(db, monkeypatch) -> None:
    """A network of IPv6 has more addresses than a code has values."""
    owner = Client()
    sign_in(owner)
    app_of(User.objects.get(login="carol"))
    session = owner.cookies[settings.SESSION_COOKIE_NAME].value
    settings_of_proxy = {"HTTP_X_FORWARDED_PROTO": "https", "secure": True}
    monkeypatch.setattr(settings, "TRUSTED_PROXIES", ["127.0.0.1"])
    values = {"way": "code", "code": "000000"}

    def guess(address: str) -> str:
        thief = Client()
        thief.cookies[settings.SESSION_COOKIE_NAME] = session
        return thief.post("/auth/prove/", values, HTTP_X_FORWARDED_FOR=address, **settings_of_proxy).content.decode()

    for number in range(throttle.FREE):
        assert "was not right" in guess(f"2001:db8::{number + 1}")
    assert "Too many tries" in guess("2001:db8::99")
    for number in range(throttle.FREE_OF_LOGIN):
        guess(f"2001:db8:{number + 1}::1")
    assert "Too many tries" in guess("2001:db8:ffff::1")
    values["code"] = code_now()
    answer = owner.post("/auth/prove/", values, HTTP_X_FORWARDED_FOR="2001:db8::1", **settings_of_proxy)
    assert answer.status_code == 302, "the owner's own browser is known"
