"""Who sees what of whose contact, by every channel: generated from the table in ``matrix``, and able to fail."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction
from django.http import HttpResponseBase
from django.test import Client
from django.urls import reverse

from apps.auth.models import User
from apps.contacts import folding, lenses
from apps.contacts.card import Value
from apps.contacts.dav.shelf import Shelf
from apps.contacts.models import Change, Contact, Correspondent, Group, Share, Tag
from apps.contacts.offers import PersonalBooks
from apps.contacts.services import access, finding, groups, indexing, keeping, listing, permits
from apps.contacts.services.keeping import Doing
from portal import addressing
from tests.contacts import channels, matrix
from tests.contacts.matrix import FIELDS, NAME, PRIVATE, ROLES, World, told

pytestmark = pytest.mark.django_db
INDEX = "/contacts/"
CARD = "/contacts/{pk}/"


@pytest.fixture
def world(alice: User) -> World:
    return matrix.built(alice)


def somebody(world: World, name: str) -> User:
    if name == "owner":
        return world.owner
    make = (
        get_user_model().objects.create_superuser if name == "administrator" else get_user_model().objects.create_user
    )
    user = make("viewer", "viewer's own", email="viewer@example.test")
    matrix.give(world, user, ROLES[name])
    # of their own: a namesake, a tag of the same name, people of the same addresses written to
    book = keeping.default_book(user.pk, "Personal")
    keeping.create(book, [Value("FN", "Mine Own")], Doing(user))
    for each in (*FIELDS, *PRIVATE):
        if each.value.name == "CATEGORIES":
            Tag.objects.create(owner=user, name=each.value.text, key=indexing.tag_key(each.value.text))
        if each.value.name == "EMAIL":
            Correspondent.objects.create(user=user, key=folding.email_key(each.value.text))
    return user


def text_of(answer: HttpResponseBase) -> str:
    octets = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
    return octets.decode("utf-8", "replace")


# --- channels: what each tells, as labels of the fields ---------------------------------------------------------------

Channel = Callable[[World, User, Client], set[str]]


def pages(world: World, user: User, client: Client) -> set[str]:
    _without_own_tags(world, user)
    pk = world.contact.pk
    mine = Contact.objects.of(user.pk).exclude(pk=pk).values_list("pk", flat=True)
    paths = [INDEX, f"{INDEX}?q={NAME.split()[0]}", f"{INDEX}?in=book-{world.book.pk}", f"{INDEX}?in=trash"]
    paths += [f"{INDEX}?in=group-{group.pk}" for group in Group.objects.all()] + [f"{INDEX}?in=recent"]
    paths += [f"/contacts/{pk}/{part}" for part in ("", "history/", "edit/", "share/", "?in=favourites")]
    paths += [f"/contacts/{part}/" for part in ("books", "groups", "duplicates", "import", "export", "new")]
    paths += [f"/contacts/duplicates/?one={pk}&other={other}" for other in mine]
    paths += [f"/contacts/books/{world.book.pk}/share/", f"/contacts/groups/{world.group.pk}/share/", "/search/?q=Qa"]
    client.post(f"/contacts/{pk}/act/", {"do": "favour"})
    texts = [text_of(client.get(path)) for path in paths]
    texts += [text_of(client.get(f"/contacts/{pk}/", headers={"HX-Request": "true"}))]
    return told("".join(texts))


def _without_own_tags(world: World, user: User) -> None:
    """A tag of the same name in the side column is no news to them."""
    Tag.objects.filter(owner=user).exclude(owner=world.owner).delete()


def conflict(world: World, user: User, client: Client) -> set[str]:
    """The page of somebody who saves second."""
    _without_own_tags(world, user)
    first = {"version": "1", "r0-name": "NOTE", "r0-0": "by the second"}
    return told(text_of(client.post(f"/contacts/{world.contact.pk}/edit/", first)))


def photo(world: World, user: User, client: Client) -> set[str]:
    return {"photo"} if client.get(f"/contacts/{world.contact.pk}/photo/").status_code == 200 else set()


def export(world: World, user: User, client: Client) -> set[str]:
    texts = [text_of(client.get(f"/contacts/{world.contact.pk}/contact.vcf"))]
    for kind in ("vcard4", "vcard3", "vcard21", "csv", "ldif"):
        texts += [text_of(client.get(f"/contacts/export/?format={kind}&id={world.contact.pk}"))]
        texts += [text_of(client.get(f"/contacts/export/?format={kind}&in=book-{world.book.pk}"))]
    return told("".join(texts))


def found(client: Client, query: str) -> bool:
    here = f'data-contact="{CONTACT[0]}"'
    rows = text_of(client.get(f"{INDEX}{query}", headers={"HX-Request": "true"}))
    return here in rows


CONTACT = [0]  # the number of the contact that is asked about


def search(world: World, user: User, client: Client) -> set[str]:
    """Found by a value, or told by a number; on the pages by some, since they ask the same service."""
    CONTACT[0] = world.contact.pk
    labels = set()
    for at, each in enumerate(_asked()):
        question = " ".join(folding.words(each.question)[:1]) or each.question
        rows = listing.page(user.pk, listing.View(q=question), size=50, order="given")
        there = rows.total > 0 or any(person.pk == CONTACT[0] for person in rows.contacts)
        if at % 6 == 0:
            there |= found(client, f"?q={question}")
            there |= f"/contacts/{CONTACT[0]}/" in text_of(client.get(f"/search/?q={question}"))
        if there:
            labels.add(each.label)
    return labels


def _asked() -> Iterator[matrix.Field]:
    return (
        each for each in (*FIELDS, *PRIVATE) if each.value.name not in {"PHOTO", "KEY", "BDAY", "LANG", "X-UNKNOWN"}
    )


def completion(world: World, user: User, client: Client) -> set[str]:
    labels = set()
    for each in (*FIELDS, *PRIVATE):
        if each.value.name in {"EMAIL", "NICKNAME"}:
            given = addressing.complete(user=user, prefix=each.value.text[:12])
            page = text_of(client.get("/complete/", {"q": each.value.text[:12]}))
            if any(offer.address.name == NAME for offer in given) or NAME in page:
                labels.add(each.label)
            labels |= told(page + "".join(offer.address.email for offer in given))
    by_name = addressing.complete(user=user, prefix="токоев")
    labels |= told("".join(offer.address.email for offer in by_name))
    return labels


def names_of_addresses(world: World, user: User, client: Client) -> set[str]:
    labels = set()
    for each in (*FIELDS, *PRIVATE):
        if each.value.name == "EMAIL":
            known = addressing.resolve(user=user, emails=[each.value.text])
            link = client.get("/contacts/new/", {"email": each.value.text})
            if known or link.status_code == 302:
                labels.add(each.label)
    return labels


def lists(world: World, user: User, client: Client) -> set[str]:
    """Found in a list that a value leads to: a tag, whom one has written to; and by the addresses of a group."""
    CONTACT[0] = world.contact.pk
    labels = set()
    for each in (*FIELDS, *PRIVATE):
        if each.value.name == "CATEGORIES":
            tag = Tag.objects.filter(owner=user, key=indexing.tag_key(each.value.text)).first()
            if tag is not None and found(client, f"?in=tag-{tag.pk}"):
                labels.add(each.label)
        if each.value.name == "EMAIL":
            Correspondent.objects.exclude(key=folding.email_key(each.value.text)).delete()
            Correspondent.objects.get_or_create(user=user, key=folding.email_key(each.value.text))
            if found(client, "?in=recent") or "You wrote to them" in text_of(client.get(CARD.format(pk=CONTACT[0]))):
                labels.add(each.label)
    for group in Group.objects.all():
        try:
            labels |= told("".join(each.email for each in PersonalBooks().expand(user, str(group.pk))))
        except LookupError:
            continue
    return labels


def services(world: World, user: User, client: Client) -> set[str]:
    """What other apps and protocols ask: CardDAV too."""
    texts = [value.text for value in access.document(user.pk, world.contact).values]
    for person in access.contacts(user.pk):
        texts += [person.name, person.email, person.detail, person.family_first]
        texts += [value.text for value in access.documents(user.pk, [person]).get(person.pk, access.Card()).values]
    return told("\n".join(texts).replace("photo:", "PHOTO:"))


def admin(world: World, user: User, client: Client) -> set[str]:
    """Lists, forms and searches of the administration."""
    share = Share.objects.first()
    paths = [f"/admin/contacts/{model}/" for model in ("book", "share", "rules")]
    paths += [f"/admin/contacts/book/{world.book.pk}/change/", f"/admin/contacts/book/{world.book.pk}/delete/"]
    paths += [f"/admin/contacts/share/{share.pk}/{do}/" for do in ("change", "delete", "history")] if share else []
    labels = told("".join(text_of(client.get(path)) for path in paths))
    for each in (*FIELDS[:5], *PRIVATE):
        for model in ("book", "share"):
            rows = text_of(client.get(f"/admin/contacts/{model}/?q={each.question}"))
            if f"/admin/contacts/{model}/" in rows and re.search(rf"/{model}/[0-9]+/change/", rows):
                labels.add(each.label)
    return labels


#: (what it tells, whether it tells all that may be seen)
CHANNELS: dict[str, tuple[Channel, frozenset[str]]] = {
    "pages": (pages, frozenset(each.label for each in (*FIELDS, *PRIVATE))),
    "conflict": (conflict, frozenset()),
    "photo": (photo, frozenset({"photo"})),
    "export": (export, frozenset(each.label for each in (*FIELDS, *PRIVATE))),
    "search": (search, frozenset(each.label for each in _asked())),
    "completion": (completion, frozenset({"email work", "email home", "email other", "private email work"})),
    "addresses": (names_of_addresses, frozenset({"email work", "email home", "email other", "private email work"})),
    "lists": (lists, frozenset({"email work", "email home", "email other"})),
    "services": (services, frozenset(each.label for each in (*FIELDS, *PRIVATE))),
    "admin": (admin, frozenset()),
    "CardDAV": (channels.carddav, frozenset()),
    "CardDAV's questions": (channels.carddav_questions, frozenset()),
    "search by fields": (channels.by_fields, frozenset()),
    "other pages": (channels.other_pages, frozenset()),
}


def _beyond(labels: set[str], sees: frozenset[str]) -> set[str]:
    return {label for label in labels if label.removeprefix("former ") not in sees}


@pytest.mark.parametrize("name", ROLES)
def test_nobody_sees_more_than_the_table_says_and_nobody_less(world: World, name: str) -> None:
    user = somebody(world, name)
    client = Client()
    client.force_login(user)
    sees, wrong = ROLES[name].sees or frozenset(), {}
    for channel, (tells, whole) in CHANNELS.items():
        with transaction.atomic():
            labels = tells(world, user, client)
            transaction.set_rollback(True)
        if leaked := _beyond(labels, sees):
            wrong[f"{channel} leaks"] = leaked
        if missing := (sees & whole) - labels:
            wrong[f"{channel} does not show"] = missing
    assert wrong == {}


@pytest.mark.parametrize("name", ROLES)
def test_who_sees_nothing_does_not_know_that_it_is_there(world: World, name: str) -> None:
    user = somebody(world, name)
    client = Client()
    client.force_login(user)
    there = ROLES[name].finds
    pk = world.contact.pk
    assert (client.get(CARD.format(pk=pk)).status_code == 200) is there
    page = text_of(client.get(INDEX)) + text_of(client.get(f"{INDEX}?q=токоева"))
    assert (NAME in page) is there
    assert access.contacts(user.pk).filter(pk=pk).exists() is there
    assert bool(access.right(user.pk, world.contact)) is there
    if not there:
        for path in ("edit", "history", "photo", "share"):
            assert client.get(f"/contacts/{pk}/{path}/").status_code == 404, path
        for do in ("favour", "delete", "restore", "undo", f"copy:{keeping.default_book(user.pk, '-').pk}"):
            assert client.post(f"/contacts/{pk}/act/", {"do": do, "change": "1"}).status_code == 404, do
        assert "Qabook" not in page or name == "owner"


@pytest.mark.parametrize("name", ROLES)
def test_nobody_changes_more_than_the_table_says(world: World, name: str) -> None:
    user, role = somebody(world, name), ROLES[name]
    for each in (*FIELDS, *PRIVATE):
        before = keeping.document(world.contact)
        seen = access.document(user.pk, world.contact)
        value = next(value for value in before.values if value.name == each.value.name and _is(value, each))
        assert seen.find(value.id) is not None or each.label not in (role.sees or ())
        text = ("x",) * 7 if each.value.name == "ADR" else ("x",) if each.value.name == "ORG" else "x@x.example"
        changed = lenses.replace(value, value=text, raw="")
        rest = [changed if other.id == value.id else other for other in seen.values]
        wanted = rest if changed in rest else [*rest, changed]
        world.contact.refresh_from_db()
        with contextlib.suppress(keeping.NotKept):
            keeping.change(world.contact, wanted, Doing(user), version=world.contact.version)
        after = keeping.document(world.contact)
        was_changed = after.find(value.id) is None or not after.find(value.id).same(value)  # type: ignore[union-attr]
        assert was_changed is (each.label in role.edits), each.label
        others = [other for other in before.values if other.id != value.id]
        assert [other for other in after.values if other.id != value.id] == others, "others were touched"
        if was_changed:
            keeping.write(
                world.contact, after, before, Doing(None), version=world.contact.version, kind=Change.Kind.EDITED
            )


def _is(value: Value, each: matrix.Field) -> bool:
    return (
        value.types == each.value.types
        and value.params == each.value.params
        and (value.text == each.value.text or value.name == "PHOTO")
    )


@pytest.mark.parametrize("name", ROLES)
def test_nobody_adds_deletes_or_shares_more_than_their_right(world: World, name: str) -> None:
    user, role = somebody(world, name), ROLES[name]
    levels = [4] if name == "owner" else [given.level for given in role.gives if role.finds and not given.gone]
    of_book = [given.level for given in role.gives if given.what == "book" and role.finds and not given.gone]
    client = Client()
    client.force_login(user)
    made = client.post("/contacts/new/", {"book": world.book.pk, "r0-name": "FN", "r0-0": "New Person"})
    assert (made.status_code == 302) is (name == "owner" or max(of_book, default=0) >= 2)
    if made.status_code == 302:
        assert Contact.objects.get(name="New Person").owner_id == world.owner.pk
    client.post(
        f"/contacts/{world.contact.pk}/share/", {"do": "give", "person": "viewer2", "level": "1", "what": "all"}
    )
    get_user_model().objects.create_user("viewer2", "x")
    before = Share.objects.count()
    client.post(
        f"/contacts/{world.contact.pk}/share/", {"do": "give", "person": "viewer2", "level": "1", "what": "all"}
    )
    assert (Share.objects.count() > before) is (max(levels, default=0) >= 3)
    client.post(f"/contacts/{world.contact.pk}/act/", {"do": f"move:{keeping.default_book(user.pk, '-').pk}"})
    world.contact.refresh_from_db()
    assert world.contact.owner_id == world.owner.pk
    client.post(f"/contacts/{world.contact.pk}/act/", {"do": "delete"})
    world.contact.refresh_from_db()
    assert (world.contact.deleted is not None) is (max(levels, default=0) >= 3)


# --- that it can fail -------------------------------------------------------------------------------------------------

PARTLY = "reader of one mail address"
#: A check that is taken away, a role and a channel that find it.
HOLES: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], str, str]] = {
    "the lens shows all": (lambda m: m.setattr(lenses.Lens, "shows", lambda self, value: True), PARTLY, "pages"),
    "private is like the rest": (
        lambda m: m.setattr(lenses, "private", lambda v: False),
        "reader of the book",
        "pages",
    ),
    "lists have the owner's columns": (
        lambda m: m.setattr(access.Viewer, "show", lambda *a: None),
        PARTLY,
        "services",
    ),
    "search believes its index": (lambda m: m.setattr(finding, "_holds_all", lambda *a: True), PARTLY, "search"),
    "what is private is searched": (
        lambda m: m.setattr(access.Viewer, "plain", property(lambda self: self.others)),
        "reader of the book",
        "search",
    ),
    "completion believes its index": (
        lambda m: m.setattr(finding, "keys_of", lambda card: _every_key()),
        PARTLY,
        "completion",
    ),
    "history of what was hidden": (lambda m: m.setattr(permits, "told", lambda g, f, h: list(f)), PARTLY, "pages"),
    "documents go out whole": (
        lambda m: m.setattr(access, "seen", lambda card, lens: card),
        PARTLY,
        "export",
    ),
    "CardDAV hands out whole documents": (
        lambda m: m.setattr(Shelf, "document", lambda self, contact: contact.card.document),
        "reader of the book",
        "CardDAV",
    ),
    "groups lend what is not theirs": (
        lambda m: m.setattr(access.Viewer, "shares", property(lambda self: list(Share.objects.all()))),
        "share is hidden",
        "services",
    ),
}


def _every_key() -> list[tuple[str, str]]:
    return [
        (kind, key)
        for each in (*FIELDS, *PRIVATE)
        if each.value.name in {"EMAIL", "NICKNAME"}
        for kind in ("w", "e")
        for key in (each.value.text.lower(),)
    ]


@pytest.mark.parametrize("hole", HOLES)
def test_the_matrix_sees_a_check_that_is_missing(world: World, monkeypatch: pytest.MonkeyPatch, hole: str) -> None:
    open_it, name, channel = HOLES[hole]
    user = somebody(world, name)
    client = Client()
    client.force_login(user)
    tells, _whole = CHANNELS[channel]
    sees = ROLES[name].sees or frozenset()
    assert _beyond(tells(world, user, client), sees) == set()
    open_it(monkeypatch)
    assert _beyond(tells(world, user, client), sees) != set()


def test_what_was_shared_with_somebody_is_not_theirs_to_share(world: World, bob: User) -> None:
    """He puts it into a group of his own, and shares that."""
    matrix.give(world, bob, ROLES["editor of the book"])
    circle = groups.make(bob.pk, "Bob's")
    groups.add(circle, [world.contact])
    carol = get_user_model().objects.create_user("carol", "x")
    Share.objects.create(owner=bob, circle=circle, user=carol, by=bob)
    assert list(access.contacts(carol.pk)) == []
    client = Client()
    client.force_login(carol)
    assert NAME not in text_of(client.get(f"{INDEX}?in=group-{circle.pk}"))
    assert not re.search(r'class="cnt">[1-9]', text_of(client.get(INDEX)))
    assert access.document(carol.pk, world.contact).values == []
    assert client.get(reverse("contacts:contact", args=[world.contact.pk])).status_code == 404
