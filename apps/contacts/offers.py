"""What contacts offer to the portal: people to write to, and hits for its search."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from urllib.parse import urlencode

from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy, ngettext

from apps.contacts import folding
from apps.contacts.models import Contact as Person
from apps.contacts.models import Correspondent, Key
from apps.contacts.services import correspondents, listing
from portal.contracts import Address, Contact, SearchHit, Text

ENOUGH = 40  # matches that are looked at in the order of the alphabet, after those that are written to


class PersonalBooks:
    """The address books of a person: whom they write to most and last comes first."""

    id = "contacts.personal"

    def complete(self, user: AbstractBaseUser, prefix: str, limit: int) -> Iterable[Contact]:
        words = folding.words(prefix)
        if not words:
            return []
        found = self._written_to(user.pk, words, limit)
        if len(found) < limit:
            found += [each for each in self._others(user.pk, words, limit) if each not in found]
        return found[:limit]

    def _written_to(self, user_id: int, words: list[str], limit: int) -> list[Contact]:
        """From those they have written to: few, so all of them are looked at."""
        now = timezone.now()
        people = Correspondent.objects.filter(user_id=user_id).order_by("-last")[:2000]
        ranks = {each.key: correspondents.rank(each.uses, each.last, now) for each in people}
        likely = self._begin_with(user_id, words, narrow=ranks)
        found = sorted(likely, key=lambda pair: -ranks[pair[1]])[:limit]
        people_by_id = Person.objects.in_bulk([pk for pk, _email in found])
        return [replace(self._contact(people_by_id[pk], email), rank=ranks[email]) for pk, email in found]

    def _begin_with(self, user_id: int, words: list[str], *, narrow: Mapping[str, float]) -> list[tuple[int, str]]:
        """(contact, address) of those with an address of ``narrow`` whose words begin like these."""
        if not narrow:
            return []
        mine = Key.objects.filter(owner_id=user_id, contact__deleted=None)
        found: list[tuple[int, str]] = []
        keys = list(narrow)
        for start in range(0, len(keys), 500):
            part = mine.filter(kind=Key.Kind.EMAIL, key__in=keys[start : start + 500])
            rows = part.values_list("contact_id", "key", "contact__words")
            found += [(pk, key) for pk, key, text in rows if all(f" {word}" in text for word in words)]
        return found

    def _others(self, user_id: int, words: list[str], limit: int) -> list[Contact]:
        longest = max(words, key=len)
        keys = Key.objects.filter(owner_id=user_id, kind=Key.Kind.WORD, contact__deleted=None)
        keys = keys.filter(key__gte=longest, key__lt=f"{longest}~").exclude(contact__email="")
        for word in words:
            if word != longest:
                keys = keys.filter(contact__words__contains=f" {word}")
        ids = dict.fromkeys(keys.order_by("key").values_list("contact_id", flat=True)[:ENOUGH])
        people = Person.objects.defer("words").in_bulk(list(ids)[: 2 * limit])
        return [self._contact(people[pk], people[pk].email) for pk in ids if pk in people]

    def _contact(self, person: Person, email: str) -> Contact:
        address = person.email if person.email.casefold() == email else email
        url = reverse("contacts:contact", args=[person.pk])
        name = "" if person.name == address else person.name
        return Contact(Address(address, name), url=url, source=str(gettext_lazy("Contacts")))

    def resolve(self, user: AbstractBaseUser, emails: Collection[str]) -> Mapping[str, Contact]:
        keys = [folding.email_key(email) for email in emails]
        found = Key.objects.filter(owner_id=user.pk, kind=Key.Kind.EMAIL, key__in=keys, contact__deleted=None)
        people = found.select_related("contact").order_by("-pk")
        return {each.key: self._contact(each.contact, each.key) for each in people}

    def add_url(self, address: Address) -> str:
        return f"{reverse('contacts:new')}?{urlencode({'email': address.email, 'name': address.name})}"


class ContactSearch:
    """People in whose values all words stand."""

    id = "contacts.people"

    @property
    def label(self) -> Text:
        return gettext_lazy("Contacts")

    def search(self, request: HttpRequest, query: str, limit: int) -> Iterable[SearchHit]:
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
