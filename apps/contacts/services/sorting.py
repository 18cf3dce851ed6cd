"""Whose names are sorted by which language's rules, and putting them there when that changes.

A list is sorted by keys that stand in an index, so they are made when a contact is written: by the rules of whoever it
belongs to. Who looks into somebody else's address book sees it in its owner's order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.conf import settings
from django.db import connection, transaction

from apps.contacts.collating import LENGTH, Rules, rules
from apps.contacts.models import Contact, Sorting
from apps.contacts.prefs import SORTING
from portal.core_prefs import LANGUAGE
from portal.prefs import Prefs

AT_ONCE = 2000  # contacts whose keys are made anew while somebody waits
BATCH = 1000


def wished(prefs: Prefs) -> str:
    """The language whose rules this person wants, as ``Rules.language``."""
    return rules(prefs[SORTING] or prefs[LANGUAGE] or settings.LANGUAGE_CODE).language


def of(owner_ids: Iterable[int]) -> Mapping[int, Rules]:
    """By which names are sorted now, of each of these people."""
    every = dict.fromkeys(owner_ids, rules(""))
    return every | {each.owner_id: rules(each.language) for each in Sorting.objects.filter(owner__in=every)}


def keys(name: str, family_first: str, by: Rules) -> tuple[str, str]:
    """(``by_given``, ``by_family``) of a contact."""
    return by.key(name)[:LENGTH], by.key(family_first)[:LENGTH]


def follow(user_id: int, language: str) -> Rules:
    """Take on these rules. Many contacts follow once the worker has come to them, and stay where they are till then."""
    now = Sorting.objects.filter(owner_id=user_id).first()
    if (now.language if now is not None else "") == language:
        return rules(language)
    Sorting.objects.update_or_create(owner_id=user_id, defaults={"language": language, "stale": True})
    if Contact.objects.filter(owner_id=user_id)[AT_ONCE : AT_ONCE + 1].exists():
        from apps.contacts.tasks import sort_anew

        sort_anew.delay(user_id)
    else:
        put_in_place(user_id)
    return rules(language)


def put_in_place(user_id: int) -> None:
    """Make the keys of all contacts of this person by the rules that hold. Can be broken off and done again."""
    chosen = Sorting.objects.filter(owner_id=user_id).first()
    if chosen is None or not chosen.stale:
        return
    by, last = rules(chosen.language), 0
    while rows := list(
        Contact.objects.filter(owner_id=user_id, pk__gt=last).order_by("pk").values_list(*_COLUMNS)[:BATCH]
    ):
        last = rows[-1][0]
        _write([(*new, pk) for pk, name, family, *old in rows if (new := keys(name, family, by)) != tuple(old)])
    Sorting.objects.filter(owner_id=user_id, language=chosen.language).update(stale=False)


_COLUMNS = ("pk", "name", "family_first", "by_given", "by_family")


def _write(changed: list[tuple[str, str, int]]) -> None:
    """One statement for all: ``bulk_update`` takes ten times as long."""
    if not changed:
        return
    table, columns = Contact._meta.db_table, "by_given = %s, by_family = %s"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(f"UPDATE {table} SET {columns} WHERE id = %s", changed)  # noqa: S608 - names of our own
