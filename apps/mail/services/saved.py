"""Searches that somebody keeps in the folder column: saved, renamed, removed, put in order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from apps.mail.models import SavedSearch, name_key
from apps.mail.services.view import View
from portal.prepared import Prepared

MOST = 100

_OF = Prepared(lambda user: SavedSearch.objects.filter(user_id=user).in_order())


class NotSaved(Exception):
    """Its text is for the person."""


def of(user_id: int) -> Sequence[SavedSearch]:
    return _OF.objects(user_id)


def is_shown(search: SavedSearch, mailbox: str, view: View) -> bool:
    """Whether these are its results, or a message opened from them."""
    if search.query != view.q or search.everywhere != (view.where == "all"):
        return False
    return search.everywhere or search.mailbox == mailbox


def save(*, user_id: int, name: str, mailbox: str, view: View) -> SavedSearch:
    """Keep a search. A name that exists already gets the new search. Raises ``NotSaved``."""
    name = clean_name(name) or view.q[:100]
    if not view.q:
        raise NotSaved(_("There is nothing to save: search for something first."))
    mine = SavedSearch.objects.filter(user_id=user_id)
    values = {"name": name, "query": view.q, "mailbox": mailbox, "everywhere": view.where == "all"}
    with transaction.atomic():
        if mine.exclude(key=name_key(name)).count() >= MOST:
            raise NotSaved(_("You have as many saved searches as fit. Delete one first."))
        last = mine.aggregate(last=Max("position"))["last"] or 0
        found, _made = SavedSearch.objects.update_or_create(
            user_id=user_id,
            key=name_key(name),
            defaults=values,
            create_defaults={**values, "position": last + 1},
        )
    return found


def rename(*, user_id: int, pk: int, name: str) -> None:
    """Raises ``NotSaved``. Renaming what has gone does nothing."""
    name = clean_name(name)
    if not name:
        raise NotSaved(_("A search needs a name."))
    mine = SavedSearch.objects.filter(user_id=user_id)
    if mine.filter(key=name_key(name)).exclude(pk=pk).exists():
        raise NotSaved(_("You have another search with that name."))
    mine.filter(pk=pk).update(name=name, key=name_key(name))


def remove(*, user_id: int, pk: int) -> None:
    SavedSearch.objects.filter(user_id=user_id, pk=pk).delete()


def place(*, user_id: int, pk: int, position: int) -> None:
    """Put one at this place of the list, 0 being the first. The same again changes nothing."""
    with transaction.atomic():
        mine = list(SavedSearch.objects.filter(user_id=user_id).in_order())
        chosen = next((search for search in mine if search.pk == pk), None)
        if chosen is None:
            return
        mine.remove(chosen)
        mine.insert(max(0, position), chosen)
        for number, search in enumerate(mine, 1):
            search.position = number
        SavedSearch.objects.bulk_update(mine, ["position"])


def renamed(user_id: int, pairs: Iterable[tuple[str, str]]) -> None:
    """Folders have other names now: (old, new)."""
    names = dict(pairs)
    moved = list(SavedSearch.objects.filter(user_id=user_id, mailbox__in=names))
    for search in moved:
        search.mailbox = names[search.mailbox]
    SavedSearch.objects.bulk_update(moved, ["mailbox"])


def clean_name(name: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in name).split())[:100]
