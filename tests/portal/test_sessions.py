"""Sessions know their person: listed, ended one by one or all but one, and over sooner on a computer of others."""

from __future__ import annotations

import re
import time

import pytest
from django.conf import settings as site
from django.contrib.sessions.backends.base import UpdateError
from django.test import Client
from django.urls import reverse

from portal import sessions
from portal.models import Session
from portal.sessions import SessionStore
from portal.tasks import clean_up
from tests.support.people import PASSWORD

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"  # noqa: E501


def signed_in(login: str = "alice", *, agent: str = FIREFOX, address: str = "127.0.0.1") -> Client:
    client = Client(REMOTE_ADDR=address, HTTP_USER_AGENT=agent)
    assert client.post("/sign-in/", {"username": login, "password": PASSWORD}).status_code == 302
    return client


def is_in(client: Client) -> bool:
    return client.get("/sessions/").status_code == 200


def row_of(client: Client) -> Session:
    return Session.objects.get(session_key=client.cookies[site.SESSION_COOKIE_NAME].value)


def test_the_list_shows_each_with_browser_and_address_and_none_by_its_key(alice, bob) -> None:
    here, there, other = signed_in(), signed_in(agent=SAFARI, address="127.0.0.9"), signed_in("bob")
    page = here.get("/sessions/").content.decode()
    assert '<h1 class="big">Sessions</h1>' in page and "Firefox on Linux" in page
    assert "Safari on iPhone" in page and "127.0.0.9" in page
    assert page.count("This browser") == 1 and page.count('name="reference"') == 1
    assert row_of(there).reference in page and row_of(other).reference not in page
    for client in (here, there, other):
        assert row_of(client).session_key not in page


def test_one_can_be_ended_and_only_ones_own(alice, bob) -> None:
    here, there, other = signed_in(), signed_in(), signed_in("bob")
    for client in (there, other):
        here.post("/sessions/end/", {"reference": row_of(client).reference})
    assert (is_in(here), is_in(there), is_in(other)) == (True, False, True)
    answer = here.post("/sessions/end/", {"reference": "no such session"}, follow=True)
    assert answer.status_code == 200


def test_all_others_can_be_ended(alice, bob) -> None:
    here, *others, bobs = signed_in(), signed_in(), signed_in(agent=SAFARI), signed_in("bob")
    answer = here.post("/sessions/end/", follow=True)
    assert "Signed out in 2 other places." in answer.content.decode()
    assert [is_in(client) for client in (here, *others, bobs)] == [True, False, False, True]
    assert "signed in nowhere else" in here.post("/sessions/end/", follow=True).content.decode()


def test_ending_this_one_is_signing_out(alice) -> None:
    here = signed_in()
    answer = here.post("/sessions/end/", {"reference": row_of(here).reference})
    assert answer["Location"] == "/sign-in/"
    assert here.cookies[site.SESSION_COOKIE_NAME].value == ""
    assert not Session.objects.exists()


def test_end_all_spares_the_one_that_is_named(alice) -> None:
    here, there = signed_in(), signed_in()
    assert sessions.end_all(user_id=alice.pk, but=row_of(here).session_key) == 1
    assert is_in(here) and not is_in(there)
    assert sessions.end_all(user_id=alice.pk) == 1
    assert not is_in(here)
    assert sessions.end_all(user_id=alice.pk) == 0


def test_a_request_that_is_running_does_not_bring_it_back(alice) -> None:
    running = SessionStore(row_of(signed_in()).session_key)
    running["draft"] = "x"
    sessions.end_all(user_id=alice.pk)
    with pytest.raises(UpdateError):  # the middleware makes a 400 of it
        running.save()
    assert not Session.objects.exists()


def test_the_reference_stays_when_the_key_is_changed(alice) -> None:
    client = signed_in()
    before = row_of(client)
    store = SessionStore(before.session_key)
    store.cycle_key()
    store.save()
    after = Session.objects.get()
    assert after.session_key != before.session_key
    assert (after.reference, after.user_id, after.browser) == (before.reference, alice.pk, "Firefox/Linux")


