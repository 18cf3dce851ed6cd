"""People of the directories for whoever writes: by the beginnings of their names, and by their addresses."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from apps.directory.lookup import person, words
from apps.directory.lookup.client import Client, Who
from apps.directory.lookup.outline import Outline
from apps.directory.lookup.person import Person
from apps.directory.services import outlines
from portal.ldap import filters
from portal.ldap.session import Session
from portal.ldap.sources import Source

AT_ONCE = 40  # addresses in one question


def beginning(client: Client, prefix: str, *, most: int, seconds: float) -> list[Person]:
    """Those whose names or addresses begin with the words, and have an address. Raises ``Unavailable``."""
    source = client.source
    if not words.typed(prefix):
        return []
    known = outlines.current(client, wait=0)

    def ask(session: Session) -> list[Person]:
        asked = person.attributes(source, person.LISTED)
        which = words.beginning(source, prefix)
        found = {
            one.key: one
            for entry in session.search(source.base, which, asked, most=2 * most, seconds=1)
            if (one := person.from_entry(source, entry)).mail
        }
        if known and len(found) < most and (other := _otherwise_written(source, known, prefix, found)):
            for entry in session.search(source.base, other, asked, most=most, seconds=1):
                one = person.from_entry(source, entry)
                if one.mail:
                    found.setdefault(one.key, one)
        return list(found.values())[:most]

    return client.ask(ask, seconds=seconds)


def _otherwise_written(source: Source, known: Outline, prefix: str, found: Collection[str]) -> str:
    """The filter of those whom only we find: "wojcik" is not Wójcik to a directory."""
    query = words.of(prefix)
    at_words = (line for line in known.named(query) if all(f" {word}" in f" {line.folded}" for word in query))
    missing = [line.login for line in at_words if line.login and line.key not in found][:10]
    logins = [filters.equals(name, login) for name in source.attributes.get("login", ()) for login in missing]
    return filters.both([source.person_filter, filters.either(logins)]) if logins else ""


def of_addresses(client: Client, emails: Collection[str], *, seconds: float, who: Who | None = None) -> list[Person]:
    """Raises ``Unavailable``."""
    source = client.source
    wanted = sorted(emails)

    def ask(session: Session) -> list[Person]:
        asked = person.attributes(source, person.LISTED)
        found = []
        for start in range(0, len(wanted), AT_ONCE):
            rules = filters.either(_having(source, wanted[start : start + AT_ONCE]))
            which = filters.both([source.person_filter, rules])
            found += [person.from_entry(source, entry) for entry in session.search(source.base, which, asked)]
        return found

    return client.ask(ask, seconds=seconds, who=who) if wanted else []


def _having(source: Source, emails: Collection[str]) -> Iterator[str]:
    for attribute in source.attributes.get("mail", ()):
        kind = "smtp:" if attribute.lower() == "proxyaddresses" else ""  # [MS-ADA3] section 2.117
        for email in emails:
            yield filters.equals(attribute, f"{kind}{email}")
