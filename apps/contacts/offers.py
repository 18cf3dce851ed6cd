"""What contacts offer to the portal: people to write to, and hits for its search."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from urllib.parse import urlencode

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy, ngettext

from apps.contacts import folding
from apps.contacts.models import Contact as Person
from apps.contacts.models import Correspondent, Key
from apps.contacts.services import access, correspondents, finding, listing, taking, written_groups
from apps.contacts.services.access import Viewer
from portal import credentials
from portal.contracts import Address, Contact, Place, SearchHit, Text

LAST = "z" * 30  # behind the beginning of a word: beyond all that goes on, in every collation
MOST_GROUPS = 4  # in one answer
MOST_NAMES = 500  # words of a text that are looked up among the names
ENOUGH = 40  # matches that are looked at in the order of the alphabet, after those that are written to


class PersonalBooks:
    """The address books of a person: whom they write to most and last comes first."""

    id = "contacts.personal"
    remote = False

    def complete(self, user: AbstractBaseUser, prefix: str, limit: int) -> Iterable[Contact]:
        words = folding.words(prefix)
        if not words:
            return []
        found = self._written_to(user.pk, words, limit)
        if len(found) < limit:
            found += [each for each in self._others(user.pk, words, limit) if each not in found]
        if shared := self._shared(user.pk, words):
            found = sorted([*found, *shared], key=lambda each: -each.rank)  # of equals one's own come first
        return [*found[:limit], *self._groups(user.pk, words, min(limit, MOST_GROUPS))]

    def _groups(self, user_id: int, words: list[str], most: int) -> list[Contact]:
        """Besides the people: the portal decides how many it shows of either."""
        source = str(gettext_lazy("Contacts"))
        return [
            Contact(Address("", group.name), source=source, group=str(group.pk), members=count)
            for group, count in written_groups.called(user_id, words, most)
        ]

    def _shared(self, user_id: int, words: list[str]) -> list[Contact]:
        """Others' people: all words begin a word of what may be seen of them, and so does the address."""
        viewer = Viewer(user_id)
        ids = finding.beginning(viewer, words) if viewer.shares else set()
        people = [each for each in access.contacts(user_id, viewer).filter(pk__in=ids) if each.email]
        keys = [folding.email_key(each.email) for each in people]
        heats = dict(Correspondent.objects.filter(user_id=user_id, key__in=keys).values_list("key", "heat"))
        return [
            replace(self._contact(each, each.email), rank=correspondents.rank(heats[key]) if key in heats else 0.0)
            for each, key in sorted(zip(people, keys, strict=True), key=lambda pair: (pair[0].by_given, pair[0].pk))
        ]

    def _written_to(self, user_id: int, words: list[str], limit: int) -> list[Contact]:
        keys = self._beginning(user_id, Key.Kind.LATELY, words)
        pairs = keys.order_by("-heat", "contact_id").values_list("contact_id", "heat")[: 3 * limit]
        heats = dict(reversed(pairs))
        people = Person.objects.in_bulk(list(heats))
        emails = Key.objects.filter(contact__in=people, kind=Key.Kind.EMAIL).values_list("contact_id", "key")
        hot = dict(
            Correspondent.objects.filter(user_id=user_id, key__in=[key for _pk, key in emails]).values_list(
                "key", "heat"
            )
        )
        best: dict[int, tuple[float, str]] = {}
        for pk, email in emails:
            if email in hot:
                best[pk] = max(best.get(pk, (hot[email], email)), (hot[email], email))
        order = sorted(best, key=lambda pk: (-best[pk][0], pk))[:limit]
        return [replace(self._contact(people[pk], best[pk][1]), rank=correspondents.rank(best[pk][0])) for pk in order]

    def _beginning(self, user_id: int, kind: Key.Kind, words: list[str]) -> QuerySet[Key]:
        """Keys that begin with the longest of the words, of people in whom all others begin a word too."""
        longest = max(words, key=len)
        keys = Key.objects.filter(owner_id=user_id, kind=kind, contact__deleted=None)
        keys = keys.filter(key__gte=longest, key__lte=f"{longest}{LAST}")
        for word in words:
            if word != longest:
                keys = keys.filter(contact__searched__words__contains=f" {word}")
        return keys

    def _others(self, user_id: int, words: list[str], limit: int) -> list[Contact]:
        keys = self._beginning(user_id, Key.Kind.WORD, words).exclude(contact__email="")
        ids = dict.fromkeys(keys.order_by("key").values_list("contact_id", flat=True)[:ENOUGH])
        people = Person.objects.in_bulk(list(ids)[: 2 * limit])
        return [self._contact(people[pk], people[pk].email) for pk in ids if pk in people]

    def _contact(self, person: Person, email: str) -> Contact:
        address = person.email if person.email.casefold() == email else email
        url = reverse("contacts:contact", args=[person.pk])
        name = "" if person.name == address else person.name
        return Contact(Address(address, name), url=url, source=str(gettext_lazy("Contacts")))

    def resolve(self, user: AbstractBaseUser, emails: Collection[str]) -> Mapping[str, Contact]:
        found = finding.people_by_email(user.pk, [folding.email_key(email) for email in emails])
        return {key: self._contact(person, key) for key, person in found.items()}

    def add_url(self, address: Address) -> str:
        return f"{reverse('contacts:new')}?{urlencode({'email': address.email, 'name': address.name})}"

    def expand(self, user: AbstractBaseUser, group: str) -> Sequence[Address]:
        """``group``: the number of one."""
        if not (group.isascii() and group.isdecimal() and len(group) < 16):
            raise LookupError(group)
        return written_groups.addresses(user.pk, int(group))

    def names(self, user: AbstractBaseUser, words: Collection[str]) -> Collection[str]:
        """One's own people's: by the keys that completion goes by, accents and scripts aside."""
        folded = {word: set(folding.words(word)) for word in words}
        every = sorted({key for keys in folded.values() for key in keys})[:MOST_NAMES]
        keys = Key.objects.filter(owner_id=user.pk, kind=Key.Kind.WORD, key__in=every, contact__deleted=None)
        there = set(keys.values_list("key", flat=True))
        return [word for word, parts in folded.items() if parts and parts <= there]


