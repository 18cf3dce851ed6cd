"""What the directories know of a person, for the page of that person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from django.http import HttpRequest

from apps.directory.lookup.client import Client, Who
from apps.directory.lookup.person import Person
from apps.directory.services import completing, directories, listing, people
from apps.directory.services.places import View
from portal import credentials
from portal.contracts import BlockUnavailable

SECONDS = 2.0
MOST = 8


def entries(request: HttpRequest, emails: Sequence[str]) -> Mapping[str, object]:
    """Raises ``credentials.Locked``, and ``BlockUnavailable`` where no directory answers."""
    if credentials.is_sealed(request):
        credentials.unseal(request)  # as on the pages
    ask = partial(_asked, emails=list(emails), who=directories.who_asks(request))
    found = people.each(directories.clients(), ask, seconds=SECONDS)
    persons = [person for some in found.values.values() for person in some]
    if not persons and found.notes:
        raise BlockUnavailable(found.notes[0])
    rows = listing.rows(persons[:MOST], View())
    return {"rows": rows, "notes": found.notes} if rows else {}


def _asked(client: Client, *, emails: Sequence[str], who: Who | None) -> list[Person]:
    return completing.of_addresses(client, emails, seconds=SECONDS, who=who)
