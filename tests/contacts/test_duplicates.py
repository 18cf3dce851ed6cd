"""Contacts that may be one person: found with the reason, merged field by field, undone to the byte."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from selectolax.lexbor import LexborHTMLParser

from apps.auth.models import User
from apps.contacts.card import Value
from apps.contacts.models import Contact, Favourite, Undertaking
from apps.contacts.services import duplicates, groups, keeping
from apps.contacts.services.keeping import Doing
from tests.contacts.world import add, book_of, text_of

pytestmark = pytest.mark.django_db
PAGE = "/contacts/duplicates/"

#: (name, mail, phone) of both, and the reason.
ALIKE = {
    "mail in other letters": (("Anna A", "ANNA@felt.example", ""), ("A. Adams", "anna@felt.example", ""), "e"),
    "phone in other writing": (("Anna A", "", "+996 555 010 142"), ("Somebody", "", "0555 010142"), "p"),
    "transliteration": (("Жанар Исаева", "", ""), ("Zhanar Isaeva", "", ""), "n"),
    "accents": (("José Núñez", "", ""), ("Jose Nunez", "", ""), "n"),
    "names the other way round": (("Anna Adams", "", ""), ("Adams Anna", "", ""), "n"),
    "a letter mistyped": (("Björn Bergström", "", ""), ("Björn Bergstrom-", "", ""), "n"),
    "a letter too many": (("Marta Silva", "", ""), ("Martha Silva", "", ""), "s"),
    "letters that changed places": (("Marta Silva", "", ""), ("Marta Slivа", "", ""), "s"),
}


@pytest.mark.parametrize("kind", ALIKE)
def test_a_pair_is_found_with_its_reason(alice: User, kind: str) -> None:
    *pair, reason = ALIKE[kind]
    for name, mail, phone in pair:
        add(alice, name, *([mail] if mail else []), phone=phone)
    add(alice, "Quite Different", "other@felt.example", phone="+43 1 5550101")
    found = duplicates.find(alice.pk)
    assert [each.reason for each in found] == [reason]
    assert found[0].words


LOOK_ALIKE = [
    ("Anna Berg", "Anna Burke"),
    ("Max Li", "Max Lu"),
    ("Tim Field", "Tom Fields"),
    ("Room 0011", "Room 0111"),
]


@pytest.mark.parametrize("pair", LOOK_ALIKE)
def test_who_only_looks_alike_is_none(alice: User, pair: tuple[str, str]) -> None:
    for name in pair:
        add(alice, name, f"{name.replace(' ', '.')}@felt.example".lower())
    assert duplicates.find(alice.pk) == []


def test_a_number_of_a_whole_office_tells_nothing(alice: User) -> None:
    for number in range(25):
        add(alice, f"{chr(65 + number) * 9} Person", phone="+43 1 5550101")
    assert duplicates.find(alice.pk) == []


@pytest.fixture
def pair(alice: User, bob: User) -> tuple[Contact, Contact]:
    one = add(alice, "Айгерим Токоева", "a.tokoeva@ims.example", phone="+996 555 010 142")
    more = (Value("TITLE", "Geologist"), Value("X-OWN", "kept"))
    other = add(
        alice, "A. Tokoeva", "aigerim@glacier.example", phone="0555 010142", book=book_of(alice, "Field"), more=more
    )
    groups.add(groups.make(alice.pk, "Team"), [other])
    Favourite.objects.create(user=alice, contact=other)
    return one, other


def test_two_are_merged_field_by_field_and_taken_apart_to_the_byte(
    as_alice: Client, alice: User, pair: tuple[Contact, Contact]
) -> None:
    one, other = pair
    before = one.card.data, other.card.data
    assert "Same phone number" in as_alice.get(PAGE).content.decode()
    card = as_alice.get(reverse("contacts:contact", args=[one.pk])).content.decode()
    assert "Same person?" in card and "A. Tokoeva" in card
    page = as_alice.get(PAGE, {"one": one.pk, "other": other.pk}).content.decode()
    assert page.count('type="radio"') == 2 and "Geologist" in page and "aigerim@glacier.example" in page
    left_out = keeping.document(other).first("TEL").id
    keep = [f"one:{value.id}" for value in keeping.document(one).values]
    keep += [f"other:{value.id}" for value in keeping.document(other).values if value.id != left_out]
    data = {"do": "merge", "one": one.pk, "other": other.pk, "chosen": "1", "keep": keep, "pick-FN": "one"}
    assert as_alice.post(PAGE, data).status_code == 302
    assert text_of(one, "FN") == ["Айгерим Токоева"] and text_of(one, "TITLE") == ["Geologist"]
    assert text_of(one, "EMAIL") == ["a.tokoeva@ims.example", "aigerim@glacier.example"]
    assert text_of(one, "TEL") == ["+996 555 010 142"] and text_of(one, "X-OWN") == ["kept"]
    assert [each.pk for each in Contact.objects.kept()] == [one.pk]
    assert Favourite.objects.filter(contact=one).exists() and one.memberships.count() == 1
    whole = Undertaking.objects.get()
    for _twice in range(2):
        as_alice.post(PAGE, {"do": "unmerge", "whole": whole.pk})
    one, other = (Contact.objects.get(pk=each.pk) for each in pair)
    assert (one.card.data, other.card.data) == before
    assert other.deleted is None and not one.memberships.exists() and not Favourite.objects.filter(contact=one).exists()


def test_the_other_name_can_be_taken(as_alice: Client, pair: tuple[Contact, Contact]) -> None:
    one, other = pair
    as_alice.post(PAGE, {"do": "merge", "one": one.pk, "other": other.pk, "pick-FN": "other"})
    assert text_of(one, "FN") == ["A. Tokoeva"] and text_of(one, "N") == ["A. Tokoeva"]


def test_not_the_same_is_remembered(as_alice: Client, alice: User, pair: tuple[Contact, Contact]) -> None:
    one, other = pair
    as_alice.post(PAGE, {"do": "different", "one": other.pk, "other": one.pk})
    assert duplicates.find(alice.pk) == []
    assert duplicates.of_contact(one) is None and duplicates.of_contact(other) is None
    assert Contact.objects.kept().count() == 2


def test_nobody_merges_what_is_anothers(as_alice: Client, bob: User, pair: tuple[Contact, Contact]) -> None:
    one, other = pair
    theirs = add(bob, "Bo Berg")
    client = Client()
    client.force_login(bob)
    assert client.post(PAGE, {"do": "merge", "one": theirs.pk, "other": one.pk}).status_code == 404
    assert client.get(PAGE, {"one": one.pk, "other": other.pk}).status_code == 404
    assert as_alice.post(PAGE, {"do": "merge", "one": one.pk, "other": one.pk}).status_code == 302
    whole = duplicates.merge(one, other, Doing(None))
    assert client.post(PAGE, {"do": "unmerge", "whole": whole.pk}).status_code == 404
    for bad in ({"one": "x", "other": 1}, {"one": one.pk}, {"one": one.pk, "other": one.pk, "do": "nothing"}):
        assert as_alice.post(PAGE, {"do": "merge"} | bad).status_code in {302, 404}


def test_the_card_itself_merges_and_loses_nothing(alice: User, client: Client) -> None:
    """What both say alike stands in no row of its form, and stays."""
    one = add(alice, "Айгерим Токоева", "a@ims.example", phone="+996 555 010 142", more=(Value("NOTE", "the same"),))
    add(alice, "A. Tokoeva", "a@glacier.example", phone="+996 555 010 142", more=(Value("NOTE", "the same"),))
    client.force_login(alice)
    page = LexborHTMLParser(client.get(f"/contacts/{one.pk}/").content.decode())
    form = page.css_first(".cmergeform")
    assert form is not None
    rows = [node.text() for node in form.css("tbody th")]
    assert "Email" in rows and "Note" not in rows
    data: dict[str, list[str]] = {}
    for node in form.css("input"):
        if node.attributes.get("type") == "hidden" or "checked" in node.attributes:
            data.setdefault(node.attributes["name"] or "", []).append(node.attributes["value"] or "")
    client.post(form.attributes["action"] or "", data | {"do": ["merge"]})
    assert sorted(text_of(one, "EMAIL")) == ["a@glacier.example", "a@ims.example"]
    assert text_of(one, "TEL") == ["+996 555 010 142"] and text_of(one, "NOTE") == ["the same"]
    assert text_of(one, "FN") == ["Айгерим Токоева"]
