"""Whatever is done to contacts, programs that keep a copy of a book are told, and told right."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.auth.models import User
from apps.contacts import tasks
from apps.contacts.card import Value
from apps.contacts.models import Book, Collection, Contact, Group, Member, Resource, Undertaking
from apps.contacts.services import correspondents, duplicates, groups, importing, keeping, tracking
from apps.contacts.services.keeping import Doing
from tests.contacts.phone import Phone, card
from tests.contacts.world import add, book_of, field, form_of

pytestmark = pytest.mark.django_db


class Copy:
    """What a program has of somebody's books: brought up to date by sync-collection alone, never asked for anew."""

    def __init__(self, user: User) -> None:
        self.phone, self.tokens, self.cards = Phone.of(user), {}, {}
        self.sync()

    def sync(self) -> set[str]:
        """The names in cards that came, changed or went."""
        told: set[str] = set()
        books = list(self.phone.propfind(self.phone.home, "resourcetype", depth="1").responses())
        for path in books[1:]:
            answer = self.phone.sync(path, self.tokens.get(path, ""))
            self.tokens[path] = answer.token
            for href, props in answer.responses().items():
                before = self.cards.pop(href, "")
                told |= {before} - {""}
                if "status" not in props:
                    text = self.phone.get(href, "4.0")
                    self.cards[href] = next(line[3:] for line in text.splitlines() if line.startswith("FN:"))
                    told.add(self.cards[href])
        for path in set(self.tokens) - set(books):
            self.cards = {href: name for href, name in self.cards.items() if not href.startswith(path)}
            del self.tokens[path]
        return told

    def holds(self, user: User) -> None:
        """Exactly the people that are there, and groups."""
        people = list(Contact.objects.filter(owner=user, deleted=None).values_list("name", flat=True))
        circles = Member.objects.filter(group__owner=user, contact__deleted=None)
        there = set(self.cards.values())
        assert sorted(name for name in self.cards.values() if not name.startswith("Group")) == sorted(people)
        assert set(circles.values_list("group__name", flat=True)) <= there


def form(client: Client, user: User) -> None:
    found = form_of(client.get(reverse("contacts:new")).content.decode())
    client.post(reverse("contacts:new"), found | {f"{field(found, 'FN')}-0": "Formed Person"})


def edit(client: Client, user: User) -> None:
    anna = Contact.objects.get(name="Anna Adams")
    found = form_of(client.get(reverse("contacts:edit", args=[anna.pk])).content.decode())
    changed = found | {f"{field(found, 'EMAIL')}-0": "x@felt.example"}
    assert client.post(reverse("contacts:edit", args=[anna.pk]), changed).status_code == 302


def act(do: str) -> Callable[[Client, User], None]:
    def done(client: Client, user: User) -> None:
        anna = Contact.objects.get(name="Anna Adams")
        number = {"move": book_of(user, "Work").pk, "copy": book_of(user, "Work").pk, "group": Group.objects.first().pk}
        word = f"{do}:{number[do]}" if do in number else do
        answer = client.post(reverse("contacts:act", args=[anna.pk]), {"do": word})
        assert answer.status_code == 302

    return done


def restore(client: Client, user: User) -> None:
    client.post(reverse("contacts:act_on"), {"do": "restore", "in": "trash", "all": "1"})


def undo(client: Client, user: User) -> None:
    edit(client, user)
    anna = Contact.objects.get(name="Anna Adams")
    change = anna.changes.first()
    assert change is not None
    client.post(reverse("contacts:act", args=[anna.pk]), {"do": "undo", "change": change.pk})


def file_of(user: User, *cards: str) -> Undertaking:
    file = ContentFile("".join(cards).encode())
    whole = importing.begin(user.pk, file, name="people.vcf", size=file.size, book=book_of(user), existing="update")  # type: ignore[arg-type]
    for step in ("look", "take"):
        Undertaking.objects.filter(pk=whole.pk).update(state=Undertaking.State.RUNNING)
        tasks.do_import(whole.pk, step)
    whole.refresh_from_db()
    assert whole.state == Undertaking.State.DONE
    return whole


def take_in(client: Client, user: User) -> None:
    anna = Contact.objects.get(name="Anna Adams")
    file_of(user, card("i-1", "Imported Person"), card(anna.uid, "Anna Adams", "NOTE:imported"))


def take_in_a_group(client: Client, user: User) -> None:
    anna = Contact.objects.get(name="Anna Adams")
    file_of(user, card("g-9", "Group of a file", "KIND:group", f"MEMBER:{anna.uid}", version="4.0"))


def take_back(client: Client, user: User) -> None:
    importing.undo(file_of(user, card("i-2", "Imported Person")), Doing(user))


def merge(client: Client, user: User) -> Undertaking:
    anna, bela = Contact.objects.get(name="Anna Adams"), Contact.objects.get(name="Bela Berg")
    return duplicates.merge(anna, bela, Doing(user))


