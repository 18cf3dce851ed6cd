"""A browser is known where somebody has signed in with it; a new one is told to its owner."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings as site
from django.core.signing import Signer
from django.test import Client, RequestFactory
from django.utils import timezone

from portal import devices, notices
from portal.models import KnownDevice, Notice
from portal.tasks import clean_up
from tests.portal.test_sessions import FIREFOX, SAFARI
from tests.support.people import PASSWORD


def sign_in(client: Client, login: str = "alice") -> Client:
    assert client.post("/sign-in/", {"username": login, "password": PASSWORD}).status_code == 302
    return client


def cookie_of(client: Client) -> str:
    return client.cookies[site.DEVICE_COOKIE_NAME].value


def known(cookie: str, login: str = "alice") -> bool:
    request = RequestFactory().get("/")
    request.COOKIES[site.DEVICE_COOKIE_NAME] = cookie
    return bool(devices.known(request, login=login))


def test_signing_in_makes_a_browser_known_to_this_person(client: Client, alice, bob) -> None:
    client.get("/sign-in/")
    assert site.DEVICE_COOKIE_NAME not in client.cookies, "nothing is set before somebody is known"
    sign_in(client)
    morsel = client.cookies[site.DEVICE_COOKIE_NAME]
    assert morsel["httponly"] and morsel["samesite"] == "Lax" and morsel["max-age"] == 400 * 24 * 3600
    assert known(morsel.value) and not known(morsel.value, "bob") and not known(morsel.value, "nobody")
    name = Signer(salt="portal.device").unsign(morsel.value)
    assert name not in KnownDevice.objects.get().digest


@pytest.mark.parametrize("cookie", ["", "x", "x:y", "a" * 5000])
def test_a_made_up_cookie_is_no_device(alice, cookie: str) -> None:
    assert not known(cookie)


def test_the_first_browser_is_no_news_a_second_is(alice, as_admin: Client) -> None:
    first = sign_in(Client(HTTP_USER_AGENT=FIREFOX))
    assert not Notice.objects.exists()
    sign_in(Client(HTTP_USER_AGENT=SAFARI))
    notice = Notice.objects.get()
    assert notice.user_id == alice.pk
    page = first.get("/").content.decode()
    assert "Somebody has signed in as you from a new browser." in page
    assert "Safari on iPhone" in page and "/auth/activity/" in page
    assert "new browser" not in as_admin.get("/").content.decode()
    assert "new browser" not in as_admin.get("/admin/portal/notice/").content.decode()
    first.post(f"/home/notices/{notice.pk}/dismiss/")
    assert "new browser" not in first.get("/").content.decode()


def test_nobody_dismisses_the_alert_of_somebody_else(alice, bob) -> None:
    notices.alert(user_id=alice.pk, title="x", text="y")
    bobs = sign_in(Client(), "bob")
    assert bobs.post(f"/home/notices/{Notice.objects.get().pk}/dismiss/").status_code == 404


def test_the_same_browser_again_is_no_news(client: Client, alice) -> None:
    for _ in range(3):
        sign_in(client)
        client.post("/sign-out/")
    assert KnownDevice.objects.count() == 1
    assert not Notice.objects.exists()


def test_one_browser_of_two_people_is_known_to_both(client: Client, alice, bob) -> None:
    sign_in(client)
    sign_in(client, "bob")
    assert known(cookie_of(client)) and known(cookie_of(client), "bob")
    assert KnownDevice.objects.values("digest").distinct().count() == 1


def test_alerts_do_not_pile_up_and_are_over_after_a_month(alice) -> None:
    for number in range(notices.MOST_ALERTS + 3):
        notices.alert(user_id=alice.pk, title=f"alert {number}", text="")
    assert Notice.objects.count() == notices.MOST_ALERTS
    assert not Notice.objects.filter(title="alert 2").exists()
    Notice.objects.update(starts=timezone.now() - timedelta(days=40), ends=timezone.now() - timedelta(days=1))
    written = Notice.objects.create(title="by an administrator")
    clean_up()
    assert list(Notice.objects.all()) == [written]


def test_browsers_that_are_not_used_any_more_are_forgotten(client: Client, alice) -> None:
    sign_in(client)
    KnownDevice.objects.update(last_seen=timezone.now() - timedelta(days=401))
    clean_up()
    assert not KnownDevice.objects.exists()
