"""Under which names somebody comes in, and what guessing at one does to others."""

from __future__ import annotations

import statistics
import time

import pytest
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.test import Client
from structlog.testing import capture_logs

from apps.auth.factors import gate, proofs
from apps.auth.factors.models import Rule
from apps.auth.models import User
from portal import throttle
from portal.accounts import external_user
from portal.throttle import Throttle
from tests.auth.proving import app_of, asked, carol, code_now, first, patient, second
from tests.auth.world import MAIL_PASSWORD, MailBackend, sign_in, user_of, world

__all__ = ["asked", "carol", "patient", "world"]  # the fixtures
ENTER = Throttle.enter  # as it is without ``patient``


@pytest.fixture
def jane(db: None) -> User:
    return external_user(source="test", server="mail.example.test", login="jdoe", email="Jane.Doe@example.test")


@pytest.fixture
def contacted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []
    before = MailBackend.authenticate

    def recording(self, request, username=None, password=None, **kwargs):
        names.append(username)
        return before(self, request, username, password, **kwargs)

    monkeypatch.setattr(MailBackend, "authenticate", recording)
    return names


@pytest.mark.parametrize("name", ["jane.doe@example.test", "JANE.DOE@Example.test ", "jdoe"])
def test_a_mail_address_is_as_good_as_the_login(
    client: Client, jane: User, asked: Rule, contacted: list[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """What it means stands in the account: nobody is asked, and the second level hears the login."""
    monkeypatch.setitem(MAIL_PASSWORD, "jdoe", "jane's")
    app_of(jane)
    assert first(client, login=name, proof="000000").status_code == 403
    assert first(client, login=name).status_code == 302
    assert contacted == []
    assert second(client, "jane's").status_code == 302
    assert user_of(client) == str(jane.pk)
    assert contacted == ["jdoe"]


def test_two_proofs_under_two_names_of_one_person(client: Client, jane: User) -> None:
    Rule.objects.create(title="both", needs="code+password")
    app_of(jane)
    jane.set_password("portal password")
    jane.save()
    first(client, login="jane.doe@example.test")
    assert client.session[gate.ON_THE_WAY]["login"] == "jdoe"
    first(client, "password", "portal password", login="jane.doe@example.test")
    assert client.session[gate.ON_THE_WAY]["done"] is True


def test_who_has_passed_signs_in_again_in_place_by_either_name(client: Client, jane: User, asked: Rule, monkeypatch):
    monkeypatch.setitem(MAIL_PASSWORD, "jdoe", "jane's")
    monkeypatch.setitem(MAIL_PASSWORD, "jane.doe@example.test", "jane's")
    app_of(jane)
    first(client, login="jdoe")
    values = {"portal_username": "jane.doe@example.test", "portal_password": "wrong"}
    page = client.post("/sign-in/?inplace=1", values).content.decode()
    assert "name or the password is wrong" in page, "the first level was passed"


def test_a_mail_address_in_a_group_is_no_way_around_its_rule(client: Client, jane: User) -> None:
    staff = Group.objects.create(name="staff")
    jane.groups.add(staff)
    Rule.objects.create(title="staff", needs="code", group=staff)
    assert first(client, proof="", login="jane.doe@example.test").status_code == 403


def test_a_mail_address_of_several_is_of_whoever_proves_it(client: Client, jane: User, asked: Rule) -> None:
    other = external_user(source="test", server="mail.example.test", login="office", email=jane.email)
    app_of(jane)
    app_of(other, b"another key of twenty")
    first(client, login=jane.email, proof=code_now(key=b"another key of twenty"))
    assert client.session[gate.ON_THE_WAY]["user"] == other.pk


def test_what_is_not_exactly_it_is_nobodys(jane: User) -> None:
    assert proofs.named("jane.doe@example.test") == [jane]
    for name in ("jane_doe@example.test", "jane.doe@example.tes%", "@", "jane.doe@éxample.test", "jane.doe"):
        assert proofs.named(name) == [], name
    User.objects.update(is_active=False)
    assert proofs.named("jane.doe@example.test") == []


def test_the_times_of_names_tell_nothing(jane: User, asked: Rule, settings) -> None:
    """Mail addresses that are known, those that are not, and logins of two accounts: under 10 ms apart."""
    settings.PASSWORD_HASHERS = ["portal.hashers.Argon2idHasher"]
    jane.set_password("portal password")
    jane.save()
    external_user(source="other", server="mail.example.test", login="jdoe")
    client = Client()

    def seconds(login: str, way: str) -> float:
        started = time.process_time()
        first(client, way, "000000", login)
        return time.process_time() - started

    for way, rounds in (("code", 30), ("password", 10)):
        names = ("jane.doe@example.test", "nobody@example.test", "jdoe", "nobody")
        times = [[seconds(name, way) for name in names] for _ in range(rounds)]
        medians = [statistics.median(each) for each in zip(*times, strict=True)]
        assert max(medians) - min(medians) < 0.010, (way, medians)


def test_a_known_browser_is_known_by_the_mail_address_too(jane: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Throttle, "enter", ENTER)
    monkeypatch.setattr(throttle, "FREE_OF_LOGIN", 3)
    monkeypatch.setitem(MAIL_PASSWORD, "jdoe", "jane's")
    owner = Client()
    sign_in(owner, "jdoe", "jane's")
    owner.post("/sign-out/")
    for number in range(5):
        sign_in(Client(REMOTE_ADDR=f"127.1.0.{number + 1}"), jane.email.lower(), "guess")
    assert "Too many wrong" in sign_in(Client(), jane.email.lower()).content.decode()
    assert "Too many wrong" not in sign_in(owner, jane.email.lower()).content.decode()


@pytest.mark.parametrize("way", ["passkey", "certificate"])
def test_strangers_who_show_bad_keys_keep_nobody_elses_out(asked: Rule, monkeypatch, way: str) -> None:
    monkeypatch.setattr(Throttle, "enter", ENTER)
    cache.clear()
    for number in range(40):
        first(Client(REMOTE_ADDR=f"127.1.0.{number + 1}"), way, "{}", login="")
    answer = first(Client(REMOTE_ADDR="127.2.0.1"), way, "{}", login="")
    assert "Too many tries" not in answer.content.decode()
    for _ in range(throttle.FREE + 1):
        answer = first(Client(REMOTE_ADDR="127.1.0.1"), way, "{}", login="")
    assert "Too many tries" in answer.content.decode()


def test_ones_own_browser_shows_keys_however_strangers_try(carol: User, asked: Rule, monkeypatch) -> None:
    monkeypatch.setattr(Throttle, "enter", ENTER)
    app_of(carol)
    owner = Client()
    first(owner)
    second(owner)
    owner.post("/sign-out/")
    for _ in range(throttle.FREE + 2):
        first(Client(), "passkey", "{}", login="")
    assert "Too many tries" in first(Client(), "passkey", "{}", login="").content.decode()
    assert "Too many tries" not in first(owner, "passkey", "{}", login="").content.decode()


def test_a_proof_after_a_name_of_whom_nothing_was_asked(client: Client, carol: User) -> None:
    """Back to the page, and a code this time: it counts, although the empty form has passed."""
    staff = Group.objects.create(name="staff")
    Rule.objects.create(title="staff", needs="code", group=staff)
    app_of(carol)
    assert first(client, proof="").status_code == 302
    assert first(client).status_code == 302


def test_no_words_of_strangers_stand_in_the_log(asked: Rule) -> None:
    with capture_logs() as lines:
        values = {"first_level": "1", "username": "carol", "way": "my secret, in the wrong field " * 1000}
        assert Client().post("/sign-in/", values).status_code == 403
    assert [line["event"] for line in lines if line["event"] != "request"] == ["factor_refused"]
    assert "secret" not in str(lines)