def unmerge(client: Client, user: User) -> None:
    duplicates.unmerge(merge(client, user), Doing(user))


def collect(client: Client, user: User) -> None:
    from portal.contracts import Address

    correspondents.note(user.pk, [Address("new@felt.example", "Written To")])


def drop_the_book(client: Client, user: User) -> None:
    client.post(reverse("contacts:books"), {"do": "delete", "book": book_of(user, "Work").pk})


def do_to_group(do: str) -> Callable[[Client, User], None]:
    def done(client: Client, user: User) -> None:
        data = {"do": do, "group": Group.objects.get(name="Group one").pk, "name": "Group renamed"}
        client.post(reverse("contacts:groups"), data)

    return done


def ungroup(client: Client, user: User) -> None:
    bela, group = Contact.objects.get(name="Bela Berg"), Group.objects.get()
    client.post(reverse("contacts:act", args=[bela.pk]), {"do": f"ungroup:{group.pk}"})


def delete_all(client: Client, user: User) -> None:
    client.post(reverse("contacts:act_on"), {"do": "delete", "in": "all", "all": "1"})


#: Each way in which something changes, and the names of which a program has to hear.
WAYS: dict[str, tuple[Callable[[Client, User], object], set[str]]] = {
    "the form": (form, {"Formed Person"}),
    "edited": (edit, {"Anna Adams"}),
    "deleted": (act("delete"), {"Anna Adams"}),
    "many deleted": (delete_all, {"Anna Adams", "Bela Berg", "Chris Doe", "Group one"}),
    "restored": (restore, {"Out Of Trash", "Group one"}),
    "moved": (act("move"), {"Anna Adams"}),
    "copied": (act("copy"), {"Anna Adams"}),
    "undone": (undo, {"Anna Adams"}),
    "imported": (take_in, {"Imported Person", "Anna Adams"}),
    "a group imported": (take_in_a_group, {"Group of a file"}),
    "an import undone": (take_back, set()),
    "merged": (merge, {"Anna Adams", "Bela Berg", "Group one"}),
    "a merge undone": (unmerge, {"Anna Adams", "Bela Berg", "Group one"}),
    "a book removed": (drop_the_book, set()),
    "into a group": (act("group"), {"Group one"}),
    "out of a group": (ungroup, {"Group one"}),
    "a group renamed": (do_to_group("rename"), {"Group one", "Group renamed"}),
    "a group deleted": (do_to_group("delete"), {"Group one"}),
}


@pytest.fixture
def copy(alice: User) -> Copy:
    add(alice, "Anna Adams", "anna@felt.example")
    bela = add(alice, "Bela Berg", "bela@felt.example")
    add(alice, "Chris Doe", book=book_of(alice, "Work"))
    gone = add(alice, "Out Of Trash")
    group = groups.make(alice.pk, "Group one")
    groups.add(group, [bela, gone])
    keeping.throw_away([gone], Doing(alice))
    return Copy(alice)


@pytest.mark.parametrize("name", WAYS)
def test_programs_hear_of_it(name: str, copy: Copy, as_alice: Client, alice: User) -> None:
    copy.holds(alice)
    assert copy.sync() == set()
    way, heard = WAYS[name]
    way(as_alice, alice)
    assert copy.sync() == heard
    copy.holds(alice)
    assert copy.sync() == set()


def test_people_who_are_collected_are_told(copy: Copy, as_alice: Client, alice: User) -> None:
    data = {"contacts.order": "given", "contacts.names": "given", "contacts.page_size": "100", "contacts.collect": "on"}
    data["contacts.birthday_days"] = "30"
    as_alice.post(reverse("portal:preferences_page", args=["contacts.page"]), data)
    collect(as_alice, alice)
    assert copy.sync() == {"Written To"}
    copy.holds(alice)


def test_only_keeping_and_groups_write() -> None:
    """Which is what makes the above hold for ways that are yet to come."""
    from pathlib import Path

    writes = (
        "Contact.objects.bulk",
        "Contact.objects.create",
        "Member.objects.create",
        "Member.objects.bulk",
        "Contact(owner",
        ".update(book=",
        ".update(deleted=",
    )
    allowed = {"keeping.py", "groups.py", "people.py"}
    root = Path(keeping.__file__).parents[1]
    guilty = {
        path.name
        for path in root.rglob("*.py")
        if path.name not in allowed
        and "migrations" not in path.parts
        and any(word in path.read_text() for word in writes)
    }
    assert guilty == set()


# --- tokens -----------------------------------------------------------------------------------------------------------


