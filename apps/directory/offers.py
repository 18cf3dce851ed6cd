"""What the directory offers to the portal: hits for its search."""

from __future__ import annotations

from collections.abc import Iterable

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.directory.lookup import words
from apps.directory.services import directories, listing, people
from apps.directory.services.places import View
from portal import credentials
from portal.contracts import SearchHit, Text


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
