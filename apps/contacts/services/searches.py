"""Searches by single fields, and those that somebody keeps as if they were an address book."""

from __future__ import annotations

from django.db.models import Q
from django.utils.translation import gettext as _

from apps.contacts import folding
from apps.contacts.models import ContactQuerySet, SavedSearch
from apps.contacts.services import fields
from apps.contacts.services.access import Viewer
from apps.contacts.services.criteria import Criteria
from apps.contacts.services.keeping import NotKept

MOST = 100
MOST_OF_OTHERS = 5000  # contacts of other people's books that are looked at one by one


def matching(viewer: Viewer, found: ContactQuerySet, criteria: Criteria) -> ContactQuerySet:
    """Those of ``found`` that fit. Of other people's contacts only what this person may see of them counts: else
    whoever asks for a number would learn whose it is."""
    wanted = found.filter(criteria.wanted())
    if not viewer.shares:
        return wanted
    others = list(wanted.exclude(owner_id=viewer.user_id).order_by("pk").distinct()[:MOST_OF_OTHERS])
    documents = viewer.documents(others)
    seen = [
        each.pk
        for each in others
        if each.pk in documents
        and criteria.fits(fields.words(documents[each.pk]), changed=each.changed, book=each.book_id)
    ]
    return wanted.filter(Q(owner_id=viewer.user_id) | Q(pk__in=seen))


def key_of(name: str) -> str:
    return folding.key(name)[:100] or name.casefold()[:100]


def save(user_id: int, name: str, query: str) -> SavedSearch:
    """``query``: without "?". Raises ``NotKept``."""
    name = _named(name)
    if not query or len(query) > 2000:
        raise NotKept(_("Say what to look for."))
    mine = SavedSearch.objects.filter(owner_id=user_id)
    if mine.count() >= MOST:
        raise NotKept(_("There are at most %(most)d saved searches.") % {"most": MOST})
    found, new = mine.get_or_create(owner_id=user_id, key=key_of(name), defaults={"name": name, "query": query})
    if not new:
        raise NotKept(_("There is another saved search with that name."))
    return found


def rename(search: SavedSearch, name: str) -> None:
    """Raises ``NotKept``."""
    name = _named(name)
    others = SavedSearch.objects.filter(owner_id=search.owner_id, key=key_of(name)).exclude(pk=search.pk)
    if others.exists():
        raise NotKept(_("There is another saved search with that name."))
    search.name, search.key = name, key_of(name)
    search.save(update_fields=["name", "key"])


def _named(name: str) -> str:
    name = " ".join(name.split())[:100]
    if not name:
        raise NotKept(_("Write a name for the search."))
    return name