def test_a_token_is_good_for_its_book_alone(alice: User) -> None:
    add(alice, "Anna Adams")
    phone, book, other = Phone.of(alice), book_of(alice), book_of(alice, "Work")
    token = phone.sync(phone.book(book.pk)).token
    assert phone.sync(phone.book(book.pk), token).responses() == {}
    assert phone.sync(phone.book(other.pk), token).condition == "valid-sync-token"
    stamp = token.split(",")[1].split("-")[0]
    for odd in (
        "x",
        "data:,",
        f"data:,{stamp}-99-all",
        f"data:,{stamp}-٣-all",
        f"data:,{stamp}-1-all-abc",
        token + "x",
    ):
        assert phone.sync(phone.book(book.pk), odd).condition == "valid-sync-token", odd


def test_changes_come_in_parts_where_that_is_asked(alice: User) -> None:
    phone, book = Phone.of(alice), book_of(alice)
    cards = [("", [Value("FN", f"Person {number}")]) for number in range(7)]
    keeping.create_many(book, cards, Doing(alice))  # one number for all of them
    limit, token, seen = "<limit><nresults>3</nresults></limit>", "", []
    for more in (True, True, False):
        answer = phone.sync(phone.book(book.pk), token, limit)
        found = answer.responses()
        assert (found.pop(phone.book(book.pk), {}).get("status") == "507") is more
        seen += found
        token = answer.token
    assert len(seen) == len(set(seen)) == 7
    assert phone.sync(phone.book(book.pk), token, limit).responses() == {}


def test_what_went_long_ago_is_told_no_more(alice: User) -> None:
    anna = add(alice, "Anna Adams")
    phone, book = Phone.of(alice), book_of(alice)
    old = phone.sync(phone.book(book.pk)).token
    keeping.throw_away([anna], Doing(alice))
    new = phone.sync(phone.book(book.pk)).token
    assert len(phone.sync(phone.book(book.pk), old).responses()) == 1
    Contact.objects.update(deleted=timezone.now() - timedelta(days=40))
    tasks.forget_old()  # the trash is emptied, and programs still have to hear
    assert not Contact.objects.exists()
    assert len(phone.sync(phone.book(book.pk), old).responses()) == 1
    Resource.objects.update(gone=timezone.now() - timedelta(days=tracking.HORIZON_DAYS + 1))
    tasks.forget_old()
    assert not Resource.objects.exists()
    assert phone.sync(phone.book(book.pk), old).condition == "valid-sync-token"
    assert phone.sync(phone.book(book.pk), new).responses() == {}


def test_a_contact_that_is_deleted_behind_our_back_is_told_in_the_end(alice: User) -> None:
    anna = add(alice, "Anna Adams")
    phone, book = Phone.of(alice), book_of(alice)
    token = phone.sync(phone.book(book.pk)).token
    anna.delete()
    (path,) = phone.sync(phone.book(book.pk)).responses()
    assert phone.ask("GET", path).status == 404
    tracking.forget_old()
    assert phone.sync(phone.book(book.pk), token).responses()[path]["status"] == "404"


def test_after_a_restore_names_stay_and_nothing_of_before_is_believed(alice: User) -> None:
    phone, book = Phone.of(alice), book_of(alice)
    phone.put(phone.book(book.pk) + "own.vcf", card("u", "Anna Adams"))
    before = phone.sync(phone.book(book.pk))
    Collection.objects.all().delete()  # it is in no backup
    path = phone.book(book.pk) + "own.vcf"
    assert phone.sync(phone.book(book.pk), before.token).condition == "valid-sync-token"
    after = phone.sync(phone.book(book.pk))
    assert set(after.responses()) == {path} and after.responses() != before.responses()
    assert phone.sync(phone.book(book.pk), after.token).responses() == {}
    phone.put(path, card("u", "Anna Berg"))
    assert set(phone.sync(phone.book(book.pk), after.token).responses()) == {path}


def test_a_book_that_no_program_asks_for_has_no_rows(alice: User) -> None:
    add(alice, "Anna Adams")
    groups.add(groups.make(alice.pk, "Team"), Contact.objects.all())
    assert not Resource.objects.exists()
    tracking.ready(Book.objects.get())
    assert Resource.objects.count() == 2


def test_no_two_of_a_book_have_one_uid_or_name(alice: User) -> None:
    book = book_of(alice)
    tracking.ready(book)
    same = [("same", [Value("FN", f"Person {number}")]) for number in range(3)]
    made = keeping.create_many(book, same, Doing(alice))
    rows = Resource.objects.filter(book=book)
    assert len({row.key for row in rows}) == 3 and len({row.uid or "same" for row in rows}) == 3
    keeping.throw_away(made, Doing(alice))
    again = keeping.create_many(book, same, Doing(alice))
    keeping.bring_back(Contact.objects.filter(pk__in=[each.pk for each in made]), Doing(alice))
    live = Resource.objects.filter(book=book, gone=None)
    assert {row.contact_id for row in live} == {each.pk for each in [*made, *again]}
    assert len({row.key for row in live}) == 6 and len({row.uid or "same" for row in live}) == 6
