"""Shares are given, changed, left and taken back on pages; two who edit; limits and times that the site sets."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group as Team
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.auth.models import User
from apps.contacts import tasks
from apps.contacts.card import Value
from apps.contacts.lenses import marked
from apps.contacts.models import Book, Change, Contact, Favourite, Group, Hidden, Rules, Share
from apps.contacts.services import access, groups, keeping, sharing
from apps.contacts.services.access import Right
from apps.contacts.services.keeping import Doing
from tests.contacts.world import add, book_of, field, form_of, text_of

pytestmark = pytest.mark.django_db
INDEX = "/contacts/"


@pytest.fixture
def as_bob(bob: User) -> Client:
    client = Client()
    client.force_login(bob)
    return client


def page(client: Client, path: str) -> str:
    return client.get(path).content.decode()


def card(contact: Contact, part: str = "") -> str:
    return f"{INDEX}{contact.pk}/{part}"


def give(client: Client, path: str, **data: object) -> str:
    form = {"do": "give", "level": "1", "what": "all"} | data
    return client.post(path, form, follow=True).content.decode()


def test_a_book_is_shared_seen_and_taken_back_at_once(as_alice: Client, alice: User, as_bob: Client, bob: User) -> None:
    contact = add(alice, "Anna Adams", "anna@felt.example")
    here = reverse("contacts:share_book", args=[contact.book_id])
    assert "Anna Adams" not in page(as_bob, INDEX)
    assert "Shared with Bob Brown" in give(as_alice, here, person="bob")
    shown = page(as_bob, INDEX)
    assert "Anna Adams" in shown and "Shared by Alice Adams, read only" in shown and "#eye" in shown
    assert "You share this" in page(as_alice, INDEX)
    beside = page(as_bob, card(contact))
    assert "By Alice Adams" in beside and "can read" in beside and card(contact, "edit/") not in beside
    assert 'value="delete"' not in beside[beside.index('id="card"') :]
    assert "Bob Brown" in page(as_alice, card(contact))
    give(as_alice, here, person="BOB@example.test", level="2")
    assert Share.objects.get().level == 2  # instead of what he had
    assert card(contact, "edit/") in page(as_bob, card(contact)) and "read only" not in page(as_bob, INDEX)
    as_alice.post(here, {"do": "take", "share": Share.objects.get().pk})
    assert "Anna Adams" not in page(as_bob, INDEX) and as_bob.get(card(contact)).status_code == 404
    assert as_bob.get(f"{INDEX}?in=book-{contact.book_id}").status_code == 404


def test_who_joins_a_team_sees_what_it_sees(as_alice: Client, alice: User, as_bob: Client, bob: User) -> None:
    team = Team.objects.create(name="Field team")
    alice.groups.add(team)
    contact = add(alice, "Anna Adams", "anna@felt.example", phone="+43 1 5550101")
    assert "Shared with Field team" in give(
        as_alice, card(contact, "share/"), team=team.pk, what="some", field="TEL:cell"
    )
    assert "Anna Adams" not in page(as_bob, INDEX)
    bob.groups.add(team)
    shown = page(as_bob, card(contact))
    assert "5550101" in shown and "anna@felt.example" not in shown and "Not all of this contact" in shown
    assert "Her own book" not in shown  # the book it is in is not shared
    bob.groups.remove(team)
    assert as_bob.get(card(contact)).status_code == 404
    team.delete()
    assert not Share.objects.exists()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ({"person": "nobody-here"}, "Nobody here is called"),
        ({}, "Choose a person or a group."),
        ({"person": "alice"}, "has it already"),
        ({"person": "bob", "level": "9"}, "Choose what they may do"),
        ({"person": "bob", "level": "3", "what": "some", "field": "NOTE"}, "sees all of them"),
        ({"team": "77"}, "Choose a person or a group."),
    ],
)
def test_what_cannot_be_shared_is_said(
    as_alice: Client, alice: User, bob: User, data: dict[str, str], why: str
) -> None:
    contact = add(alice, "Anna Adams")
    answer = as_alice.post(card(contact, "share/"), {"do": "give", "level": "1", "what": "all"} | data)
    assert answer.status_code == 422 and why in answer.content.decode() and not Share.objects.exists()


def test_a_group_of_others_is_no_group_to_share_with(as_alice: Client, alice: User) -> None:
    contact, team = add(alice, "Anna Adams"), Team.objects.create(name="Secret team")
    assert "Secret team" not in page(as_alice, card(contact, "share/"))
    assert as_alice.post(card(contact, "share/"), {"do": "give", "level": "1", "team": team.pk}).status_code == 422


def test_what_is_shared_can_be_hidden_and_shown(alice: User, as_bob: Client, bob: User) -> None:
    contact = add(alice, "Anna Adams")
    share = Share.objects.create(owner=alice, book=contact.book, user=bob, by=alice)
    assert "Shared with you" in page(as_bob, "/contacts/books/")
    as_bob.post("/contacts/books/", {"do": "hide", "share": share.pk})
    assert Hidden.objects.count() == 1 and "Anna Adams" not in page(as_bob, INDEX)
    assert not access.contacts(bob.pk).exists() and "Personal" in page(as_bob, "/contacts/books/")
    as_bob.post("/contacts/books/", {"do": "show", "share": share.pk})
    assert "Anna Adams" in page(as_bob, INDEX)
    other = Share.objects.create(owner=bob, book=book_of(bob), user=alice, by=bob)
    assert as_bob.post("/contacts/books/", {"do": "hide", "share": other.pk}).status_code == 404


def test_a_colleague_edits_their_part_and_nothing_else_is_touched(alice: User, as_bob: Client, bob: User) -> None:
    secret = marked(Value("NOTE", "Owes me a boat"), True)
    contact = add(
        alice, "Anna Adams", "anna@felt.example", phone="+43 1 5550101", more=(secret, Value("X-ODD", "kept"))
    )
    Share.objects.create(owner=alice, book=contact.book, user=bob, by=alice, level=2, fields=["TEL:cell", "TEL:work"])
    before = keeping.document(contact)
    html = page(as_bob, card(contact, "edit/"))
    assert "boat" not in html and "anna@" not in html and 'name="photo"' not in html and "-private" not in html
    form = form_of(html)
    tel = field(form, "TEL")
    form[f"{tel}-0"] = "+43 1 5550199"
    assert as_bob.post(card(contact, "edit/"), form).status_code == 302
    after = keeping.document(contact)
    assert text_of(contact, "TEL") == ["+43 1 5550199"]
    assert [v for v in after.values if v.name != "TEL"] == [v for v in before.values if v.name != "TEL"]
    step = Change.objects.latest("pk")
    assert (step.by, step.by_name) == (bob, "Bob Brown")
    form |= {f"{tel}-name": "NOTE", f"{tel}-id": "", f"{tel}-0": "Not his to write", "version": "2"}
    answer = as_bob.post(card(contact, "edit/"), form)
    assert answer.status_code == 422 and "not shared with you" in answer.content.decode()
    assert text_of(contact, "NOTE") == ["Owes me a boat"]


def test_the_second_of_two_editors_loses_nothing_and_learns_nothing(
    as_alice: Client, alice: User, as_bob: Client, bob: User
) -> None:
    contact = add(alice, "Anna Adams", "anna@felt.example", phone="+43 1 5550101")
    Share.objects.create(owner=alice, contact=contact, user=bob, by=alice, level=2, fields=["TEL:cell"])
    his = form_of(page(as_bob, card(contact, "edit/")))
    tel = field(his, "TEL")
    his[f"{tel}-0"] = "+43 1 5550102"
    hers = form_of(page(as_alice, card(contact, "edit/")))
    hers[f"{field(hers, 'EMAIL')}-0"] = "new@felt.example"
    assert as_alice.post(card(contact, "edit/"), hers).status_code == 302
    assert as_bob.post(card(contact, "edit/"), his).status_code == 302  # what she has changed is nothing to him
    assert (text_of(contact, "EMAIL"), text_of(contact, "TEL")) == (["new@felt.example"], ["+43 1 5550102"])
    stale = dict(his) | {"version": "2", f"{tel}-0": "+43 1 5550103"}
    answer = as_bob.post(card(contact, "edit/"), stale)
    both = answer.content.decode()
    assert answer.status_code == 409 and "5550103" in both and "5550102" in both and "new@felt" not in both


def test_a_change_is_undone_by_who_may_change_all_of_it(alice: User, as_bob: Client, bob: User) -> None:
    contact = add(alice, "Anna Adams", phone="+43 1 5550101")
    Share.objects.create(owner=alice, contact=contact, user=bob, by=alice, level=2, fields=["TEL:cell"])
    values = keeping.document(contact).values
    both = [*(Value("TEL", "+43 1 5550102", ("cell",), id=v.id) if v.name == "TEL" else v for v in values)]
    keeping.change(contact, [*both, Value("NOTE", "Hidden words")], Doing(alice), version=1)
    step = Change.objects.latest("pk")
    shown = page(as_bob, card(contact, "history/"))
    assert "5550101" in shown and "Hidden words" not in shown and "Put back" not in shown
    answer = as_bob.post(card(contact, "act/"), {"do": "undo", "change": step.pk}, follow=True)
    assert "You may not put this back." in answer.content.decode()
    assert text_of(contact, "NOTE") == ["Hidden words"]
    third = [*(Value("TEL", "1 5550103", ("cell",), id=v.id) if v.name == "TEL" else v for v in values)]
    keeping.change(contact, [v for v in third if v.name == "TEL"] + third[:2], Doing(bob), version=2)
    assert "Put back" in page(as_bob, card(contact, "history/"))
    as_bob.post(card(contact, "act/"), {"do": "undo", "change": Change.objects.latest("pk").pk})
    assert text_of(contact, "TEL") == ["+43 1 5550102"]


def test_a_value_is_marked_as_private_in_the_form(as_alice: Client, alice: User, as_bob: Client, bob: User) -> None:
    contact = add(alice, "Anna Adams", "anna@felt.example")
    Share.objects.create(owner=alice, contact=contact, user=bob, by=alice)
    assert "anna@felt.example" in page(as_bob, card(contact))
    form = form_of(page(as_alice, card(contact, "edit/")))
    form[f"{field(form, 'EMAIL')}-private"] = "on"
    assert as_alice.post(card(contact, "edit/"), form).status_code == 302
    assert "Nobody but you sees this" in page(as_alice, card(contact))
    for part in ("", "history/", "contact.vcf"):
        assert "anna@felt.example" not in page(as_bob, card(contact, part)), part
    assert "EMAIL;TYPE=work;X-PRIVATE=yes:anna@felt.example" in page(as_alice, card(contact, "contact.vcf"))


def test_a_copy_takes_along_what_is_seen_and_no_more(alice: User, as_bob: Client, bob: User) -> None:
    contact = add(alice, "Anna Adams", "anna@felt.example", phone="+43 1 5550101")
    Share.objects.create(owner=alice, contact=contact, user=bob, by=alice, fields=["TEL:cell"])
    mine = book_of(bob)
    as_bob.post(card(contact, "act/"), {"do": f"copy:{mine.pk}"})
    made = Contact.objects.get(book=mine)
    assert text_of(made, "TEL") == ["+43 1 5550101"] and text_of(made, "EMAIL") == []
    assert "own" in page(as_bob, card(made)) and access.right(bob.pk, made) == Right.OWN


def test_what_is_mine_goes_into_anothers_book_without_what_is_private(alice: User, bob: User) -> None:
    secret = marked(Value("NOTE", "Owes me a boat"), True)
    contact = add(alice, "Anna Adams", "anna@felt.example", more=(secret,))
    his = book_of(bob, "Team library")
    Share.objects.create(owner=bob, book=his, user=alice, by=bob, level=2)
    (made,) = keeping.copy([contact], his, Doing(alice))
    assert made.owner_id == bob.pk and text_of(made, "NOTE") == [] and text_of(made, "EMAIL") == ["anna@felt.example"]
    with pytest.raises(keeping.NotKept):
        keeping.move([contact], his, Doing(alice))


def test_a_manager_shares_further_and_deletes(alice: User, as_bob: Client, bob: User) -> None:
    carol = get_user_model().objects.create_user("carol", "x", email="carol@example.test")
    contact = add(alice, "Anna Adams")
    Share.objects.create(owner=alice, book=contact.book, user=bob, by=alice, level=3)
    give(as_bob, reverse("contacts:share_book", args=[contact.book_id]), person="carol@example.test")
    assert access.contacts(carol.pk).count() == 1 and Share.objects.get(user=carol).by == bob
    as_bob.post(card(contact, "act/"), {"do": "delete"})
    assert access.contacts(carol.pk).count() == 0  # the trash is for who may manage it
    assert "Anna Adams" in page(as_bob, f"{INDEX}?in=trash")
    as_bob.post(card(contact, "act/"), {"do": "restore"})
    assert access.contacts(carol.pk).count() == 1


def test_favourites_and_groups_of_what_is_shared_are_ones_own(
    as_alice: Client, alice: User, as_bob: Client, bob: User
) -> None:
    contact = add(alice, "Anna Adams", "anna@felt.example")
    share = Share.objects.create(owner=alice, contact=contact, user=bob, by=alice)
    as_bob.post(card(contact, "act/"), {"do": "favour"})
    circle = groups.make(bob.pk, "Bob's people")
    as_bob.post(card(contact, "act/"), {"do": f"group:{circle.pk}"})
    assert Favourite.objects.get().user == bob
    assert "Anna Adams" in page(as_bob, f"{INDEX}?in=favourites") and "Bob&#x27;s people" in page(as_bob, card(contact))
    assert "Bob&#x27;s people" not in page(as_alice, card(contact))
    assert "Anna Adams" not in page(as_alice, f"{INDEX}?in=favourites")
    share.delete()
    for place in ("favourites", f"group-{circle.pk}"):
        assert "Anna Adams" not in page(as_bob, f"{INDEX}?in={place}")
    assert groups.counts(bob.pk) == {}


def test_who_is_called_by_a_hidden_address_has_no_name(alice: User, as_bob: Client, bob: User) -> None:
    contact = keeping.create(book_of(alice), [Value("EMAIL", "secret@felt.example", ("home",))], Doing(alice))
    add(alice, "Zoe Last")
    Share.objects.create(owner=alice, book=contact.book, user=bob, by=alice, fields=["TEL:work"])
    shown = page(as_bob, INDEX)
    assert "secret@" not in shown and shown.index("Zoe Last") < shown.index(f'data-contact="{contact.pk}"')
    for query in ("secret", "felt"):
        assert "1–" not in page(as_bob, f"{INDEX}?q={query}")
    assert "secret" not in page(as_bob, card(contact)) + page(as_bob, card(contact, "contact.vcf"))


def test_shares_go_with_what_they_are_of_and_for(alice: User, bob: User) -> None:
    contact, other = add(alice, "Anna Adams"), book_of(alice, "Other")
    circle = groups.make(alice.pk, "Team")
    for thing in ({"book": other}, {"circle": circle}, {"contact": contact}):
        Share.objects.create(owner=alice, user=bob, by=alice, **thing)
    other.delete()
    circle.delete()
    assert Share.objects.count() == 1
    bob.delete()
    assert not Share.objects.exists()
    assert Contact.objects.count() == 1 and Book.objects.filter(owner=alice).exists() and not Group.objects.exists()


def test_a_share_of_a_team_is_hidden_by_each_for_themselves(alice: User, bob: User) -> None:
    carol, team = get_user_model().objects.create_user("carol", "x"), Team.objects.create(name="Team")
    for user in (bob, carol):
        user.groups.add(team)
    share = Share.objects.create(owner=alice, contact=add(alice, "Anna Adams"), group=team, by=alice)
    sharing.hide(share, bob)
    assert (access.contacts(bob.pk).count(), access.contacts(carol.pk).count()) == (0, 1)


def test_what_was_in_a_book_of_ones_own_is_not_heired_by_a_shared_one(alice: User, bob: User) -> None:
    from apps.contacts.services import books

    shared, private = book_of(alice, "Shared"), book_of(alice, "Private")
    book_of(alice, "Another")
    Book.objects.filter(pk=shared.pk).update(is_default=True)
    Share.objects.create(owner=alice, book=shared, user=bob, by=alice, level=3)
    contact = add(alice, "Anna Adams", book=private)
    books.remove(private, Doing(alice))
    contact.refresh_from_db()
    assert contact.book.name == "Another" and not access.contacts(bob.pk).exists()


def test_files_and_subjects_are_their_owners_business(as_alice: Client, alice: User, as_bob: Client, bob: User) -> None:
    values = [Value("FN", "Anna Adams"), Value("EMAIL", "anna@felt.example")]
    contact = keeping.create(book_of(alice), values, Doing(alice, "message", "Secret poles"))
    Share.objects.create(owner=alice, contact=contact, user=bob, by=alice)
    assert "Secret poles" in page(as_alice, card(contact))
    for part in ("", "history/", "contact.vcf", "edit/"):
        assert "Secret poles" not in page(as_bob, card(contact, part)), part
    assert 'title="From a message, ' in page(as_bob, card(contact))


# --- what the site sets -----------------------------------------------------------------------------------------------


def test_there_is_a_limit_of_a_book_and_of_a_person(as_alice: Client, alice: User) -> None:
    Rules(most_of_book=2, most_of_owner=3).save()
    add(alice, "One")
    add(alice, "Two")
    form = form_of(page(as_alice, "/contacts/new/"))
    form |= {f"{field(form, 'FN')}-0": "Three"}
    answer = as_alice.post("/contacts/new/", form)
    assert answer.status_code == 422 and "no room for more" in answer.content.decode()
    add(alice, "Three", book=book_of(alice, "Other"))
    with pytest.raises(keeping.NotKept):
        add(alice, "Four", book=book_of(alice, "Other"))
    Rules().save()
    Book.objects.filter(name="Other").update(most=1)
    with pytest.raises(keeping.NotKept):
        add(alice, "Four", book=book_of(alice, "Other"))


def test_an_import_stops_where_the_book_is_full(alice: User) -> None:
    from django.core.files.base import ContentFile

    from apps.contacts.services import importing

    Rules(most_of_book=2).save()
    file = ContentFile(b"Name\nOne\nTwo\nThree\n")
    whole = importing.begin(alice.pk, file, name="p.csv", size=file.size, book=book_of(alice), existing="update")  # type: ignore[arg-type]
    tasks.do_import(whole.pk, "look")
    type(whole).objects.filter(pk=whole.pk).update(state="running")
    tasks.do_import(whole.pk, "take")
    assert [row.state for row in whole.rows.all()] == ["new", "new", "bad"]
    assert "no room" in whole.rows.last().remark and Contact.objects.count() == 2


def test_how_long_things_come_back_is_the_sites_to_say(as_alice: Client, alice: User) -> None:
    Rules(trash_days=5, history_days=7).save()
    contact = add(alice, "Anna Adams")
    old = timezone.now() - timedelta(days=6)
    keeping.change(contact, [*keeping.document(contact).values, Value("NOTE", "x")], Doing(alice), version=1)
    assert "7 days" in page(as_alice, card(contact, "history/"))
    assert "Deleted, 5 days" in page(as_alice, INDEX)
    Change.objects.update(at=old)
    tasks.forget_old()
    assert Change.objects.count() == 2
    Contact.objects.update(deleted=old)
    assert "Anna Adams" not in page(as_alice, f"{INDEX}?in=trash")
    tasks.forget_old()
    assert not Contact.objects.exists()


def test_administrators_see_shares_take_them_away_and_name_nobody(as_admin: Client, alice: User, bob: User) -> None:
    contact = add(alice, "Secret Person")
    circle = groups.make(alice.pk, "Secret group")
    Share.objects.create(owner=alice, contact=contact, user=bob, by=alice, fields=["NOTE"])
    Share.objects.create(owner=alice, circle=circle, user=bob, by=alice)
    share = Share.objects.create(owner=alice, book=contact.book, user=bob, by=alice, level=2)
    rows = page(as_admin, "/admin/contacts/share/?q=bob")
    assert "can edit" in rows and "Personal" in rows and "Secret" not in rows
    assert "Secret" not in page(as_admin, f"/admin/contacts/share/{share.pk}/change/")
    assert as_admin.get("/admin/contacts/share/add/").status_code == 403
    as_admin.post(f"/admin/contacts/share/{share.pk}/delete/", {"post": "yes"})
    assert not Share.objects.filter(pk=share.pk).exists() and Share.objects.count() == 2
    answer = as_admin.get("/admin/contacts/rules/", follow=True)
    assert "trash_days" in answer.content.decode()
    data = {"trash_days": "10", "history_days": "20", "most_of_book": "", "most_of_owner": "500"}
    as_admin.post("/admin/contacts/rules/1/change/", data)
    assert (Rules.now().trash_days, Rules.now().most_of_owner) == (10, 500)
    book = contact.book
    data = {"name": "Renamed", "owner": bob.pk, "most": "7"}
    as_admin.post(f"/admin/contacts/book/{book.pk}/change/", data)
    book.refresh_from_db()
    assert (book.name, book.owner, book.most) == ("Renamed", alice, 7)
