"""Others' contacts, found by what may be seen of them and by nothing else.

What is kept for looking up (``Searched``, ``Key``) is made of whole documents. Where somebody sees all of a contact,
that decides. Of the others it only names candidates: each is looked up again in what may be seen of it. So many
candidates are looked at and no more; whoever stands behind them is not found rather than told of.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

from django.db.models import Exists, Q

from apps.contacts import folding, sounds
from apps.contacts.card import Card
from apps.contacts.models import Contact, ContactQuerySet, Key, Searched
from apps.contacts.services import access
from apps.contacts.services.access import Viewer, shares_with
from apps.contacts.services.indexing import keys_of, searched_text

MOST_LOOKED_AT = 2000  # candidates of one search
MOST_OF_A_KEY = 200  # candidates of one word that somebody is typing
AT_ONCE = 500


def matching(viewer: Viewer, found: ContactQuerySet, query: str) -> ContactQuerySet:
    """Those of ``found`` in whose visible values every word stands."""
    words = folding.words(query)[:8]
    holding = Q(pk__in=Searched.objects.holding(query))
    if not viewer.shares:
        return found.filter(holding)
    partly = viewer.others & ~viewer.plain & holding
    named = partly & _in_the_name(words)
    rest = Contact.objects.filter(partly).exclude(named).order_by("by_given", "pk")[:MOST_LOOKED_AT]
    good = [contact.pk for contact, card in _seen(viewer, rest) if _holds_all(searched_text(card), words)]
    return found.filter(holding & (viewer.mine | viewer.plain) | named | Q(pk__in=good))


def _holds_all(text: str, words: Collection[str]) -> bool:
    return all(sounds.stands_in(text, word) for word in words)


def _in_the_name(words: Iterable[str]) -> Q:
    """Names are always seen; but one that is an address or a number may stand in for what is hidden."""
    found, named = ~unnamed(), Key.objects.filter(kind=Key.Kind.NAME)
    for word in words:
        found &= Q(pk__in=named.filter(key__contains=word).values("contact_id"))
    return found


def unnamed() -> Q:
    """At least those of ``lenses.looks_like_another``."""
    number = Q(by_given__lt="0a") | Q(by_given__gte="1", by_given__lt="a")  # "0a" begins a script: ``collating``
    return Q(name__contains="@") | number | Q(by_given="~")


def _seen(viewer: Viewer, found: Iterable[Contact]) -> Iterator[tuple[Contact, Card]]:
    contacts = list(found)
    for start in range(0, len(contacts), AT_ONCE):
        part = contacts[start : start + AT_ONCE]
        documents = viewer.documents(part)
        yield from ((contact, documents[contact.pk]) for contact in part if contact.pk in documents)


def with_key(viewer: Viewer, kind: Key.Kind, keys: Collection[str]) -> dict[int, list[str]]:
    """Ids of others' kept contacts that have one of these keys in what may be seen of them, with these keys."""
    return _holding(viewer, kind, Q(key__in=keys), lambda key: key in keys, most=MOST_LOOKED_AT)


def beginning(viewer: Viewer, words: Collection[str]) -> set[int]:
    """Ids of those in whom each word begins one, and the longest one of the name or an address."""
    longest = max(words, key=len)
    rest = [f" {word}" for word in words if word != longest]
    condition = Q(key__gte=longest, key__lte=f"{longest}{'z' * 30}")
    for word in rest:
        condition &= Q(contact__searched__words__contains=word)
    found = _holding(
        viewer, Key.Kind.WORD, condition, lambda key: key.startswith(longest), also=rest, most=MOST_OF_A_KEY
    )
    return set(found)


def _holding(
    viewer: Viewer,
    kind: Key.Kind,
    condition: Q,
    fits: Callable[[str], bool],
    *,
    also: Collection[str] = (),
    most: int,
) -> dict[int, list[str]]:
    owners = {share.owner_id for share in viewer.shares}
    if not owners:
        return {}
    rows = Key.objects.filter(condition, owner__in=owners, kind=kind)
    found: dict[int, list[str]] = {}
    kept = Contact.objects.kept()
    for pk, key in rows.filter(contact__in=kept.filter(viewer.plain)).values_list("contact_id", "key")[:most]:
        found.setdefault(pk, []).append(key)
    partly = kept.filter(viewer.others & ~viewer.plain)
    ids = set(rows.filter(contact__in=partly).order_by("key").values_list("contact_id", flat=True)[:most])
    for contact, card in _seen(viewer, Contact.objects.filter(pk__in=ids)):
        good = [key for of, key in keys_of(card) if of == kind.value and fits(key[:190])]
        if good and (not also or _holds_all(searched_text(card), also)):
            found[contact.pk] = list(dict.fromkeys(good))
    return found


def people_by_email(user_id: int, keys: Collection[str]) -> dict[str, Contact]:
    """By ``folding.email_key``: one's own people before others'. Who has nobody else's pays one query."""
    viewer = Viewer(user_id)
    own = Key.objects.filter(owner_id=user_id, kind=Key.Kind.EMAIL, key__in=keys, contact__deleted=None)
    shared = Exists(shares_with(user_id))
    rows = list(own.select_related("contact").annotate(shared=shared).order_by("-contact_id"))
    found = {row.key: row.contact for row in rows}
    missing = set(keys) - set(found)
    if missing and (not rows or getattr(rows[0], "shared", True)) and viewer.shares:
        others = with_key(viewer, Key.Kind.EMAIL, missing)
        people = access.contacts(user_id, viewer).in_bulk(list(others))
        found |= {key: people[pk] for pk, held in sorted(others.items(), reverse=True) if pk in people for key in held}
    return found


def by_email(user_id: int, keys: Collection[str]) -> list[tuple[str, int]]:
    """(``folding.email_key``, id of a kept contact): own ones first."""
    own = Key.objects.filter(owner_id=user_id, kind=Key.Kind.EMAIL, key__in=keys, contact__deleted=None)
    found = list(own.order_by("contact_id").values_list("key", "contact_id"))
    others = with_key(Viewer(user_id), Key.Kind.EMAIL, keys)
    return found + [(key, pk) for pk, held in sorted(others.items()) for key in held]
