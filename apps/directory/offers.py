"""What the directories offer to the portal: colleagues and their groups to write to, their cards to keep, and hits for
its search.

A directory that is asked with people's own passwords is asked on its pages only: while somebody writes, and at night,
there is none.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.directory.lookup import words
from apps.directory.lookup.client import Client, Who
from apps.directory.lookup.person import Person
from apps.directory.services import cards, completing, directories, listing, lists, people, photos, shown
from apps.directory.services.places import View
from portal import credentials
from portal.contracts import Address, Contact, SearchHit, Text
from portal.ldap.connection import Unavailable

T = TypeVar("T")
COMPLETE = 0.9  # seconds: within those that the portal waits
RESOLVE = 0.9
EXPAND = 4.5
CARD = 5.0
PHOTO_SIDE = 320


class Colleagues:
    """The people of all directories, and their groups."""

    id = "directory.people"
    remote = True

    def complete(self, user: AbstractBaseUser, prefix: str, limit: int) -> Iterable[Contact]:
        found: list[Contact] = []
        for client, (groups, persons) in self._each(partial(_completed, prefix=prefix, limit=limit), COMPLETE):
            source = directories.title(client.source)
            found += [_contact(each, source) for each in persons]
            found += [_group(each, source) for each in groups]
        return found

    def resolve(self, user: AbstractBaseUser, emails: Collection[str]) -> Mapping[str, Contact]:
        wanted = {email.lower() for email in emails}
        found: dict[str, Contact] = {}
        for client, persons in self._each(partial(_resolved, emails=wanted), RESOLVE):
            source = directories.title(client.source)
            for each in persons:
                found |= {mail.lower(): _contact(each, source, mail) for mail in each.mails if mail.lower() in wanted}
        return found

    def add_url(self, address: Address) -> str:
        return ""

    def names(self, user: AbstractBaseUser, words: Collection[str]) -> Collection[str]:
        return ()

    def expand(self, user: AbstractBaseUser, group: str) -> Sequence[Address]:
        client = directories.client_of(group)
        try:
            found = lists.members(client, group, seconds=EXPAND)
        except Unavailable as error:
            raise ConnectionError(str(error)) from error
        return [Address(each.mail, each.name) for each in found]

    def _each(self, call: Callable[[Client], T], seconds: float) -> list[tuple[Client, T]]:
        """Raises ``OSError`` where none answers at all: one of several that does not is left out."""
        clients = {name: each for name, each in directories.clients().items() if not each.source.as_user}
        answers = people.each(clients, call, seconds=seconds)
        if clients and not answers.values:
            raise ConnectionError("; ".join(answers.notes))
        return [(clients[name], value) for name, value in answers.values.items()]


def _completed(client: Client, *, prefix: str, limit: int) -> tuple[list[lists.Group], list[Person]]:
    persons = completing.beginning(client, prefix, most=limit, seconds=COMPLETE)
    return lists.found(client, prefix, most=limit // 2, seconds=COMPLETE), persons


def _resolved(client: Client, *, emails: Collection[str]) -> list[Person]:
    return completing.of_addresses(client, emails, seconds=RESOLVE)


def _contact(person: Person, source: str, mail: str = "") -> Contact:
    return Contact(Address(mail or person.mail, person.name), reverse("directory:person", args=[person.key]), source)


def _group(group: lists.Group, source: str) -> Contact:
    return Contact(Address(group.mail, group.name), source=source, group=group.key, members=group.members)


class Cards:
    """Cards of colleagues, for address books that keep a copy."""

    id = shown.SOURCE

    @property
    def label(self) -> Text:
        return gettext_lazy("Directory")

    def cards(
        self, user: AbstractBaseUser, keys: Collection[str], request: HttpRequest | None = None
    ) -> Mapping[str, str]:
        who = directories.who_asks(request) if request is not None else None
        found: dict[str, str] = {}
        for key in keys:
            try:
                found[key] = _card(key, who)
            except LookupError:
                continue
            except Unavailable as error:
                raise ConnectionError(str(error)) from error
        return found


def _card(key: str, who: Who | None) -> str:
    """Raises ``LookupError`` and ``Unavailable``."""
    text = cards.vcard(people.get(key, who=who, seconds=CARD))
    picture = photos.drawn_anew(people.photo(key, who=who, seconds=CARD), PHOTO_SIDE, kind="JPEG")
    if not picture:
        return text
    line = f"PHOTO:data:image/jpeg;base64,{base64.b64encode(picture).decode()}"
    return text.replace("END:VCARD", f"{cards.folded(line)}\r\nEND:VCARD")


class DirectorySearch:
    """People in whom all words stand."""

    id = "directory.people"

    @property
    def label(self) -> Text:
        return gettext_lazy("Directory")

    def search(self, request: HttpRequest, query: str, limit: int) -> Iterable[SearchHit]:
        if not directories.there_are() or not words.typed(query):
            return []
        if credentials.is_sealed(request):
            credentials.unseal(request)  # as on the pages
        found = people.search(people.Question(query=query, most=limit), who=directories.who_asks(request))
        persons = [person for some in found.values.values() for person in some]
        hits = [
            SearchHit(
                person.name,
                reverse("directory:person", args=[person.key]),
                " · ".join(filter(None, [person.title, listing.where(person)])),
            )
            for person in persons[: limit - 1]
        ]
        if len(persons) > len(hits):
            hits.append(SearchHit(_("All people found"), View(q=query).url))
        return hits
