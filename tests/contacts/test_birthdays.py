"""Birthdays and anniversaries that are near: on the home page, and all of them on a page of their own."""

from __future__ import annotations

import time
from datetime import date, timedelta
from importlib import import_module

import pytest
from django.apps import apps as django_apps
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from apps.auth.models import User
from apps.contacts import blocks, days
from apps.contacts.card import Card, Value
from apps.contacts.days import Day
from apps.contacts.models import Contact
from apps.contacts.prefs import BIRTHDAY_DAYS
from apps.contacts.services import access, birthdays, keeping
from apps.contacts.services.keeping import Doing
from portal.prefs import for_user
from tests.contacts.world import add, book_of

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
BLOCK, PAGE = "/home/blocks/contacts.birthdays/", "/contacts/birthdays/"


def born(user: User, name: str, text: str, *, prop: str = "BDAY", email: str = "") -> Contact:
    return add(user, name, *([email] if email else []), more=(Value(prop, text),))


def in_days(ahead: int, years: int = 0) -> str:
    on = timezone.localdate() + timedelta(days=ahead)
    return f"{on.year - years}{on:%m%d}" if years else f"--{on:%m%d}"


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("19850412", Day(4, 12, 1985)),
        ("1985-04-12", Day(4, 12, 1985)),
        (" 1985-04-12 ", Day(4, 12, 1985)),
        ("--0412", Day(4, 12)),
        ("--04-12", Day(4, 12)),
        ("19531015T231000Z", Day(10, 15, 1953)),
        ("1953-10-15T23:10:00+02:00", Day(10, 15, 1953)),
        ("1953-10-15 00:00:00", Day(10, 15, 1953)),
        ("--1015T102200", Day(10, 15)),
        ("20000229", Day(2, 29, 2000)),
        ("--0229", Day(2, 29)),
        ("0000-04-12", Day(4, 12)),
        ("19850229", None),
        ("19851301", None),
        ("--0431", None),
        ("1985", None),
        ("1985-04", None),
        ("--04", None),
        ("---12", None),
        ("T102200", None),
        ("circa 1800", None),
        ("١٩٨٥٠٤١٢", None),
        ("", None),
    ],
)
def test_the_forms_of_dates(text: str, day: Day | None) -> None:
    assert days.read(text) == day


def test_what_the_parameters_say() -> None:
    assert days.read("1604-04-12", {"X-APPLE-OMIT-YEAR": ("1604",)}) == Day(4, 12)
    assert days.read("19850412", {"CALSCALE": ("gregorian",)}) == Day(4, 12, 1985)
    assert days.read("57450412", {"CALSCALE": ("hebrew",)}) is None
    card = Card([Value("BDAY", "soon"), Value("BDAY", "--0412")])
    assert days.of(card, "BDAY") == Day(4, 12)
    assert days.number_of(card, "ANNIVERSARY") is None


def test_what_comes_within_some_days() -> None:
    assert list(days.coming(date(2026, 12, 31), 1)) == [(1231, date(2026, 12, 31)), (101, date(2027, 1, 1))]
    leap = dict(days.coming(date(2028, 2, 27), 3))
    assert leap[229] == date(2028, 2, 29) and leap[228] == date(2028, 2, 28)
    plain = dict(days.coming(date(2027, 2, 27), 3))
    assert plain[229] == plain[228] == date(2027, 2, 28)
    assert len(dict(days.coming(date(2027, 3, 1), 365))) == 366
    for today in (date(2027, 3, 1), date(2028, 2, 29), date(2028, 1, 1)):
        assert set(dict(days.coming(today, 365))) >= {228, 229, 301, 1231}


@pytest.mark.parametrize(
    ("first", "on", "years"),
    [
        (Day(4, 12, 1985), date(2027, 4, 12), 42),
        (Day(2, 29, 2000), date(2027, 2, 28), 27),
        (Day(4, 12), date(2027, 4, 12), None),
        (Day(4, 12, 2027), date(2027, 4, 12), None),
        (Day(4, 12, 2030), date(2027, 4, 12), None),
        (Day(4, 12, 1604), date(2027, 4, 12), None),
    ],
)
def test_how_many_years_it_is(first: Day, on: date, years: int | None) -> None:
    assert first.years(on) == years


def test_the_block_names_who_is_next_with_age_where_it_is_known(as_alice: Client, alice: User) -> None:
    born(alice, "Later Person", in_days(20))
    born(alice, "Today Person", in_days(0, 40), email="today@felt.example")
    born(alice, "Wed Lock", in_days(1, 12), prop="ANNIVERSARY")
    born(alice, "Tomorrow Person", in_days(1))
    born(alice, "Far Person", in_days(31, 9))
    born(alice, "Past Person", in_days(-1, 9))
    born(alice, "No Date", "circa 1800")
    page = as_alice.get(BLOCK, headers=HTMX).content.decode()
    names = ("Today Person", "Tomorrow Person", "Wed Lock", "Later Person")
    places = [page.index(name) for name in names]
    assert places == sorted(places)
    assert "Birthday today · turns 40" in page and "Birthday tomorrow<" in page
    assert "Anniversary tomorrow · 12 years" in page
    assert page.count("mailto:today@felt.example") == 1
    for name in ("Far Person", "Past Person", "No Date"):
        assert name not in page
    assert 'id="block-contacts-birthdays"' in as_alice.get("/").content.decode()  # by itself


