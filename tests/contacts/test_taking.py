"""Copies of cards that another app keeps, and how they are kept fresh."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from django.test import Client

from apps.auth.models import User
from apps.contacts import tasks
from apps.contacts.models import Change, Contact, Origin
from apps.contacts.services import duplicates, keeping, taking
from apps.contacts.services.keeping import Doing
from portal.registry import PortalApp, get_registry
from portal.testing import with_apps
from tests.contacts.world import add, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.needs_app("contacts")]


class Staff:
    """Somebody's cards, as an app for a directory would give them."""

    id, label = "demo.staff", "Staff directory"

    def __init__(self) -> None:
        self.people: dict[str, list[str]] = {}
        self.away = False
        self.asked: list[list[str]] = []

    def cards(self, user, keys, request=None):
        self.asked.append(list(keys))
        if self.away:
            raise OSError("away")
        found = {key: self.people[key] for key in keys if key in self.people}
        return {k: "\r\n".join(["BEGIN:VCARD", "VERSION:4.0", *lines, "END:VCARD", ""]) for k, lines in found.items()}


@pytest.fixture
def staff() -> Iterator[Staff]:
    found = Staff()
    found.people["eve"] = [
        "FN:Ève Lambert",
        "N:Lambert;Ève;;;",
        "EMAIL;TYPE=work:eve@ims.example",
        "TEL;TYPE=work:+34 974 55 41 02",
        "TITLE:Head of ice radar",
    ]
    with with_apps(PortalApp(id="demo", title="Demo", card_sources=(found,))):
        yield found


def night() -> None:
    tasks.refresh_copies()


def test_a_copy_says_where_it_comes_from_and_is_made_once(alice: User, client: Client, staff: Staff) -> None:
    client.force_login(alice)
    taker = get_registry().card_taker
    assert taker is not None
    assert taker.taken(alice, "demo.staff", ["eve"]) == {}
    first = client.post(taker.take_url(), {"source": "demo.staff", "key": "eve"})
    made = Contact.objects.get()
    assert first.url == f"/contacts/{made.pk}/"
    page = client.get(first.url).content.decode()
    assert "Ève Lambert" in page
    assert "From “Staff directory”" in page
    assert client.post(taker.take_url(), {"source": "demo.staff", "key": "eve"}).url == first.url
    assert taker.taken(alice, "demo.staff", ["eve", "bob"]) == {"eve": first.url}


@pytest.mark.parametrize(
    ("source", "key"), [("demo.staff", "nobody"), ("demo.none", "eve"), ("demo.staff", ""), ("", "")]
)
def test_what_is_not_there_is_not_taken(alice: User, client: Client, staff: Staff, source: str, key: str) -> None:
    client.force_login(alice)
    assert client.post("/contacts/take/", {"source": source, "key": key}).status_code == 404
    assert client.post("/contacts/take/", {"source": "demo.staff", "key": "x" * 500}).status_code == 404
    assert not Contact.objects.exists()


def test_a_source_that_is_away_says_so_where_the_button_was(alice: User, client: Client, staff: Staff) -> None:
    client.force_login(alice)
    staff.away = True
    answer = client.post("/contacts/take/", {"source": "demo.staff", "key": "eve", "back": "/search/?q=eve"})
    assert answer.url == "/search/?q=eve"
    assert "does not answer" in client.get("/contacts/").content.decode()
    elsewhere = client.post("/contacts/take/", {"source": "demo.staff", "key": "eve", "back": "//evil.example/"})
    assert elsewhere.url == "/contacts/"


def test_what_changes_there_changes_here_at_night(alice: User, staff: Staff) -> None:
    made = taking.take(alice, "demo.staff", "eve")
    staff.people["eve"][3:] = ["TEL;TYPE=work:+34 974 55 41 99", "TITLE:Head of ice radar", "ROLE:Deputy"]
    night()
    assert text_of(made, "TEL") == ["+34 974 55 41 99"]
    assert text_of(made, "ROLE") == ["Deputy"]
    step = made.changes.first()
    assert (step.source, step.text, step.by) == ("directory", "Staff directory", None)
    made.refresh_from_db()
    keeping.undo(step, Doing(alice))
    assert text_of(made, "TEL") == ["+34 974 55 41 02"]
    night()
    assert text_of(made, "TEL") == ["+34 974 55 41 02"]  # undone by somebody: it does not come again


