"""The entry of whoever looks: where they sit, and what they may change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest

from apps.directory.lookup.client import Client
from apps.directory.lookup.kept import Kept
from apps.directory.lookup.person import LISTED, Person, attributes, from_entry
from apps.directory.services import directories, outlines, people
from portal.ldap import filters
from portal.ldap.connection import Unavailable
from portal.ldap.session import Session

if TYPE_CHECKING:
    from apps.auth.models import User

SECONDS = 1.0
_own: Kept[Person | None] = Kept(fresh=600.0, old=600.0, most=2000)


def own(request: HttpRequest) -> Person | None:
    """Of the directory that signs them in by their login, of another by their mail address; None where they are in
    none, or it does not answer."""
    user: User = request.user  # type: ignore[assignment]
    for client in directories.clients().values():
        mark = (client, user.pk)
        kept = _own.get(mark)
        if kept is None:
            try:
                who = directories.who_asks(request)
                found = people.within(
                    client,
                    lambda c=client, w=who: c.ask(lambda session: _look(session, c, user), seconds=SECONDS, who=w),  # type: ignore[misc]
                    seconds=SECONDS,
                )
            except Unavailable:
                continue
            _own.put(mark, found)
            kept = found, 0.0
        if kept[0] is not None:
            return kept[0]
    return None


def forget() -> None:
    _own.forget()


def is_own(request: HttpRequest, person: Person) -> bool:
    mine = own(request)
    return mine is not None and mine.key == person.key


def near(person: Person) -> int:
    """People in the same building, as far as is known."""
    found = (outlines.current(client, wait=0) for client in directories.clients().values())
    return sum(line.building == person.building for outline in found if outline for line in outline.people)


def signs_in_here(client: Client, user: User) -> bool:
    return user.source == "ldap" and user.server == client.server.host


def _look(session: Session, client: Client, user: User) -> Person | None:
    source = client.source
    if signs_in_here(client, user) or source.as_user:
        which = filters.either(filters.equals(name, user.login) for name in source.attributes.get("login", ()))
    elif "@" in (user.email or ""):
        which = filters.either(filters.equals(name, user.email) for name in source.attributes.get("mail", ()))
    else:
        return None
    asked = filters.both([source.person_filter, which])
    entries = list(session.search(source.base, asked, attributes(source, LISTED), most=2))
    return from_entry(source, entries[0]) if len(entries) == 1 else None
