"""What adds up: rows that strangers or programs leave behind, and clocks that are set back."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.conf import settings as site
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from apps.auth.factors import browsers, gate
from apps.auth.factors.models import RememberedBrowser, Rule
from apps.auth.models import User
from apps.auth.tasks import forget_old_events
from portal import devices, throttle
from portal.models import KnownDevice, Session
from tests.auth.proving import app_of, asked, carol, first, patient, second
from tests.auth.test_names import ENTER
from tests.auth.world import MAIL_PASSWORD, SIGN_IN, sign_in, user_of, world

__all__ = ["asked", "carol", "patient", "world"]  # the fixtures


@pytest.mark.parametrize("rules", [0, 1])
def test_signing_in_in_place_leaves_no_session_of_strangers(carol: User, rules: int) -> None:
    if rules:
        Rule.objects.create(title="staff", needs="code", group=Group.objects.create(name="staff"))
    values = {"portal_username": "carol", "portal_password": "guess"}
    for _ in range(5):
        assert Client().post(f"{SIGN_IN}?inplace=1", values).status_code == 422
    assert not Session.objects.exists()
    client = Client()
    values["portal_password"] = MAIL_PASSWORD["carol"]
    assert client.post(f"{SIGN_IN}?inplace=1", values).status_code == 204
    assert user_of(client) == str(carol.pk)


def test_in_place_on_a_remembered_browser_and_while_there_is_time_to_enrol(carol: User, asked: Rule) -> None:
    values = {"portal_username": "carol", "portal_password": MAIL_PASSWORD["carol"]}
    app_of(carol)
    own = Client()
    assert own.post(f"{SIGN_IN}?inplace=1", values).status_code == 422
    first(own, remember="yes")
    second(own)
    own.post("/sign-out/")
    assert own.post(f"{SIGN_IN}?inplace=1", values).status_code == 204
    assert own.get("/letter/").status_code == 200, "not led to enrolling"
    Rule.objects.update(enrol_by=timezone.now() + timedelta(days=1))
    carol_again = Client()
    assert carol_again.post(f"{SIGN_IN}?inplace=1", values).status_code == 422, "she has an app"


def test_programs_that_keep_no_cookie_are_not_remembered_without_end(carol: User, monkeypatch) -> None:
    monkeypatch.setattr(devices, "MOST", 3)
    owner = Client()
    sign_in(owner)
    for _ in range(5):
        sign_in(Client())
    assert KnownDevice.objects.filter(user=carol).count() == 3


def test_remembered_browsers_end(carol: User, asked: Rule, monkeypatch) -> None:
    monkeypatch.setattr(browsers, "MOST", 3)
    app_of(carol)
    client = Client()
    for number in range(5):
        later = timezone.now() + timedelta(days=number - 1)
        RememberedBrowser.objects.create(user=carol, digest=str(number), expires=later)
    first(client, remember="yes")
    second(client)
    assert RememberedBrowser.objects.count() == 3
    RememberedBrowser.objects.exclude(digest="4").update(expires=timezone.now())
    page = client.get("/auth/prove/")
    assert page.status_code == 200
    assert "1 browser is not asked" in client.get("/auth/security/").content.decode()
    forget_old_events()
    assert RememberedBrowser.objects.get().digest == "4"


def test_a_remembered_browser_changes_no_proofs_by_itself(carol: User, asked: Rule) -> None:
    """Whoever has stolen the computer and the mail password would make a passkey of their own."""
    app_of(carol)
    client = Client()
    first(client, remember="yes")
    second(client)
    assert client.get("/auth/security/passkey/").status_code == 200
    client.post("/sign-out/")
    again = Client()
    again.cookies[site.REMEMBERED_COOKIE_NAME] = client.cookies[site.REMEMBERED_COOKIE_NAME].value
    first(again, proof="")
    second(again)
    assert user_of(again) == str(carol.pk)
    assert again.get("/auth/security/passkey/")["Location"].startswith("/auth/prove/")


def test_a_clock_that_is_set_back_makes_nothing_fresh(client: Client, carol: User, monkeypatch) -> None:
    sign_in(client)
    assert client.get("/auth/security/passkey/").status_code == 200
    session = client.session
    session[gate.PASSED] |= {"at": int(time.time()) + 3600}
    session.save()
    assert client.get("/auth/security/passkey/").status_code == 302


def test_a_clock_that_is_set_back_shuts_nobody_out(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle.Throttle, "enter", ENTER)
    at = throttle.Throttle(what="carol", who="192.0.2.7", free=1)
    moment = time.time()
    monkeypatch.setattr(throttle.time, "time", lambda: moment)
    at.enter()
    assert at.wait() > 0
    monkeypatch.setattr(throttle.time, "time", lambda: moment - 3600)
    assert at.wait() == 0
