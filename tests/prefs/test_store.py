"""Preference values in the database: one row for each, with the site's defaults and locks over them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection, connections, transaction
from django.urls import reverse

from apps.prefs.models import Preference, PreferenceDefault, Scope
from apps.prefs.store import DatabasePrefStore
from portal.core_prefs import LANGUAGE, THEME, TIME_ZONE
from portal.prefs import LockedPref, for_user

ADD = "/admin/portal_prefs/preferencedefault/add/"
store = DatabasePrefStore()


def site_default(key: str, value: object, **more: object) -> PreferenceDefault:
    return PreferenceDefault.objects.create(key=key, value=value, **more)


def test_values_are_kept_one_by_one(alice, bob) -> None:
    store.save(alice, {"a.x": 1, "a.y": [True, None], "a.z": "text"})
    store.save(alice, {"a.x": 2})
    store.save(bob, {"a.x": 9})
    assert store.load(alice) == {"a.x": 2, "a.y": [True, None], "a.z": "text"}
    store.reset(alice, ["a.x", "a.unknown"])
    assert store.load(alice) == {"a.y": [True, None], "a.z": "text"}
    assert store.load(bob) == {"a.x": 9}


def test_a_value_may_be_null(alice) -> None:
    store.save(alice, {"a.x": None})
    assert store.load(alice) == {"a.x": None}


def test_saving_is_one_query_and_loading_is_one(alice, django_assert_num_queries) -> None:
    with django_assert_num_queries(3):  # savepoint, insert, release
        store.save(alice, {f"a.{number}": number for number in range(20)})
    with django_assert_num_queries(1):
        store.load(alice)


def test_what_somebody_leaves_behind_goes_with_them(alice) -> None:
    store.save(alice, {"a.x": 1})
    alice.delete()
    assert not Preference.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_tabs_never_undo_each_others_changes(alice) -> None:
    """Both have loaded the same values; each saves what it changed; both changes are there afterwards."""
    rounds = 25
    start = threading.Barrier(2)

    def tab(pref, values) -> None:
        try:
            for number in range(rounds):
                start.wait()
                mine = for_user(alice)
                assert mine[LANGUAGE] is not None
                mine.save({pref: values[number % len(values)]})
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as tabs:
        jobs = [tabs.submit(tab, THEME, ["dark", "light"]), tabs.submit(tab, TIME_ZONE, ["Europe/Berlin", "UTC"])]
        for job in jobs:
            job.result()
    assert store.load(alice) == {"portal.theme": "dark", "portal.time_zone": "Europe/Berlin"}


@pytest.mark.django_db(transaction=True)
def test_two_tabs_that_save_the_same_value_at_once(alice) -> None:
    start = threading.Barrier(8)

    def tab(number: int) -> None:
        try:
            start.wait()
            store.save(alice, {"a.x": number, "a.y": number})
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as tabs:
        list(tabs.map(tab, range(8)))
    values = store.load(alice)
    assert Preference.objects.count() == 2
    assert values["a.x"] == values["a.y"] in range(8)


def test_the_database_holds_to_one_row(alice) -> None:
    store.save(alice, {"a.x": 1})
    with pytest.raises(IntegrityError), transaction.atomic():
        Preference.objects.create(user=alice, key="a.x", value=2)
    assert connection.alias == "default"


# --- what the site sets --------------------------------------------------------------------------------------------


def test_the_nearest_default_wins(alice, bob) -> None:
    members = Group.objects.create(name="members")
    alice.groups.add(members)
    site_default("portal.theme", "light")
    site_default("portal.theme", "system", scope=Scope.DOMAIN, domain="example.test")
    site_default("portal.theme", "dark", scope=Scope.GROUP, group=members)
    assert store.overrides(alice)["portal.theme"].value == "dark"
    assert store.overrides(bob)["portal.theme"].value == "system"
    bob.email = "bob@elsewhere.test"
    assert store.overrides(bob)["portal.theme"].value == "light"
    assert store.overrides(None)["portal.theme"].value == "light"


def test_a_domain_is_compared_without_case(alice) -> None:
    alice.email = "Alice@EXAMPLE.test"
    site_default("portal.theme", "dark", scope=Scope.DOMAIN, domain="example.test")
    assert store.overrides(alice)["portal.theme"].value == "dark"


def test_overrides_are_one_query(alice, django_assert_num_queries) -> None:
    site_default("portal.theme", "dark")
    with django_assert_num_queries(1):
        store.overrides(alice)


def test_a_lock_in_the_database_holds_for_reading_and_saving(alice) -> None:
    for_user(alice).save({THEME: "light"})
    site_default("portal.theme", "dark", locked=True, reason="Energy week")
    mine = for_user(alice)
    assert mine[THEME] == "dark"
    assert mine.lock(THEME).reason == "Energy week"
    with pytest.raises(LockedPref):
        mine.save({THEME: "light"})


# --- in the administration -----------------------------------------------------------------------------------------


def add(client, key: str, **fields: object):
    form = {"scope": "everybody", "group": "", "domain": "", "reason": ""} | fields
    return client.post(f"{ADD}?key={key}", form)


def test_first_the_preference_is_chosen(as_admin) -> None:
    page = as_admin.get(ADD).content.decode()
    assert "?key=portal.theme" in page
    form = as_admin.get(f"{ADD}?key=portal.theme").content.decode()
    assert '<option value="dark">' in form
    assert as_admin.get(f"{ADD}?key=no.such").content.decode().count("?key=") > 1


def test_a_default_for_everybody(as_admin, alice) -> None:
    assert add(as_admin, "portal.theme", value="dark", locked="on", reason="Energy week").status_code == 302
    row = PreferenceDefault.objects.get()
    assert (row.key, row.value, row.locked, row.reason) == ("portal.theme", "dark", True, "Energy week")
    assert for_user(alice)[THEME] == "dark"
    listing = as_admin.get(reverse("admin:portal_prefs_preferencedefault_changelist")).content.decode()
    assert "portal.theme" in listing
    change = reverse("admin:portal_prefs_preferencedefault_change", args=[row.pk])
    assert '<option value="dark" selected>' in as_admin.get(change).content.decode()
    assert as_admin.post(change, {"value": "light", "scope": "everybody"}).status_code == 302
    assert for_user(alice)[THEME] == "light"


@pytest.mark.parametrize(
    "fields",
    [
        {"value": "pink"},
        {"value": ""},
        {"value": "dark", "scope": "group"},
        {"value": "dark", "scope": "domain"},
        {"value": "dark", "scope": "galaxy"},
    ],
)
def test_what_makes_no_sense_is_refused(as_admin, fields: dict[str, str]) -> None:
    answer = add(as_admin, "portal.theme", **fields)
    assert answer.status_code == 200
    assert "errorlist" in answer.content.decode()
    assert not PreferenceDefault.objects.exists()


def test_the_same_default_twice_is_refused(as_admin) -> None:
    assert add(as_admin, "portal.theme", value="dark").status_code == 302
    assert "Change that one" in add(as_admin, "portal.theme", value="light").content.decode()
    assert add(as_admin, "portal.theme", value="light", scope="domain", domain="@Example.test").status_code == 302
    assert set(PreferenceDefault.objects.values_list("value", "domain")) == {("dark", ""), ("light", "example.test")}


def test_a_default_whose_app_is_switched_off_stays_and_can_be_deleted(as_admin) -> None:
    row = site_default("gone.choice", 5)
    page = as_admin.get(reverse("admin:portal_prefs_preferencedefault_change", args=[row.pk]))
    assert page.status_code == 200
    delete = reverse("admin:portal_prefs_preferencedefault_delete", args=[row.pk])
    assert as_admin.post(delete, {"post": "yes"}).status_code == 302
