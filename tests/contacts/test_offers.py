"""What contacts offer to the portal: people while one writes, names beside addresses, hits of the search."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.auth.models import User
from apps.contacts.card import Value
from apps.contacts.models import Book, Contact, Correspondent
from apps.contacts.offers import PersonalBooks
from apps.contacts.prefs import COLLECT
from apps.contacts.services import correspondents, groups, keeping
from apps.contacts.services.keeping import Doing
from portal import addressing, correspondence
from portal.contracts import Address
from portal.contracts import Contact as Offered
from portal.prefs import for_user
from portal.registry import PortalApp, get_registry
from portal.testing import with_apps
from tests.contacts.world import add, book_of, text_of

pytestmark = pytest.mark.django_db


def emails(user: User, prefix: str, limit: int = 8) -> list[str]:
    return [each.address.email for each in addressing.complete(user=user, prefix=prefix, limit=limit)]


def test_completion_knows_any_word_of_name_and_address_in_any_script(alice: User, bob: User) -> None:
    add(alice, "Жанар Өмүрбекова", "zh@felt.example")
    add(alice, "Ève Lambert", "eve.l@ice.example", "lambert@home.example")
    add(alice, "Nobody Without")
    add(bob, "Zhanna Bobson", "zhanna@bob.example")
    assert emails(alice, "zhan") == ["zh@felt.example"]
    assert emails(alice, "Жан") == ["zh@felt.example"]
    assert emails(alice, "lam") == ["eve.l@ice.example"]
    assert emails(alice, "eve lam") == ["eve.l@ice.example"]
    assert emails(alice, "eve.l@ic") == ["eve.l@ice.example"]
    assert emails(alice, "ambert") == []  # beginnings only, while one types
    assert emails(alice, "nobody") == [] and emails(alice, " ") == [] and emails(alice, "~") == []
    assert emails(bob, "zh") == ["zhanna@bob.example"]
    (found,) = addressing.complete(user=alice, prefix="zhan")
    assert (found.address.name, found.source) == ("Жанар Өмүрбекова", "Contacts")
    assert found.url == reverse("contacts:contact", args=[Contact.objects.get(name__startswith="Жанар").pk])


def test_who_is_written_to_most_and_last_comes_first(alice: User) -> None:
    for name in ("a", "b", "c", "d"):
        add(alice, f"Person {name.upper()}", f"{name}@felt.example")
    for name, times in (("d", 3), ("b", 5), ("c", 4)):
        for _ in range(times):
            correspondence.tell(user_id=alice.pk, addresses=[Address(f"{name}@felt.example")])
    Correspondent.objects.filter(key="b@felt.example").update(last=timezone.now() - timedelta(days=180))
    correspondents.heat(alice.pk, ["b@felt.example"])
    assert [email[0] for email in emails(alice, "person")] == ["c", "d", "b", "a"]
    assert [email[0] for email in emails(alice, "person", limit=2)] == ["c", "d"]


def test_the_second_address_is_offered_where_it_is_the_one_written_to(alice: User) -> None:
    add(alice, "Ève Lambert", "eve@ice.example", "eve@home.example")
    correspondence.tell(user_id=alice.pk, addresses=[Address("EVE@home.example")])
    assert emails(alice, "eve") == ["eve@home.example", "eve@ice.example"]


def test_books_of_two_apps_are_brought_together_by_how_much_one_writes(alice: User) -> None:
    class Recent:
        id = "demo.recent"
        remote = False

        def complete(self, user, prefix, limit):
            return [
                Offered(Address("new@felt.example", "New Person"), source="Recent", rank=2.0),
                Offered(Address("eve@ice.example"), source="Recent", rank=7.0),
            ]

        def resolve(self, user, emails):
            return {}

        def add_url(self, address):
            return ""

        def expand(self, user, group):
            raise LookupError(group)

    add(alice, "Eve Person", "eve@ice.example")
    add(alice, "Ann Person", "ann@ice.example")
    with with_apps(PortalApp(id="demo", title="Demo", address_books=(Recent(),))):
        found = addressing.complete(user=alice, prefix="person")
    assert [(each.address.email, each.address.name) for each in found] == [
        ("eve@ice.example", "Eve Person"),
        ("new@felt.example", "New Person"),
        ("ann@ice.example", "Ann Person"),
    ]


def test_names_are_found_for_many_addresses_in_one_query(alice: User, django_assert_num_queries) -> None:
    add(alice, "Anna Adams", "anna@felt.example", "Anna@Home.example")
    add(alice, "Bo Berg", "bo@felt.example")
    with django_assert_num_queries(1):
        found = PersonalBooks().resolve(alice, ["anna@home.example", "bo@felt.example", "no@felt.example"])
    assert {key: each.address.name for key, each in found.items()} == {
        "anna@home.example": "Anna Adams",
        "bo@felt.example": "Bo Berg",
    }


def test_somebody_is_added_from_an_address_and_shown_when_known(as_alice: Client, alice: User) -> None:
    url = addressing.add_url(Address("anna@felt.example", "Anna Maria Adams"))
    page = as_alice.get(url).content.decode()
    assert 'value="anna@felt.example"' in page and 'value="Adams"' in page and 'value="Anna Maria"' in page
    assert not Contact.objects.exists()  # asking changes nothing
    contact = add(alice, "Anna Adams", "ANNA@felt.example")
    answer = as_alice.get(url, follow=True)
    assert answer.redirect_chain == [(reverse("contacts:contact", args=[contact.pk]), 302)]
    assert "in your contacts already" in answer.content.decode()


def test_only_who_was_written_to_is_collected_and_only_by_preference(alice: User) -> None:
    written = [Address("anna@felt.example", "Anna Adams"), Address("bo@felt.example")]
    correspondence.tell(user_id=alice.pk, addresses=written, subject="Ice core loan")
    assert not Contact.objects.exists()
    for_user(alice).save({COLLECT: True})
    add(alice, "Bo Berg", "BO@felt.example")
    correspondence.tell(user_id=alice.pk, addresses=written, subject="Ice core loan")
    correspondence.tell(user_id=alice.pk, addresses=written, subject="Again")
    contact = Contact.objects.get(name="Anna Adams")
    assert contact.book.collects and contact.book.name == "Written to"
    source = keeping.document(contact).sources[1]
    assert (source.kind, source.text) == ("message", "Ice core loan")
    assert Contact.objects.count() == 2
    keeping.throw_away([contact], Doing(alice))
    correspondence.tell(user_id=alice.pk, addresses=written)
    assert Contact.objects.kept().count() == 1  # whom somebody has removed does not come back by itself
    many = [Address(f"p{n}@felt.example") for n in range(60)]
    correspondence.tell(user_id=alice.pk, addresses=many)
    assert Contact.objects.kept().count() == 1


def test_written_to_lately_is_a_list(as_alice: Client, alice: User) -> None:
    for name in ("a", "b", "c"):
        add(alice, f"Person {name}", f"{name}@felt.example")
    for name in ("c", "a"):
        correspondence.tell(user_id=alice.pk, addresses=[Address(f"{name}@felt.example")])
    html = as_alice.get("/contacts/?in=recent").content.decode()
    assert re.findall(r'class="go nm ell"[^>]*>([^<]*)</a>', html) == ["Person a", "Person c"]


def test_the_search_of_the_portal_finds_people(as_alice: Client, alice: User) -> None:
    for number in range(12):
        add(alice, f"Жанар {number}", f"zh{number}@felt.example")
    page = as_alice.get("/search/?q=zhanar").content.decode()
    assert "Жанар 0" in page and "All 12 contacts" in page and "/contacts/?q=zhanar" in page
    assert "Жанар" not in as_alice.get("/search/?q=nobody").content.decode()


def test_all_of_a_group_are_written_to(as_alice: Client, alice: User) -> None:
    from apps.contacts.services import groups

    group = groups.make(alice.pk, "Team")
    groups.add(group, [add(alice, "Anna Adams", "anna@felt.example"), add(alice, "Bo Berg", "bo@felt.example")])
    page = as_alice.get(f"/contacts/?in=group-{group.pk}").content.decode()
    assert "mailto:anna@felt.example,bo@felt.example" in page


def test_every_book_keeps_the_contract(alice: User) -> None:
    book = get_registry().address_books["contacts.personal"]
    assert list(book.complete(alice, "", 8)) == [] and dict(book.resolve(alice, [])) == {}
    add(alice, "x" * 190, f"{'x' * 60}@felt.example", more=(Value("NOTE", "x" * 20_000),))
    assert len(list(book.complete(alice, "x" * 60, 8))) == 1
    assert list(book.complete(alice, "x" * 5000, 8)) == []


def test_help_and_administration_know_contacts(as_alice: Client, as_admin: Client, alice: User) -> None:
    assert "zhanar" in as_alice.get("/help/contacts.people/").content.decode()
    add(alice, "Anna Adams")
    page = as_admin.get("/admin/contacts/book/").content.decode()
    assert "Personal" in page and "alice" in page and "Anna" not in page
    book = Book.objects.get()
    data = {"name": "Renamed", "owner": alice.pk, "is_default": "on"}
    assert as_admin.post(f"/admin/contacts/book/{book.pk}/change/", data).status_code == 302
    assert book_of(alice, "Renamed").pk == book.pk


def test_what_somebody_has_goes_with_them(alice: User, bob: User) -> None:
    contact = add(alice, "Anna Adams", "anna@felt.example")
    kept = add(bob, "Bo Berg")
    alice.delete()
    assert not Contact.objects.filter(pk=contact.pk).exists()
    assert text_of(kept, "FN") == ["Bo Berg"]


def test_no_code_of_mail_is_named_here() -> None:
    root = Path(__file__).parents[2] / "apps/contacts"
    assert [path for path in root.rglob("*.py") if "apps.mail" in path.read_text("utf-8")] == []


# --- groups while writing ---------------------------------------------------------------------------------------------


def offered_groups(user: User, prefix: str) -> list[tuple[str, int]]:
    found = addressing.complete(user=user, prefix=prefix)
    return [(each.address.name, each.members) for each in found if each.group]


def test_groups_are_offered_with_how_many_people_they_are(alice: User, bob: User) -> None:
    field, office, everybody = (groups.make(alice.pk, name) for name in ("Field team", "Офис", "Field: everybody"))
    groups.make(alice.pk, "Field of nobody")
    other_book = book_of(alice, "Other")
    anna = add(alice, "Anna Adams", "anna@felt.example", "anna@home.example")
    groups.add(field, [anna, add(alice, "Bo Berg"), add(alice, "Zoë Fieldman", "zoe@felt.example", book=other_book)])
    groups.add(office, [anna, add(alice, "Carl Carlsen", "carl@felt.example")])
    groups.put_in(office, [everybody])
    groups.put_in(field, [everybody])
    groups.add(groups.make(bob.pk, "Field of Bob"), [add(bob, "Bob B", "b@felt.example")])
    assert offered_groups(alice, "fie") == [("Field: everybody", 4), ("Field team", 3)]
    assert offered_groups(alice, "field team")[0] == ("Field team", 3)
    assert offered_groups(alice, "ofis") == offered_groups(alice, "Офис") == [("Офис", 2)]
    assert offered_groups(alice, "team") == [("Field team", 3)]
    assert offered_groups(alice, "eam") == [] and offered_groups(alice, "field %") != []
    keeping.throw_away([anna], Doing(alice))
    assert offered_groups(alice, "field team") == [("Field team", 2)]


def test_a_group_is_everybody_in_it_once_and_says_who_has_no_address(alice: User, bob: User) -> None:
    inner, outer = groups.make(alice.pk, "Inner"), groups.make(alice.pk, "Outer")
    anna = add(alice, "Anna Adams", "anna@felt.example")
    same = add(alice, "A. Adams", "ANNA@felt.example")
    groups.add(inner, [anna, same, add(alice, "Bo Berg")])
    groups.add(outer, [anna, add(alice, "Zoë Müller", "zoe@felt.example")])
    groups.put_in(inner, [outer])
    (offer,) = [each for each in addressing.complete(user=alice, prefix="outer") if each.group]
    found = addressing.expand(user=alice, group=offer.group)
    assert [each.email.lower() for each in found.addresses] == ["anna@felt.example", "zoe@felt.example"]
    assert found.without == ("Bo Berg",)
    for wrong in (offer.group, "contacts.personal/x", "contacts.personal/", "contacts.personal/1e3", "none/1"):
        with pytest.raises(LookupError):
            addressing.expand(user=bob, group=wrong)


def test_groups_cost_a_few_queries_however_many_people(alice: User, django_assert_max_num_queries) -> None:
    people = [add(alice, f"Person {n}", f"p{n}@felt.example") for n in range(30)]
    for number in range(20):
        groups.add(groups.make(alice.pk, f"Team {number}"), people)
    with django_assert_max_num_queries(16):
        assert len(offered_groups(alice, "team")) == 4


def test_noting_whom_one_has_written_to_costs_a_few_queries(alice: User, django_assert_max_num_queries) -> None:
    people = [Address(f"p{n}@felt.example") for n in range(20)]
    correspondents.note(alice.pk, people)
    with django_assert_max_num_queries(7):
        correspondents.note(alice.pk, [*people, Address("new@felt.example")])
    rows = {row.key: row for row in Correspondent.objects.all()}
    assert (rows["p3@felt.example"].uses, rows["new@felt.example"].uses, len(rows)) == (2, 1, 21)
    assert rows["p3@felt.example"].heat == pytest.approx(rows["new@felt.example"].heat + 1)
    before = rows["p3@felt.example"].heat
    correspondents.heat(alice.pk, rows)
    assert Correspondent.objects.get(key="p3@felt.example").heat == pytest.approx(before)
