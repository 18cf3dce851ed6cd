"""The address books of a server that somebody has named roughly: an address, a host, a mail address (RFC 6764 section
6, RFC 6352 section 7.1). Service records (SRV) are not asked for: every server that has them answers at its well-known
address as well, or is named by its host."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urljoin

from apps.contacts.foreign.client import Client
from apps.contacts.foreign.multistatus import CARD, Response
from portal import outward
from portal.outward import Trouble

WELL_KNOWN = "/.well-known/carddav"
HOMES = f"{CARD}:addressbook-home-set"
ABOUT = f"{CARD}:addressbook-description"
MOST_BOOKS = 100
MOST = 2 * 1024 * 1024
_PASSES = frozenset({"gone", "notbook", "forbidden", "failed", "nonsense"})  # another address may still know


@dataclass(frozen=True, slots=True)
class Found:
    url: str
    name: str
    about: str = ""


def start(typed: str) -> str:
    """The address to begin with: what was typed, or the root of its host. Raises ``Trouble``."""
    text = typed.strip()
    if "://" not in text:
        _local, _at, text = text.rpartition("@")
        text = f"https://{text}"
    return outward.parsed(text).geturl()


def trusted(url: str) -> str:
    """The domain whose hosts get to see the password."""
    return outward.parsed(url).hostname or ""


def books(client: Client, typed: str) -> list[Found]:
    """All books of the person, those at the address itself first. Raises ``Trouble``: ``nobooks`` where the server
    speaks CardDAV and has none, what the first address said where none speaks it."""
    first: Trouble | None = None
    begin = start(typed)
    for url in dict.fromkeys((begin, urljoin(begin, WELL_KNOWN), urljoin(begin, "/"))):
        try:
            found = list(_from(client, url))
        except Trouble as trouble:
            if trouble.what not in _PASSES:
                raise
            first = first or trouble
            continue
        if found:
            unique = {each.url: each for each in found}
            return list(unique.values())[:MOST_BOOKS]
        first = Trouble("nobooks")
    raise first or Trouble("nobooks")


def _from(client: Client, url: str) -> Iterator[Found]:
    names = ("DAV:resourcetype", "DAV:displayname", ABOUT, "DAV:current-user-principal", HOMES)
    where, answer = client.propfind(url, names, depth=0, most=MOST)
    for response in answer.responses[:1]:
        if response.is_book:
            yield _found(where, response)
        homes = [urljoin(where, href) for href in response.hrefs_in(HOMES)]
        if not homes and (href := response.href_in("DAV:current-user-principal")):
            where, of_principal = client.propfind(urljoin(where, href), (HOMES,), depth=0, most=MOST)
            homes = [urljoin(where, home) for each in of_principal.responses[:1] for home in each.hrefs_in(HOMES)]
        for home in homes[:10]:
            where, listed = client.propfind(home, names[:3], depth=1, most=MOST)
            yield from (_found(where, each) for each in listed.responses if each.is_book)


def _found(where: str, response: Response) -> Found:
    url = urljoin(where, response.href) if response.href else where
    name = response.text("DAV:displayname") or url.rstrip("/").rpartition("/")[2]
    return Found(url, " ".join(name.split())[:100], " ".join(response.text(ABOUT).split())[:200])
