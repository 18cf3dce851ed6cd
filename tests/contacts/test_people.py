"""Contacts are kept, found, changed, undone, thrown away and brought back, on their pages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.auth.models import User
from apps.contacts import tasks
from apps.contacts.card import Value
from apps.contacts.models import Change, Contact, Favourite, Group, Key
from apps.contacts.services import groups, keeping
from apps.contacts.services.keeping import Doing
from tests.contacts.world import add, book_of, field, form_of, text_of

pytestmark = pytest.mark.django_db
INDEX = "/contacts/"


def names(client: Client, query: str = "") -> list[str]:
    import re

    html = client.get(f"{INDEX}{query}").content.decode()
    return re.findall(r'class="go nm ell"[^>]*>([^<]*)</a>', html)


def test_a_contact_is_written_shown_and_found_in_any_script(as_alice: Client, alice: User) -> None:
    form = form_of(as_alice.get(reverse("contacts:new")).content.decode())
    name, mail = field(form, "N"), field(form, "EMAIL")
    form |= {f"{name}-0": "Өмүрбекова", f"{name}-1": "Жанар", f"{mail}-0": "zh@felt.example", f"{mail}-type": "work"}
    answer = as_alice.post(reverse("contacts:new"), form)
    assert answer.status_code == 302, answer.content.decode()
    page = as_alice.get(answer["Location"]).content.decode()
    assert "Жанар Өмүрбекова" in page and "zh@felt.example" in page and "Work" in page
    assert "Typed by Alice Adams" in page
    add(alice, "José Ángel Núñez", "jose@field.example", phone="+34 974 355 010")
    add(alice, "Łukasz Wójcik")
    for query, found in {
        "zhanar": "Жанар Өмүрбекова",
        "ЖАНАР": "Жанар Өмүрбекова",
        "nunez": "José Ángel Núñez",
        "angel field": "José Ángel Núñez",
        "974355": "José Ángel Núñez",
        "wojc": "Łukasz Wójcik",
        "ÓJCIK": "Łukasz Wójcik",
    }.items():
        assert names(as_alice, f"?q={query}") == [found], query
    assert names(as_alice, "?q=nobody") == []
    assert names(as_alice) == ["José Ángel Núñez", "Łukasz Wójcik", "Жанар Өмүрбекова"]


def test_who_is_sorted_by_the_family_name_where_that_is_wished(as_alice: Client, alice: User) -> None:
    for name in ("Zoë Abel", "Anna Zimmer", "Ève Lambert"):
        add(alice, name)
    assert names(as_alice) == ["Anna Zimmer", "Ève Lambert", "Zoë Abel"]
    data = {
        "contacts.order": "family",
        "contacts.names": "family",
        "contacts.page_size": "100",
        "contacts.birthday_days": "30",
    }
    as_alice.post(reverse("portal:preferences_page", args=["contacts.page"]), data)
    assert names(as_alice) == ["Abel, Zoë", "Lambert, Ève", "Zimmer, Anna"]


def test_nothing_of_hers_is_anybody_elses(as_alice: Client, alice: User, bob: User) -> None:
    other = Client()
    other.force_login(bob)
    contact = add(alice, "Secret Person", "secret@felt.example")
    for name in ("contact", "edit", "history", "photo", "vcard"):
        assert other.get(reverse(f"contacts:{name}", args=[contact.pk])).status_code == 404, name
    for do in ("delete", "favour", f"move:{book_of(bob).pk}"):
        assert other.post(reverse("contacts:act", args=[contact.pk]), {"do": do}).status_code == 404
    other.post(reverse("contacts:act_on"), {"do": "delete", "id": contact.pk, "in": "all"})
    assert other.get(f"{INDEX}?in=book-{book_of(alice).pk}").status_code == 404
    group = groups.make(alice.pk, "Team")
    mine = add(bob, "Own Person")
    assert other.post(reverse("contacts:act", args=[mine.pk]), {"do": f"group:{group.pk}"}).status_code == 404
    assert (
        as_alice.post(reverse("contacts:act", args=[contact.pk]), {"do": f"copy:{book_of(bob).pk}"}).status_code == 404
    )
    assert b"Secret" not in other.get(f"{INDEX}?q=secret").content
    assert b"Secret" not in other.get("/search/?q=secret").content
    contact.refresh_from_db()
    assert contact.deleted is None and not Favourite.objects.exists()


def test_values_come_and_go_and_what_is_not_shown_stays(as_alice: Client, alice: User) -> None:
    contact = add(
        alice,
        "Anna Adams",
        "anna@felt.example",
        more=(Value("X-UNKNOWN", "a\\;b", params={"X-P": ("1",)}), Value("TEL", "1234567", ("home", "voice"))),
    )
    url = reverse("contacts:edit", args=[contact.pk])
    form = form_of(as_alice.get(url).content.decode())
    more = as_alice.post(url, form | {"add": "URL"})
    form = form_of(more.content.decode())
    form[f"{field(form, 'URL')}-0"] = "felt.example/anna"
    form[f"{field(form, 'EMAIL')}-0"] = ""
    form[f"{field(form, 'TEL')}-0"] = "7654321"
    assert as_alice.post(url, form).status_code == 302
    card = keeping.document(contact)
    assert [value.text for value in card.values] == [
        "Anna Adams",
        "Anna Adams",
        "a\\;b",
        "7654321",
        "felt.example/anna",
    ]
    assert card.first("X-UNKNOWN").params == {"X-P": ("1",)}
    assert card.first("TEL").types == ("home", "voice")
    form = form_of(as_alice.get(url).content.decode())
    row = field(form, "URL")
    without = form_of(as_alice.post(url, form | {"remove": row.removeprefix("r")}).content.decode())
    assert as_alice.post(url, without).status_code == 302
    assert text_of(contact, "URL") == []


@pytest.mark.parametrize(
    ("prop", "part", "text", "words"),
    [
        ("EMAIL", 0, "a@b.test\nBcc: c@d.test", "in one line"),
        ("EMAIL", 0, "nobody", "no mail address"),
        ("NICKNAME", 0, "x" * 501, "at most 500"),
        ("BDAY", 0, "yesterday", "1985-04-12"),
        ("X-FIELD", 0, "text without a name", "what your field is called"),
        ("TEL", 0, "12\x0034", "cannot be stored"),
    ],
)
def test_what_cannot_be_is_refused_beside_its_field(
    as_alice: Client, alice: User, prop: str, part: int, text: str, words: str
) -> None:
    contact = add(alice, "Anna Adams", "anna@felt.example")
    url = reverse("contacts:edit", args=[contact.pk])
    form = form_of(as_alice.post(url, form_of(as_alice.get(url).content.decode()) | {"add": prop}).content.decode())
    form[f"{field(form, prop, -1)}-{part}"] = text
    answer = as_alice.post(url, form)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert Change.objects.filter(kind="edited").count() == 0


def test_of_two_who_edit_the_second_sees_both(as_alice: Client, alice: User) -> None:
    contact = add(alice, "Anna Adams", "anna@felt.example", phone="+996 555 010 142")
    url = reverse("contacts:edit", args=[contact.pk])
    first, second = (form_of(as_alice.get(url).content.decode()) for _ in range(2))
    first[f"{field(first, 'TEL')}-0"] = "+996 555 000 111"
    first[f"{field(first, 'TITLE')}-0"] = "Geologist"
    assert as_alice.post(url, first).status_code == 302
    second[f"{field(second, 'TEL')}-0"] = "+996 555 000 222"
    second[f"{field(second, 'EMAIL')}-0"] = "anna@ice.example"
    answer = as_alice.post(url, second)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "+996 555 000 111" in page and "+996 555 000 222" in page and "Alice Adams has changed" in page
    assert text_of(contact, "TEL") == ["+996 555 000 111"]
    again = form_of(page)
    assert again[f"{field(again, 'TITLE')}-0"] == "Geologist"
    assert again[f"{field(again, 'EMAIL')}-0"] == "anna@ice.example"
    assert as_alice.post(url, again).status_code == 302
    assert text_of(contact, "TEL") == ["+996 555 000 222"]
    assert text_of(contact, "TITLE") == ["Geologist"]


def test_of_two_who_save_at_once_one_is_second(alice: User) -> None:
    contact = add(alice, "Anna Adams", "anna@felt.example")
    card = keeping.document(contact)
    keeping.change(contact, [*card.values, Value("NOTE", "one")], Doing(alice), version=1)
    stale = Contact.objects.get(pk=contact.pk)
    with pytest.raises(keeping.Outdated) as told:
        keeping.change(stale, [*card.values, Value("NOTE", "two")], Doing(alice), version=1)
    assert told.value.version == 2 and told.value.card.text("NOTE") == "one"


def test_each_change_can_be_undone_whatever_came_later(as_alice: Client, alice: User) -> None:
    contact = add(alice, "Anna Adams", "anna@felt.example")
    before = contact.card.data
    url = reverse("contacts:edit", args=[contact.pk])
    for prop, text in (("TITLE", "Geologist"), ("EMAIL", "anna@ice.example")):
        form = form_of(as_alice.get(url).content.decode())
        form[f"{field(form, prop)}-0"] = text
        as_alice.post(url, form)
    title, mail = Change.objects.filter(kind="edited").order_by("pk")
    page = as_alice.get(reverse("contacts:history", args=[contact.pk])).content.decode()
    assert "Position added" in page and "Email changed" in page
    act = reverse("contacts:act", args=[contact.pk])
    as_alice.post(act, {"do": "undo", "change": title.pk})
    assert text_of(contact, "TITLE") == [] and text_of(contact, "EMAIL") == ["anna@ice.example"]
    as_alice.post(act, {"do": "undo", "change": mail.pk})
    now = keeping.document(contact).to_json()
    assert now["values"] == before["values"] and now["sources"] == before["sources"]
    as_alice.post(act, {"do": "undo", "change": mail.pk})  # once is enough
    assert Change.objects.filter(kind="undone").count() == 2
    Change.objects.update(at=timezone.now() - timedelta(days=91), undone=False)
    as_alice.post(act, {"do": "undo", "change": title.pk})
    assert Change.objects.filter(kind="undone").count() == 2
    tasks.forget_old()
    assert Change.objects.count() == 0


def test_the_last_change_is_undone_to_the_byte(as_alice: Client, alice: User) -> None:
    contact = add(alice, "Anna Adams", "anna@felt.example", phone="1234567")
    before = contact.card.data
    url = reverse("contacts:edit", args=[contact.pk])
    form = form_of(as_alice.get(url).content.decode())
    form[f"{field(form, 'EMAIL')}-0"] = ""
    form[f"{field(form, 'TITLE')}-0"] = "Geologist"
    as_alice.post(url, form)
    assert text_of(contact, "EMAIL") == []
    as_alice.post(reverse("contacts:act", args=[contact.pk]), {"do": "undo", "change": Change.objects.first().pk})
    contact = Contact.objects.get(pk=contact.pk)
    assert contact.card.data == before
    assert contact.email == "anna@felt.example" and contact.keys.filter(kind=Key.Kind.EMAIL).count() == 1


def test_deleted_contacts_come_back_for_thirty_days(as_alice: Client, alice: User) -> None:
    contact = add(alice, "Anna Adams", "anna@felt.example")
    act = reverse("contacts:act", args=[contact.pk])
    answer = as_alice.post(act, {"do": "delete"}, follow=True)
    assert "It can come back" in answer.content.decode()
    assert names(as_alice) == [] and names(as_alice, "?in=trash") == ["Anna Adams"]
    assert as_alice.get("/complete/?q=anna").json() == {"contacts": []}
    as_alice.post(act, {"do": "restore"})
    assert names(as_alice) == ["Anna Adams"]
    as_alice.post(act, {"do": "delete"})
    Contact.objects.update(deleted=timezone.now() - timedelta(days=31))
    assert names(as_alice, "?in=trash") == []
    assert as_alice.get(reverse("contacts:contact", args=[contact.pk])).status_code == 404
    tasks.forget_old()
    assert not Contact.objects.exists()


def test_many_are_acted_on_at_once(as_alice: Client, alice: User) -> None:
    people = [add(alice, f"Person {letter}") for letter in "ABC"]
    work, group = book_of(alice, "Work"), groups.make(alice.pk, "Team")
    ids = [person.pk for person in people[:2]]
    for do in (f"move:{work.pk}", f"group:{group.pk}", "favour"):
        as_alice.post(reverse("contacts:act_on"), {"do": do, "id": ids, "in": "all"})
    expected = ["Person A", "Person B"]
    assert names(as_alice, f"?in=book-{work.pk}") == expected
    assert names(as_alice, f"?in=group-{group.pk}") == expected
    assert names(as_alice, "?in=favourites") == expected
    as_alice.post(reverse("contacts:act_on"), {"do": f"ungroup:{group.pk}", "id": ids[:1], "in": f"group-{group.pk}"})
    assert names(as_alice, f"?in=group-{group.pk}") == ["Person B"]
    as_alice.post(reverse("contacts:act_on"), {"do": "delete", "all": "1", "in": f"book-{work.pk}"})
    assert names(as_alice) == ["Person C"]
    moved = Change.objects.filter(contact=people[0], kind="moved").get()
    keeping.undo(moved, Doing(alice))
    assert Contact.objects.get(pk=people[0].pk).book.name == "Personal"


def test_a_copy_keeps_where_its_values_come_from(alice: User) -> None:
    contact = add(alice, "Anna Adams", "anna@felt.example")
    (copy,) = keeping.copy([contact], book_of(alice, "Work"), Doing(alice))
    assert copy.card.data == contact.card.data
    assert copy.pk != contact.pk and copy.uid != contact.uid


def test_groups_stand_in_groups_and_never_in_themselves(as_alice: Client, alice: User) -> None:
    for name in ("Team", "Field", "All"):
        as_alice.post(reverse("contacts:groups"), {"do": "new", "name": name})
    team, fields, everybody = (Group.objects.get(name=name) for name in ("Team", "Field", "All"))
    groups.add(team, [add(alice, "Anna Adams", "anna@felt.example")])
    groups.add(fields, [add(alice, "Bo Berg", book=book_of(alice, "Work"))])
    as_alice.post(reverse("contacts:groups"), {"do": "inside", "group": team.pk, "parent": [fields.pk]})
    as_alice.post(reverse("contacts:groups"), {"do": "inside", "group": fields.pk, "parent": [everybody.pk]})
    assert names(as_alice, f"?in=group-{everybody.pk}") == ["Anna Adams", "Bo Berg"]
    answer = as_alice.post(
        reverse("contacts:groups"), {"do": "inside", "group": everybody.pk, "parent": [team.pk]}, follow=True
    )
    assert "cannot be in itself" in answer.content.decode()
    again = as_alice.post(reverse("contacts:groups"), {"do": "new", "name": "TEAM"}, follow=True)
    assert "another group with that name" in again.content.decode()
    as_alice.post(reverse("contacts:groups"), {"do": "rename", "group": team.pk, "name": "Crew"})
    as_alice.post(reverse("contacts:groups"), {"do": "delete", "group": fields.pk})
    assert sorted(Group.objects.values_list("name", flat=True)) == ["All", "Crew"]
    assert Contact.objects.kept().count() == 2


def test_books_are_made_renamed_and_removed_with_a_way_back(as_alice: Client, alice: User) -> None:
    books = reverse("contacts:books")
    as_alice.get(INDEX)
    as_alice.post(books, {"do": "new", "name": "Work"})
    work = book_of(alice, "Work")
    add(alice, "Anna Adams", book=work)
    assert "another address book" in as_alice.post(books, {"do": "new", "name": "wörk"}, follow=True).content.decode()
    as_alice.post(books, {"do": "default", "book": work.pk})
    as_alice.post(books, {"do": "rename", "book": work.pk, "name": "Office"})
    assert keeping.default_book(alice.pk, "Personal").name == "Office"
    as_alice.post(books, {"do": "delete", "book": work.pk})
    assert names(as_alice) == [] and names(as_alice, "?in=trash") == ["Anna Adams"]
    as_alice.post(reverse("contacts:act", args=[Contact.objects.get().pk]), {"do": "restore"})
    assert Contact.objects.get().book.name == "Personal"
    last = book_of(alice)
    assert (
        "your only address book"
        in as_alice.post(books, {"do": "delete", "book": last.pk}, follow=True).content.decode()
    )


def test_tags_are_spelt_as_first_written_and_found_in_any_case(as_alice: Client, alice: User) -> None:
    add(alice, "Anna Adams", more=(Value("CATEGORIES", "Glacier, Friends"),))
    add(alice, "Bo Berg", more=(Value("CATEGORIES", "glacier"),))
    page = as_alice.get(INDEX).content.decode()
    assert page.count(">Glacier</span>") == 1
    from apps.contacts.models import Tag

    assert names(as_alice, f"?in=tag-{Tag.objects.get(key='glacier').pk}") == ["Anna Adams", "Bo Berg"]


def test_a_long_list_goes_on_and_has_pages_and_letters(as_alice: Client, alice: User) -> None:
    cards = [("", [Value("FN", f"{letter}{n:02} Person")]) for letter in "ABCDEF" for n in range(40)]
    keeping.create_many(book_of(alice), cards, Doing(alice))
    page = as_alice.get(INDEX).content.decode()
    assert len(names(as_alice)) == 100 and "data-endless" in page and "1–100 of 240" in page
    rows = as_alice.get(f"{INDEX}?page=3&part=rows", headers={"HX-Request": "true"}).content.decode()
    assert rows.count('class="row cc') == 40 and "<html" not in rows
    assert names(as_alice, "?page=999")[-1] == "F39 Person"
    assert 'href="/contacts/?in=all&amp;letter=f">F</a>' in page
    assert as_alice.get(f"{INDEX}?in=all&letter=f")["Location"] == "/contacts/?page=3"


def test_the_list_costs_the_same_few_queries_at_any_length(
    as_alice: Client, alice: User, django_assert_max_num_queries
) -> None:
    for number in range(30):
        add(alice, f"Person {number}", f"p{number}@felt.example")
    as_alice.get(INDEX)
    with django_assert_max_num_queries(19):
        as_alice.get(INDEX)


@pytest.mark.parametrize(
    "query", ["?in=book-0", "?in=book-x", "?in=nowhere", "?in=group-99", "?in=tag-1", "?in=book-9999999999999999999"]
)
def test_there_is_no_such_place(as_alice: Client, query: str) -> None:
    assert as_alice.get(f"{INDEX}{query}").status_code == 404


@pytest.mark.parametrize(
    "text", ["javascript:window.__xss(1)", "data:text/html,x", "vbscript:x", "java\nscript:x", "//["]
)
def test_only_web_addresses_can_be_clicked(as_alice: Client, alice: User, text: str) -> None:
    contact = add(
        alice, "Anna Adams", more=(Value("URL", text), Value("IMPP", text), Value("NOTE", "<img src=x onerror=x()>"))
    )
    page = as_alice.get(reverse("contacts:contact", args=[contact.pk])).content.decode()
    card = page[page.index('<dl class="dl cdl">') : page.index("</dl>")]
    assert "<a " not in card and "Web" in card
    assert "<img src=x" not in page and "&lt;img src=x" in page


def test_values_lead_where_they_should(as_alice: Client, alice: User) -> None:
    more = (Value("URL", "glacier.example/tokoeva"), Value("IMPP", "xmpp:a@b.test"), Value("BDAY", "--03-14"))
    more += (Value("LANG", "ky"), Value("LANG", "no language"))
    contact = add(alice, "Anna Adams", "anna@felt.example", phone="+996 (555) 010-142", more=more)
    page = as_alice.get(reverse("contacts:contact", args=[contact.pk])).content.decode()
    for part in (
        'href="https://glacier.example/tokoeva"',
        'href="xmpp:a@b.test"',
        'href="tel:+996555010142"',
        "March 14",
    ):
        assert part in page, part
    assert "anna@felt.example" in page and 'href="mailto:' in page  # a local account has no mailbox


def test_the_card_leads_back_to_the_list_it_was_opened_from(as_alice: Client, alice: User) -> None:
    contact = add(alice, "Anna Adams")
    url = reverse("contacts:contact", args=[contact.pk])
    for headers in ({}, {"HX-Request": "true"}):
        page = as_alice.get(f"{url}?q=anna", headers=headers).content.decode()
        assert 'class="ib only-m" href="/contacts/?q=anna"' in page
    assert 'href="/contacts/?q=anna"' not in as_alice.get(url, headers={"HX-Request": "true"}).content.decode()


def test_who_has_moved_it_meanwhile_has_moved_it(alice: User) -> None:
    contact = add(alice, "Anna Adams", "anna@felt.example")
    stale = Contact.objects.get(pk=contact.pk)
    keeping.move([contact], book_of(alice, "Work"), Doing(alice))
    values = [*keeping.document(stale).values, Value("NOTE", "x")]
    assert keeping.change(stale, values, Doing(alice), version=1)
    found = Contact.objects.get(pk=contact.pk)
    assert (found.book.name, found.version, text_of(found, "NOTE")) == ("Work", 2, ["x"])
    assert not keeping.change(found, keeping.document(found).values, Doing(alice), version=2)  # nothing to save


def test_whoever_is_in_a_group_goes_for_good_all_the_same(alice: User) -> None:
    """The row of a membership holds one of two references, which no database may empty first."""
    contact = add(alice, "Anna Adams")
    inner, outer = groups.make(alice.pk, "Inner"), groups.make(alice.pk, "Outer")
    groups.add(inner, [contact])
    groups.put_in(inner, [outer])
    Contact.objects.filter(pk=contact.pk).delete()
    assert not Contact.objects.exists()
    inner.delete()
    assert not outer.members.exists()
