"""Who is this address, and who could be meant: asks every address book that any app has registered."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from urllib.parse import quote

from django.contrib.auth.models import AbstractBaseUser

from portal import fanout
from portal.contracts import Address, AddressBook, Contact
from portal.registry import get_registry

COMPLETE_BUDGET = 1.0  # seconds: what one is still willing to wait for while writing
RESOLVE_BUDGET = 1.0


def complete(*, user: AbstractBaseUser, prefix: str, limit: int = 8) -> list[Contact]:
    """People whose name or address fits ``prefix``, each address once: who is written to most and last comes first,
    then the nearest book."""
    prefix = prefix.strip()
    if not prefix:
        return []

    def asking(book: AddressBook) -> Callable[[], list[Contact]]:
        return lambda: list(book.complete(user, prefix, limit))

    calls = {key: asking(book) for key, book in get_registry().address_books.items()}
    found: dict[str, Contact] = {}
    for answer in fanout.collect(calls, budget=COMPLETE_BUDGET, what="complete"):
        for contact in answer.value or ():
            _prefer(found, contact)
    return sorted(found.values(), key=lambda contact: -contact.rank)[:limit]


def resolve(*, user: AbstractBaseUser, emails: Collection[str]) -> Mapping[str, Contact]:
    """The people behind many addresses, keyed by the lower-case address. One call per book, never one per address."""
    wanted = sorted({email.lower() for email in emails if email})
    if not wanted:
        return {}

    def asking(book: AddressBook) -> Callable[[], Mapping[str, Contact]]:
        return lambda: book.resolve(user, wanted)

    calls = {key: asking(book) for key, book in get_registry().address_books.items()}
    found: dict[str, Contact] = {}
    for answer in fanout.collect(calls, budget=RESOLVE_BUDGET, what="resolve"):
        for contact in (answer.value or {}).values():
            _prefer(found, contact)
    return {email: found[email] for email in wanted if email in found}


def add_url(address: Address) -> str:
    """Where this person can be added to a book; "" when no installed book can be written to."""
    for book in get_registry().address_books.values():
        if url := book.add_url(address):
            return url
    return ""


def compose_url(*, user: AbstractBaseUser, to: Sequence[Address] = ()) -> str:
    """Where to write to these people: the installed composer, else what the browser does with ``mailto:``.

    "" when neither can: nobody is named, and this person has no mailbox here.
    """
    composer = get_registry().composer
    if composer is not None and composer.can_write(user):
        return composer.compose_url(to)
    return "mailto:" + ",".join(quote(address.email, safe="@") for address in to) if to else ""


def _prefer(found: dict[str, Contact], contact: Contact) -> None:
    """The first book wins, unless only a later one knows the name, or has a page of the person."""
    key = contact.address.email.lower()
    known = found.get(key)
    if known is None:
        found[key] = contact
        return
    better = (bool(contact.address.name), bool(contact.url)) > (bool(known.address.name), bool(known.url))
    found[key] = replace(contact if better else known, rank=max(contact.rank, known.rank))