def test_where_somebody_did_not_say_it_is_their_own_computer_a_session_is_short(alice, settings) -> None:
    settings.SESSION_IDLE_MINUTES_UNTRUSTED, settings.SESSION_MAX_HOURS_UNTRUSTED = 10, 1
    own, shared = signed_in(), signed_in()
    store = SessionStore(row_of(shared).session_key)
    store[sessions.TRUSTED] = False
    store.save()
    row = row_of(shared)
    assert not row.trusted and row_of(own).trusted
    assert 590 < row.expire_date.timestamp() - time.time() <= 600
    assert "Not my own computer" in shared.get("/sessions/").content.decode()
    for client in (own, shared):
        store = SessionStore(row_of(client).session_key)
        store[sessions.SEEN] -= 11 * 60
        store.save()
    assert (is_in(own), is_in(shared)) == (True, False)


def test_nor_does_it_live_long_there_however_busy(alice, settings) -> None:
    settings.SESSION_IDLE_MINUTES_UNTRUSTED, settings.SESSION_MAX_HOURS_UNTRUSTED = 600, 1
    shared = signed_in()
    store = SessionStore(row_of(shared).session_key)
    store[sessions.TRUSTED] = False
    store[sessions.STARTED] -= 3590
    store.save()
    assert row_of(shared).expire_date.timestamp() - time.time() <= 11
    assert is_in(shared)
    store[sessions.STARTED] -= 20
    store.save()
    assert not is_in(shared)


def test_the_account_that_is_deleted_takes_its_sessions_along(alice) -> None:
    client = signed_in()
    alice.delete()
    assert not Session.objects.exists()
    assert not is_in(client)


def test_expired_ones_are_neither_shown_nor_kept(alice) -> None:
    here, there = signed_in(), signed_in(agent=SAFARI)
    Session.objects.filter(pk=row_of(there).pk).update(expire_date="2020-01-01T00:00:00Z")
    assert "Safari" not in here.get("/sessions/").content.decode()
    clean_up()
    assert Session.objects.count() == 1


def test_the_page_costs_one_query_for_the_list(alice, django_assert_num_queries) -> None:
    clients = [signed_in() for _ in range(3)]
    with django_assert_num_queries(6):  # session, user, own preferences, site defaults; sessions, delegations
        clients[0].get("/sessions/")


# --- for administrators ---------------------------------------------------------------------------------------------


def test_administrators_see_and_end_them_and_no_key_is_on_their_page(alice, as_admin: Client) -> None:
    there = signed_in(address="127.0.0.9")
    row = row_of(there)
    page = as_admin.get(reverse("admin:portal_session_changelist")).content.decode()
    assert "Firefox on Linux" in page and "127.0.0.9" in page and row.reference in page
    assert row.session_key not in page
    assert not re.search(r"<style|style=\"|<script>|\son\w+=", page)
    assert as_admin.get(f"/admin/portal/session/{row.session_key}/change/").status_code in (302, 404)
    end = reverse("admin:portal_session_end")
    assert as_admin.get(end).status_code == 405
    as_admin.post(end, {"reference": row.reference})
    assert not is_in(there)


def test_an_administrator_may_end_the_session_they_are_in(admin_user) -> None:
    client = signed_in("root")
    answer = client.post(reverse("admin:portal_session_end"), {"reference": row_of(client).reference})
    assert answer["Location"] == "/sign-in/"
    assert not Session.objects.exists()


def test_nobody_else_ends_sessions_there(alice, bob) -> None:
    there = signed_in()
    bob.is_staff = True
    bob.save()
    curious = Client()
    curious.force_login(bob)
    assert curious.post(reverse("admin:portal_session_end"), {"reference": row_of(there).reference}).status_code == 403
    assert is_in(there)


def test_administrators_sign_people_out_everywhere(alice, bob, as_admin: Client) -> None:
    clients = [signed_in(), signed_in(), signed_in("bob")]
    chosen = {"action": "sign_out", "_selected_action": [str(alice.pk)]}
    answer = as_admin.post(reverse("admin:portal_auth_user_changelist"), chosen, follow=True)
    assert "2 sessions have been ended." in answer.content.decode()
    assert [is_in(client) for client in clients] == [False, False, True]