def test_days_are_said_as_people_say_them() -> None:
    today = date(2026, 11, 27)
    with translation.override("en"):
        assert blocks.said("BDAY", date(2026, 12, 3), today) == "Birthday on Thursday"
        assert blocks.said("BDAY", date(2026, 12, 4), today) == "Birthday on December 4"
        assert blocks.said("ANNIVERSARY", today, today) == "Anniversary today"


def test_nobody_is_near(as_alice: Client, alice: User) -> None:
    assert "Nobody in your address books has a birthday in the next 30 days." in as_alice.get(BLOCK).content.decode()
    assert "No birthdays are near" in as_alice.get(PAGE).content.decode()


def test_how_far_ahead_is_a_preference(as_alice: Client, alice: User) -> None:
    born(alice, "Far Person", in_days(31))
    born(alice, "Near Person", in_days(5))
    for_user(alice).save({BIRTHDAY_DAYS: 31})
    assert "Far Person" in as_alice.get(BLOCK).content.decode()
    for_user(alice).save({BIRTHDAY_DAYS: 4})
    assert "Near Person" not in as_alice.get(BLOCK).content.decode()
    assert "in the next 4 days" in as_alice.get(BLOCK).content.decode()


def test_what_does_not_fit_the_block_is_on_the_page(as_alice: Client, alice: User) -> None:
    for n in range(9):
        born(alice, f"Person {n}", in_days(n))
    block = as_alice.get(BLOCK, headers=HTMX).content.decode()
    assert "Person 5" in block and "Person 6" not in block and f'href="{PAGE}"' in block
    page = as_alice.get(PAGE).content.decode()
    assert all(f"Person {n}" in page for n in range(9))


def test_they_follow_the_card(as_alice: Client, alice: User) -> None:
    contact = born(alice, "Anna Abel", in_days(3))
    other = born(alice, "Bob Abel", in_days(3))
    doing = Doing(alice)
    values = [value for value in keeping.document(contact).values if value.name != "BDAY"]
    keeping.change(contact, [*values, Value("BDAY", in_days(200))], doing, version=1)
    contact.refresh_from_db()
    assert contact.birthday == days.number_of(keeping.document(contact), "BDAY")
    keeping.throw_away([other], doing)
    assert "Abel" not in as_alice.get(BLOCK).content.decode()
    keeping.undo(contact.changes.latest("pk"), doing)
    other.refresh_from_db()
    keeping.bring_back([other], doing)
    block = as_alice.get(BLOCK).content.decode()
    assert "Anna Abel" in block and "Bob Abel" in block


def test_only_what_somebody_may_see_is_shown(
    as_alice: Client, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index is no right to see: the contact has to be theirs to see, and the date in what they see of it."""
    contact = born(bob, "Bobs Secret", in_days(2))
    mine, hidden = born(alice, "Mine", in_days(2)), born(alice, "Hidden Date", in_days(2))
    assert "Bobs Secret" not in as_alice.get(BLOCK).content.decode()
    whole = access.document

    def without_dates(user_id: int, contact: Contact) -> Card:
        card = whole(user_id, contact)
        return Card([v for v in card.values if v.name != "BDAY"]) if contact.pk == hidden.pk else card

    monkeypatch.setattr(access, "books", lambda user_id: book_of(bob).__class__.objects.all())
    monkeypatch.setattr(access, "document", without_dates)
    found = birthdays.coming(alice.pk, today=timezone.localdate(), ahead=30, most=9)
    assert [each.contact.pk for each in found] == [mine.pk]
    assert contact.birthday is not None


def test_the_migration_fills_what_was_there_before(alice: User) -> None:
    first, second = born(alice, "Anna Abel", "1985-04-12"), born(alice, "Bob Abel", "--0229", prop="ANNIVERSARY")
    plain = add(alice, "Carl Abel")
    Contact.objects.update(birthday=None, anniversary=None)
    import_module("apps.contacts.migrations.0006_birthdays").fill(django_apps, None)
    kept = dict(Contact.objects.values_list("pk", "birthday")), dict(Contact.objects.values_list("pk", "anniversary"))
    assert kept == (
        {first.pk: 412, second.pk: None, plain.pk: None},
        {first.pk: None, second.pk: 229, plain.pk: None},
    )


def test_many_contacts_cost_what_the_near_ones_cost(as_alice: Client, alice: User) -> None:
    """20,000 with a birthday each, by the index."""
    book, all_year = book_of(alice), [number for number, _on in days.coming(date(2028, 1, 1), 365)]
    Contact.objects.bulk_create(
        [
            Contact(owner=alice, book=book, name=f"P{n}", by_given=f"p{n:05}", by_family="p", birthday=number)
            for n, number in enumerate(each for _round in range(55) for each in all_year)
        ],
        batch_size=2000,
    )
    contact = born(alice, "A Today", in_days(0))
    Contact.objects.filter(pk=contact.pk).update(by_given="a")
    with CaptureQueriesContext(connection) as queries:
        started = time.thread_time()  # whatever else this machine does
        found = birthdays.coming(alice.pk, today=timezone.localdate(), ahead=30, most=1)
        took = time.thread_time() - started
    assert [each.contact.pk for each in found] == [contact.pk]
    assert len(queries) <= 6
    assert took < 0.5
    if connection.vendor == "sqlite":  # others choose by what they have counted so far
        plan = Contact.objects.filter(owner_id__in=[alice.pk], deleted=None, birthday__in=[1, 2]).explain()
        assert "contacts_owner_birthday" in plan
