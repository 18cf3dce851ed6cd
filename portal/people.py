"""One person, by their addresses: what they are called, and what every app knows of them (``PersonPart``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from portal import addressing, fanout
from portal.contracts import Address, Contact, SearchHit
from portal.http import PortalRequest
from portal.registry import PersonPart, get_registry

MOST = 10  # addresses of one person that are asked about
MOST_CHARACTERS = 320  # of an address: 64, an @ and 255 (RFC 5321 section 4.5.3.1)
LATELY_BUDGET = 8.0  # seconds


@dataclass(frozen=True, slots=True)
class Person:
    """``known``: what the books say, in the order of the addresses; each of their pages once."""

    emails: tuple[str, ...]
    known: tuple[Contact, ...]

    @property
    def name(self) -> str:
        """What they are called; where no book says, their first address."""
        return next(iter(self.names), self.emails[0])

    @property
    def names(self) -> list[str]:
        return list(dict.fromkeys(contact.address.name for contact in self.known if contact.address.name))

    @property
    def address(self) -> Address:
        return Address(self.emails[0], next(iter(self.names), ""))

    @property
    def cards(self) -> list[Contact]:
        """Their pages in the books."""
        return list({contact.url: contact for contact in self.known if contact.url}.values())


def addresses(given: Iterable[str]) -> tuple[str, ...]:
    """What is an address among these: in lower case, each once, at most ``MOST``."""
    plain = (text.strip().lower() for text in given)
    good = (text for text in plain if 2 < len(text) <= MOST_CHARACTERS and text.isprintable())
    return tuple(dict.fromkeys(text for text in good if "@" in text[1:-1] and " " not in text))[:MOST]


def url(emails: Sequence[str], name: str = "portal:person", **more: str) -> str:
    """Where this person's page is."""
    return f"{reverse(name)}?{urlencode([('email', email) for email in emails[:MOST]] + list(more.items()))}"


def find(request: PortalRequest, emails: Sequence[str]) -> Person:
    known = addressing.resolve(user=request.user, emails=emails)
    return Person(tuple(emails), tuple(known[email] for email in emails if email in known))


def parts() -> list[PersonPart]:
    return sorted(get_registry().person_parts.values(), key=lambda part: part.order)


@dataclass(frozen=True, slots=True)
class Lately:
    part: PersonPart
    hits: tuple[SearchHit, ...]


def lately(request: PortalRequest, emails: Sequence[str]) -> tuple[list[Lately], bool]:
    """(what there is, whether somebody has not answered)."""

    def asking(ask: Callable[[HttpRequest, Sequence[str]], Sequence[SearchHit]]) -> Callable[[], tuple[SearchHit, ...]]:
        return lambda: tuple(ask(request, emails))

    asked = {part.id: part for part in parts() if part.lately is not None}
    calls = {key: asking(part.lately) for key, part in asked.items() if part.lately is not None}
    answers = fanout.collect(calls, budget=LATELY_BUDGET, what="lately")
    found = [Lately(asked[answer.id], answer.value) for answer in answers if answer.value]
    return found, any(not answer.ok for answer in answers)