class Copies:
    """Copies of cards that are kept elsewhere."""

    def take_url(self) -> str:
        return reverse("contacts:take")

    def taken(self, user: AbstractBaseUser, source: str, keys: Collection[str]) -> Mapping[str, str]:
        found = taking.taken(user.pk, source, keys)
        return {key: reverse("contacts:contact", args=[pk]) for key, pk in found.items()}


class ContactSearch:
    """People in whose values all words stand."""

    id = "contacts.people"

    @property
    def label(self) -> Text:
        return gettext_lazy("Contacts")

    def search(self, request: HttpRequest, query: str, limit: int) -> Iterable[SearchHit]:
        if credentials.is_sealed(request):
            credentials.unseal(request)  # as on the pages: without the browser's half of the key nobody is shown
        user_id = request.user.pk
        if user_id is None or not folding.words(query):
            return []
        view = listing.View(q=query[: listing.MOST_QUERY])
        page = listing.page(user_id, view, size=limit - 1, order="given")
        hits = [
            SearchHit(each.name, reverse("contacts:contact", args=[each.pk]), each.detail) for each in page.contacts
        ]
        if page.total > len(hits):
            words = ngettext("All %(count)d contact", "All %(count)d contacts", page.total) % {"count": page.total}
            hits.append(SearchHit(words, reverse("contacts:index") + view.query))
        return hits


def places(request: HttpRequest) -> Iterable[Place]:
    """The address books and groups that one sees."""
    index, user_id = reverse("contacts:index"), request.user.pk
    assert user_id is not None  # nobody else is shown the palette
    for book in access.books(user_id):
        yield Place(book.name, f"{index}?in=book-{book.pk}", "book-user")
    for group in access.groups(user_id):
        yield Place(group.name, f"{index}?in=group-{group.pk}", "users")
