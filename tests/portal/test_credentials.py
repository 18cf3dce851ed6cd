"""The sealed password: it opens with browser, session and key together, and with no two of them."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from django.test import RequestFactory

from portal import credentials
from portal.credentials import Locked
from portal.models import Session
from portal.sessions import SessionStore

SECRET = "pÄss word — marked-9f3a"


class Person:
    def __init__(self, pk: int) -> None:
        self.pk = pk


def request_of(user: object, session: SessionStore, cookie: str = ""):
    request = RequestFactory().get("/")
    request.user, request.session = user, session
    if cookie:
        request.COOKIES[settings.CREDENTIALS_COOKIE_NAME] = cookie
    return request


def browser_part(request) -> str:
    response = HttpResponse()
    credentials.set_cookie(request, response)
    return response.cookies[settings.CREDENTIALS_COOKIE_NAME].value


@pytest.fixture
def sealed(db):
    """A session with a sealed secret in the database, and the browser's cookie."""
    request = request_of(Person(1), SessionStore())
    credentials.seal(request, secret=SECRET)
    request.session.save()
    return request.session.session_key, browser_part(request)


def test_what_was_sealed_opens_in_the_next_request(sealed) -> None:
    key, cookie = sealed
    request = request_of(Person(1), SessionStore(key), cookie)
    assert credentials.is_sealed(request)
    assert credentials.unseal(request) == SECRET


def test_it_opens_in_the_same_request(db) -> None:
    request = request_of(Person(1), SessionStore())
    credentials.seal(request, secret=SECRET)
    assert credentials.unseal(request) == SECRET


def test_the_database_with_the_secret_key_opens_nothing(sealed) -> None:
    key, _cookie = sealed
    with pytest.raises(Locked):
        credentials.unseal(request_of(Person(1), SessionStore(key)))
    forged = request_of(Person(1), SessionStore(key), "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
    with pytest.raises(Locked):
        credentials.unseal(forged)


def test_the_cookie_with_the_session_opens_nothing_without_the_key(sealed, settings) -> None:
    key, cookie = sealed
    session = SessionStore(key)
    assert "portal.credentials" in session
    settings.SECRET_KEY = "another key " * 6
    with pytest.raises(Locked):
        credentials.unseal(request_of(Person(1), session, cookie))


def test_the_cookie_opens_nothing_without_its_session(sealed) -> None:
    _key, cookie = sealed
    with pytest.raises(Locked):
        credentials.unseal(request_of(Person(1), SessionStore(), cookie))


def test_it_opens_for_its_owner_only(sealed) -> None:
    key, cookie = sealed
    for other in (Person(2), AnonymousUser()):
        with pytest.raises(Locked):
            credentials.unseal(request_of(other, SessionStore(key), cookie))


def test_the_stored_session_shows_neither_secret_nor_key(sealed) -> None:
    key, cookie = sealed
    row = str(Session.objects.get(pk=key).get_decoded())
    assert SECRET not in row
    assert cookie not in row


def test_sealing_again_makes_a_new_key_and_voids_the_old_cookie(sealed) -> None:
    key, cookie = sealed
    request = request_of(Person(1), SessionStore(key), cookie)
    credentials.seal(request, secret="the new one")
    request.session.save()
    fresh = browser_part(request)
    assert fresh != cookie
    assert credentials.unseal(request_of(Person(1), SessionStore(key), fresh)) == "the new one"
    with pytest.raises(Locked):
        credentials.unseal(request_of(Person(1), SessionStore(key), cookie))


def test_a_data_key_outlives_a_change_of_the_password(sealed) -> None:
    key, cookie = sealed
    request = request_of(Person(1), SessionStore(key), cookie)
    before = credentials.data_key(request)
    credentials.seal(request, secret="the new one")
    assert credentials.data_key(request) == before
    assert len(before) == 32


def test_the_same_secret_looks_different_each_time(db) -> None:
    boxes = set()
    for _ in range(3):
        request = request_of(Person(1), SessionStore())
        credentials.seal(request, secret=SECRET)
        boxes.add(str(request.session["portal.credentials"]))
    assert len(boxes) == 3


def test_forgetting_takes_both_parts_away(sealed) -> None:
    key, cookie = sealed
    request = request_of(Person(1), SessionStore(key), cookie)
    credentials.forget(request)
    request.session.save()
    assert browser_part(request) == ""
    assert not credentials.is_sealed(request)
    with pytest.raises(Locked):
        credentials.unseal(request)
    with pytest.raises(Locked):
        credentials.unseal(request_of(Person(1), SessionStore(key), cookie))


@pytest.mark.parametrize("cookie", ["x", "AAAA", "ä", "A" * 5000, "=", "../../etc/passwd", "A" * 44])
def test_a_spoilt_cookie_is_only_locked(sealed, cookie: str) -> None:
    with pytest.raises(Locked):
        credentials.unseal(request_of(Person(1), SessionStore(sealed[0]), cookie))


@pytest.mark.parametrize("box", [None, [], ["a", "b"], ["?", "?", "?"], ["AAAA", "AAAA", "AAAA"], "text", 5])
def test_a_spoilt_session_is_only_locked(sealed, box: object) -> None:
    session = SessionStore(sealed[0])
    session["portal.credentials"] = box
    with pytest.raises(Locked):
        credentials.unseal(request_of(Person(1), session, sealed[1]))


def test_it_survives_a_change_of_the_secret_key(db, settings) -> None:
    session = SessionStore()
    request = request_of(Person(1), session)
    credentials.seal(request, secret=SECRET)
    old, settings.SECRET_KEY = settings.SECRET_KEY, "the next key " * 5
    settings.SECRET_KEY_FALLBACKS = [old]
    assert credentials.unseal(request_of(Person(1), session, browser_part(request))) == SECRET


def test_the_cookie_is_out_of_reach_for_scripts(db) -> None:
    request = request_of(Person(1), SessionStore())
    credentials.seal(request, secret=SECRET)
    response = HttpResponse()
    credentials.set_cookie(request, response)
    cookie = response.cookies[settings.CREDENTIALS_COOKIE_NAME]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert not cookie["max-age"]
