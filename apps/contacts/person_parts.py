"""What the address books know of a person: their cards in short, and their keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.http import HttpRequest

from apps.contacts import folding
from apps.contacts.card import Card, emails
from apps.contacts.models import Contact, Key
from apps.contacts.services import access, key_words, shown
from apps.contacts.services.key_words import Told
from apps.contacts.services.shown import Line
from portal import credentials, people

MOST = 8  # cards with the same addresses
FACTS = ("TEL", "EMAIL", "ADR", "BDAY", "ANNIVERSARY", "X-PHONETIC-FIRST-NAME", "LANG")


@dataclass(frozen=True, slots=True)
class Short:
    """A card in short. ``together``: the page of the person with all its addresses, where it has further ones."""

    contact: Contact
    head: str
    lines: list[Line]
    together: str = ""


def cards(request: HttpRequest, given: Sequence[str]) -> Mapping[str, object]:
    found = [_short(request, contact, card, given) for contact, card in _found(request, given)]
    return {"cards": found} if found else {}


def keys(request: HttpRequest, given: Sequence[str]) -> Mapping[str, object]:
    known: dict[str, Told] = {}
    for _contact, card in _found(request, given):
        addresses = {*given, *(folding.email_key(email) for email in emails(card))}
        for told in key_words.of_card(card, addresses):
            known.setdefault(told.key.fingerprint or told.key.url or told.title, told)
    return {"keys": list(known.values())} if known else {}


def _found(request: HttpRequest, given: Sequence[str]) -> list[tuple[Contact, Card]]:
    """Contacts with one of these addresses in what this person may see of them; as everywhere with the browser's half
    of the key. Raises ``credentials.Locked``."""
    if credentials.is_sealed(request):
        credentials.unseal(request)
    user_id = request.user.pk
    if user_id is None:
        return []
    wanted = {folding.email_key(email) for email in given}
    # by the owner of the book, which is what their index begins with
    keys = Key.objects.filter(kind=Key.Kind.EMAIL, key__in=wanted, owner_id__in=access.owners(user_id))
    theirs = access.contacts(user_id).kept().filter(pk__in=keys.values("contact_id"))
    pairs = [
        (contact, access.document(user_id, contact))
        for contact in theirs.select_related("book").order_by("by_given", "pk")[:MOST]
    ]
    return [(contact, card) for contact, card in pairs if wanted & {folding.email_key(e) for e in emails(card)}]


def _short(request: HttpRequest, contact: Contact, card: Card, given: Sequence[str]) -> Short:
    user = request.user
    assert user.is_authenticated
    all_theirs = people.addresses([*given, *emails(card)])
    further = set(all_theirs) - set(given)
    return Short(
        contact,
        shown.head(card),
        [line for line in shown.lines(card, user=user, only=FACTS) if line.text.lower() not in given],
        people.url(all_theirs) if further else "",
    )