def test_what_somebody_has_written_stays(alice: User, staff: Staff) -> None:
    made = taking.take(alice, "demo.staff", "eve")
    card = keeping.document(made)
    tel, title = card.first("TEL"), card.first("TITLE")
    mine = [
        replace(value, value="+34 600 000 000") if value is tel else value
        for value in card.values
        if value is not title
    ]
    keeping.change(made, mine, Doing(alice), version=made.version)
    staff.people["eve"][3:] = ["TEL;TYPE=work:+34 974 55 41 99", "TITLE:Head of ice radar", "NICKNAME:Evie"]
    night()
    assert text_of(made, "TEL") == ["+34 600 000 000"]
    assert text_of(made, "TITLE") == []
    assert text_of(made, "NICKNAME") == ["Evie"]
    del staff.people["eve"][3]
    night()
    assert text_of(made, "TEL") == ["+34 600 000 000"]


def test_nothing_is_done_where_nothing_has_changed(alice: User, staff: Staff) -> None:
    made = taking.take(alice, "demo.staff", "eve")
    night()
    assert Change.objects.filter(contact=made).count() == 1
    assert Origin.objects.get().checked > made.created


def test_who_is_gone_there_stays_here_and_the_card_says_so(alice: User, client: Client, staff: Staff) -> None:
    made = taking.take(alice, "demo.staff", "eve")
    staff.people.clear()
    night()
    client.force_login(alice)
    assert "no longer has this person" in client.get(f"/contacts/{made.pk}/").content.decode()
    assert text_of(made, "FN") == ["Ève Lambert"]


def test_a_source_that_knows_nobody_any_more_is_not_believed(alice: User, staff: Staff) -> None:
    staff.people["bob"] = ["FN:Bob"]
    for key in ("eve", "bob"):
        taking.take(alice, "demo.staff", key)
    staff.people.clear()
    night()
    assert not Origin.objects.exclude(gone=None).exists()


def test_one_that_is_away_at_night_stops_nothing(alice: User, bob: User, staff: Staff) -> None:
    for user in (alice, bob):
        taking.take(user, "demo.staff", "eve")
    staff.away = True
    night()
    staff.away = False
    staff.people["eve"][0] = "FN:Ève L."
    User.objects.filter(pk=bob.pk).update(is_active=False)
    night()
    assert sorted(Contact.objects.values_list("owner__login", "name")) == [("alice", "Ève L."), ("bob", "Ève Lambert")]


def test_many_are_asked_for_together(alice: User, staff: Staff) -> None:
    for number in range(5):
        staff.people[f"p{number}"] = [f"FN:Person {number}"]
        taking.take(alice, "demo.staff", f"p{number}")
    staff.asked.clear()
    night()
    assert [len(keys) for keys in staff.asked] == [5]


def test_whoever_wants_to_know_looks_at_once(alice: User, bob: User, client: Client, staff: Staff) -> None:
    made = taking.take(alice, "demo.staff", "eve")
    staff.people["eve"][4] = "TITLE:Director"
    client.force_login(bob)
    assert client.post(f"/contacts/{made.pk}/refresh/").status_code == 404
    client.force_login(alice)
    page = client.post(f"/contacts/{made.pk}/refresh/", follow=True).content.decode()
    assert "Brought up to date." in page
    assert "Director" in page
    other = add(alice, "No Copy")
    assert client.post(f"/contacts/{other.pk}/refresh/").status_code == 404


def test_a_merged_copy_stays_fresh_and_is_parted_again(alice: User, staff: Staff) -> None:
    own = add(alice, "Eve L", "eve@home.example")
    copy = taking.take(alice, "demo.staff", "eve")
    whole = duplicates.merge(own, copy, Doing(alice), from_other=["FN"])
    assert Origin.objects.get().contact_id == own.pk
    staff.people["eve"][4] = "TITLE:Director"
    night()
    assert text_of(own, "TITLE") == ["Director"]
    duplicates.unmerge(whole, Doing(alice))
    assert Origin.objects.get().contact_id == copy.pk
