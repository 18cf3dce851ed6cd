"""Who is this address, and who could be meant: asks the address books that apps have registered.

Books of our own database answer at once. Books of other servers (``AddressBook.remote``) are asked only where somebody
says so, with a time limit, and a few at a time: no page waits for a directory.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar
from urllib.parse import quote, unquote

from django.contrib.auth.models import AbstractBaseUser

from portal import fanout
from portal.contracts import Address, AddressBook, Contact
from portal.registry import get_registry

T = TypeVar("T")

COMPLETE_BUDGET = 1.0  # seconds: what one is still willing to wait for while writing
RESOLVE_BUDGET = 1.0
EXPAND_BUDGET = 5.0  # somebody has pressed a button, and it cannot be sent without
MOST_FAR = 4  # completions that wait for one server at a time; a further one is told at once that it does not answer
MOST_GROUPS = 2  # in one answer, where there are people enough to fill it


@dataclass(frozen=True, slots=True)
class Far:
    """What other servers have answered."""

    contacts: list[Contact]
    silent: bool = False  # one of them has not


@dataclass(frozen=True, slots=True)
class Expanded:
    """The people of a group."""

    addresses: tuple[Address, ...]
    without: tuple[str, ...] = ()  # the names of those who have no address


def complete(*, user: AbstractBaseUser, prefix: str, limit: int = 8) -> list[Contact]:
    """People and groups whose name or address fits ``prefix``, from the books that are here. Each address once: who is
    written to most and last comes first, then the nearest book. ``Contact.group`` is what ``expand`` takes."""
    prefix = prefix.strip()
    if not prefix:
        return []
    answers = fanout.in_turn(_completing(user, prefix, limit, far=False), budget=COMPLETE_BUDGET, what="complete")
    return _in_order(list(answers), limit)


def complete_far(*, user: AbstractBaseUser, prefix: str, limit: int = 8) -> Far:
    """The same from the books of other servers, within ``COMPLETE_BUDGET``."""
    prefix = prefix.strip()
    calls = _completing(user, prefix, limit, far=True) if prefix else {}
    answers = fanout.collect(calls, budget=COMPLETE_BUDGET, what="complete", most=MOST_FAR)
    return Far(_in_order(answers, limit), silent=not all(answer.ok for answer in answers))


def asks_far() -> bool:
    """Whether any book is on another server."""
    return bool(_books(far=True))


def resolve(*, user: AbstractBaseUser, emails: Collection[str], far: bool = False) -> Mapping[str, Contact]:
    """The people behind many addresses, keyed by the lower-case address. One call per book, never one per address.

    ``far`` asks other servers as well, for at most ``RESOLVE_BUDGET``: not for what a page waits for.
    """
    wanted = sorted({email.lower() for email in emails if email})
    if not wanted:
        return {}

    def asking(book: AddressBook) -> Callable[[], Mapping[str, Contact]]:
        return lambda: book.resolve(user, wanted)

    answers = list(fanout.in_turn(_asked(asking, far=False), budget=RESOLVE_BUDGET, what="resolve"))
    if far:
        answers += fanout.collect(_asked(asking, far=True), budget=RESOLVE_BUDGET, what="resolve", most=MOST_FAR)
    found: dict[str, Contact] = {}
    for answer in answers:
        for contact in (answer.value or {}).values():
            _prefer(found, contact)
    return {email: found[email] for email in wanted if email in found}


def expand(*, user: AbstractBaseUser, group: str) -> Expanded:
    """The people of a group as ``complete`` calls it. Raises ``LookupError`` where there is none, or none for this
    user; ``OSError`` where another server does not answer within ``EXPAND_BUDGET``."""
    book_id, _slash, name = group.partition("/")
    book = get_registry().address_books.get(book_id)
    if book is None or not name:
        raise LookupError(group)
    people = _expanded_far(book, user, unquote(name)) if book.remote else book.expand(user, unquote(name))
    if people is None:
        raise LookupError(group)
    found: dict[str, Address] = {}
    for person in people:
        if person.email:
            found.setdefault(person.email.casefold(), person)
    without = dict.fromkeys(person.name for person in people if not person.email)
    return Expanded(tuple(found.values()), tuple(without))


def groups_called(*, user: AbstractBaseUser, name: str) -> list[Contact]:
    """Groups with exactly this name, case aside: those of the books here, else those of other servers. Raises
    ``OSError`` where there is none here and another server does not answer."""
    found = [each for each in complete(user=user, prefix=name, limit=50) if _is_called(each, name)]
    if found or not asks_far():
        return found
    far = complete_far(user=user, prefix=name, limit=50)
    found = [each for each in far.contacts if _is_called(each, name)]
    if not found and far.silent:
        raise OSError(name)
    return found


def names(*, user: AbstractBaseUser, words: Collection[str]) -> set[str]:
    """Those of ``words`` that are part of somebody's name, by the books that are here."""
    if not words:
        return set()

    def asking(book: AddressBook) -> Callable[[], Collection[str]]:
        return lambda: book.names(user, words)

    answers = fanout.in_turn(_asked(asking, far=False), budget=RESOLVE_BUDGET, what="names")
    return {word for answer in answers for word in answer.value or ()}


