"""Searches by single fields: what they find, in an address that can be kept as if it were an address book."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.auth.models import User
from apps.contacts.card import Value
from apps.contacts.models import Book, Contact, OwnCard, SavedSearch, Share
from apps.contacts.services import groups, keeping, listing
from apps.contacts.services.criteria import Criteria
from apps.contacts.services.keeping import Doing
from apps.contacts.services.listing import View
from tests.contacts.world import add, book_of

pytestmark = pytest.mark.django_db
INDEX = "/contacts/"


def found(user: User, **asked: str) -> list[str]:
    query = {f"f-{name}": text for name, text in asked.items()}
    return sorted(each.name for each in listing.chosen(user.pk, View.parse(query)))


@pytest.fixture
def people(alice: User) -> dict[str, Contact]:
    field = Book.objects.create(owner=alice, name="Field")
    address = Value("ADR", ("", "", "Чүй 1", "Бишкек", "", "720070", "Kyrgyzstan"))
    own = Value("X-FIELD", "Thermos", label="Hut")
    more = (address, own, Value("ORG", ("Institute of Glaciers", "Field")), Value("TITLE", "Geologist"))
    more = (*more, Value("CATEGORIES", "Rope, Ice"), Value("BDAY", "1985-04-12"), Value("NOTE", "Brings the maps"))
    made = {
        "zhanar": add(alice, "Жанар Өмүрбекова", "zh@felt.example", phone="+996 555 010142", more=more),
        "anna": add(alice, "Anna Adams", "anna@ice.example", book=field, more=(Value("BDAY", "--04-30"),)),
        "bo": add(alice, "Bo Berg", phone="07761 20355"),
    }
    Contact.objects.filter(pk=made["bo"].pk).update(changed=timezone.now() - timedelta(days=40))
    imported = Doing(alice, "import", "Old friends.vcf")
    made["eve"] = keeping.create(field, [Value("FN", "Ève Field"), Value("EMAIL", "eve@720070.example")], imported)
    return made


ASKED: tuple[tuple[dict[str, str], str], ...] = (
    ({"name": "zhan"}, "Ж"),
    ({"name": "adams anna"}, "A"),
    ({"name": "field"}, "È"),  # not the address book's name, nor the department
    ({"org": "glac"}, "Ж"),
    ({"org": "field"}, "Ж"),
    ({"org": "laciers"}, ""),  # beginnings of words
    ({"title": "geo"}, "Ж"),
    ({"mail": "ice.example"}, "A"),
    ({"mail": "Anna@ICE"}, "A"),
    ({"phone": "555 0101"}, "Ж"),
    ({"phone": "0555010142"}, "Ж"),
    ({"phone": "720070"}, ""),  # a postal code is no number
    ({"place": "bishkek"}, "Ж"),
    ({"place": "kyrg"}, "Ж"),
    ({"place": "720070"}, "Ж"),
    ({"tag": "ice"}, "Ж"),
    ({"note": "maps"}, "Ж"),
    ({"field": "hut thermos"}, "Ж"),
    ({"source": "friends"}, "È"),
    ({"month": "4"}, "AЖ"),
    ({"with": "phone"}, "BЖ"),
    ({"without": "email"}, "B"),
    ({"without": "birthday"}, "BÈ"),
    ({"name": "a", "month": "4"}, "A"),
    ({"name": "bo", "tag": "ice", "join": "any"}, "BЖ"),
    ({"without": "email", "tag": "rope", "join": "any"}, "BЖ"),
    ({"name": "bo", "tag": "ice"}, ""),
)


@pytest.mark.parametrize("case", range(len(ASKED)))
def test_single_fields_are_asked_for(alice: User, people: dict[str, Contact], case: int) -> None:
    asked, initials = ASKED[case]
    assert "".join(name[0] for name in found(alice, **asked)) == initials, asked


def test_days_and_books(alice: User, people: dict[str, Contact]) -> None:
    assert found(
        alice, since=(timezone.now() - timedelta(days=30)).date().isoformat(), book=str(book_of(alice).pk)
    ) == ["Жанар Өмүрбекова"]
    assert len(found(alice, since="2020-01-01")) == 4 and found(alice, book="99999") == []


def test_what_nobody_can_ask_for_is_left_out(alice: User, people: dict[str, Contact]) -> None:
    bad = {"month": "13", "with": "wings", "since": "2026-02-31", "book": "x", "name": "  ", "phone": "12", "no": "x"}
    assert not Criteria.parse({f"f-{name}": text for name, text in bad.items()})
    assert len(found(alice, **bad)) == 4
    assert found(alice, name="%") == found(alice, name="_") == found(alice)


def test_the_words_follow_a_change(alice: User, people: dict[str, Contact]) -> None:
    bo = people["bo"]
    keeping.change(bo, [Value("FN", "Bo Berg"), Value("ORG", ("Bakery",))], Doing(alice), version=bo.version)
    assert found(alice, org="bak") == ["Bo Berg"] and found(alice, phone="776") == []


def test_a_copy_still_comes_from_where_it_came(alice: User, people: dict[str, Contact]) -> None:
    keeping.copy([people["eve"]], book_of(alice), Doing(alice))
    assert found(alice, source="friends") == ["Ève Field", "Ève Field"]


def test_pages_actions_and_export_go_by_what_was_asked(
    as_alice: Client, alice: User, people: dict[str, Contact]
) -> None:
    form = as_alice.get("/contacts/search/", {"f-tag": "ice", "f-join": "any"}).content.decode()
    assert 'value="ice"' in form and 'value="any" checked' in form
    page = as_alice.get(INDEX, {"f-tag": "ice"}).content.decode()
    assert "Жанар" in page and "Anna Adams" not in page and "Search results" in page
    assert '<input type="hidden" name="f-tag" value="ice">' in page
    groups.make(alice.pk, "Team")
    text = b"".join(as_alice.get("/contacts/export/", {"f-tag": "ice", "format": "vcard4"}).streaming_content).decode()
    assert text.count("BEGIN:VCARD") == 1 and "Өмүрбекова" in text  # and no group: those were not asked for
    as_alice.post("/contacts/act/", {"f-tag": "ice", "all": "1", "do": "delete"})
    assert sorted(Contact.objects.kept().values_list("name", flat=True)) == ["Anna Adams", "Bo Berg", "Ève Field"]


def test_deep_pages_show_what_others_show(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    keeping.create_many(book_of(alice), [("", [Value("FN", f"Anna {n:02}")]) for n in range(25)], Doing(alice))
    views = [View(page=number) for number in (1, 2, 3)]
    shallow = [listing.page(alice.pk, view, size=10, order="given") for view in views]
    monkeypatch.setattr(listing, "DEEP", 0)
    deep = [listing.page(alice.pk, view, size=10, order="given") for view in views]
    assert deep == shallow and [len(page.contacts) for page in deep] == [10, 10, 5]


def test_a_search_is_kept_as_if_it_were_a_book(as_alice: Client, alice: User, people: dict[str, Contact]) -> None:
    page = as_alice.get(INDEX, {"f-month": "4", "q": "anna"}).content.decode()
    assert "April" in page and 'name="query" value="q=anna&amp;f-month=4"' in page
    data = {"do": "new", "name": "April", "query": "q=anna&f-month=4"}
    answer = as_alice.post("/contacts/searches/", data)
    saved = SavedSearch.objects.get()
    assert answer.url == f"{INDEX}?in=search-{saved.pk}"
    page = as_alice.get(answer.url).content.decode()
    assert "Anna Adams" in page and "Bo Berg" not in page and page.count("April") >= 2
    add(alice, "Hanna April", more=(Value("BDAY", "2001-04-01"),))
    assert "Hanna April" in as_alice.get(answer.url).content.decode()  # whoever fits at the moment
    assert "another saved search" in as_alice.post("/contacts/searches/", data, follow=True).content.decode()
    for nothing in ("", "in=all", f"in=search-{saved.pk}&q=x"):
        said = as_alice.post("/contacts/searches/", data | {"name": "Other", "query": nothing}, follow=True)
        assert "Say what to look for" in said.content.decode()
    as_alice.post("/contacts/searches/", {"do": "rename", "search": saved.pk, "name": "Spring"})
    assert "Spring" in as_alice.get("/contacts/searches/").content.decode()
    as_alice.post("/contacts/searches/", {"do": "delete", "search": saved.pk})
    assert not SavedSearch.objects.exists() and as_alice.get(answer.url).status_code == 404


def test_a_search_is_its_owners(as_alice: Client, alice: User, bob: User) -> None:
    saved = SavedSearch.objects.create(owner=bob, name="His", key="his", query="f-name=x")
    assert as_alice.get(INDEX, {"in": f"search-{saved.pk}"}).status_code == 404
    assert as_alice.get("/contacts/search/", {"saved": saved.pk}).status_code == 404
    assert as_alice.post("/contacts/searches/", {"do": "delete", "search": saved.pk}).status_code == 404
    assert "His" not in as_alice.get(INDEX).content.decode()
    circle = SavedSearch.objects.create(owner=alice, name="Round", key="round", query="in=search-1")
    SavedSearch.objects.filter(pk=circle.pk).update(query=f"in=search-{circle.pk}")
    assert as_alice.get(INDEX, {"in": f"search-{circle.pk}"}).status_code == 404


def test_of_others_contacts_only_what_one_sees_is_found(alice: User, bob: User) -> None:
    """Bob shares his book and hides the telephone numbers and notes."""
    one = add(bob, "Hidden Person", "hidden@bob.example", phone="+43 1 5550101", more=(Value("NOTE", "Secret poles"),))
    add(alice, "Own Person", phone="+43 1 5550199")
    Share.objects.create(owner=bob, book=one.book, user=alice, fields=["EMAIL:work"], by=bob)
    assert found(alice, phone="55501") == ["Own Person"] and found(alice, note="secret") == []
    assert found(alice, name="person") == ["Hidden Person", "Own Person"]
    assert found(alice, without="phone") == []  # asked the other way round, what is hidden is not told either
    assert found(bob, phone="55501") == ["Hidden Person"]


def test_ones_own_card_is_marked_and_stands_beside(as_alice: Client, alice: User, bob: User) -> None:
    me, other = add(alice, "Alice Adams"), add(alice, "Bo Berg")
    act = reverse("contacts:act", args=[me.pk])
    assert "My card" not in as_alice.get(INDEX).content.decode()
    as_alice.post(act, {"do": "mine"})
    assert f'href="{reverse("contacts:contact", args=[me.pk])}"' in as_alice.get("/contacts/books/").content.decode()
    as_alice.post(reverse("contacts:act", args=[other.pk]), {"do": "mine"})
    assert OwnCard.objects.get().contact == other  # one at most
    keeping.throw_away([other], Doing(alice))
    assert "My card" not in as_alice.get(INDEX).content.decode()
    as_alice.post(act, {"do": "mine"})
    as_alice.post(act, {"do": "not-mine"})
    assert not OwnCard.objects.exists()
    theirs = add(bob, "Bob")
    assert as_alice.post(reverse("contacts:act", args=[theirs.pk]), {"do": "mine"}).status_code == 404