def is_far(group: str) -> bool:
    """Whether another server has to be asked for the people of this group."""
    book = get_registry().address_books.get(group.partition("/")[0])
    return book is not None and book.remote


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


def _books(*, far: bool) -> dict[str, AddressBook]:
    return {key: book for key, book in get_registry().address_books.items() if book.remote == far}


def _asked(asking: Callable[[AddressBook], Callable[[], T]], *, far: bool) -> dict[str, Callable[[], T]]:
    return {key: asking(book) for key, book in _books(far=far).items()}


def _completing(
    user: AbstractBaseUser, prefix: str, limit: int, *, far: bool
) -> Mapping[str, Callable[[], list[Contact]]]:
    def asking(book: AddressBook) -> Callable[[], list[Contact]]:
        return lambda: [_called(book, each) for each in book.complete(user, prefix, limit)]

    return _asked(asking, far=far)


def _called(book: AddressBook, contact: Contact) -> Contact:
    """Groups by a name that holds over all books."""
    return replace(contact, group=f"{book.id}/{quote(contact.group, safe='')}") if contact.group else contact


def _expanded_far(book: AddressBook, user: AbstractBaseUser, name: str) -> Sequence[Address] | None:
    def call() -> Sequence[Address] | None:
        try:
            return book.expand(user, name)
        except LookupError:
            return None

    (answer,) = fanout.collect({book.id: call}, budget=EXPAND_BUDGET, what="expand")
    if not answer.ok:
        raise OSError(f"{book.id}: {answer.error}")
    return answer.value


def _in_order(answers: Sequence[fanout.Answer[list[Contact]]], limit: int) -> list[Contact]:
    found: dict[str, Contact] = {}
    for answer in answers:
        for contact in answer.value or ():
            _prefer(found, contact)
    every = sorted(found.values(), key=lambda contact: -contact.rank)
    groups = [contact for contact in every if contact.group][: min(MOST_GROUPS, limit // 2)]
    people = [contact for contact in every if not contact.group][: limit - len(groups)]
    more = [contact for contact in every if contact.group][len(groups) : limit - len(people)]
    shown = {id(contact) for contact in (*people, *groups, *more)}
    return [contact for contact in every if id(contact) in shown]


def _is_called(contact: Contact, name: str) -> bool:
    return bool(contact.group) and " ".join(contact.address.name.split()).casefold() == name.casefold()


def _prefer(found: dict[str, Contact], contact: Contact) -> None:
    """The first book wins, unless only a later one knows the name, or has a page of the person."""
    key = contact.address.email.lower() or contact.group
    known = found.get(key)
    if known is None:
        found[key] = contact
        return
    better = (bool(contact.address.name), bool(contact.url)) > (bool(known.address.name), bool(known.url))
    found[key] = replace(contact if better else known, rank=max(contact.rank, known.rank))
